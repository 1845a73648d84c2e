package host

import "os/exec"

func kernel() ([]byte, error) { return exec.Command("uname", "-r").Output() }
