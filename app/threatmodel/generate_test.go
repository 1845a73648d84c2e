package threatmodel_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/secbydesign/secbydesign/app/threatmodel"
)

// A chooser makes models of all shapes.
type chooser struct{ *rand.Rand }

func newChooser(seed uint64) chooser { return chooser{rand.New(rand.NewPCG(seed, 7))} }

func pick[T any](c chooser, list []T) T { return list[c.IntN(len(list))] }

var words = []string{
	"billing", "The billing service", "yes", "No", "null", "~", "1", "0x1f", "1e5", "2026-08-20", "a: b", "a #b", "#b", "- a", "{a}", "[a]", "*a", "&a", "!a",
	"@anna", "team:payments", `"q"`, `'q'`, `\back`, "%a", "`a`", "a, b", "öäü 日本", "true story", "::", ".inf", "?", "|", ">", "=", "<script>", "a & b", "x]y", "  x",
}

func (c chooser) text() string {
	if c.IntN(3) == 0 {
		return ""
	}
	return trimmed(pick(c, words))
}

func trimmed(s string) string {
	for s[0] == ' ' {
		s = s[1:]
	}
	return s
}

func (c chooser) list(from []string) (out []string) {
	seen := map[string]bool{}
	for range c.IntN(4) {
		if s := trimmed(pick(c, from)); !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

func (c chooser) maybe(from []string) string {
	if len(from) == 0 || c.IntN(3) == 0 {
		return ""
	}
	return pick(c, from)
}

func (c chooser) day() time.Time {
	return time.Date(2020+c.IntN(20), time.Month(1+c.IntN(12)), 1+c.IntN(28), 0, 0, 0, 0, time.UTC)
}

var (
	kinds    = []string{"service", "job", "ui", "library", "function", "datastore", "queue", "external"}
	classes  = []string{"public", "internal", "confidential", "restricted"}
	statuses = []string{"open", "decided", "implemented", "not_applicable", "accepted_risk"}
	topics   = []string{"access", "public", "data", "external", "control", "design"}
	exposed  = []string{"", "internal", "external"}
	globs    = []string{"services/billing/**", "**/*.go", "proto/*.{proto,txt}", "a b/**", "cmd/x"}
	covers   = []string{"* /v1/**", "POST /invoices", "GET /users/{id}", "*.stripe.com", "users.*", "GET /{a,b}/**"}
	hosts    = []string{"api.stripe.com", "*.example.com", "localhost:8080"}
	fields   = []string{"users.email", "users.*", "public.users.phone"}
	asvs     = []string{"v5.0.0-8.1.1", "v5.0.0-14.1.2"}
	proofs   = []string{"a/b_test.go#TestRefuses", "policy/rego", "x_test.py#test a"}
)

// model makes a model that Parse accepts.
func (c chooser) model() *threatmodel.Model {
	m := &threatmodel.Model{}
	if c.IntN(3) > 0 {
		m.System = threatmodel.System{ID: "shop", Title: c.text(), Exposure: pick(c, exposed), Tier: c.maybe([]string{"mission_critical", "business_critical", "important", "non_critical"})}
	}
	var zones, data, components []string
	for i := range c.IntN(4) {
		id := fmt.Sprintf("z%d", i)
		zones = append(zones, id)
		m.Zones = append(m.Zones, threatmodel.Zone{ID: id, Title: c.text(), Trust: c.IntN(101)})
	}
	for i := range c.IntN(4) {
		id := fmt.Sprintf("d-%d", i)
		data = append(data, id)
		m.Data = append(m.Data, threatmodel.Data{ID: id, Title: c.text(), Class: pick(c, classes), Sensitivity: c.list([]string{"pii", "phi", "cred", "op"}), Retention: c.text(), Fields: c.list(fields)})
	}
	for i := range c.IntN(6) {
		id := fmt.Sprintf("c%d", i)
		one := threatmodel.Component{
			ID: id, Title: c.text(), Kind: pick(c, kinds), Parent: c.maybe(components), Paths: c.list(globs), Owner: c.maybe([]string{"team:payments", "@anna", "@org/team"}),
			Zone: c.maybe(zones), Exposure: pick(c, exposed), Authn: c.list(words), Hosts: c.list(hosts), Resources: c.list(words), Notes: c.list(words),
		}
		if len(data) > 0 {
			one.Holds = c.list(data)
		}
		for range c.IntN(3) {
			one.Secrets = append(one.Secrets, threatmodel.Secret{Name: "STRIPE_API_KEY", Store: c.text(), Rotate: c.text()})
			one.Crypto = append(one.Crypto, threatmodel.Crypto{Use: trimmed(pick(c, words)), Alg: c.text(), Key: c.text()})
		}
		components = append(components, id)
		m.Components = append(m.Components, one)
	}
	if ends := append(append([]string(nil), zones...), components...); len(ends) > 0 {
		for i := range c.IntN(5) {
			f := threatmodel.Flow{ID: fmt.Sprintf("f%d", i), From: pick(c, ends), To: pick(c, ends), Protocol: c.text(), Auth: c.text(), Hosts: c.list(hosts), Tools: c.list(words)}
			if len(data) > 0 {
				f.Data = c.list(data)
			}
			m.Flows = append(m.Flows, f)
		}
	}
	if len(components) > 0 {
		for i := range c.IntN(5) {
			m.Decisions = append(m.Decisions, c.decision(i, components))
		}
	}
	for i := range c.IntN(3) {
		m.Roles = append(m.Roles, threatmodel.Role{Name: fmt.Sprintf("Permission.%d", i), Allows: c.text(), Default: c.text()})
	}
	return m
}

func (c chooser) decision(i int, components []string) threatmodel.Decision {
	d := threatmodel.Decision{
		ID: fmt.Sprintf("D-%04d", i), Component: pick(c, components), Topic: pick(c, topics), ASVS: c.list(asvs), Status: pick(c, statuses),
		Text: c.text(), Public: c.IntN(2) == 0, Covers: c.list(covers), Evidence: c.list(proofs), By: c.text(),
	}
	if d.Status != "open" && d.Text == "" {
		d.Text = "Every route sits behind requireUser."
	}
	if c.IntN(2) == 0 {
		d.At = c.day()
		if c.IntN(2) == 0 {
			d.ReviewAfter = d.At.AddDate(0, 6, 0)
		}
	}
	return d
}

// bare removes the places of a model.
func bare(m *threatmodel.Model) *threatmodel.Model {
	if m == nil {
		return nil
	}
	m.System.At = threatmodel.Place{}
	for i := range m.Zones {
		m.Zones[i].At = threatmodel.Place{}
	}
	for i := range m.Data {
		m.Data[i].At = threatmodel.Place{}
	}
	for i := range m.Components {
		m.Components[i].At = threatmodel.Place{}
	}
	for i := range m.Flows {
		m.Flows[i].At = threatmodel.Place{}
	}
	for i := range m.Decisions {
		m.Decisions[i].Place = threatmodel.Place{}
	}
	for i := range m.Roles {
		m.Roles[i].At = threatmodel.Place{}
	}
	return m
}
