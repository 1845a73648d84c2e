package review

import (
	"context"
	"fmt"
	"sync"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/people"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// owners returns a function that reads, once, who owns what at the base. It returns nil if that cannot be read, which
// costs no review: then nobody is known to own anything.
func (r *Reviewer) owners(ctx context.Context, gh *installation.Client, c examine.Change, p pull.Pull, pol policy.Policy) func() *ownership.Map {
	directory := r.Directory
	if directory == nil {
		directory = &people.Directory{}
	}
	return sync.OnceValue(func() *ownership.Map {
		m, err := examine.Owners(ctx, c.Repo, p.Base, p.Owner, pol, directory.Ignored(ctx, gh, p), c.Parsers)
		if err != nil {
			zerolog.Ctx(ctx).Warn().Err(err).Msg("the owners cannot be read")
			return nil
		}
		return m
	})
}

// unowned returns the field of a report with that name, and notices about sources of owners that cannot be read, as
// Markdown. It reads what concerns the new findings that are shown.
func unowned(owners *ownership.Map, gates []checks.Gate) (is func(path string) bool, notices []string) {
	if owners == nil {
		return nil, nil
	}
	var paths []string
	for _, g := range gates {
		for _, f := range g.Findings {
			if f.State == scanners.New && f.Comment {
				paths = append(paths, f.Path)
			}
		}
	}
	if len(paths) == 0 {
		return nil, nil
	}
	owners.Prepare(paths)
	for _, problem := range owners.Problems() {
		notices = append(notices, checks.Escape(problem))
	}
	const most = 5
	if n := len(notices) - most; n > 0 {
		notices = append(notices[:most], fmt.Sprintf("%d more sources of owners cannot be read.", n))
	}
	return func(path string) bool { return len(owners.Of(path)) == 0 }, notices
}

// findingsOf returns the fingerprints of the new findings of the finished reviews among the events of a pull request. A
// review that cannot be read counts as one without findings.
func findingsOf(events []ledger.Event) map[string]bool {
	found := map[string]bool{}
	for _, e := range events {
		if e.Kind != record.Finished {
			continue
		}
		review, err := record.ReadReview(e.ID, e.At, e.Head, e.Data)
		if err != nil {
			continue
		}
		for _, f := range review.Findings {
			found[f.Fingerprint] = found[f.Fingerprint] || f.State == scanners.New
		}
	}
	return found
}

// countOwners returns how many findings a review found first, and how many of them nobody owns. Those whose owners are
// not known count as owned.
func countOwners(r record.Review, before map[string]bool) (found, unowned int) {
	for _, f := range r.Findings {
		if f.State != scanners.New || before[f.Fingerprint] {
			continue
		}
		found++
		if f.Unowned {
			unowned++
		}
	}
	return found, unowned
}
