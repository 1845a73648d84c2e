package fakegithub

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/graph-gophers/graphql-go"
)

// A gqlNode is an object found by its id. Only repositories are found.
type gqlNode struct{ *gqlRepo }

// ToRepository is the inline fragment "... on Repository".
func (n *gqlNode) ToRepository() (*gqlRepo, bool) { return n.gqlRepo, true }

// Nodes finds repositories by their ids. One that is out of reach is null, and an error.
// https://docs.github.com/en/graphql/reference/queries#nodes
func (query) Nodes(ctx context.Context, args struct{ IDs []graphql.ID }) ([]*gqlNode, error) {
	g := gql(ctx)
	if len(args.IDs) > maxPage {
		return nil, gqlError{"ARGUMENT_LIMIT", fmt.Sprintf("You may not provide more than 100 node ids; you provided %d.", len(args.IDs))}
	}
	var list []*gqlNode
	for _, id := range args.IDs {
		r := g.s.repoByID(int64(atoi(strings.TrimPrefix(string(id), "R_"))))
		if r == nil || !g.tok.reaches(r) && !r.public {
			return nil, gqlError{"NOT_FOUND", fmt.Sprintf("Could not resolve to a node with the global id of '%s'", id)}
		}
		list = append(list, &gqlNode{&gqlRepo{r}})
	}
	return list, nil
}

func (g *gqlRepo) ID() graphql.ID     { return graphql.ID(fmt.Sprintf("R_%d", g.r.id)) }
func (g *gqlRepo) DatabaseID() *int32 { id := int32(g.r.id); return &id }

type pullsArgs struct {
	pageArgs
	States  *[]string
	OrderBy *struct{ Field, Direction string }
}

type pullConnection struct {
	TotalCount int32
	Nodes      []*gqlPull
	PageInfo   pageInfo
}

// PullRequests lists pull requests.
// https://docs.github.com/en/graphql/reference/objects#repository
func (g *gqlRepo) PullRequests(ctx context.Context, args pullsArgs) (*pullConnection, error) {
	if !gql(ctx).tok.allows("pull_requests=read") {
		return nil, gqlError{"FORBIDDEN", "Resource not accessible by integration"}
	}
	var list []*gqlPull
	for _, p := range g.r.pulls {
		state := strings.ToUpper(p.State)
		if p.Merged {
			state = "MERGED"
		}
		if args.States == nil || slices.Contains(*args.States, state) {
			list = append(list, &gqlPull{p})
		}
	}
	if o := args.OrderBy; o != nil {
		slices.SortStableFunc(list, func(a, b *gqlPull) int {
			x, y := a.p, b.p
			if o.Direction == "DESC" {
				x, y = y, x
			}
			if o.Field == "UPDATED_AT" {
				return x.UpdatedAt.Compare(y.UpdatedAt)
			}
			return cmp.Compare(x.Number, y.Number)
		})
	}
	page, info, err := window("pullRequests", list, args.pageArgs)
	if err != nil {
		return nil, err
	}
	return &pullConnection{int32(len(list)), page, info}, nil
}

func (g *gqlPull) BaseRefName() string     { return g.p.BaseRef }
func (g *gqlPull) IsDraft() bool           { return g.p.Draft }
func (g *gqlPull) UpdatedAt() graphql.Time { return graphql.Time{Time: g.p.UpdatedAt} }

// openIssues counts what the API counts as open issues, which pull requests are as well.
func (r *Repo) openIssues() (n int) {
	for _, p := range r.pulls {
		if p.State == "open" {
			n++
		}
	}
	for _, i := range r.issues {
		if i.State == "open" {
			n++
		}
	}
	return n
}
