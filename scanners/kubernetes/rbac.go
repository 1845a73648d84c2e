package kubernetes

import (
	"slices"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/infra"
	"github.com/secbydesign/secbydesign/scanners/internal/yamlpos"
)

func (c *checker) role(rules *yamlpos.Node) {
	for _, rule := range rules.List() {
		if has(rule.Get("verbs"), "*") && has(rule.Get("resources"), "*") && (has(rule.Get("apiGroups"), "*") || has(rule.Get("apiGroups"), "")) {
			f := c.add(wildcard, rule.Line, c.name+" allows every verb on every resource.")
			f.Extents = []scanners.Extent{{Of: "groups", To: 1}}
			if has(rule.Get("apiGroups"), "*") {
				f.Extents[0].To = 2
			}
		}
	}
}

// has reports whether text is an item of the list.
func has(list *yamlpos.Node, text string) bool {
	for _, item := range list.List() {
		if item != nil && item.Kind == yamlpos.Scalar && item.Text == text {
			return true
		}
	}
	return false
}

// bound returns the extents of a role binding: who gets the role, ranked by how many they are, and which
// role.
func bound(who, role string) []scanners.Extent {
	level := func(list []string, name string) int { return slices.Index(list, name) + 1 }
	return []scanners.Extent{
		{Of: "who", To: level([]string{"default", "system:serviceaccounts", "system:authenticated", "system:unauthenticated", "system:anonymous"}, who)},
		{Of: "role", To: level([]string{"view", "edit", "admin", "cluster-admin"}, role)},
	}
}

func (c *checker) binding(n *yamlpos.Node) {
	role := n.Get("roleRef", "name").String()
	for _, subject := range n.Get("subjects").List() {
		name := subject.Get("name")
		strong := role == "cluster-admin" || role == "admin" || role == "edit"
		before := len(c.found)
		switch who := name.String(); {
		case who == "system:anonymous", who == "system:unauthenticated" && !harmless(role):
			c.add(binding, name.Line, c.name+" gives "+infra.Name(role)+" to everybody, without signing in.", who, role)
		case who == "system:authenticated" && strong:
			c.add(binding, name.Line, c.name+" gives "+infra.Name(role)+" to everybody who can sign in.", who, role)
		case who == "system:serviceaccounts" && strong:
			c.add(binding, name.Line, c.name+" gives "+infra.Name(role)+" to every service account.", who, role)
		case who == "default" && role == "cluster-admin" && subject.Get("kind").String() == "ServiceAccount":
			c.add(binding, name.Line, c.name+" gives cluster-admin to a default service account, which every pod of the namespace has.",
				who, role, subject.Get("namespace").String())
		}
		if len(c.found) > before {
			c.found[before].Extents = bound(name.String(), role)
		}
	}
}

// harmless reports whether Kubernetes itself grants the role to users who have not signed in
// (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#discovery-roles).
func harmless(role string) bool {
	return role == "system:public-info-viewer" || role == "system:discovery" || role == "system:basic-user"
}
