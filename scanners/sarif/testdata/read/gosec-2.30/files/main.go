package main

import (
	"crypto/md5"
	"fmt"
	"math/rand"
)

var password = "{{HEX}}"

func main() {
	fmt.Println("é😀", rand.Int(), md5.New(), password)
}
