// Package rehearsal shows what a proposed policy would have done to past pull requests: how many it would have blocked,
// and how many comments there would have been, by team and by rule. It is pure.
//
// replay.go computes the outcomes, rehearsal.go counts them, and text.go, page.go and JSON write the result.
package rehearsal

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/judge"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/scanners"
)

// Input holds the inputs of a rehearsal.
type Input struct {
	Pulls []record.Past
	Now   time.Time
	// These are by "owner/repo" of the pulls. Evidence may be missing if neither policy enforces a rule.
	Evidence      map[string]judge.Evidence
	Before, After map[string]policy.Policy

	Proposed []string // names of the files
	Scope    string   // the part of the ledger that was rehearsed, "acme/shop"; empty for all
}

// A Result is the result of a rehearsal. Its JSON is part of the program's contract: names are added, never changed.
type Result struct {
	Proposed     []string  `json:"proposed"`
	Scope        string    `json:"scope"`
	At           time.Time `json:"at"`
	Pulls        int       `json:"pull_requests"`
	Repositories []string  `json:"repositories"`
	From         time.Time `json:"from,omitzero"` // of the reviews
	To           time.Time `json:"to,omitzero"`

	// Blocked counts the pull requests whose check would have failed at any of their reviews, AtEnd those whose last
	// review would have failed.
	Blocked  Count `json:"blocked"`
	AtEnd    Count `json:"blocked_at_end"`
	Comments Count `json:"comments"`

	Teams []Row  `json:"by_team"`
	Rules []Row  `json:"by_rule"`
	Each  []Pull `json:"pulls"` // the newest first

	Changes []Change `json:"changes"`
	Refused []string `json:"refused"` // by guardrails, "file:line:column: key: why"
	Held    []Held   `json:"held"`
	Unknown []string `json:"not_known"` // sentences
}

// A Count compares the policy in force with the proposed one.
type Count struct {
	Now      int `json:"now"`
	Proposed int `json:"proposed"`
	Added    int `json:"added"`
	Gone     int `json:"gone"`
}

// A Row holds the numbers of one team or of one rule. A finding with several owners counts for each.
type Row struct {
	Name     string `json:"name"`
	Blocked  Count  `json:"blocked"`
	Comments Count  `json:"comments"`
}

// A Pull is one pull request.
type Pull struct {
	Name       string    `json:"name"` // "owner/repo#1"
	Head       string    `json:"head"`
	At         time.Time `json:"at"` // of its last review
	Blocked    Count     `json:"blocked"`
	AtEnd      Count     `json:"blocked_at_end"`
	Comments   Count     `json:"comments"`
	Reasons    []Reason  `json:"reasons"`     // of the proposed policy
	ReasonsNow []Reason  `json:"reasons_now"` // of the one in force

}

// A Reason says why a check would have failed.
type Reason struct {
	Rule    string `json:"rule"`         // "scanner/rule", or a scanner
	ID      string `json:"id,omitempty"` // "F-…"
	Place   string `json:"place,omitempty"`
	Because string `json:"because"`
}

// A Change is a key of the policy whose value would change.
type Change struct {
	Key          string   `json:"key"`
	From         string   `json:"from"`
	To           string   `json:"to"`
	Repositories []string `json:"repositories"`
}

// Held is a rule that the organisation enforces, and that would not have failed checks, with the reason.
type Held struct {
	Rule    string `json:"rule"`
	Because string `json:"because"`
	Pulls   int    `json:"pull_requests"`
}

// The names of teams where CODEOWNERS has none.
const (
	nobody  = "nobody in particular"
	unknown = "not known"
)

// Rehearse judges every pull request by both policies. Each pull request counts once, with all its reviews.
func Rehearse(in Input) (Result, error) {
	r := Result{
		Proposed: in.Proposed, Scope: in.Scope, At: in.Now, Pulls: len(in.Pulls),
		Repositories: []string{}, Teams: []Row{}, Rules: []Row{}, Each: []Pull{},
		Changes: []Change{}, Refused: []string{}, Held: []Held{}, Unknown: []string{},
	}
	t := tally{result: &r, teams: map[string]*Row{}, rules: map[string]*Row{}, held: map[[2]string]int{}, unasked: map[string]int{}}
	for _, past := range in.Pulls {
		repo := past.Owner + "/" + past.Repo
		before, err := replay(past, in.Before[repo], in.Evidence[repo], in.Now)
		if err != nil {
			return Result{}, err
		}
		after, err := replay(past, in.After[repo], in.Evidence[repo], in.Now)
		if err != nil {
			return Result{}, err
		}
		if !slices.Contains(r.Repositories, repo) {
			r.Repositories = append(r.Repositories, repo)
		}
		t.add(past, before, after)
	}
	slices.Sort(r.Repositories)
	r.Teams, r.Rules = rows(t.teams), rows(t.rules)
	r.policies(in)
	t.addNotes()
	return r, nil
}

