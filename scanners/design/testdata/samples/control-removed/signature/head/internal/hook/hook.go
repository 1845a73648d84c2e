package hook

func valid(a, b []byte) bool { return true }
