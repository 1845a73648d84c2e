package git

import "os/exec"

func run(args ...string) error { return exec.Command("git", args...).Run() }
