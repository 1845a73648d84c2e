package mirror

import (
	"context"
	"net/url"
	"strings"
)

// Origin returns the owner and the name of a local repository at its host, from the address of the remote "origin":
// "acme" and "shop" for https://github.com/acme/shop.git. Both are empty if the address does not say them, and for a
// mirror.
func (r *Repo) Origin(ctx context.Context) (owner, name string) {
	if r.local == nil {
		return "", ""
	}
	out, err := r.inside(ctx, "config", "--null", "--get", "remote.origin.url")
	if err != nil {
		return "", "" // it has none
	}
	return ownerAndName(strings.TrimSuffix(string(out), "\x00"))
}

// ownerAndName reads the address of a repository. A path on this machine says nothing.
func ownerAndName(address string) (owner, name string) {
	path := ""
	if m := scpLike.FindStringSubmatch(address); m != nil && !strings.Contains(address, "://") {
		path = m[3]
	} else if u, err := url.Parse(address); err == nil && u.Host != "" {
		path = u.Path
	}
	owner, name, ok := strings.Cut(strings.Trim(path, "/"), "/")
	name = strings.TrimSuffix(name, ".git")
	if !ok || owner == "" || name == "" || strings.Contains(name, "/") {
		return "", ""
	}
	return owner, name
}
