//go:build race

package budget

// slower is the factor by which the race detector slows everything down. Tests with it are not about time.
const slower = 20
