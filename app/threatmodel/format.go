package threatmodel

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Format writes a model as one file that [Parse] reads as the same model.
func (m *Model) Format() []byte {
	var w writer
	w.line(0, "version: 1")
	if s := m.System; s.ID != "" {
		w.line(0, "system:")
		w.mapping("  ", "  ", pairs{
			{"id", s.ID}, {"title", s.Title}, {"exposure", s.Exposure}, {"tier", s.Tier},
		})
	}
	section(&w, "zones", m.Zones, func(z Zone) pairs {
		return pairs{{"id", z.ID}, {"title", z.Title}, {"trust", z.Trust}}
	})
	section(&w, "data", m.Data, func(d Data) pairs {
		return pairs{
			{"id", d.ID}, {"title", d.Title}, {"class", d.Class}, {"sensitivity", d.Sensitivity}, {"retention", d.Retention}, {"fields", d.Fields},
		}
	})
	section(&w, "components", m.Components, componentPairs)
	section(&w, "flows", m.Flows, flowPairs)
	section(&w, "decisions", m.Decisions, decisionPairs)
	section(&w, "roles", m.Roles, func(r Role) pairs {
		return pairs{{"name", r.Name}, {"allows", r.Allows}, {"default", r.Default}}
	})
	return w.out
}

func componentPairs(c Component) pairs {
	var secrets, crypto []string
	for _, s := range c.Secrets {
		secrets = append(secrets, inline(pairs{{"name", s.Name}, {"store", s.Store}, {"rotate", s.Rotate}}))
	}
	for _, k := range c.Crypto {
		crypto = append(crypto, inline(pairs{{"use", k.Use}, {"alg", k.Alg}, {"key", k.Key}}))
	}
	return pairs{
		{"id", c.ID}, {"title", c.Title}, {"kind", c.Kind}, {"parent", c.Parent}, {"paths", c.Paths}, {"owner", c.Owner}, {"zone", c.Zone},
		{"exposure", c.Exposure}, {"holds", c.Holds}, {"authn", c.Authn}, {"secrets", written(secrets)}, {"crypto", written(crypto)},
		{"hosts", c.Hosts}, {"resources", c.Resources}, {"notes", c.Notes},
	}
}

func flowPairs(f Flow) pairs {
	return pairs{
		{"id", f.ID}, {"from", f.From}, {"to", f.To}, {"protocol", f.Protocol}, {"auth", f.Auth}, {"data", f.Data}, {"hosts", f.Hosts}, {"tools", f.Tools},
	}
}

func decisionPairs(d Decision) pairs {
	return pairs{
		{"id", d.ID}, {"component", d.Component}, {"topic", d.Topic}, {"asvs", d.ASVS}, {"status", d.Status}, {"text", d.Text}, {"public", d.Public},
		{"covers", d.Covers}, {"evidence", d.Evidence}, {"by", d.By}, {"at", d.At}, {"review_after", d.ReviewAfter},
	}
}

// A pair is a key with its value; one with an empty value is left out.
type pair struct {
	key   string
	value any
}

type pairs []pair

// written is a list of mappings in braces.
type written []string

// A writer writes YAML.
type writer struct{ out []byte }

func (w *writer) line(indent int, text string) {
	w.out = append(w.out, strings.Repeat(" ", indent)+text+"\n"...)
}

func section[T any](w *writer, name string, list []T, of func(T) pairs) {
	if len(list) == 0 {
		return
	}
	w.line(0, name+":")
	for _, e := range list {
		w.mapping("  - ", "    ", of(e))
	}
}

// mapping writes a mapping; first stands before its first line, and then before the others.
func (w *writer) mapping(first, then string, list pairs) {
	for _, p := range list {
		text, ok := value(p.value)
		if !ok {
			continue
		}
		w.line(0, first+p.key+": "+text)
		first = then
	}
}

// inline writes a mapping in braces.
func inline(list pairs) string {
	var parts []string
	for _, p := range list {
		if text, ok := value(p.value); ok {
			parts = append(parts, p.key+": "+text)
		}
	}
	return "{ " + strings.Join(parts, ", ") + " }"
}

// value writes a value. It reports false for an empty one.
func value(v any) (text string, ok bool) {
	switch v := v.(type) {
	case string:
		return scalar(v), v != ""
	case int:
		return strconv.Itoa(v), true
	case bool:
		return "true", v
	case time.Time:
		return v.Format(time.DateOnly), !v.IsZero()
	case written:
		return "[" + strings.Join(v, ", ") + "]", len(v) > 0
	case []string:
		list := make([]string, len(v))
		for i, s := range v {
			list[i] = scalar(s)
		}
		return "[" + strings.Join(list, ", ") + "]", len(v) > 0
	}
	return "", false
}

var plain = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./*@()-]*( [A-Za-z0-9_./*@()-]+)*$`)

// Words that other readers of YAML take for something else than text.
var notText = []string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}

// scalar writes text, in quotes if a reader could take it for something else.
func scalar(s string) string {
	if plain.MatchString(s) && !slices.Contains(notText, strings.ToLower(s)) && len(s) < 200 {
		return s
	}
	return quote(s)
}

// quote writes text in double quotes.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return `""` // a string is always valid
	}
	var out strings.Builder
	for _, c := range string(b) {
		switch {
		case c > 127 && unicode.IsControl(c):
			fmt.Fprintf(&out, `\u%04x`, c)
		default:
			out.WriteRune(c)
		}
	}
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(out.String())
}
