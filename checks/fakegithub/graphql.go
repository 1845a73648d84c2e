package fakegithub

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/graph-gophers/graphql-go"
)

// schemaText is schema.graphql, the part of GitHub's schema (npm package @octokit/graphql-schema)
// that is needed to list, resolve and minimise.
//
//go:embed schema.graphql
var schemaText string

// A gqlError is an error in an answer with status 200, as GitHub's GraphQL writes it.
type gqlError struct{ kind, message string }

func (e gqlError) Error() string { return e.message }

type gqlKey struct{}

// A gqlCall is one request: its token, and the mutations in it.
type gqlCall struct {
	s         *Server
	tok       *token
	mutations []string
	applied   bool
}

func (s *Server) graphqlHandler() (http.HandlerFunc, error) {
	schema, err := graphql.ParseSchema(schemaText, &query{}, graphql.UseFieldResolvers(), graphql.MaxParallelism(1))
	if err != nil {
		return nil, fmt.Errorf("read GraphQL schema: %w", err)
	}
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			http.Error(w, "read body", http.StatusBadRequest)
			return
		}
		f := s.fault(r.Method, "/graphql")
		if f != nil && !f.After {
			if f.answers() {
				s.noteGraphQL(mutationNames(string(body)), f.Status, body, false)
			}
			if f.play(w, r) {
				return
			}
		}
		status, header, out, names, applied := s.doGraphQL(f.late(w, r), body, schema)
		late := f != nil && f.After
		if late && f.answers() && f.Late == 0 {
			status = f.Status
		}
		s.noteGraphQL(names, status, body, applied)
		if late && f.play(w, r) {
			return
		}
		for k, v := range header {
			w.Header()[k] = v
		}
		f.write(w, status, out)
	}, nil
}

func mutationNames(body string) []string {
	var names []string
	for _, n := range []string{"unresolveReviewThread", "resolveReviewThread", "unminimizeComment", "minimizeComment"} {
		if strings.Contains(body, n+"(") {
			names = append(names, n)
			body = strings.ReplaceAll(body, n+"(", "")
		}
	}
	return names
}

func (s *Server) noteGraphQL(names []string, status int, body []byte, applied bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range names {
		s.credentials.note(http.MethodPost, "graphql "+n, body)
		s.writes = append(s.writes, Write{Method: http.MethodPost, Path: "graphql " + n, Status: status, Body: string(body[:min(len(body), 2000)]), Applied: applied})
	}
}

func (s *Server) doGraphQL(r *http.Request, body []byte, schema *graphql.Schema) (int, http.Header, []byte, []string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	header := http.Header{"Content-Type": {"application/json; charset=utf-8"}, "X-Github-Request-Id": {requestID()}}
	c := &call{s: s, r: r, body: body}
	refuse := func(err error) (int, http.Header, []byte, []string, bool) {
		var ae *apiError
		if !errors.As(err, &ae) {
			ae = fail(http.StatusInternalServerError, err.Error())
		}
		out, _ := json.Marshal(ae)
		return ae.status, header, out, mutationNames(string(body)), false
	}
	if _, err := s.admit(c, withToken, "", header); err != nil {
		return refuse(err)
	}
	var req struct {
		Query         string         `json:"query"`
		OperationName string         `json:"operationName"`
		Variables     map[string]any `json:"variables"`
	}
	if _, err := c.decode(&req); err != nil {
		return refuse(err)
	}
	g := &gqlCall{s: s, tok: c.tok}
	res := schema.Exec(context.WithValue(r.Context(), gqlKey{}, g), req.Query, req.OperationName, req.Variables)
	type outError struct {
		Type      string `json:"type,omitempty"`
		Path      []any  `json:"path,omitempty"`
		Locations any    `json:"locations,omitempty"`
		Message   string `json:"message"`
	}
	out := struct {
		Data   json.RawMessage `json:"data,omitempty"`
		Errors []outError      `json:"errors,omitempty"`
	}{Data: res.Data}
	for _, e := range res.Errors {
		oe := outError{Path: e.Path, Locations: e.Locations, Message: e.Message}
		var ge gqlError
		if errors.As(e.ResolverError, &ge) {
			oe.Type = ge.kind
		}
		out.Errors = append(out.Errors, oe)
	}
	raw, err := json.Marshal(out)
	if err != nil {
		return refuse(err)
	}
	return http.StatusOK, header, raw, g.mutations, g.applied
}

// query resolves both root types, since their fields do not clash.
type query struct{}

func gql(ctx context.Context) *gqlCall { return ctx.Value(gqlKey{}).(*gqlCall) }

func (query) Viewer(ctx context.Context) *actor {
	return &actor{gql(ctx).s, gql(ctx).s.botLogin()}
}

