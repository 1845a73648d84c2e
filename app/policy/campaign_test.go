package policy

import (
	"slices"
	"testing"
)

// TestCampaignsOfBothFiles holds that the campaigns of both files count, the organisation's first, and that explain
// names the line of each.
func TestCampaignsOfBothFiles(t *testing.T) {
	t.Parallel()
	parse := func(name, text string) Layer {
		l, err := Parse(name, []byte("version: 1\ncampaigns:\n"+text))
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	org := parse("org.yml", "  - {name: a, rule: gosec/G1, until: 2027-01-01}\n  - {name: b, until: 2027-01-02}\n")
	repo := parse("p.yml", "  - {name: c, path: src/**, severity: high, until: 2027-01-03}\n")
	p := Merge(org, repo)
	var got []string
	for _, c := range p.Campaigns {
		got = append(got, c.Name+" "+c.Rule+" "+c.Path+" "+c.Severity.String()+" "+c.Until.Format("01-02"))
	}
	if want := []string{"a gosec/G1  note 01-01", "b   note 01-02", "c  src/** high 01-03"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if at := p.Origin(Key{"campaigns", "2", "path"}); at.File != "p.yml" || at.Line != 3 || at.Layer != Repository {
		t.Errorf("the path of the third is of %v", at)
	}
	if alone := Merge(Layer{}, repo); len(alone.Campaigns) != 1 || len(alone.Refused) != 0 {
		t.Errorf("alone: %+v, %v", alone.Campaigns, alone.Refused)
	}
}

func TestPathProblem(t *testing.T) {
	t.Parallel()
	for glob, wrong := range map[string]bool{"src/**": false, "a[bc]": false, "/src": true, "src/": true, "[": true, "": true, "{{{{{": true} {
		if got := PathProblem(glob); (got != "") != wrong {
			t.Errorf("%q: %q", glob, got)
		}
	}
}
