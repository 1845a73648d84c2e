package hook

import "crypto/hmac"

func valid(a, b []byte) bool { return hmac.Equal(a, b) }
