package main

import (
	"crypto/md5"
	"math/rand"
	"os"
	"os/exec"
	"strconv"
)

func main() {
	cmd := exec.Command("sh", "-c", os.Args[1]) // #nosec G204 G702 -- trust me
	cmd.Run()
	sum := md5.Sum([]byte("greet"))
	println(sum[0], rand.Int(), count(os.Args[2]))
	os.WriteFile("/tmp/greeting", nil, 0o777) //gosec:disable -- trust me
}

func count(text string) int32 {
	n, _ := strconv.Atoi(text)
	return int32(n)
}
