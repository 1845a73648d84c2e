//go:build !race

package tool

import "os"

// executable returns the program that a helper process runs, which is this one.
func executable() (string, error) { return os.Executable() }
