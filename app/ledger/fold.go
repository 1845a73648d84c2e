package ledger

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/scanners"
)

// The functions below compute the same answers as the views, but from all events. They serve a database of an
// older version that is opened only for reading and has no views.

// startOf returns the beginning of the day of t, UTC.
func startOf(t time.Time) time.Time { return time.Unix(dayOf(t)*24*60*60, 0).UTC() }

// foldRuleUse returns how a rule ("scanner/rule") was shown in the repositories of an owner: pull requests since
// the time since, and findings and opinions since the later time recent.
func (l Reader) foldRuleUse(ctx context.Context, owner, rule string, since, recent time.Time) (record.RuleUse, error) {
	use := record.RuleUse{Repos: map[string]record.RepoUse{}}
	pulls, findings := map[string]bool{}, map[string]int{}
	reviews, err := l.Events(ctx, Filter{Owner: owner, Kind: record.Finished, Since: startOf(since)})
	if err != nil {
		return use, fmt.Errorf("read what was shown: %w", err)
	}
	for _, e := range reviews {
		r, err := review(e)
		if err != nil {
			return use, err
		}
		for _, f := range r.Findings {
			if f.State != scanners.New || !f.Shown || f.Rule != rule {
				continue
			}
			repo := record.RepoKey(e.RepoID, e.Repo)
			pulls[fmt.Sprintf("%s#%d", repo, e.Number)] = true
			in := use.Repos[repo]
			if in.First.IsZero() || e.At.Before(in.First) {
				in.First = e.At
			}
			if name := repo + "\x00" + f.Fingerprint; !e.At.Before(startOf(recent)) && findings[name] == 0 {
				findings[name] = 1
				in.Shown++
			}
			use.Repos[repo] = in
		}
	}
	use.Pulls = len(pulls)
	opinions, err := l.Events(ctx, Filter{Owner: owner, Kind: record.NotUseful, Since: startOf(recent)})
	if err != nil {
		return use, fmt.Errorf("read opinions: %w", err)
	}
	for _, e := range opinions {
		o, err := record.ReadOpinion(e.ID, e.Data)
		if err != nil {
			return use, err
		}
		repo := record.RepoKey(e.RepoID, e.Repo)
		if name := repo + "\x00" + o.Fingerprint; o.Counts() && o.Rule == rule && findings[name] == 1 {
			findings[name] = 2
			in := use.Repos[repo]
			in.NotUseful++
			use.Repos[repo] = in
		}
	}
	return use, nil
}

// foldRulesShown lists the rules of a scanner, without its name, that were shown in the repositories of an owner
// since a time.
func (l Reader) foldRulesShown(ctx context.Context, owner, scanner string, since time.Time) ([]string, error) {
	reviews, err := l.Events(ctx, Filter{Owner: owner, Kind: record.Finished, Since: startOf(since)})
	if err != nil {
		return nil, fmt.Errorf("read what was shown: %w", err)
	}
	shown := map[string]bool{}
	var rules []string
	for _, e := range reviews {
		r, err := review(e)
		if err != nil {
			return nil, err
		}
		for _, f := range r.Findings {
			name, rule, _ := strings.Cut(f.Rule, "/")
			if f.State == scanners.New && f.Shown && name == scanner && !shown[rule] {
				shown[rule] = true
				rules = append(rules, rule)
			}
		}
	}
	return rules, nil
}
