package web

import "crypto/sha256"

var sum = sha256.Sum256
