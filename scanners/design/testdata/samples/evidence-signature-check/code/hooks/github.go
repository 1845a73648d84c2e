package hooks

func valid(a, b []byte) bool { return hmac.Equal(a, b) }
