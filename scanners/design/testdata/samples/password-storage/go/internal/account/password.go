package account

import "golang.org/x/crypto/bcrypt"

func hash(plain string) ([]byte, error) {
	return bcrypt.GenerateFromPassword([]byte(plain), bcrypt.DefaultCost)
}
