//go:build race

package tally_test

// The race detector makes everything some ten times slower, and nothing here depends on it.
const (
	manyHistories   = 1_000
	storedHistories = 20
	leastCompared   = 1
)
