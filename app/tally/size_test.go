//go:build !race

package tally_test

// How many random histories are compared in memory and in a database, and how often each figure has a value at least.
const (
	manyHistories   = 10_000
	storedHistories = 200
	leastCompared   = 20
)