func (query) Repository(ctx context.Context, args struct{ Owner, Name string }) (*gqlRepo, error) {
	g := gql(ctx)
	r, _ := g.s.find(args.Owner, args.Name) // finds renamed ones, too: followRenames is true by default
	if r == nil || !g.tok.reaches(r) && !r.public {
		return nil, gqlError{"NOT_FOUND", fmt.Sprintf("Could not resolve to a Repository with the name '%s/%s'.", args.Owner, args.Name)}
	}
	if !g.tok.allows("pull_requests=read; issues=read") {
		return nil, gqlError{"FORBIDDEN", "Resource not accessible by integration"}
	}
	return &gqlRepo{r}, nil
}

type gqlRepo struct{ r *Repo }

func (g *gqlRepo) NameWithOwner() string { return g.r.FullName() }

func (g *gqlRepo) PullRequest(ctx context.Context, args struct{ Number int32 }) (*gqlPull, error) {
	if !gql(ctx).tok.allows("pull_requests=read") {
		return nil, gqlError{"FORBIDDEN", "Resource not accessible by integration"}
	}
	p := g.r.pull(int(args.Number))
	if p == nil {
		return nil, gqlError{"NOT_FOUND", fmt.Sprintf("Could not resolve to a PullRequest with the number of %d.", args.Number)}
	}
	return &gqlPull{p}, nil
}

type gqlPull struct{ p *Pull }

func (g *gqlPull) ID() graphql.ID     { return graphql.ID(g.p.NodeID) }
func (g *gqlPull) Number() int32      { return int32(g.p.Number) }
func (g *gqlPull) HeadRefOid() string { return g.p.HeadSHA }

type pageArgs struct {
	First, Last   *int32
	After, Before *string
}

type pageInfo struct {
	HasNextPage, HasPreviousPage bool
	StartCursor, EndCursor       *string
}

// window returns a page of a list, with GitHub's rules about first and last.
func window[T any](what string, list []T, a pageArgs) ([]T, pageInfo, error) {
	if a.First == nil && a.Last == nil {
		return nil, pageInfo{}, gqlError{"MISSING_PAGINATION_BOUNDARIES", fmt.Sprintf("You must provide a `first` or `last` value to properly paginate the `%s` connection.", what)}
	}
	size := a.First
	if size == nil {
		size = a.Last
	}
	if *size < 0 || *size > maxPage {
		return nil, pageInfo{}, gqlError{"EXCESSIVE_PAGINATION", fmt.Sprintf("Requesting %d records on the `%s` connection exceeds the `first` limit of 100 records.", *size, what)}
	}
	from, to := 0, len(list)
	if a.After != nil && *a.After != "" {
		from = min(atoi(strings.TrimPrefix(*a.After, "cursor:")), len(list))
	}
	if a.First != nil {
		to = min(from+int(*a.First), len(list))
	} else {
		from = max(from, to-int(*a.Last))
	}
	info := pageInfo{HasNextPage: to < len(list), HasPreviousPage: from > 0}
	if to > from {
		start, end := "cursor:"+strconv.Itoa(from+1), "cursor:"+strconv.Itoa(to)
		info.StartCursor, info.EndCursor = &start, &end
	}
	return list[from:to], info, nil
}

type threadConnection struct {
	TotalCount int32
	Nodes      []*gqlThread
	PageInfo   pageInfo
}

func (g *gqlPull) ReviewThreads(ctx context.Context, args pageArgs) (*threadConnection, error) {
	var all []*gqlThread
	for _, k := range g.p.visible() {
		if k.InReplyTo == 0 {
			all = append(all, &gqlThread{gql(ctx).s, k})
		}
	}
	nodes, info, err := window("reviewThreads", all, args)
	return &threadConnection{int32(len(all)), nodes, info}, err
}

type noteConnection struct {
	TotalCount int32
	Nodes      []*gqlNote
	PageInfo   pageInfo
}

// Comments returns the comments of the conversation, oldest first.
func (g *gqlPull) Comments(ctx context.Context, args pageArgs) (*noteConnection, error) {
	return g.p.commentPage(ctx, args)
}

func (k *talk) commentPage(ctx context.Context, args pageArgs) (*noteConnection, error) {
	var all []*gqlNote
	for _, k := range k.notes {
		all = append(all, &gqlNote{gql(ctx).s, k})
	}
	nodes, info, err := window("comments", all, args)
	return &noteConnection{int32(len(all)), nodes, info}, err
}

type gqlNote struct {
	s *Server
	k *IssueComment
}