// A tally counts outcomes.
type tally struct {
	result       *Result
	teams, rules map[string]*Row
	held         map[[2]string]int
	unasked      map[string]int
	unseen       [2]int // files, pull requests
	old          int
}

func (t *tally) add(past record.Past, before, after Outcome) {
	r := t.result
	last := past.Reviews[len(past.Reviews)-1]
	for _, one := range past.Reviews {
		if r.From.IsZero() || one.At.Before(r.From) {
			r.From = one.At
		}
		if one.At.After(r.To) {
			r.To = one.At
		}
	}
	p := Pull{
		Name: fmt.Sprintf("%s/%s#%d", past.Owner, past.Repo, past.Number), Head: last.Head, At: last.At,
		Blocked:  compare(one(len(before.Fails) > 0), one(len(after.Fails) > 0)),
		AtEnd:    compare(one(before.AtEnd), one(after.AtEnd)),
		Comments: compare(prints(before.Comments), prints(after.Comments)),
		Reasons:  reasons(after), ReasonsNow: reasons(before),
	}
	r.Each = append(r.Each, p)
	r.Blocked.add(p.Blocked)
	r.AtEnd.add(p.AtEnd)
	r.Comments.add(p.Comments)
	t.part(t.teams, teamsOf, before, after)
	t.part(t.rules, func(f Comment) []string { return []string{f.Rule} }, before, after)
	was, is := stopped(before), stopped(after)
	for _, name := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(was, is)))) {
		row(t.rules, name).Blocked.add(compare(one(slices.Contains(was, name)), one(slices.Contains(is, name))))
	}

	said := map[[2]string]bool{}
	for _, h := range after.Held {
		said[[2]string{h.Rule, h.Why}] = true
	}
	for h := range said {
		t.held[h]++
	}
	for _, name := range after.Unasked {
		t.unasked[name]++
	}
	if after.Unseen > 0 {
		t.unseen[0] += after.Unseen
		t.unseen[1]++
	}
	if after.Old {
		t.old++
	}
}

// part counts the findings of each name.
func (t *tally) part(rows map[string]*Row, names func(Comment) []string, before, after Outcome) {
	group := func(list []Comment) map[string][]string {
		by := map[string][]string{}
		for _, f := range list {
			for _, name := range names(f) {
				by[name] = append(by[name], f.Fingerprint)
			}
		}
		return by
	}
	was, is := group(before.Comments), group(after.Comments)
	failed, fails := group(before.Failing), group(after.Failing)
	all := map[string]bool{}
	for _, by := range []map[string][]string{was, is, failed, fails} {
		for name := range by {
			all[name] = true
		}
	}
	for name := range all {
		row := row(rows, name)
		row.Comments.add(compare(was[name], is[name]))
		row.Blocked.add(compare(one(len(failed[name]) > 0), one(len(fails[name]) > 0)))
	}
}

func row(rows map[string]*Row, name string) *Row {
	if rows[name] == nil {
		rows[name] = &Row{Name: name}
	}
	return rows[name]
}

// teamsOf returns the owners, or a name that stands for them.
func teamsOf(f Comment) []string {
	switch {
	case len(f.Owners) > 0:
		return slices.Compact(slices.Sorted(slices.Values(f.Owners)))
	case f.OwnersKnown:
		return []string{nobody}
	}
	return []string{unknown}
}

// stopped names the scanners whose absence failed the check.
func stopped(o Outcome) (names []string) {
	for _, f := range o.Fails {
		if f.Fingerprint == "" {
			names = append(names, f.Rule+" (did not finish)")
		}
	}
	return names
}

func reasons(o Outcome) []Reason {
	list := []Reason{}
	places := map[string]string{}
	for _, f := range o.Failing {
		places[f.Fingerprint] = f.Path
		if f.Line > 0 {
			places[f.Fingerprint] = fmt.Sprintf("%s:%d", f.Path, f.Line)
		}
	}
	for _, f := range o.Fails {
		r := Reason{Rule: f.Rule, Place: places[f.Fingerprint], Because: f.Why}
		if f.Fingerprint != "" {
			r.ID = scanners.ID(f.Fingerprint)
		}
		list = append(list, r)
	}
	return list
}

