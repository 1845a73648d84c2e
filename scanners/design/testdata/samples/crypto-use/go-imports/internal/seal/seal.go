package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
)

func Seal(key, plain []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	_, err = cipher.NewGCM(block)
	return nil, err
}

func sum(b []byte) [32]byte { return sha256.Sum256(b) }
