package host

import "os/exec"

func find() (string, error) { return exec.LookPath("git") }
