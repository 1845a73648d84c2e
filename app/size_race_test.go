//go:build race

package app_test

// The race detector makes everything some ten times slower, and finds races, for which the size does not matter.
const (
	manyFiles = 300
	manyLines = 8_000
	manyShown = "a.py:8001 open"
	largeFile = 11 << 20
)
