package upload

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// Externals finds the tools whose workflows send results.
type Externals struct {
	Ledger *ledger.Ledger // required
	Here   []string       // names of the scanners that run here
	Known  []string       // names of all that this program can run
}

// recentUpload is how long ago a tool sent results at most to be waited for.
const recentUpload = 30 * 24 * time.Hour

// notYet is said of a tool whose workflow has not sent anything about the head.
const notYet = "Its workflow has not sent results of this commit yet; they are added when it does."

// Of gives the tools whose workflows send results here: those that sent some of the branch lately, or
// of either end of this change, or that the policy requires. Asking for it has the pull request
// reviewed again when there is more.
func (x Externals) Of(ctx context.Context, repo *mirror.Repo, p pull.Pull, pol policy.Policy) ([]examine.External, error) {
	head, err := x.uploads(ctx, p, p.Head, func(u ledger.Upload) bool { return u.Number == 0 || u.Number == p.Number })
	if err != nil {
		return nil, err
	}
	recent, err := x.Recent(ctx, p)
	if err != nil {
		return nil, err
	}
	required := x.Required(pol)
	if len(head)+len(recent)+len(required) == 0 {
		return nil, nil
	}
	e := sides{base: p.MergeBase, head: head}
	if p.MergeBase != "" {
		// In this order, so that none is missed in between.
		if err := x.Ledger.Await(ctx, p.Repository(), p.MergeBase, p.Number); err != nil {
			return nil, err
		}
		if e.bases, err = x.uploads(ctx, p, p.MergeBase, func(u ledger.Upload) bool { return u.Number == 0 }); err != nil {
			return nil, err
		}
	}
	if e.trusted, err = trusted(ctx, repo, p, head); err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, name := range slices.Concat(recent, required) {
		names[name] = true
	}
	for _, u := range slices.Concat(e.head, e.bases) {
		names[u.Scanner] = true
	}
	var list []examine.External
	for _, name := range slices.Sorted(maps.Keys(names)) {
		info := scanners.Info{Name: name, Gate: scanners.Code, Scopes: []scanners.Scope{scanners.ScopeTree}}
		if pol.Wants(name, info.Gate) {
			list = append(list, e.tool(info, slices.Contains(required, name)))
		}
	}
	return list, nil
}

// Recent names the tools that sent results of the base branch of a pull request lately.
func (x Externals) Recent(ctx context.Context, p pull.Pull) ([]string, error) {
	return x.Ledger.Uploaders(ctx, p.Repository(), "refs/heads/"+p.BaseRef, time.Now().Add(-recentUpload))
}

// Required names the scanners that the policy requires and that only a workflow can run.
func (x Externals) Required(pol policy.Policy) []string {
	return slices.DeleteFunc(pol.RequiredElsewhere(x.Here...), func(name string) bool { return slices.Contains(x.Known, name) })
}

// An uploaded is an upload that was read.
type uploaded struct {
	ledger.Upload
	Results
}

func (x Externals) uploads(ctx context.Context, p pull.Pull, sha string, which func(ledger.Upload) bool) ([]uploaded, error) {
	rows, err := x.Ledger.Uploads(ctx, p.Repository(), sha)
	if err != nil {
		return nil, err
	}
	var list []uploaded
	for _, row := range rows {
		if !which(row) {
			continue
		}
		one := uploaded{Upload: row}
		if err := json.Unmarshal(row.Data, &one.Results); err != nil {
			return nil, fmt.Errorf("read upload of %s: %w", row.Scanner, err)
		}
		list = append(list, one)
	}
	// The newest first, and of one moment always the same.
	slices.SortFunc(list, func(a, b uploaded) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Scanner, b.Scanner), cmp.Compare(a.Category, b.Category), cmp.Compare(a.Workflow, b.Workflow))
	})
	return list, nil
}

// trusted tells which uploads about the head are more than the change's own word: those of a workflow,
// and of what it runs, as the base has it. The head must have it so as well, since it is the head that
// a job checks out. The base is where the two part or the branch's newest commit: a job for a pull
// request runs on a merge with that.
func trusted(ctx context.Context, repo *mirror.Repo, p pull.Pull, list []uploaded) (map[string]bool, error) {
	out := map[string]bool{}
	for _, u := range list {
		if _, known := out[u.Workflow]; known || u.Recipe == "" || p.MergeBase == "" {
			continue
		}
		var ofBase []string
		for _, rev := range []string{p.MergeBase, p.Base} {
			recipe, err := Recipe(ctx, repo, rev, u.Files)
			if err != nil {
				return nil, err
			}
			ofBase = append(ofBase, recipe)
		}
		ofHead, err := Recipe(ctx, repo, p.Head, u.Files)
		if err != nil {
			return nil, err
		}
		out[u.Workflow] = slices.Contains(ofBase, u.Recipe) && slices.Contains(ofBase, ofHead)
	}
	return out, nil
}

