//go:build race

package app_test

// The race detector makes everything some ten times slower, and looks for something else than size.
const (
	manyFiles = 300
	manyLines = 20_000
	largeFile = 11 << 20
)
