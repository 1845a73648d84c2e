package review

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/command"
	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

var commandCode = regexp.MustCompile("`(/secbydesign [^`]+)`")

// TestCommentsOfferWhatIsGranted reads each command out of comments on findings of all severities, under several
// guardrails, and weighs it as its execution does, for everybody who may write it.
func TestCommentsOfferWhatIsGranted(t *testing.T) {
	t.Parallel()
	now := time.Now()
	owners, problems := ownership.Parse("/pay/ @acme/payments @mona\n/web/ @acme/web\n")
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	strict, teams, none := ownership.Default(), ownership.Default(), ownership.Default()
	strict.Default = ownership.Ceiling{MaxSeverity: scanners.Low, MaxDays: 3, ReasonMin: 150}
	strict.Above[scanners.Critical] = ownership.Quorum{People: 1, From: ownership.Lead, MaxDays: 1, Distinct: true}
	teams.ByTeam = map[string]ownership.Ceiling{"@acme/payments": {MaxSeverity: scanners.Critical, MaxDays: 5, ReasonMin: 80}, "@acme/web": {MaxSeverity: scanners.High, MaxDays: 400}}
	none.Never = []string{"*"}
	var decided []decision.Decision
	for i := range 4 { // as often as nobody may any more
		decided = append(decided, decision.Decision{ID: fmt.Sprint(i), Verb: "accept", Rule: "osv/CVE-2", Fingerprint: strings.Repeat("c", 26) + ":1", Path: "free/go.mod"})
	}
	offered := map[command.Verb]int{}
	for name, rules := range map[string]ownership.Rules{"default": ownership.Default(), "strict": strict, "teams": teams, "none": none} {
		for severity := scanners.Note; severity <= scanners.Critical; severity++ {
			for _, folder := range []string{"pay", "web", "free"} {
				var findings []checks.Finding
				for i, rule := range []string{"CVE-1", "malicious-package", "CVE-2"} {
					findings = append(findings, checks.Finding{Comment: true, Result: scanners.Result{
						Scanner: "osv", Gate: scanners.Dependencies, State: scanners.New, Fingerprint: strings.Repeat(string(rune('a'+i)), 26) + ":1",
						Finding: scanners.Finding{Rule: rule, Severity: severity, Path: folder + "/go.mod", Line: 1, Title: "A hole", Message: "It has a hole.", Package: "p"},
					}})
				}
				for _, shown := range [][]checks.Finding{findings, findings[:1], findings[1:2]} {
					rep := checks.Compose(checks.Input{
						Gates: []checks.Gate{{Name: scanners.Dependencies, Findings: shown}}, Limit: 5, Threads: map[string]bool{shown[0].Fingerprint: true},
						Allowed: allowed(rules, func() *ownership.Map { return &ownership.Map{Codeowners: owners} }, 7, decided),
					})
					if len(rep.Comments) != 1 {
						t.Fatalf("%d comments", len(rep.Comments))
					}
					button := slices.ContainsFunc(rep.Check.Actions, func(a checks.Action) bool { return a.Identifier == checks.Accept })
					if accepts := strings.Contains(rep.Comments[0].Body, "/secbydesign accept"); accepts != button {
						t.Errorf("%s, %s: the comment offers an acceptance: %v, the check: %v", name, severity, accepts, button)
					}
					for _, m := range commandCode.FindAllStringSubmatch(rep.Comments[0].Body, -1) {
						c, err := command.Parse(m[1], now)
						if err != nil {
							t.Errorf("%s, %s: %q: %v", name, severity, m[1], err)
							continue
						}
						offered[c.Verb]++
						granted(t, rules, owners, decided, c, shown, now)
					}
				}
			}
		}
	}
	for _, verb := range []command.Verb{command.Accept, command.FP, command.NotAffected, command.NotUseful} {
		if offered[verb] < 20 {
			t.Errorf("%s was offered %d times", verb, offered[verb])
		}
	}
}

// granted weighs a command, for each finding that it is about and each reader.
func granted(t *testing.T, rules ownership.Rules, owners ownership.Owners, decided []decision.Decision, c command.Command, shown []checks.Finding, now time.Time) {
	t.Helper()
	for _, f := range shown {
		if c.Verb == command.NotUseful || len(c.IDs) > 0 && !slices.Contains(c.IDs, f.ID()) {
			continue
		}
		for _, p := range ownership.Readers(owners.Of(f.Path)) {
			w := ownership.Request{
				Rule: f.RuleID(), Severity: f.Severity, Until: c.Until, Reason: c.Reason,
				Wrong: c.Verb != command.Accept, Coded: c.Verb == command.NotAffected,
				Before: decision.Decision{Rule: f.RuleID(), Fingerprint: f.Fingerprint, Path: f.Path, Number: 7}.Before(decided),
			}
			if _, err := rules.Weigh(w, p, now); err != nil {
				t.Errorf("%s for %s (%s): %v", c.Line(), f.RuleID(), f.Severity, err)
			}
		}
	}
}
