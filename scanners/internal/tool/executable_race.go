//go:build race

package tool

import (
	"cmp"
	"os"
)

// executable returns the program that a helper process runs: this one, or the one that tests name. Helpers with the race
// detector take most of the time of tests that are about this process, and the detector sees each process alone.
func executable() (string, error) {
	exe, err := os.Executable()
	return cmp.Or(os.Getenv("SECBYDESIGN_TEST_HELPER"), exe), err
}