func (n *gqlNote) ID() graphql.ID          { return graphql.ID(n.k.NodeID) }
func (n *gqlNote) FullDatabaseID() *string { s := strconv.FormatInt(n.k.ID, 10); return &s }
func (n *gqlNote) Body() string            { return n.k.Body }
func (n *gqlNote) IsMinimized() bool       { return n.k.Minimized != "" }
func (n *gqlNote) Author() *actor          { return &actor{n.s, n.k.Author} }
func (n *gqlNote) ViewerDidAuthor() bool   { return n.k.Author == n.s.botLogin() }

type gqlThread struct {
	s *Server
	k *ReviewComment
}

func (t *gqlThread) ID() graphql.ID            { return graphql.ID(t.k.ThreadID) }
func (t *gqlThread) IsResolved() bool          { return t.k.Resolved }
func (t *gqlThread) IsCollapsed() bool         { return t.k.Resolved }
func (t *gqlThread) IsOutdated() bool          { return t.k.Outdated }
func (t *gqlThread) Path() string              { return t.k.Path }
func (t *gqlThread) Line() *int32              { return maybeInt(t.k.Line) }
func (t *gqlThread) StartLine() *int32         { return maybeInt(t.k.StartLine) }
func (t *gqlThread) OriginalLine() *int32      { return maybeInt(t.k.OriginalLine) }
func (t *gqlThread) OriginalStartLine() *int32 { return maybeInt(t.k.OriginalStartLine) }
func (t *gqlThread) SubjectType() string       { return strings.ToUpper(t.k.SubjectType) }
func (t *gqlThread) DiffSide() string {
	if t.k.Side == "" {
		return "RIGHT"
	}
	return t.k.Side
}

// ViewerCanResolve checks the permission that the mutation needs as well.
func (t *gqlThread) ViewerCanResolve(ctx context.Context) bool {
	return gql(ctx).tok.allows(resolvePermission)
}
func (t *gqlThread) ResolvedBy() *user {
	if t.k.ResolvedBy == "" {
		return nil
	}
	return &user{&actor{t.s, t.k.ResolvedBy}}
}

type commentConnection struct {
	TotalCount int32
	Nodes      []*gqlComment
	PageInfo   pageInfo
}

func (t *gqlThread) Comments(args pageArgs) (*commentConnection, error) {
	all := []*gqlComment{{t.s, t.k}}
	for _, k := range t.k.pull.visible() {
		if k.InReplyTo == t.k.ID {
			all = append(all, &gqlComment{t.s, k})
		}
	}
	nodes, info, err := window("comments", all, args)
	return &commentConnection{int32(len(all)), nodes, info}, err
}

type gqlComment struct {
	s *Server
	k *ReviewComment
}

func (c *gqlComment) ID() graphql.ID { return graphql.ID(c.k.NodeID) }

// DatabaseID is databaseId, whose type has only 32 bits; ids have outgrown them on GitHub. fullDatabaseId
// holds the whole id.
func (c *gqlComment) DatabaseID() *bigInt { n := bigInt(c.k.ID); return &n }

func (c *gqlComment) FullDatabaseID() *string {
	n := strconv.FormatInt(c.k.ID, 10)
	return &n
}
func (c *gqlComment) Body() string            { return c.k.Body }
func (c *gqlComment) Path() string            { return c.k.Path }
func (c *gqlComment) URL() string             { return fmt.Sprint(c.s.commentJSON(c.k)["html_url"]) }
func (c *gqlComment) IsMinimized() bool       { return c.k.Minimized != "" }
func (c *gqlComment) Author() *actor          { return &actor{c.s, c.k.Author} }
func (c *gqlComment) ViewerDidAuthor() bool   { return c.k.Author == c.s.botLogin() }
func (c *gqlComment) CreatedAt() graphql.Time { return graphql.Time{Time: c.k.CreatedAt} }
func (c *gqlComment) UpdatedAt() graphql.Time { return graphql.Time{Time: c.k.UpdatedAt} }
func (c *gqlComment) MinimizedReason() *string {
	if c.k.Minimized == "" {
		return nil
	}
	return &c.k.Minimized
}

func maybeInt(n int) *int32 {
	if n == 0 {
		return nil
	}
	v := int32(n)
	return &v
}

// bigInt is an Int of more than 32 bits: GitHub answers with such numbers although the type has
// no room for them.
type bigInt int64

// ImplementsGraphQLType implements the library's Unmarshaler.
func (bigInt) ImplementsGraphQLType(name string) bool { return name == "BigID" }

// UnmarshalGraphQL implements the library's Unmarshaler; a bigInt is never an input.
func (*bigInt) UnmarshalGraphQL(any) error { return errors.New("not an input") }

type actor struct {
	s     *Server
	login string
}

