package threatmodel

import (
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/strictyaml"
)

// Namespaces of ids. Zones and components share one, since a flow names either.
const (
	nodes     = "node"
	zones     = "zone"
	parts     = "component"
	datas     = "data"
	flows     = "flow"
	decisions = "decision"
	roles     = "role"
)

// list returns the function that reads a list of mappings.
func (r *reader) list(name, example string, read func(strictyaml.Value)) func(strictyaml.Value) {
	return func(v strictyaml.Value) {
		if !v.Is(strictyaml.Sequence) {
			r.Problem(v.Place, "%s must be a list such as %s%s", name, example, v.Instead())
			return
		}
		for _, element := range v.Elements() {
			read(element)
		}
	}
}

// object reads a mapping and reports required keys that are missing.
func (r *reader) object(v strictyaml.Value, name, example string, required []string, fields strictyaml.Fields) bool {
	seen := map[string]bool{}
	wrapped := make(strictyaml.Fields, len(fields))
	for key, read := range fields {
		wrapped[key] = func(v strictyaml.Value) { seen[key] = true; read(v) }
	}
	if !r.Object(v, name, example, wrapped) {
		return false
	}
	for _, key := range required {
		if !seen[key] {
			r.Problem(v.Place, "%s needs the key `%s`, as in %s", name, key, example)
		}
	}
	return true
}

func (r *reader) system(v strictyaml.Value) {
	if before, ok := r.ids["system"][""]; ok {
		r.Problem(v.Place, "the system is described in %s, line %d already; remove one of them", before.File, before.Line)
		return
	}
	r.ids["system"] = map[string]Place{"": r.place(v.Place)}
	s := System{At: r.place(v.Place)}
	r.object(v, "system", "{id: shop, title: Shop}", []string{"id"}, strictyaml.Fields{
		"id":       func(v strictyaml.Value) { s.ID, _ = r.name(v, lower) },
		"title":    r.text(&s.Title, "title"),
		"exposure": r.word(&s.Exposure, "exposure", exposures),
		"tier":     r.word(&s.Tier, "tier", tiers),
	})
	s.Title = other(s.Title, s.ID)
	r.model.System = s
}

func (r *reader) zone(v strictyaml.Value) {
	z := Zone{At: r.place(v.Place)}
	if r.object(v, "a zone", "{id: app, trust: 70}", []string{"id", "trust"}, strictyaml.Fields{
		"id":    r.id(&z.ID, lower, zones, nodes),
		"title": r.text(&z.Title, "title"),
		"trust": func(v strictyaml.Value) { z.Trust = r.Integer(v, "trust", 0, 100) },
	}) {
		z.Title = other(z.Title, z.ID)
		r.model.Zones = append(r.model.Zones, z)
	}
}

func (r *reader) data(v strictyaml.Value) {
	d := Data{At: r.place(v.Place)}
	if r.object(v, "an entry of data", "{id: contact, class: confidential}", []string{"id", "class"}, strictyaml.Fields{
		"id":          r.id(&d.ID, lower, datas),
		"title":       r.text(&d.Title, "title"),
		"class":       r.word(&d.Class, "class", classes),
		"sensitivity": r.words(&d.Sensitivity, "sensitivity", sensitivities),
		"retention":   r.text(&d.Retention, "retention"),
		"fields":      r.texts(&d.Fields, "fields", "[users.email]", field),
	}) {
		d.Title = other(d.Title, d.ID)
		r.model.Data = append(r.model.Data, d)
	}
}

func (r *reader) component(v strictyaml.Value) {
	c := Component{At: r.place(v.Place)}
	if r.object(v, "a component", "{id: billing, kind: service}", []string{"id", "kind"}, strictyaml.Fields{
		"id":        r.id(&c.ID, lower, parts, nodes),
		"title":     r.text(&c.Title, "title"),
		"kind":      r.word(&c.Kind, "kind", kinds),
		"parent":    r.reference(&c.Parent, parts, "component"),
		"paths":     r.globs(&c.Paths, "paths", "[services/billing/**]"),
		"owner":     func(v strictyaml.Value) { c.Owner, _ = r.name(v, owner) },
		"zone":      r.reference(&c.Zone, zones, "zone"),
		"exposure":  r.word(&c.Exposure, "exposure", exposures),
		"holds":     r.idList(&c.Holds, "holds", "[contact]", datas, "data"),
		"authn":     r.texts(&c.Authn, "authn", "[session]", nil),
		"secrets":   r.list("secrets", "[{name: STRIPE_API_KEY, store: vault}]", func(v strictyaml.Value) { r.secret(&c, v) }),
		"crypto":    r.list("crypto", "[{use: webhook-hmac, alg: HMAC-SHA256}]", func(v strictyaml.Value) { r.crypto(&c, v) }),
		"hosts":     r.texts(&c.Hosts, "hosts", "[api.example.com]", host),
		"resources": r.texts(&c.Resources, "resources", "[aws_db_instance.main]", nil),
		"notes":     r.texts(&c.Notes, "notes", `["Read by the nightly export."]`, nil),
	}) {
		c.Title = other(c.Title, c.ID)
		r.model.Components = append(r.model.Components, c)
	}
}

