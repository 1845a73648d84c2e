package threatmodel

import (
	"cmp"
	"slices"
)

// The measures of a drawing. It is as wide as a telephone, so its texts are readable there without zooming.
const (
	drawingWidth = 480
	columns      = 3
	nodeWidth    = 118
	nodeHeight   = 62
	gutter       = 28 // free space left of the columns, between them and right of them; flows go up and down there
	track        = 16 // between flows that run side by side
	zoneTitle    = 30
	zonePad      = 10
)

// A node is a box of the drawing: a component, or whatever is in a zone that a flow names.
type node struct {
	id        string
	component *Component // nil for the inside of a zone
	zone      *Zone      // nil for a component
	row, col  int
	x, y      int

	up, down int // how many flows end at its upper and lower side
}

// A band is a trust zone in the drawing, or what is in none.
type band struct {
	zone  *Zone // nil for none
	nodes []*node
	first int // row
	y, h  int
}

func (b *band) rows() int { return (len(b.nodes) + columns - 1) / columns }

// A route is the way of a flow through the drawing.
type route struct {
	flow     *Flow
	number   int
	crosses  bool // a trust boundary
	points   [][2]int
	label    [2]int
	from, to *node

	portFrom, portTo int // from 0, of the side's
	start, end       int // channels: channel k is above row k
	lane             int // the gutter, if start and end differ
	startTrack       int
	endTrack         int
	laneTrack        int
}

// A layout is a drawing of a model: zones from the least trusted one at the top, components in rows of three, and flows
// in the free space between them.
type layout struct {
	bands    []*band
	nodes    map[string]*node
	routes   []*route
	height   int
	channels []int // height of each
	rowY     []int
	channelY []int
}

// layOut makes the drawing of a model. It takes time in proportion to the flows and components.
func layOut(m *Model) *layout {
	l := &layout{nodes: map[string]*node{}}
	l.place(m)
	for range 4 {
		l.order(m)
	}
	l.number()
	l.route(m)
	l.measure()
	l.draw()
	return l
}

// place puts each component into its zone's band.
func (l *layout) place(m *Model) {
	bands := map[string]*band{}
	for i := range m.Zones {
		b := &band{zone: &m.Zones[i]}
		bands[b.zone.ID] = b
		l.bands = append(l.bands, b)
	}
	slices.SortStableFunc(l.bands, func(a, b *band) int { return cmp.Compare(a.zone.Trust, b.zone.Trust) })
	add := func(b *band, n *node) {
		b.nodes = append(b.nodes, n)
		l.nodes[n.id] = n
	}
	for _, f := range m.Flows {
		for _, id := range []string{f.From, f.To} {
			if b := bands[id]; b != nil && l.nodes[id] == nil {
				add(b, &node{id: id, zone: b.zone})
			}
		}
	}
	var rest *band
	where := zonesOf(m)
	for i := range m.Components {
		c := &m.Components[i]
		b := bands[where[c.ID]]
		if b == nil {
			if rest == nil {
				rest = &band{}
			}
			b = rest
		}
		add(b, &node{id: c.ID, component: c})
	}
	if rest != nil {
		l.bands = append(l.bands, rest)
	}
	l.number()
}

// zonesOf returns the zone of each component, see [Model.ZoneOf].
func zonesOf(m *Model) map[string]string {
	byID := make(map[string]Component, len(m.Components))
	for _, c := range m.Components {
		byID[c.ID] = c
	}
	zones := make(map[string]string, len(m.Components))
	for _, c := range m.Components {
		at := c
		for steps := 0; at.Zone == "" && at.Parent != "" && steps < 100; steps++ {
			at = byID[at.Parent]
		}
		zones[c.ID] = at.Zone
	}
	return zones
}

// number gives each node its row and column.
func (l *layout) number() {
	row := 0
	for _, b := range l.bands {
		b.first = row
		for i, n := range b.nodes {
			n.row, n.col = row+i/columns, i%columns
			switch len(b.nodes) - i/columns*columns { // in this row and after it
			case 1:
				n.col = 1 // alone, in the middle
			case 2:
				n.col *= 2
			}
		}
		row += max(1, b.rows())
	}
	l.rowY = make([]int, row)
}

// order sorts the nodes of each band by the columns of their neighbours, so that fewer flows cross.
func (l *layout) order(m *Model) {
	sum, count := map[string]int{}, map[string]int{}
	for _, f := range m.Flows {
		from, to := l.nodes[f.From], l.nodes[f.To]
		if from == nil || to == nil || from == to {
			continue
		}
		sum[from.id] += to.col
		count[from.id]++
		sum[to.id] += from.col
		count[to.id]++
	}
	weight := func(n *node) float64 {
		if count[n.id] == 0 {
			return float64(n.col)
		}
		return float64(sum[n.id]) / float64(count[n.id])
	}
	for _, b := range l.bands {
		for at := 0; at < len(b.nodes); at += columns {
			slices.SortStableFunc(b.nodes[at:min(at+columns, len(b.nodes))], func(a, b *node) int { return cmp.Compare(weight(a), weight(b)) })
		}
	}
	l.number()
}

