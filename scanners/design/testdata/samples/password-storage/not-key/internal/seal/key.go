package seal

import "golang.org/x/crypto/scrypt"

func key(secret, salt []byte) ([]byte, error) { return scrypt.Key(secret, salt, 1<<15, 8, 1, 32) }
