package app_test

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/demo"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// A decider makes decisions on a pull request and waits for the check.
type decider struct {
	b    *testing.B
	w    *demo.World
	pull int
}

// newDecider opens a pull request that brings a finding into a file of a team, in an organisation with a security team.
func newDecider(b *testing.B, finding string) *decider {
	b.Helper()
	w, err := demo.NewWorld(b.TempDir(), "")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(w.GitHub.Close)
	w.Settings.Workers = "4"
	if err := w.Start(context.Background(), zerolog.New(io.Discard).Level(zerolog.InfoLevel)); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := w.Stop(); err != nil {
			b.Error("stop:", err)
		}
	})
	w.GitHub.CreateOrg("acme")
	repo := w.GitHub.CreateRepo("acme", "shop", true)
	w.GitHub.Install("acme")
	base := repo.Commit("main", "", "base", map[string]string{
		"a.py": "a = 1\n", ".github/CODEOWNERS": "* @acme/payments\n", ".secbydesign.yml": blocking + "ownership: {security: [\"@acme/security\"]}\n",
	})
	for _, login := range []string{"mona", "olga"} {
		repo.SetPermission(login, "write")
	}
	w.GitHub.CreateTeam("acme", "payments", "mona", "olga")
	w.GitHub.CreateTeam("acme", "security", "sam")
	repo.Commit("change", base, "change", map[string]string{"a.py": "a = 1\n" + finding})
	d := &decider{b: b, w: w, pull: repo.OpenPull("Change", "", "main", "change", "mona", false)}
	d.becomes("failure", "1 new finding")
	return d
}

func (d *decider) run() (run fakegithub.CheckRun) {
	for _, one := range d.w.GitHub.CheckRuns("acme", "shop", d.w.GitHub.Pull("acme", "shop", d.pull).HeadSHA) {
		if one.Name == checks.Name {
			return one
		}
	}
	return run
}

// becomes waits for a conclusion.
func (d *decider) becomes(conclusion, title string) {
	d.b.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if run := d.run(); run.Status == "completed" && run.Conclusion == conclusion && strings.Contains(run.Title, title) {
			return
		}
		if time.Now().After(deadline) {
			d.b.Fatalf("the check is %+v, want %s", d.run(), conclusion)
		}
	}
}

func (d *decider) note(login, text string) { d.w.GitHub.Note("acme", "shop", d.pull, login, text) }

// waiting returns the decision that waits for another person, and is not one of those before.
func (d *decider) waiting(before map[string]bool) string {
	d.b.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		for _, k := range d.w.GitHub.IssueComments("acme", "shop", d.pull) {
			if id := decisionIn(k.Body); strings.Contains(k.Body, "waits as") && !before[id] {
				before[id] = true
				return id
			}
		}
	}
	d.b.Fatal("no decision waits")
	return ""
}

// BenchmarkDecision measures the time from a command to the changed check: a person accepts a medium finding alone, and
// an owner confirms that a high one is accepted. Between two of them the decision is revoked. It reports the median and
// the 95th percentile, in milliseconds. Nobody of the security team does anything.
func BenchmarkDecision(b *testing.B) {
	for _, kind := range []string{"alone", "confirmed"} {
		b.Run(kind, func(b *testing.B) {
			finding := mild(1)
			if kind == "confirmed" {
				finding = leak(1)
			}
			d := newDecider(b, finding)
			id := d.run().Summary
			id = id[strings.Index(id, "`F-")+1:][:10]
			known := map[string]bool{}
			var took []time.Duration
			for b.Loop() {
				accept := "/secbydesign accept " + id + " until=30d" + because
				began := time.Now()
				if d.note("mona", accept); kind == "confirmed" {
					waits := d.waiting(known)
					began = time.Now()
					d.note("olga", "/secbydesign confirm "+waits)
				}
				d.becomes("success", "1 accepted")
				took = append(took, time.Since(began))
				d.note("olga", "/secbydesign reopen "+id)
				d.becomes("failure", "1 new finding")
			}
			slices.Sort(took)
			at := func(share float64) float64 {
				return float64(took[int(share*float64(len(took)-1))].Milliseconds())
			}
			b.ReportMetric(at(0.5), "median-ms")
			b.ReportMetric(at(0.95), "p95-ms")
			for _, k := range d.w.GitHub.IssueComments("acme", "shop", d.pull) {
				if strings.Contains(k.Body, "@acme/security") || k.Author == "sam" {
					b.Errorf("security is involved: %s", k.Body)
				}
			}
		})
	}
}
