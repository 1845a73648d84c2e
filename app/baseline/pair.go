package baseline

import (
	"cmp"
	"container/heap"
	"slices"
)

// A position is the place that a finding reports.
type position struct {
	path         string
	line, column int
}

// at returns a number that orders places in a file, lines first.
func (p position) at() int64 { return int64(p.line)<<32 + int64(p.column) }

// distance counts lines first.
func distance(a, b position) int64 {
	d := a.at() - b.at()
	return max(d, -d)
}

// nearest returns, for each position of a, the index in b of its partner in the same file, or -1. It repeatedly pairs
// the two positions that are nearest to each other.
//
// Those two are always neighbours in the order of lines, so it does not have to compare all with all: a generated file
// can hold the same line ten thousand times.
func nearest(a, b []position) []int {
	partner := make([]int, len(a))
	points := make([]point, 0, len(a)+len(b))
	for i, p := range a {
		partner[i] = -1
		points = append(points, point{position: p, index: i, left: true})
	}
	for i, p := range b {
		points = append(points, point{position: p, index: i})
	}
	slices.SortFunc(points, func(p, q point) int {
		return cmp.Or(cmp.Compare(p.path, q.path), cmp.Compare(p.at(), q.at()), cmp.Compare(p.index, q.index))
	})
	for i := range points {
		points[i].before, points[i].after = i-1, i+1
	}

	var near edges
	consider := func(i, j int) {
		if i < 0 || j >= len(points) || points[i].left == points[j].left || points[i].path != points[j].path {
			return
		}
		heap.Push(&near, edge{distance(points[i].position, points[j].position), i, j})
	}
	for i := range points {
		consider(i, i+1)
	}
	for len(near) > 0 {
		e := heap.Pop(&near).(edge)
		p, q := &points[e.i], &points[e.j]
		if p.gone || q.gone {
			continue
		}
		p.gone, q.gone = true, true
		if p.left {
			partner[p.index] = q.index
		} else {
			partner[q.index] = p.index
		}
		if p.before >= 0 {
			points[p.before].after = q.after
		}
		if q.after < len(points) {
			points[q.after].before = p.before
		}
		consider(p.before, q.after)
	}
	return partner
}

// A point is a position in one of the two lists, and its neighbours that have no partner yet.
type point struct {
	position
	index         int
	left          bool // of a, not of b
	gone          bool
	before, after int
}

// An edge joins neighbours of different lists.
type edge struct {
	distance int64
	i, j     int
}

// edges is a heap, the shortest first.
type edges []edge

func (e edges) Len() int      { return len(e) }
func (e edges) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e edges) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(e[i].distance, e[j].distance), cmp.Compare(e[i].i, e[j].i), cmp.Compare(e[i].j, e[j].j)) < 0
}
func (e *edges) Push(x any) { *e = append(*e, x.(edge)) }
func (e *edges) Pop() any {
	old := *e
	last := old[len(old)-1]
	*e = old[:len(old)-1]
	return last
}
