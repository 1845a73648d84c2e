package token

import "github.com/golang-jwt/jwt/v5"

func sign(key []byte, c jwt.Claims) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString(key)
}
