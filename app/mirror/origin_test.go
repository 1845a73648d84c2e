package mirror

import "testing"

func TestOrigin(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://github.com/acme/shop.git":         "acme/shop",
		"https://token@github.example/acme/shop/":  "acme/shop",
		"git@github.com:acme/shop.git":             "acme/shop",
		"ssh://git@github.com:22/acme/shop":        "acme/shop",
		"/home/olga/acme/shop":                     "/",
		"file:///srv/acme/shop":                    "/",
		"https://gitlab.example/acme/sub/shop.git": "/",
		"https://github.com/acme":                  "/",
		"":                                         "/",
		"::://":                                    "/",
	} {
		b := workTree(t)
		if address != "" {
			b.git(t, "", "config", "remote.origin.url", address)
		}
		owner, name := openLocal(t, b.dir).Origin(t.Context())
		if got := owner + "/" + name; got != want {
			t.Errorf("%q is %q, want %q", address, got, want)
		}
	}
}
