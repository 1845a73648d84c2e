//go:build race

package app_test

// The race detector makes everything some ten times slower, and finds races, for which the size does not matter.
const (
	manyFiles = 300
	manyLines = 20_000
	largeFile = 11 << 20
)