// one returns a set of one element, or an empty one.
func one(yes bool) []string {
	if yes {
		return []string{""}
	}
	return nil
}

func prints(list []Comment) (out []string) {
	for _, f := range list {
		out = append(out, f.Fingerprint)
	}
	return out
}

// compare counts two sets.
func compare(was, is []string) Count {
	c := Count{Now: len(was), Proposed: len(is)}
	for _, s := range is {
		if !slices.Contains(was, s) {
			c.Added++
		}
	}
	for _, s := range was {
		if !slices.Contains(is, s) {
			c.Gone++
		}
	}
	return c
}

func (c *Count) add(d Count) {
	c.Now += d.Now
	c.Proposed += d.Proposed
	c.Added += d.Added
	c.Gone += d.Gone
}

// rows sorts the rows by how much would change, most first.
func rows(by map[string]*Row) []Row {
	list := []Row{}
	for _, r := range by {
		list = append(list, *r)
	}
	moved := func(c Count) int { return c.Added + c.Gone }
	slices.SortFunc(list, func(a, b Row) int {
		return cmp.Or(
			cmp.Compare(moved(b.Blocked), moved(a.Blocked)), cmp.Compare(moved(b.Comments), moved(a.Comments)),
			cmp.Compare(b.Comments.Proposed, a.Comments.Proposed), cmp.Compare(a.Name, b.Name),
		)
	})
	return list
}

// policies adds the changes of the policies, and the values of the proposal that are refused.
func (r *Result) policies(in Input) {
	changes, refused := map[[3]string][]string{}, map[string][]string{}
	for _, repo := range r.Repositories {
		before, after := in.Before[repo], in.After[repo]
		known := map[string]bool{}
		for _, one := range before.Refused {
			known[one.String()] = true
		}
		for _, c := range policy.Compare(before, after, nil).Changed {
			key := [3]string{c.Key, c.From, c.To}
			changes[key] = append(changes[key], repo)
		}
		for _, one := range after.Refused {
			if slices.Contains(in.Proposed, one.Origin.File) || !known[one.String()] {
				refused[one.String()] = append(refused[one.String()], repo)
			}
		}
	}
	for key, repos := range changes {
		r.Changes = append(r.Changes, Change{key[0], key[1], key[2], repos})
	}
	slices.SortFunc(r.Changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	for _, text := range slices.Sorted(maps.Keys(refused)) {
		if repos := refused[text]; len(repos) < len(r.Repositories) {
			text = strings.Join(repos, ", ") + ": " + text
		}
		r.Refused = append(r.Refused, text)
	}
}

// addNotes adds the rules that are held back, and what cannot be known.
func (t *tally) addNotes() {
	r := t.result
	for h, n := range t.held {
		r.Held = append(r.Held, Held{h[0], h[1], n})
	}
	slices.SortFunc(r.Held, func(a, b Held) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Because, b.Because))
	})
	say := func(format string, args ...any) { r.Unknown = append(r.Unknown, fmt.Sprintf(format, args...)) }
	for _, name := range slices.Sorted(maps.Keys(t.unasked)) {
		say("%s was off when %s reviewed and would run under the proposed policy: its findings are not known.", name, were(t.unasked[name]))
	}
	if t.unseen[1] > 0 {
		say("%s in %s would not be ignored any more under the proposed policy: what is there is not known.", many(t.unseen[0], "changed file"), many(t.unseen[1], "pull request"))
	}
	if t.old > 0 {
		say("%s reviewed by a version of this program that kept less: of these it is not known who owned the code, what a rule in mode off found, whether a scanner did not finish, and what an enforced rule would have failed.", were(t.old))
	}
	for _, c := range r.Changes {
		switch key := strings.TrimPrefix(c.Key, "guardrails."); {
		case strings.HasPrefix(key, "accept."):
			say("What people decided of findings stays decided here: who would have been allowed to under %s is not replayed.", c.Key)
		case strings.HasPrefix(c.Key, "budget."):
			say("Whether a scanner would have finished under %s is not known.", c.Key)
		}
	}
}

func many(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func were(pulls int) string {
	if pulls == 1 {
		return "1 pull request was"
	}
	return fmt.Sprintf("%d pull requests were", pulls)
}
