package account

import "golang.org/x/crypto/bcrypt"

func check(hash, plain []byte) bool { return bcrypt.CompareHashAndPassword(hash, plain) == nil }
