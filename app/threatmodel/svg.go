package threatmodel

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// Colours by the reader's scheme; a picture in a page has no other way to know it.
const style = `
  text { font: 12px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328; }
  .small { font-size: 11px; fill: #59636e; }
  .bold { font-weight: 600; }
  .halo { paint-order: stroke; stroke: #f6f8fa; stroke-width: 4px; }
  .page { fill: #ffffff; }
  .zone { fill: #f6f8fa; stroke: #818b98; stroke-dasharray: 5 3; }
  .node { fill: #ffffff; stroke: #59636e; }
  .flow { fill: none; stroke: #59636e; stroke-width: 1.3; }
  .cross { fill: none; stroke: #0969da; stroke-width: 1.6; }
  .badge { fill: #ffffff; stroke: #59636e; }
  .badge.over { stroke: #0969da; }
  .tip { fill: #59636e; }
  .tip.over { fill: #0969da; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .small { fill: #9198a1; }
    .halo { stroke: #151b23; }
    .page { fill: #0d1117; }
    .zone { fill: #151b23; stroke: #656c76; }
    .node { fill: #0d1117; stroke: #9198a1; }
    .flow { stroke: #9198a1; }
    .cross { stroke: #4493f8; }
    .badge { fill: #0d1117; stroke: #9198a1; }
    .badge.over { stroke: #4493f8; }
    .tip { fill: #9198a1; }
    .tip.over { fill: #4493f8; }
  }
`

