package checks

import (
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
)

// inCode turns gates and findings of secrets into those of a flaw in the code.
func inCode(gates []Gate) []Gate {
	for i := range gates {
		gates[i].Name = scanners.Code
		for k := range gates[i].Runs {
			gates[i].Runs[k].Gate = scanners.Code
		}
		for k := range gates[i].Findings {
			f := &gates[i].Findings[k]
			f.Gate, f.CWE, f.Title = scanners.Code, "CWE-79", "Cross-site scripting"
		}
	}
	return gates
}

// TestAPushedSecretIsNotFixed has findings disappear. A secret that was pushed has to be revoked, and everything that the
// pull request shows says so, for as long as it shows the thread.
func TestAPushedSecretIsNotFixed(t *testing.T) {
	t.Parallel()
	const branch, code = "**Gone from the branch since `2222222222`, but not fixed: GitHub keeps the commit that held the secret reachable. Revoke the secret, unless that was done.**", "**Gone from the code since"
	of := func(gate scanners.Gate, cwe string) Finding {
		f := finding("a.py", 2, scanners.High, scanners.New)
		f.Gate, f.CWE = gate, cwe
		return f
	}
	for name, c := range map[string]struct {
		f       Finding
		history bool
		want    string
	}{
		"a secret, of a scanner of the history": {of(scanners.Secrets, "CWE-798"), true, branch},
		"a secret without a CWE":                {of(scanners.Secrets, ""), true, branch},
		"a secret, of another scanner":          {of(scanners.Secrets, "CWE-312"), false, code},
		"a password in the code":                {of(scanners.Code, "CWE-259"), false, code},
		"a key in the infrastructure":           {of(scanners.Infrastructure, "CWE-321"), false, code},
		"a flaw":                                {of(scanners.Code, "CWE-79"), false, "**Fixed in `2222222222`.**"},
		"a flaw without a CWE":                  {of(scanners.Code, ""), false, "**Fixed in `2222222222`.**"},
		"cleartext storage":                     {of(scanners.Infrastructure, "CWE-312"), false, "**Fixed in `2222222222`.**"},
	} {
		in := Input{Base: base40, Head: head40, Patch: mustPatch(t, "a.py"), Gates: gate(c.f), Limit: 10, History: map[string]bool{"gitleaks": c.history}}
		in.Gates[0].Name, in.Gates[0].Runs[0].Gate = c.f.Gate, c.f.Gate
		var p page
		p.apply(Reconcile(Compose(in), nil, in.Head), everything)
		secret := !strings.HasPrefix(c.want, "**Fixed")

		// While a commit of the branch holds it, the thread stays open.
		later := c.f
		later.Commit = strings.Repeat("3", 40)
		in.Gates[0].Findings, in.Posted, in.Threads = []Finding{later}, p.threads, map[string]bool{c.f.Fingerprint: true}
		rep := Compose(in)
		if p.apply(Reconcile(rep, p.threads, in.Head), everything); !p.threads[0].Open() || strings.Contains(rep.Check.Summary, "Revoke") {
			t.Errorf("%s: in the history only, the thread is\n%s", name, p.threads[0].Body)
		}
		in.Gates[0].Findings = nil
		for _, when := range []string{"at once", "by the next review", "once the threads are closed"} {
			in.Posted = p.threads
			rep = Compose(in)
			if when != "at once" {
				p.apply(Reconcile(rep, p.threads, in.Head), everything)
			}
			if when == "once the threads are closed" {
				rep = rep.At(p.threads, map[string]bool{})
			}
			for what, text := range map[string]string{"the check": rep.Check.Summary, "its gate": rep.Gates[0].Summary, "the summary": rep.SummaryText(p.threads, nil, true)} {
				if what == "the summary" && when == "at once" {
					continue // it is written after the threads
				}
				if strings.Contains(text, "gone from the branch, but not fixed") != secret || strings.Contains(text, "· gone since `2222222222` · `"+c.f.ID()+"`") != secret {
					t.Errorf("%s, %s: %s says\n%s", name, when, what, text)
				}
			}
		}
		if !strings.HasPrefix(p.threads[0].Body, c.want) {
			t.Errorf("%s: the thread ends as\n%.300s\nwant %s", name, p.threads[0].Body, c.want)
		}
		if n := total(credit(p.threads)); (n == 0) != secret {
			t.Errorf("%s: %d count as fixed", name, n)
		}
		if again := Reconcile(Compose(in), p.threads, in.Head); !again.Empty() {
			t.Errorf("%s: a second run writes again: %+v", name, again)
		}

		// It is back: the thread opens again, and nothing is gone.
		in.Gates[0].Findings, in.Posted, in.Threads = []Finding{c.f}, p.threads, map[string]bool{c.f.Fingerprint: false}
		rep = Compose(in)
		if p.apply(Reconcile(rep, p.threads, in.Head), everything); !p.threads[0].Open() || strings.Contains(rep.Check.Summary, "gone since") {
			t.Errorf("%s: back again, the check says\n%s", name, rep.Check.Summary)
		}
	}
}

