package policy

import (
	"testing"

	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/scanners"
)

// TestTheLineThatAllowedADecision names the line of the guardrail that decided.
func TestTheLineThatAllowedADecision(t *testing.T) {
	t.Parallel()
	org, err := Parse("acme/.github/.secbydesign.yml", []byte(`version: 1
guardrails:
  accept:
    default: {max_severity: low}
    by_team:
      "@Acme/Payments":
        max_severity: high
      "@acme/docs":
        max_days: 5
    above:
      critical:
        people: 2
`))
	if err != nil {
		t.Fatal(err)
	}
	p := Merge(org, Layer{})
	lead := ownership.Person{Write: true, Lead: true, Owns: true}
	of := func(teams ...string) ownership.Person {
		return ownership.Person{Write: true, Owns: true, Teams: teams}
	}
	for name, tt := range map[string]struct {
		w    ownership.Request
		who  ownership.Person
		want string
	}{
		"below the ceiling":      {ownership.Request{Severity: scanners.Low}, of(), "acme/.github:.secbydesign.yml:4"},
		"of a team":              {ownership.Request{Severity: scanners.High}, of("@acme/payments"), "acme/.github:.secbydesign.yml:7"},
		"of another team":        {ownership.Request{Severity: scanners.Low}, of("@acme/docs"), "acme/.github:.secbydesign.yml:9"},
		"above, in the file":     {ownership.Request{Severity: scanners.Critical}, lead, "acme/.github:.secbydesign.yml:12"},
		"above, by default":      {ownership.Request{Severity: scanners.High}, lead, "defaults:guardrails.accept.above.high.people"},
		"renewed too often":      {ownership.Request{Severity: scanners.High, Before: 9}, lead, "acme/.github:.secbydesign.yml:12"},
		"wrong, however often":   {ownership.Request{Severity: scanners.Low, Before: 9, Wrong: true}, of(), "acme/.github:.secbydesign.yml:4"},
		"of a team without any":  {ownership.Request{Severity: scanners.Low}, of("@acme/else"), "acme/.github:.secbydesign.yml:4"},
		"of two teams, the best": {ownership.Request{Severity: scanners.High}, of("@acme/docs", "@acme/payments"), "acme/.github:.secbydesign.yml:7"},
	} {
		tt.w.Coded = true
		g, err := p.Guardrails.Accept.Weigh(tt.w, tt.who, tt.w.Until)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := p.Place(p.AllowedBy(tt.w, tt.who, g)); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
	d := Default()
	if got := d.Place(d.AllowedBy(ownership.Request{}, of(), ownership.Grant{})); got != "defaults:guardrails.accept.default.max_severity" {
		t.Errorf("without a file: %s", got)
	}
}
