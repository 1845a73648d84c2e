package token

import "github.com/golang-jwt/jwt/v5"

func issuer(raw string) string {
	t, _, err := jwt.NewParser().ParseUnverified(raw, &jwt.RegisteredClaims{})
	if err != nil {
		return ""
	}
	iss, _ := t.Claims.GetIssuer()
	return iss
}
