package app

import "os/exec"

// Run starts a shell.
func Run(name string) error {
	return exec.Command("sh", "-c", name).Run()
}
