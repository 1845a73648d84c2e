package policy_test

import (
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/policy"
)

// TestDefaultOwner merges what an organisation and a repository say. A repository never takes what the organisation has
// given to a team: the ceiling of that team counts on it.
func TestDefaultOwner(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, organisation, repository string
		want, refused                  string
	}{
		{"nobody", ``, ``, "", ""},
		{"the organisation", `default: "@acme/platform"`, ``, "@acme/platform", ""},
		{"the repository, alone", ``, `default: "@olga"`, "@olga", ""},
		{"both, the same", `default: "@acme/platform"`, `default: "@acme/platform"`, "@acme/platform", ""},
		{"a repository that takes it", `default: "@acme/platform"`, `default: "@acme/payments"`, "@acme/platform", "r.yml:2:22: ownership.default: the organisation says who owns what nobody else owns (organisation, o.yml:2)"},
		{"the security team of the organisation", `security: ["@acme/sec"]`, `default: "@Acme/Sec"`, "", "r.yml:2:22: ownership.default: the security team advises"},
		{"the repository's own security team", `default: "@acme/sec"`, `security: ["@acme/x", "@acme/sec"]`, "", "o.yml:2:22: ownership.default: the security team advises"},
		{"a repository that renames the security team", `security: ["@acme/sec"]`, `security: ["@acme/x"], default: "@acme/sec"`, "", "r.yml:2:45: ownership.default: the security team advises"},
	} {
		layer := func(file, ownership string) policy.Layer {
			l, err := policy.Parse(file, []byte("version: 1\nownership: {"+ownership+"}\n"))
			if err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			return l
		}
		p := policy.Merge(layer("o.yml", tt.organisation), layer("r.yml", tt.repository))
		var refused []string
		for _, r := range p.Refused {
			refused = append(refused, r.String())
		}
		if p.DefaultOwner != tt.want || !strings.HasPrefix(strings.Join(refused, "; "), tt.refused) || (tt.refused == "") != (len(refused) == 0) {
			t.Errorf("%s: %q, refused %q; want %q, %q", tt.name, p.DefaultOwner, refused, tt.want, tt.refused)
		}
	}
}
