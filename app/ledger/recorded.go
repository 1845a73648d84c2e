package ledger

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/scanners"
)

// LastReview gives what the newest finished review of a pull request recorded; the zero value, which has no
// head, where none has finished.
func (l Reader) LastReview(ctx context.Context, repo Repo, number int) (record.Review, error) {
	events, err := l.Events(ctx, Filter{RepoID: repo.ID, Owner: repo.Owner, Repo: repo.Name, Number: number, Kind: record.Finished, Last: true})
	if err != nil || len(events) == 0 {
		return record.Review{}, err
	}
	return review(events[0])
}

func review(e Event) (record.Review, error) { return record.ReadReview(e.ID, e.At, e.Head, e.Data) }

// Decisions lists what was decided in a repository, the oldest first.
func (l Reader) Decisions(ctx context.Context, repo Repo) ([]decision.Decision, error) {
	var events []Event
	for _, kind := range []string{record.DecisionMade, record.DecisionConfirmed, record.DecisionEnded} {
		list, err := l.Events(ctx, Filter{RepoID: repo.ID, Owner: repo.Owner, Repo: repo.Name, Kind: kind})
		if err != nil {
			return nil, fmt.Errorf("read decisions: %w", err)
		}
		events = append(events, list...)
	}
	slices.SortFunc(events, func(a, b Event) int { return cmp.Compare(a.ID, b.ID) })
	var steps []decision.Step
	for _, e := range events {
		step, err := record.ReadStep(e.ID, e.Kind, e.At, e.Data)
		if err != nil {
			return nil, err
		}
		steps = append(steps, step)
	}
	return decision.Fold(steps), nil
}

// Pasts reads all reviews of the last pull requests, at most so many, the newest first. Owner and repo may be
// empty for all.
func (l Reader) Pasts(ctx context.Context, owner, repo string, last int) ([]record.Past, error) {
	subjects, err := l.Newest(ctx, Filter{Owner: owner, Repo: repo, Kind: record.Finished, Limit: last})
	if err != nil {
		return nil, err
	}
	var list []record.Past
	for _, s := range subjects {
		past := record.Past{RepoID: s.RepoID, Owner: s.Owner, Repo: s.Repo, Number: s.Number}
		events, err := l.Events(ctx, Filter{RepoID: s.RepoID, Owner: s.Owner, Repo: s.Repo, Number: s.Number, Kind: record.Finished})
		if err != nil {
			return nil, err
		}
		for _, e := range events {
			r, err := review(e)
			if err != nil {
				return nil, err
			}
			past.RepoID, past.Owner, past.Repo = e.RepoID, e.Owner, e.Repo
			past.Reviews = append(past.Reviews, r)
		}
		if past.RepoID != 0 { // by the name that it has now its policy is found
			is, err := l.Now(ctx, Repo{ID: past.RepoID, Owner: past.Owner, Name: past.Repo})
			if err != nil {
				return nil, err
			}
			if !strings.EqualFold(is.Owner, past.Owner) || !strings.EqualFold(is.Name, past.Repo) {
				past.Owner, past.Repo = is.Owner, is.Name
			}
		}
		list = append(list, past)
	}
	return list, nil
}

// RuleUse gives how a rule ("scanner/rule") was shown in the repositories of an owner: in pull requests
// since one time, and findings and opinions since a later one.
func (l Reader) RuleUse(ctx context.Context, owner, rule string, since, recent time.Time) (record.RuleUse, error) {
	use := record.RuleUse{Repos: map[string]record.RepoUse{}}
	pulls, findings := map[string]bool{}, map[string]int{}
	reviews, err := l.Events(ctx, Filter{Owner: owner, Kind: record.Finished, Since: since})
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
			if name := repo + "\x00" + f.Fingerprint; !e.At.Before(recent) && findings[name] == 0 {
				findings[name] = 1
				in.Shown++
			}
			use.Repos[repo] = in
		}
	}
	use.Pulls = len(pulls)
	opinions, err := l.Events(ctx, Filter{Owner: owner, Kind: record.NotUseful, Since: recent})
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

// RulesShown lists, without the scanner's name, the rules of a scanner that were shown in the repositories of
// an owner since a time.
func (l Reader) RulesShown(ctx context.Context, owner, scanner string, since time.Time) ([]string, error) {
	reviews, err := l.Events(ctx, Filter{Owner: owner, Kind: record.Finished, Since: since})
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
