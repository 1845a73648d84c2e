package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/insight"
	"github.com/secbydesign/secbydesign/app/judge"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/policyfiles"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/app/rehearsal"
)

// A Rehearsal says which policy to rehearse, and on which pull requests.
type Rehearsal struct {
	PolicyFiles // the proposed files; a file that is left out stays as it is

	Repo     string // "owner/repo", or "owner" for all of an organisation; empty for all
	Last     int    // pull requests
	Format   string // text, html or json
	DataDir  string
	Database string // as in [Settings]
}

// RehearsePolicy shows what a proposed policy would have done to the last pull requests. The server may run meanwhile:
// its database is only read. The error is a sentence for the user of the command.
func RehearsePolicy(ctx context.Context, w io.Writer, o Rehearsal) (err error) {
	formats := map[string]func(io.Writer, rehearsal.Result) error{"text": rehearsal.Text, "html": rehearsal.Page, "json": rehearsal.JSON}
	write, known := formats[o.Format]
	owner, repo, _ := strings.Cut(o.Repo, "/")
	switch {
	case !known:
		return fmt.Errorf("--format is %q: write text, html or json", o.Format)
	case o.Last < 1:
		return fmt.Errorf("--last is %d: write how many pull requests to rehearse, 1 or more", o.Last)
	case o.File == "" && o.Organisation == "":
		return errors.New("name the file to rehearse: a repository's, or with --org-policy an organisation's")
	case strings.Contains(repo, "/") || o.Repo != "" && owner == "" || strings.HasSuffix(o.Repo, "/"):
		return fmt.Errorf("--repo is %q: write OWNER/REPO, or OWNER for all repositories of an organisation", o.Repo)
	}
	with, err := o.proposal()
	if err != nil {
		return err
	}
	l, err := openReader(ctx, o.DataDir, o.Database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	in := rehearsal.Input{Now: time.Now().UTC(), Scope: o.Repo, Proposed: o.names(), Evidence: map[string]judge.Evidence{}, Before: map[string]policy.Policy{}, After: map[string]policy.Policy{}}
	if in.Pulls, err = l.Pasts(ctx, owner, repo, o.Last); err != nil {
		return fmt.Errorf("the stored reviews cannot be read: %w", err)
	}
	if err := o.one(in.Pulls); err != nil {
		return err
	}
	if err := gatherPolicies(ctx, *l, &in, with); err != nil {
		return fmt.Errorf("what is in force cannot be read: %w", err)
	}
	result, err := rehearsal.Rehearse(in)
	if err != nil {
		return err
	}
	return write(w, result)
}

func (o Rehearsal) proposal() (with policyfiles.Proposed, err error) {
	read := func(name string) *policy.Layer {
		if name == "" || err != nil {
			return nil
		}
		var layer policy.Layer
		layer, err = o.read(name)
		return &layer
	}
	with = policyfiles.Proposed{Repository: read(o.File), Organisation: read(o.Organisation)}
	return with, err
}

func (o Rehearsal) names() (list []string) {
	for _, name := range []string{o.File, o.Organisation} {
		if name != "" {
			list = append(list, name)
		}
	}
	return list
}

// one returns an error if a file would be rehearsed on repositories that it is not for.
func (o Rehearsal) one(pulls []record.Past) error {
	owners, repos := map[string]bool{}, map[string]bool{}
	for _, p := range pulls {
		owners[strings.ToLower(p.Owner)] = true
		repos[strings.ToLower(p.Owner+"/"+p.Repo)] = true
	}
	switch {
	case o.File != "" && len(repos) > 1:
		return fmt.Errorf("%s is the policy of one repository, and the last %d pull requests are of %d: say which with --repo OWNER/REPO", o.File, len(pulls), len(repos))
	case o.File != "" && len(pulls) > 0 && strings.EqualFold(pulls[0].Repo, ".github"):
		return fmt.Errorf("the policy in %s/.github is the organisation's: name the file with --org-policy", pulls[0].Owner)
	case o.Organisation != "" && len(owners) > 1:
		return fmt.Errorf("%s is the policy of one organisation, and the last %d pull requests are of %d: say which with --repo OWNER", o.Organisation, len(pulls), len(owners))
	}
	return nil
}

// gatherPolicies reads the policies in force, and those that the proposed files would make.
func gatherPolicies(ctx context.Context, l ledger.Reader, in *rehearsal.Input, with policyfiles.Proposed) error {
	for _, p := range in.Pulls {
		name := p.Owner + "/" + p.Repo
		if _, known := in.Before[name]; known {
			continue
		}
		var err error
		if in.Before[name], err = policyfiles.Last(ctx, l, p.Owner, p.Repo, policyfiles.Proposed{}); err != nil {
			return err
		}
		if in.After[name], err = policyfiles.Last(ctx, l, p.Owner, p.Repo, with); err != nil {
			return err
		}
		in.Evidence[name] = &insight.Evidence{
			Repo: record.RepoKey(p.RepoID, p.Repo), Window: insight.WindowOf(in.Now, in.Before[name], in.After[name]),
			Use: func(rule string, w insight.Window) (record.RuleUse, error) {
				return l.RuleUse(ctx, p.Owner, rule, w.Since, w.Recent)
			},
			Names: func(scanner string, w insight.Window) ([]string, error) {
				return l.RulesShown(ctx, p.Owner, scanner, w.Since)
			},
		}
	}
	return nil
}
