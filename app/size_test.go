//go:build !race

package app_test

// The sizes of changes that are too large: GitHub lists no more than 3,000 files of a pull request, and takes no file
// over 100 MB.
const (
	manyFiles = 3000
	manyLines = 200_000
	manyShown = "a.py open" // GitHub takes no comment on a line of so large a file
	largeFile = 100 << 20
)