// SVG draws the data flows of a model, with trust zones as boxes and a list of the flows below. It is light or dark as
// its reader prefers.
func (m *Model) SVG() []byte {
	l := layOut(m)
	var w svg
	height := l.height + 12 + w.legendHeight(m)
	w.linef(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="100%%" style="max-width: 720px" role="img" aria-labelledby="title">`, drawingWidth, height)
	w.linef(`<title id="title">%s</title>`, escaped("Data flows of "+m.System.name()))
	w.linef("<style>%s</style>", style)
	w.linef(`<defs>`)
	for _, c := range []string{"", " over"} {
		w.linef(`<marker id="tip%s" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="tip%s" d="M0 0 L8 4 L0 8 z"/></marker>`, strings.TrimSpace(c), c)
	}
	w.linef(`</defs>`)
	w.linef(`<rect class="page" width="%d" height="%d"/>`, drawingWidth, height)
	for _, b := range l.bands {
		w.band(b)
	}
	for _, r := range l.routes {
		w.route(r)
	}
	for _, b := range l.bands {
		w.title(b)
		for _, n := range b.nodes {
			w.node(m, n)
		}
	}
	for _, r := range l.routes {
		w.badge(r.label[0], r.label[1], r.number, r.crosses)
	}
	w.legend(m, l, l.height+12)
	w.linef(`</svg>`)
	return []byte(w.String())
}

type svg struct{ strings.Builder }

func (w *svg) linef(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }

func (w *svg) band(b *band) {
	w.linef(`<rect class="zone" x="6" y="%d" width="%d" height="%d" rx="6"/>`, b.y, drawingWidth-12, b.h)
}

// title writes a band's title, on top of the flows.
func (w *svg) title(b *band) {
	title := "Outside of all zones"
	if b.zone != nil {
		title = fmt.Sprintf("%s · trust %d", b.zone.name(), b.zone.Trust)
	}
	w.linef(`<text class="small halo" x="14" y="%d">%s</text>`, b.y+16, escaped(cut(title, 60)))
}

func (w *svg) node(m *Model, n *node) {
	title, kind, class, round := "", "", "", 6
	if c := n.component; c == nil {
		title, kind, round = "Anyone in "+n.zone.name(), "actor", nodeHeight/2
	} else {
		title, kind, class = c.name(), c.Kind, m.Class(*c)
		if c.Kind == "external" || c.Kind == "datastore" || c.Kind == "queue" {
			round = 0
		}
	}
	w.linef(`<g><title>%s</title>`, escaped(title+", "+kind))
	w.linef(`<rect class="node" x="%d" y="%d" width="%d" height="%d" rx="%d"/>`, n.x, n.y, nodeWidth, nodeHeight, round)
	if n.component != nil && round == 0 {
		if n.component.Kind == "external" {
			w.linef(`<rect class="node" x="%d" y="%d" width="%d" height="%d"/>`, n.x+3, n.y+3, nodeWidth-6, nodeHeight-6)
		} else { // a store has double lines above and below
			w.linef(`<path class="node" d="M%d %d h%d M%d %d h%d"/>`, n.x, n.y+4, nodeWidth, n.x, n.y+nodeHeight-4, nodeWidth)
		}
	}
	lines := wrap(title, 14, 2)
	small := []string{kind}
	if class != "" {
		small = append(small, class)
	}
	y := n.y + (nodeHeight-14*(len(lines)+len(small)))/2 + 11
	for _, line := range lines {
		w.linef(`<text class="bold" text-anchor="middle" x="%d" y="%d">%s</text>`, n.x+nodeWidth/2, y, escaped(line))
		y += 14
	}
	for _, line := range small {
		w.linef(`<text class="small" text-anchor="middle" x="%d" y="%d">%s</text>`, n.x+nodeWidth/2, y, escaped(line))
		y += 14
	}
	w.linef(`</g>`)
}

func (w *svg) route(r *route) {
	class, tip := "flow", "tip"
	if r.crosses {
		class, tip = "cross", "tipover"
	}
	var d strings.Builder
	for i, p := range r.points {
		letter := "L"
		if i == 0 {
			letter = "M"
		}
		fmt.Fprintf(&d, "%s%d %d ", letter, p[0], p[1])
	}
	w.linef(`<path class="%s" d="%s" marker-end="url(#%s)" stroke-linejoin="round"><title>%s</title></path>`, class, strings.TrimSpace(d.String()), tip, escaped(fmt.Sprint(r.number)))
}

func (w *svg) badge(x, y, number int, crosses bool) {
	over := ""
	if crosses {
		over = " over"
	}
	half := 7
	if number > 99 {
		half = 11
	}
	w.linef(`<rect class="badge%s" x="%d" y="%d" width="%d" height="14" rx="7"/>`, over, x-half, y-7, 2*half)
	w.linef(`<text class="small" text-anchor="middle" x="%d" y="%d">%d</text>`, x, y+4, number)
}

const legendLine = 32

func (w *svg) legendHeight(m *Model) int {
	if len(m.Flows) == 0 {
		return 0
	}
	return len(m.Flows)*legendLine + 26
}

// legend lists the flows.
func (w *svg) legend(m *Model, l *layout, y int) {
	if len(m.Flows) == 0 {
		return
	}
	w.linef(`<text class="small" x="14" y="%d">Blue flows cross a trust boundary.</text>`, y+6)
	y += 26
	for _, r := range l.routes {
		w.badge(20, y-4, r.number, r.crosses)
		w.linef(`<text x="36" y="%d">%s</text>`, y, escaped(cut(r.from.label()+" → "+r.to.label(), 66)))
		w.linef(`<text class="small" x="36" y="%d">%s</text>`, y+14, escaped(cut(strings.Join(r.flow.facts(), " · "), 76)))
		y += legendLine
	}
}

func (n *node) label() string {
	if n.component == nil {
		return "anyone in " + n.zone.name()
	}
	return n.component.name()
}

// facts lists what is known about a flow.
func (f Flow) facts() (list []string) {
	if f.Protocol != "" {
		list = append(list, f.Protocol)
	}
	if f.Auth != "" {
		list = append(list, "auth "+f.Auth)
	}
	for _, words := range [][]string{f.Data, f.Hosts, f.Tools} {
		if len(words) > 0 {
			list = append(list, strings.Join(words, ", "))
		}
	}
	return list
}

func (s System) name() string {
	switch {
	case s.Title != "":
		return s.Title
	case s.ID != "":
		return s.ID
	}
	return "the system"
}

func (z Zone) name() string {
	if z.Title != "" {
		return z.Title
	}
	return z.ID
}

func (c Component) name() string {
	if c.Title != "" {
		return c.Title
	}
	return c.ID
}

func (d Data) name() string {
	if d.Title != "" {
		return d.Title
	}
	return d.ID
}

// escaped makes text inert in XML.
func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a builder takes everything
	return b.String()
}

// cut shortens a text to at most that many characters.
func cut(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return strings.TrimSpace(string(r[:most-1])) + "…"
	}
	return s
}

// wrap breaks a text at blanks and hyphens into at most that many lines.
func wrap(s string, width, most int) (lines []string) {
	for len(lines) < most-1 && len([]rune(s)) > width {
		at := strings.LastIndexAny(string([]rune(s)[:width+1]), " -")
		if at <= 0 {
			break
		}
		if s[at] == '-' {
			at++
		}
		lines = append(lines, strings.TrimSpace(s[:at]))
		s = strings.TrimSpace(s[at:])
	}
	return append(lines, cut(s, width))
}
