package threatmodel

import (
	"fmt"
	"strings"
)

// Mermaid draws the data flows of a model as a diagram that GitHub shows in a comment or a README, in a code block
// "mermaid". See https://mermaid.js.org/syntax/flowchart.html.
func (m *Model) Mermaid() string {
	l := layOut(m)
	var b strings.Builder
	b.WriteString("flowchart TB\n")
	for i, band := range l.bands {
		if band.zone != nil {
			fmt.Fprintf(&b, "  subgraph z%d[\"%s\"]\n", i, mermaid(fmt.Sprintf("%s · trust %d", band.zone.name(), band.zone.Trust)))
		}
		for _, n := range band.nodes {
			b.WriteString("    " + mermaidID(n) + mermaidShape(n) + "\n")
		}
		if band.zone != nil {
			b.WriteString("  end\n")
		}
	}
	var crossing []string
	for i, r := range l.routes {
		label := strings.Join(r.flow.facts(), " · ")
		if label == "" {
			label = r.flow.ID
		}
		fmt.Fprintf(&b, "  %s -->|\"%s\"| %s\n", mermaidID(r.from), mermaid(label), mermaidID(r.to))
		if r.crosses {
			crossing = append(crossing, fmt.Sprint(i))
		}
	}
	if len(crossing) > 0 {
		fmt.Fprintf(&b, "  linkStyle %s stroke:#4493f8,stroke-width:2px\n", strings.Join(crossing, ","))
	}
	return b.String()
}

// mermaidID returns a name that is no keyword, such as "end".
func mermaidID(n *node) string {
	if n.component == nil {
		return "anyone_" + n.id
	}
	return "c_" + n.id
}

func mermaidShape(n *node) string {
	if n.component == nil {
		return `(["` + mermaid(n.label()) + `"])`
	}
	text := mermaid(n.component.name()) + "<br>" + n.component.Kind
	switch n.component.Kind {
	case "datastore":
		return `[("` + text + `")]`
	case "queue":
		return `[["` + text + `"]]`
	case "external":
		return `["` + text + `"]`
	}
	return `("` + text + `")`
}

// mermaid makes text inert in a quoted label: Mermaid takes entities such as #quot; and a little HTML and Markdown.
func mermaid(s string) string {
	var b strings.Builder
	for _, c := range s {
		switch {
		case strings.ContainsRune("\"#&<>;`*_\\[](){}|~", c):
			fmt.Fprintf(&b, "#%d;", c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// Text lists a model by zones.
func (m *Model) Text() string {
	l := layOut(m)
	var b strings.Builder
	fmt.Fprintf(&b, "%s", m.System.name())
	for _, word := range []string{m.System.Exposure, strings.ReplaceAll(m.System.Tier, "_", " ")} {
		if word != "" {
			b.WriteString(" · " + word)
		}
	}
	b.WriteString("\n")
	for _, band := range l.bands {
		if band.zone != nil {
			fmt.Fprintf(&b, "\nZone %s, trust %d\n", band.zone.name(), band.zone.Trust)
		} else {
			b.WriteString("\nOutside of all zones\n")
		}
		for _, n := range band.nodes {
			if c := n.component; c != nil {
				b.WriteString("  " + strings.Join(m.componentFacts(*c), " · ") + "\n")
			}
		}
	}
	if len(l.routes) > 0 {
		b.WriteString("\nFlows; those with a star cross a trust boundary\n")
	}
	for _, r := range l.routes {
		star := " "
		if r.crosses {
			star = "*"
		}
		fmt.Fprintf(&b, "%s %s\n", star, strings.Join(append([]string{r.from.label() + " → " + r.to.label()}, r.flow.facts()...), " · "))
	}
	if len(m.Decisions) > 0 {
		b.WriteString("\nDecisions\n")
	}
	for _, d := range m.Decisions {
		text := d.Text
		if text == "" {
			text = "no answer yet"
		}
		fmt.Fprintf(&b, "  %s · %s · %s · %s: %s\n", d.ID, d.Component, d.Topic, strings.ReplaceAll(d.Status, "_", " "), text)
	}
	return b.String()
}

func (m *Model) componentFacts(c Component) []string {
	list := []string{c.name(), c.Kind}
	for _, word := range []string{c.Exposure, m.Class(c), c.Owner, strings.Join(c.Paths, ", ")} {
		if word != "" {
			list = append(list, word)
		}
	}
	return list
}
