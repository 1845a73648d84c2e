package token

import "github.com/golang-jwt/jwt/v5"

func parse(raw string, key jwt.Keyfunc) (*jwt.Token, error) {
	return jwt.Parse(raw, key, jwt.WithValidMethods([]string{"ES256"}), jwt.WithAudience("orders"))
}
