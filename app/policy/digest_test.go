package policy

import (
	"strings"
	"testing"
)

func layerOf(t *testing.T, text string) Layer {
	t.Helper()
	l, err := Parse(File, []byte("version: 1\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestDigest(t *testing.T) {
	t.Parallel()
	org := layerOf(t, `digest: {"@acme/payments": acme/security, "@acme/core": none}`)
	repo := layerOf(t, `digest: {"@Acme/Payments": acme/shop, "@acme/core": acme/shop, "@acme/web": acme/shop}`)
	p := Merge(org, repo)
	for team, want := range map[string]string{
		"@acme/payments": "acme/security", "@ACME/Payments": "acme/security", "@acme/core": "", "@acme/web": "acme/shop", "@acme/x": "", "": "",
	} {
		d, ok := p.Digest(team)
		if ok != (want != "") || ok && d.Repo != want {
			t.Errorf("%s: %+v %v, want %q", team, d, ok, want)
		}
		if ok && d.Own != (want == "acme/shop") {
			t.Errorf("%s: %+v: whose file?", team, d)
		}
	}
	if len(p.Refused) != 2 || !strings.Contains(p.Refused[0].Because, "organisation") {
		t.Errorf("refused: %v", p.Refused)
	}
	if text := p.Explain(); !strings.Contains(text, "@acme/payments") || strings.Contains(text, "@Acme/Payments  ") {
		t.Errorf("explained as\n%s", text)
	}
	if d, ok := Merge(Layer{}, repo).Digest("@acme/payments"); !ok || !d.Own {
		t.Errorf("without the organisation: %+v %v", d, ok)
	}
}

func TestIsSecurity(t *testing.T) {
	t.Parallel()
	p := Merge(layerOf(t, `ownership: {security: ["@acme/appsec"]}`), Layer{})
	if !p.IsSecurity("@Acme/AppSec") || p.IsSecurity("@acme/payments") || Default().IsSecurity("") {
		t.Error("who is security?")
	}
}
