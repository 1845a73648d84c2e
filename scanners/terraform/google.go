package terraform

import (
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/infra"
)

// members reports rights granted to everybody, or to everybody with a Google account.
func (c *checker) members(at block) {
	b := at.body
	switch {
	case strings.HasPrefix(at.kind, "google_") && (strings.HasSuffix(at.kind, "_iam_member") || strings.HasSuffix(at.kind, "_iam_binding")):
		c.binding(at, b, "member", "members")
	case at.kind == "data.google_iam_policy":
		for _, binding := range b.blocks("binding") {
			c.binding(at, binding, "members")
		}
	case strings.HasPrefix(at.kind, "google_storage_"):
		c.everybody(at, b, "entity", "role_entity")
	case at.kind == "google_bigquery_dataset_access":
		c.everybody(at, b, "special_group", "iam_member")
	case at.kind == "google_bigquery_dataset":
		for _, access := range b.blocks("access") {
			c.everybody(at, access, "special_group", "iam_member")
		}
	}
}

func (c *checker) binding(at block, b body, names ...string) {
	role, _ := b.get("role").(string)
	if strings.HasSuffix(role, "nvoker") { // a web service is meant to be called
		return
	}
	c.everybody(at, b, names...)
}

func (c *checker) everybody(at block, b body, names ...string) {
	for _, name := range names {
		for _, who := range texts(b.get(name)) {
			who = who[strings.LastIndexByte(who, ':')+1:] // the role is in front of it
			message := "gives rights to allUsers, which is everybody."
			switch who {
			case "allAuthenticatedUsers":
				message = "gives rights to allAuthenticatedUsers, which is everybody with a Google account."
			case "allUsers":
			default:
				continue
			}
			rule := publicBucket
			if !strings.HasPrefix(at.kind, "google_storage_") {
				rule = publicRights
			}
			f := c.add(rule, at, first(b, name), message, who)
			f.Extents = rights(b, who)
		}
	}
}

// rights returns the extents of a binding: who is granted the role, and how powerful the role is.
func rights(b body, who string) []scanners.Extent {
	level := 1
	if who == "allUsers" {
		level = 2
	}
	list := []scanners.Extent{{Of: "who", To: level}}
	for _, name := range []string{"role", "role_entity"} {
		for _, role := range texts(b.get(name)) {
			role, _, _ = strings.Cut(role, ":")
			list = append(list, scanners.Extent{Of: "role", To: roleLevel(role)})
		}
	}
	return list
}

// roleLevel ranks roles of Google Cloud by power, judging from the ends of their names.
func roleLevel(role string) int {
	lower := strings.ToLower(role[strings.LastIndexAny(role, "./")+1:])
	for level, ends := range [][]string{{"viewer", "reader", "user"}, {"creator", "publisher", "subscriber"}, {"writer", "editor"}, {"admin", "owner"}} {
		for _, end := range ends {
			if strings.HasSuffix(lower, end) {
				return level + 1
			}
		}
	}
	return 0
}

// machineData are the keys of a machine's metadata that weaken it.
var machineData = map[string]struct {
	rule infra.Rule
	bad  bool
	what string
}{
	"serial-port-enable": {serialPort, true, "can be reached through its serial port from any address."},
	"enable-oslogin":     {osLogin, false, "takes SSH keys from its metadata, and not by OS Login."},
}

// metadata checks the metadata of machines and of projects.
func (c *checker) metadata(at block) {
	switch at.kind {
	case "google_compute_project_metadata_item":
		key, _ := at.body.get("key").(string)
		c.entry(at, at.body.Attributes["value"], key, at.body.get("value"))
	case "google_compute_instance", "google_compute_instance_template", "google_compute_region_instance_template",
		"google_compute_instance_from_template", "google_compute_project_metadata":
		a := at.body.Attributes["metadata"]
		if a == nil {
			return
		}
		object, ok := a.Expr.(*hclsyntax.ObjectConsExpr)
		if !ok {
			return
		}
		for _, item := range object.Items {
			entry := &hclsyntax.Attribute{Expr: item.ValueExpr, SrcRange: item.ValueExpr.Range()}
			c.entry(at, entry, at.body.in.key(item.KeyExpr), at.body.in.literal(item.ValueExpr))
		}
	}
}

func (c *checker) entry(at block, a *hclsyntax.Attribute, key string, value any) {
	data, ok := machineData[key]
	if on, known := enabled(value); ok && known && on == data.bad {
		c.add(data.rule, at, a.SrcRange, data.what, key)
	}
}

// enabled reads a boolean of the metadata of Google's machines
// (https://cloud.google.com/compute/docs/metadata/predefined-metadata-keys).
func enabled(v any) (on, known bool) {
	s, ok := text(v)
	if !ok {
		return false, false
	}
	switch strings.ToLower(s) {
	case "true", "y", "yes", "1":
		return true, true
	case "false", "n", "no", "0":
		return false, true
	}
	return false, false
}
