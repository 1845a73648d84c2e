package app

import (
	"os/exec"

	"example.com/not/there"
)

func Run(name string) error {
	there.Log(name)
	return exec.Command("sh", "-c", name).Run()
}