// sides are all uploads about the two sides of a change. It is pure.
type sides struct {
	base        string // the merge base; empty when there is none, and then everything is new
	head, bases []uploaded
	trusted     map[string]bool // by [ledger.Upload.Workflow]
}

// tool puts together what one tool says. Of a part of it about which one end says nothing, nothing is
// told: what is new is not known.
func (e sides) tool(info scanners.Info, required bool) examine.External {
	t := examine.External{Info: info}
	head, bases := byCategory(e.head, info.Name), byCategory(e.bases, info.Name)
	if len(head) == 0 {
		if t.Missing = notYet; required {
			t.Missing, t.Err = "", &scanners.IncompleteError{Reason: notYet}
		}
		return t
	}
	var wrong []string
	categories := maps.Clone(head)
	maps.Copy(categories, bases)
	for _, category := range slices.Sorted(maps.Keys(categories)) {
		wrong = append(wrong, e.part(&t, category, head[category], bases[category])...)
	}
	slices.Sort(wrong)
	if wrong = slices.Compact(wrong); len(wrong) > 0 {
		t.Err = &scanners.IncompleteError{Reason: strings.Join(wrong, " ")}
	}
	return t
}

// part adds what was sent of one category. What it gives are sentences about what is wrong with it.
func (e sides) part(t *examine.External, category string, head, bases []uploaded) (wrong []string) {
	of := ""
	if category != "" {
		of = " of " + category
	}
	if len(head) == 0 {
		return []string{fmt.Sprintf("Its workflow has not sent results%s of this commit yet; they are added when it does.", of)}
	}
	t.Version = cmp.Or(t.Version, head[0].Version)
	sure := slices.ContainsFunc(head, func(u uploaded) bool { return e.trusted[u.Workflow] })
	if !sure {
		wrong = append(wrong, "The workflow that sent its results, or something that it runs, is not as at the base, so what it did not find is only this change's own word.")
	}
	for _, u := range head {
		if u.Missing != "" && (e.trusted[u.Workflow] || !sure) {
			wrong = append(wrong, u.Missing)
		}
	}
	whole := slices.DeleteFunc(slices.Clone(bases), func(u uploaded) bool { return u.Partial })
	switch {
	case e.base != "" && len(bases) == 0:
		return append(wrong, fmt.Sprintf("There are no results%s of the base, commit %.10s, so what is new is not known: its workflow has to run on every push to the base branch.", of, e.base))
	case e.base != "" && len(whole) == 0:
		return append(wrong, fmt.Sprintf("The results%s of the base, commit %.10s, are not complete, so what is new is not known.", of, e.base))
	}
	for _, u := range whole {
		t.Updated = t.Updated || u.Version != head[0].Version
	}
	t.Head = append(t.Head, all(head)...)
	t.Base = append(t.Base, all(whole)...)
	return wrong
}

func byCategory(list []uploaded, scanner string) map[string][]uploaded {
	out := map[string][]uploaded{}
	for _, u := range list {
		if u.Scanner == scanner {
			out[u.Category] = append(out[u.Category], u)
		}
	}
	return out
}

// all gives the findings of several uploads about the same, each once. What one upload holds twice
// stays twice.
func all(list []uploaded) (found []scanners.Finding) {
	type place struct {
		rule, path, identity       string
		line, end, column, endings int
	}
	seen := map[place]bool{}
	for _, u := range list {
		var fresh []place
		for _, f := range u.Findings {
			at := place{f.Rule, f.Path, f.Identity, f.Line, f.EndLine, f.Column, f.EndColumn}
			if !seen[at] {
				found, fresh = append(found, f), append(fresh, at)
			}
		}
		for _, at := range fresh {
			seen[at] = true
		}
	}
	return found
}

// MissingNotices says, as Markdown, which results are not there, where that makes nothing incomplete.
func MissingNotices(list []examine.External) (notices []string) {
	for _, t := range list {
		if t.Missing != "" {
			notices = append(notices, checks.Escape(t.Info.Name+": "+t.Missing))
		}
	}
	return notices
}
