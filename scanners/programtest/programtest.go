// Package programtest writes the programs that a test runs. Only tests import it.
package programtest

import (
	"os"
	"syscall"
	"testing"
)

// Write is [WriteFile] for a test, which ends if it fails.
func Write(t testing.TB, path, text string) {
	t.Helper()
	if err := WriteFile(path, text); err != nil {
		t.Fatal(err)
	}
}

// WriteFile writes a program, such as a script with its "#!" line, which can be run at once.
//
// The kernel refuses to run a file that is open for writing (ETXTBSY, "text file busy"). Any process that another
// goroutine starts meanwhile inherits the open file for a moment, see https://go.dev/issue/22315. So none is started
// until the file is closed.
func WriteFile(path, text string) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return os.WriteFile(path, []byte(text), 0o755)
}