// TestWhatPeopleDecidedIsNotGone: a false positive needs no revoking once it disappears.
func TestWhatPeopleDecidedIsNotGone(t *testing.T) {
	t.Parallel()
	f := finding("a.py", 2, scanners.High, scanners.New)
	in := Input{Base: base40, Head: head40, Patch: mustPatch(t, "a.py"), Gates: gate(f), Limit: 10}
	var p page
	p.apply(Reconcile(Compose(in), nil, in.Head), everything)
	f.Decided = &Decided{ID: "A-ABCDEFGH", How: "marked as a false positive", By: []string{"mona"}}
	in.Gates, in.Threads = gate(f), map[string]bool{f.Fingerprint: true}
	p.apply(Reconcile(Compose(in), p.threads, in.Head), everything)
	in.Gates, in.Posted = gate(), p.threads
	rep := Compose(in)
	p.apply(Reconcile(rep, p.threads, in.Head), everything)
	if strings.Contains(rep.Check.Summary+p.threads[0].Body, "evoke the secret") {
		t.Errorf("it is to be revoked:\n%s\n%s", rep.Check.Summary, p.threads[0].Body)
	}
}

// TestSecretsOfTheBase: a change that takes a secret out of the code leaves it in the history.
func TestSecretsOfTheBase(t *testing.T) {
	t.Parallel()
	secret, flaw := finding("a.py", 2, scanners.High, scanners.Absent), finding("b.py", 2, scanners.High, scanners.Absent)
	flaw.Gate, flaw.CWE = scanners.Code, "CWE-79"
	rep := Compose(Input{Base: base40, Head: head40, Patch: mustPatch(t, "a.py", "b.py"), Gates: gate(secret, flaw), Limit: 10})
	fixed, rest, _ := strings.Cut(rep.Check.Summary, "### Taken out of the code, but still in its history: revoke what is not revoked yet\n")
	if !strings.Contains(fixed, "### Fixed by this change\n") || !strings.Contains(fixed, flaw.ID()) || strings.Contains(fixed, secret.ID()) || !strings.Contains(rest, secret.ID()) {
		t.Errorf("the check says\n%s", rep.Check.Summary)
	}
}

// TestClosedThreadsOfferNothing: the commands of an open finding are gone, and are back with it.
func TestClosedThreadsOfferNothing(t *testing.T) {
	t.Parallel()
	for name, in := range inputs(t) {
		for _, c := range Compose(in).Comments {
			closed := closedBody(c.Body, "Fixed in `2222222222`.")
			if !strings.Contains(c.Body, "/secbydesign") || strings.Contains(closed, "/secbydesign") || strings.Count(closed, "<details>") != strings.Count(closed, "</details>") {
				t.Errorf("%s: closed, it is\n%s", name, closed)
			}
		}
	}
}
