package main

import "math/rand"

func main() {
	println(short(70000), rand.Int())
}

func short(n int) int16 {
	return int16(n)
}