// Login has no "[bot]" in GraphQL, unlike in REST.
func (a *actor) Login() string       { return strings.TrimSuffix(a.login, "[bot]") }
func (a *actor) ID() graphql.ID      { return graphql.ID(fmt.Sprintf("U_%d", a.s.user(a.login).id)) }
func (a *actor) URL() string         { return a.s.page("/%s", a.login) }
func (a *actor) isBot() bool         { return strings.HasSuffix(a.login, "[bot]") }
func (a *actor) ToBot() (*bot, bool) { return &bot{a}, a.isBot() }
func (a *actor) ToUser() (*user, bool) {
	return &user{a}, !a.isBot()
}
func (a *actor) DatabaseID() *int32 { n := int32(a.s.user(a.login).id); return &n }

type (
	bot  struct{ *actor }
	user struct{ *actor }
)

// resolvePermission is the permission to resolve a thread. It includes contents: write, which is unexpected.
// https://github.com/github/gh-aw/issues/35726
const resolvePermission = "pull_requests=write,contents=write"

type threadInput struct {
	Input struct {
		ThreadID         graphql.ID
		ClientMutationID *string
	}
}

type threadPayload struct {
	Thread           *gqlThread
	ClientMutationID *string
}

func (query) ResolveReviewThread(ctx context.Context, args threadInput) (*threadPayload, error) {
	return gql(ctx).setResolved(args, "resolveReviewThread", true)
}

func (query) UnresolveReviewThread(ctx context.Context, args threadInput) (*threadPayload, error) {
	return gql(ctx).setResolved(args, "unresolveReviewThread", false)
}

func (g *gqlCall) setResolved(args threadInput, name string, resolved bool) (*threadPayload, error) {
	g.mutations = append(g.mutations, name)
	k, ok := g.s.nodes[string(args.Input.ThreadID)].(*ReviewComment)
	if !ok || k.ThreadID != string(args.Input.ThreadID) || !g.tok.reaches(k.pull.repo) {
		return nil, gqlError{"NOT_FOUND", fmt.Sprintf("Could not resolve to a node with the global id of '%s'.", args.Input.ThreadID)}
	}
	if !g.tok.allows(resolvePermission) {
		return nil, gqlError{"FORBIDDEN", "Resource not accessible by integration"}
	}
	g.applied = true
	g.s.echo(g.s.resolve(k, g.s.botLogin(), resolved))
	return &threadPayload{&gqlThread{g.s, k}, args.Input.ClientMutationID}, nil
}

type minimizeInput struct {
	Input struct {
		SubjectID        graphql.ID
		Classifier       string
		ClientMutationID *string
	}
}

type minimizePayload struct {
	MinimizedComment *minimizable
	ClientMutationID *string
}

type minimizable struct {
	isMinimized bool
	reason      string
}

func (m *minimizable) IsMinimized() bool { return m.isMinimized }
func (m *minimizable) MinimizedReason() *string {
	if m.reason == "" {
		return nil
	}
	return &m.reason
}

func (query) MinimizeComment(ctx context.Context, args minimizeInput) (*minimizePayload, error) {
	g := gql(ctx)
	// GitHub returns the reason in lower case with hyphens, not as the enum's value.
	reason := strings.ReplaceAll(strings.ToLower(args.Input.Classifier), "_", "-")
	if err := g.minimize("minimizeComment", args.Input.SubjectID, reason); err != nil {
		return nil, err
	}
	return &minimizePayload{&minimizable{true, reason}, args.Input.ClientMutationID}, nil
}

type unminimizePayload struct {
	UnminimizedComment *minimizable
	ClientMutationID   *string
}

func (query) UnminimizeComment(ctx context.Context, args struct {
	Input struct {
		SubjectID        graphql.ID
		ClientMutationID *string
	}
}) (*unminimizePayload, error) {
	if err := gql(ctx).minimize("unminimizeComment", args.Input.SubjectID, ""); err != nil {
		return nil, err
	}
	return &unminimizePayload{&minimizable{}, args.Input.ClientMutationID}, nil
}

func (g *gqlCall) minimize(name string, id graphql.ID, reason string) error {
	g.mutations = append(g.mutations, name)
	var repo *Repo
	var field *string
	switch k := g.s.nodes[string(id)].(type) {
	case *ReviewComment:
		if k.NodeID == string(id) { // not the thread's id
			repo, field = k.pull.repo, &k.Minimized
		}
	case *IssueComment:
		repo, field = k.on.repo, &k.Minimized
	}
	if repo == nil || !g.tok.reaches(repo) {
		return gqlError{"NOT_FOUND", fmt.Sprintf("Could not resolve to a node with the global id of '%s'.", id)}
	}
	if !g.tok.allows("pull_requests=write; issues=write") {
		return gqlError{"FORBIDDEN", "Resource not accessible by integration"}
	}
	g.applied = true
	*field = reason
	return nil
}
