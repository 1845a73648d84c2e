package seal

import "crypto/aes"

var _ = aes.NewCipher