func (r *reader) secret(c *Component, v strictyaml.Value) {
	var s Secret
	if r.object(v, "a secret", "{name: STRIPE_API_KEY, store: vault, rotate: 90d}", []string{"name"}, strictyaml.Fields{
		"name":   func(v strictyaml.Value) { s.Name, _ = r.name(v, variable) },
		"store":  r.text(&s.Store, "store"),
		"rotate": r.text(&s.Rotate, "rotate"),
	}) {
		c.Secrets = append(c.Secrets, s)
	}
}

func (r *reader) crypto(c *Component, v strictyaml.Value) {
	var k Crypto
	if r.object(v, "an entry of crypto", "{use: webhook-hmac, alg: HMAC-SHA256}", []string{"use"}, strictyaml.Fields{
		"use": r.text(&k.Use, "use"),
		"alg": r.text(&k.Alg, "alg"),
		"key": r.text(&k.Key, "key"),
	}) {
		c.Crypto = append(c.Crypto, k)
	}
}

func (r *reader) flow(v strictyaml.Value) {
	f := Flow{At: r.place(v.Place)}
	if r.object(v, "a flow", "{id: f1, from: web, to: billing}", []string{"id", "from", "to"}, strictyaml.Fields{
		"id":       r.id(&f.ID, lower, flows),
		"from":     r.reference(&f.From, nodes, "component or zone"),
		"to":       r.reference(&f.To, nodes, "component or zone"),
		"protocol": r.text(&f.Protocol, "protocol"),
		"auth":     r.text(&f.Auth, "auth"),
		"data":     r.idList(&f.Data, "data", "[contact]", datas, "data"),
		"hosts":    r.texts(&f.Hosts, "hosts", "[api.example.com]", host),
		"tools":    r.texts(&f.Tools, "tools", "[search_orders]", nil),
	}) {
		r.model.Flows = append(r.model.Flows, f)
	}
}

func (r *reader) role(v strictyaml.Value) {
	role := Role{At: r.place(v.Place)}
	if r.object(v, "a role", "{name: admin, default: nobody}", []string{"name"}, strictyaml.Fields{
		"name":    r.id(&role.Name, named, roles),
		"allows":  r.text(&role.Allows, "allows"),
		"default": r.text(&role.Default, "default"),
	}) {
		r.model.Roles = append(r.model.Roles, role)
	}
}

func (r *reader) decision(v strictyaml.Value) {
	d := Decision{Place: r.place(v.Place)}
	texted := false
	var review strictyaml.Value
	ok := r.object(v, "a decision", "{id: D-0001, component: billing, topic: access, status: open}", []string{"id", "component", "topic", "status"}, strictyaml.Fields{
		"id":           r.id(&d.ID, mixed, decisions),
		"component":    r.reference(&d.Component, parts, "component"),
		"topic":        r.word(&d.Topic, "topic", topicNames()),
		"asvs":         r.texts(&d.ASVS, "asvs", "[v5.0.0-8.1.1]", requirement),
		"status":       r.word(&d.Status, "status", statuses),
		"text":         func(v strictyaml.Value) { texted = true; r.text(&d.Text, "text")(v) },
		"public":       func(v strictyaml.Value) { d.Public = r.Boolean(v, "public") },
		"covers":       r.texts(&d.Covers, "covers", `["* /v1/**"]`, cover),
		"evidence":     r.texts(&d.Evidence, "evidence", "[orders_test.go#TestRefusesAnonymous]", evidence),
		"by":           r.text(&d.By, "by"),
		"at":           r.date(&d.At, "at"),
		"review_after": func(v strictyaml.Value) { review = v; r.date(&d.ReviewAfter, "review_after")(v) },
	})
	if !ok {
		return
	}
	if !texted && d.Status != Open && d.Status != "" {
		r.Problem(v.Place, "a decision that is %s needs a text: write it in one sentence", strings.ReplaceAll(d.Status, "_", " "))
	}
	if !d.At.IsZero() && !d.ReviewAfter.IsZero() && !d.ReviewAfter.After(d.At) {
		r.Problem(review.Place, "review_after must be a later day than at, %s", d.At.Format(time.DateOnly))
	}
	r.model.Decisions = append(r.model.Decisions, d)
}

// other returns a title, or nothing if it only repeats the id.
func other(title, id string) string {
	if title == id {
		return ""
	}
	return title
}

