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

// Externals finds the tools whose results workflows send.
type Externals struct {
	Ledger *ledger.Ledger // required
	Here   []string       // names of the scanners that run on this server
	Known  []string       // names of all scanners that this program can run
}

// recentUpload is how recently a tool must have sent results for reviews to wait for it.
const recentUpload = 30 * 24 * time.Hour

// notYet is reported for a tool whose workflow has not sent results for the head.
const notYet = "Its workflow has not sent results of this commit yet; the review is updated when they arrive."

// Of returns the tools whose results workflows send for this repository: tools that recently sent results for the
// base branch, or that sent results for either side of this change, or that the policy requires. It also arranges
// that the pull request is reviewed again when more results arrive.
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
		// Await before reading, so that no upload in between is missed.
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

// Recent lists the tools that recently sent results for the base branch of a pull request.
func (x Externals) Recent(ctx context.Context, p pull.Pull) ([]string, error) {
	return x.Ledger.Uploaders(ctx, p.Repository(), "refs/heads/"+p.BaseRef, x.Ledger.Clock.Now().Add(-recentUpload))
}

// Required lists the scanners that the policy requires and that only a workflow can run.
func (x Externals) Required(pol policy.Policy) []string {
	return slices.DeleteFunc(pol.RequiredElsewhere(x.Here...), func(name string) bool { return slices.Contains(x.Known, name) })
}

// An uploaded is an upload with its parsed results.
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
	// The newest first, in a fixed order if the times are equal.
	slices.SortFunc(list, func(a, b uploaded) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Scanner, b.Scanner), cmp.Compare(a.Category, b.Category), cmp.Compare(a.Workflow, b.Workflow))
	})
	return list, nil
}

// trusted reports, by workflow, whether its uploads for the head are more than the change's own claim. They are
// if the workflow, and everything in the repository that it runs, is the same as at the base. The head must have
// the same too, because a job checks out the head. The base is the merge base or the branch's newest commit: a
// job for a pull request runs on a merge with that commit.
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

// sides holds all uploads for the two sides of a change. Its methods do no input or output.
type sides struct {
	base        string // empty if there is no merge base, and then everything is new
	head, bases []uploaded
	trusted     map[string]bool // by [ledger.Upload.Workflow]
}

// tool combines the results of one tool. It omits a category for which one side has no results, because then the
// new findings are not known.
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

// part adds the results of one category to t. It returns sentences about problems with them.
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
		wrong = append(wrong, "This change touches the workflow that sent the results, or a file that it runs, so a finding that is missing proves nothing.")
	}
	for _, u := range head {
		if u.Missing != "" && (e.trusted[u.Workflow] || !sure) {
			wrong = append(wrong, u.Missing)
		}
	}
	whole := slices.DeleteFunc(slices.Clone(bases), func(u uploaded) bool { return u.Partial })
	switch {
	case e.base != "" && len(bases) == 0:
		return append(wrong, fmt.Sprintf("There are no results%s of the base, commit %.10s, so new findings cannot be determined: its workflow has to run on every push to the base branch.", of, e.base))
	case e.base != "" && len(whole) == 0:
		return append(wrong, fmt.Sprintf("The results%s of the base, commit %.10s, are not complete, so new findings cannot be determined.", of, e.base))
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

// all returns the findings of several uploads for the same commit and category, each once. Duplicates within one
// upload are kept.
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

// MissingNotices describes, as Markdown, missing results that do not make the review incomplete.
func MissingNotices(list []examine.External) (notices []string) {
	for _, t := range list {
		if t.Missing != "" {
			notices = append(notices, checks.Escape(t.Info.Name+": "+t.Missing))
		}
	}
	return notices
}
