package policy

import (
	"reflect"
	"testing"

	"github.com/secbydesign/secbydesign/scanners/design"
)

func TestTopics(t *testing.T) {
	t.Parallel()
	var want []string
	for _, topic := range design.Topics() {
		want = append(want, topic.Name)
	}
	if !reflect.DeepEqual(topics, want) {
		t.Errorf("topics are %q, want those of the questions: %q", topics, want)
	}
}

// TestDesignWords holds that the words of the organisation and those of the repository count together.
func TestDesignWords(t *testing.T) {
	t.Parallel()
	p := merged(t, `version: 1
controls: {authn-check: ["@acme_login", "@both"], rate-limit: [AcmeLimiter]}
own_hosts: ["*.acme.com", acme.io]
paved_roads: {files: use x/upload, access: use x/authn}
`, `version: 1
controls: {authn-check: ["@both", "@require_team"], tenant-filter: [scopedTo]}
own_hosts: [acme.io, team.example]
paved_roads: {access: use our own router}
`)
	if want := map[string][]string{"authn-check": {"@acme_login", "@both", "@require_team"}, "rate-limit": {"AcmeLimiter"}, "tenant-filter": {"scopedTo"}}; !reflect.DeepEqual(p.Controls, want) {
		t.Errorf("controls %q", p.Controls)
	}
	if want := []string{"*.acme.com", "acme.io", "team.example"}; !reflect.DeepEqual(p.OwnHosts, want) {
		t.Errorf("hosts %q", p.OwnHosts)
	}
	if want := map[string]string{"files": "use x/upload", "access": "use our own router"}; !reflect.DeepEqual(p.PavedRoads, want) {
		t.Errorf("paved roads %q", p.PavedRoads)
	}
	if p := Default(); p.Controls != nil || p.OwnHosts != nil || p.PavedRoads != nil {
		t.Errorf("defaults %+v", p)
	}
}