// oneLine joins the lines of a text.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// text returns the function that reads a text of one sentence or a few words.
func (r *reader) text(into *string, name string) func(strictyaml.Value) {
	return func(v strictyaml.Value) {
		s, ok := r.Text(v, name, "")
		if ok && r.short(v.Place, name, s) {
			*into = oneLine(s)
		}
	}
}

const maxText = 2000 // bytes

func (r *reader) short(at strictyaml.Place, name, s string) bool {
	switch {
	case strings.TrimSpace(s) == "":
		r.Problem(at, "%s is empty; write it, or remove the key", name)
	case len(s) > maxText:
		r.Problem(at, "%s is longer than %d characters; make it shorter", name, maxText)
	case strings.Join(strings.FieldsFunc(s, invisible), "") != s:
		r.Problem(at, "%s holds characters that cannot be seen; remove them", name)
	default:
		return true
	}
	return false
}

// word returns the function that reads one of some words.
func (r *reader) word(into *string, name string, known []string) func(strictyaml.Value) {
	return func(v strictyaml.Value) { *into = strictyaml.OneOf(&r.Reader, v, name, known) }
}

func (r *reader) words(into *[]string, name string, known []string) func(strictyaml.Value) {
	return r.texts(into, name, "["+known[0]+"]", func(r *reader, at strictyaml.Place, s string) bool {
		if slices.Contains(known, s) {
			return true
		}
		r.Unknown(at, name, s, known)
		return false
	})
}

const maxList = 500

// texts returns the function that reads a list of texts; check may be nil.
func (r *reader) texts(into *[]string, name, example string, check func(*reader, strictyaml.Place, string) bool) func(strictyaml.Value) {
	return func(v strictyaml.Value) {
		count := 0
		r.Texts(v, name, example, func(at strictyaml.Place, s string) {
			if count++; count == maxList+1 {
				r.Problem(at, "%s has more than %d entries; remove some", name, maxList)
			}
			if count > maxList {
				return
			}
			if !r.short(at, "each element of "+name, s) || check != nil && !check(r, at, oneLine(s)) {
				return
			}
			if slices.Contains(*into, oneLine(s)) {
				r.Problem(at, "%s is there already; remove one of them", strictyaml.Quote(s))
				return
			}
			*into = append(*into, oneLine(s))
		})
	}
}

func (r *reader) globs(into *[]string, name, example string) func(strictyaml.Value) {
	return r.texts(into, name, example, func(r *reader, at strictyaml.Place, s string) bool { return r.Glob(at, s) })
}

// id returns the function that reads an id and defines it in the namespaces.
func (r *reader) id(into *string, f form, spaces ...string) func(strictyaml.Value) {
	return func(v strictyaml.Value) {
		s, ok := r.name(v, f)
		if !ok {
			return
		}
		*into = s
		for _, space := range spaces {
			if r.ids[space] == nil {
				r.ids[space] = map[string]Place{}
			}
			if before, ok := r.ids[space][s]; ok {
				where := ""
				if before.File != r.File {
					where = before.File + ", "
				}
				r.Problem(v.Place, "the %s %s is there already in %sline %d; take another %s", spaces[0], strictyaml.Quote(s), where, before.Line, f.key)
				return
			}
		}
		for _, space := range spaces {
			r.ids[space][s] = r.place(v.Place)
		}
	}
}

// reference returns the function that reads an id of something else.
func (r *reader) reference(into *string, space, what string) func(strictyaml.Value) {
	return func(v strictyaml.Value) {
		s, ok := r.Text(v, "the id of a "+what, "")
		if ok {
			*into = s
			r.references = append(r.references, reference{r.place(v.Place), space, s, what})
		}
	}
}

func (r *reader) idList(into *[]string, name, example, space, what string) func(strictyaml.Value) {
	return r.texts(into, name, example, func(r *reader, at strictyaml.Place, s string) bool {
		r.references = append(r.references, reference{r.place(at), space, s, what})
		return true
	})
}

// date returns the function that reads a day.
func (r *reader) date(into *time.Time, name string) func(strictyaml.Value) {
	return func(v strictyaml.Value) {
		s, ok := r.Text(v, name, "2026-08-20")
		if !ok {
			return
		}
		day, err := time.Parse(time.DateOnly, s)
		switch {
		case err != nil && dateLike.MatchString(s):
			r.Problem(v.Place, "there is no day %s; write a day of the calendar", strictyaml.Quote(s))
		case err != nil:
			r.Problem(v.Place, "%s must be a day such as 2026-08-20, not %s", name, strictyaml.Quote(s))
		case day.Year() < 2000 || day.Year() > 2199:
			r.Problem(v.Place, "%s is the day %s; write one from 2000 to 2199", name, s)
		default:
			*into = day
		}
	}
}
