package main

func main() {
	println(short(70000))
}

func short(n int) int16 {
	return int16(n)
}