// route decides the way of each flow.
func (l *layout) route(m *Model) {
	zones := zonesOf(m)
	for _, z := range m.Zones {
		zones[z.ID] = z.ID
	}
	channels := make([][]span, len(l.rowY)+1)
	var lanes [columns + 1][]span
	for i := range m.Flows {
		f := &m.Flows[i]
		r := &route{flow: f, number: i + 1, from: l.nodes[f.From], to: l.nodes[f.To], crosses: zones[f.From] != zones[f.To]}
		if r.from == nil || r.to == nil {
			continue
		}
		l.routes = append(l.routes, r)
		down := r.to.row >= r.from.row // a flow within a row runs below it
		if down {
			r.start, r.portFrom = r.from.row+1, r.from.down
			r.from.down++
		} else {
			r.start, r.portFrom = r.from.row, r.from.up
			r.from.up++
		}
		if r.to.row > r.from.row || r.from == r.to {
			r.end, r.portTo = r.to.row, r.to.up
			r.to.up++
		} else {
			r.end, r.portTo = r.to.row+1, r.to.down
			r.to.down++
		}
		a, b := float64(r.from.col), float64(r.to.col)
		if r.start == r.end {
			r.startTrack = free(&channels[r.start], min(a, b)-0.5, max(a, b)+0.5)
			continue
		}
		r.lane = l.lane(r.from.col, r.to.col)
		at := float64(r.lane) - 0.5
		r.startTrack = free(&channels[r.start], min(a, at)-0.5, max(a, at)+0.5)
		r.endTrack = free(&channels[r.end], min(b, at)-0.5, max(b, at)+0.5)
		r.laneTrack = free(&lanes[r.lane], float64(min(r.start, r.end)), float64(max(r.start, r.end)))
	}
	l.channels = make([]int, len(channels))
	for k, spans := range channels {
		tracks := 0
		for _, s := range spans {
			tracks = max(tracks, s.track+1)
		}
		l.channels[k] = 10 + tracks*track
	}
}

// lane returns the gutter that is on the way between two columns.
func (l *layout) lane(from, to int) int {
	if from == to {
		if from == columns-1 {
			return columns // at the right side
		}
		return from
	}
	return max(from, to)
}

// A span is a part of a channel or gutter that a flow takes.
type span struct {
	from, to float64
	track    int
}

// free returns the first track that has room for a span, and takes it. Not all tracks are searched: a channel with many
// flows is not readable anyway.
func free(spans *[]span, from, to float64) int {
	taken := map[int]bool{}
	for _, s := range (*spans)[max(0, len(*spans)-200):] {
		if from < s.to && s.from < to {
			taken[s.track] = true
		}
	}
	t := 0
	for taken[t] {
		t++
	}
	*spans = append(*spans, span{from, to, t})
	return t
}

// measure decides the heights.
func (l *layout) measure() {
	l.channelY = make([]int, len(l.channels))
	y := 8
	for _, b := range l.bands {
		rows := max(1, b.rows())
		for i := range rows {
			row := b.first + i
			l.channelY[row] = y
			y += l.channels[row]
			if i == 0 {
				b.y = y
				y += zoneTitle
			}
			l.rowY[row] = y
			if len(b.nodes) > 0 {
				y += nodeHeight
			}
		}
		y += zonePad
		b.h = y - b.y
	}
	last := len(l.channels) - 1
	l.channelY[last] = y
	l.height = y + l.channels[last]
}

func columnX(col int) int {
	return gutter + col*(nodeWidth+gutter) + (drawingWidth-columns*nodeWidth-(columns+1)*gutter)/2
}

// draw decides the points of nodes and flows.
func (l *layout) draw() {
	for _, n := range l.nodes {
		n.x, n.y = columnX(n.col), l.rowY[n.row]
	}
	for _, r := range l.routes {
		down, below := r.start > r.from.row, r.end > r.to.row
		x1, y1 := r.from.port(r.portFrom, down)
		x2, y2 := r.to.port(r.portTo, below)
		a := l.trackY(r.start, r.startTrack)
		if r.start == r.end {
			r.points = [][2]int{{x1, y1}, {x1, a}, {x2, a}, {x2, y2}}
			r.label = [2]int{(x1 + x2) / 2, a}
			continue
		}
		b := l.trackY(r.end, r.endTrack)
		x := columnX(r.lane) - gutter/2 + (r.laneTrack%4)*5 - 7
		r.points = [][2]int{{x1, y1}, {x1, a}, {x, a}, {x, b}, {x2, b}, {x2, y2}}
		r.label = [2]int{(x1 + x) / 2, a}
	}
}

func (l *layout) trackY(channel, t int) int { return l.channelY[channel] + 10 + t*track }

// port returns where a flow meets the node.
func (n *node) port(i int, down bool) (x, y int) {
	count, y := n.up, n.y
	if down {
		count, y = n.down, n.y+nodeHeight
	}
	return n.x + nodeWidth*(i+1)/(count+1), y
}
