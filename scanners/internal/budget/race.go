//go:build race

package budget

// slower is by how much the race detector slows everything down. It looks for something else than time.
const slower = 20
