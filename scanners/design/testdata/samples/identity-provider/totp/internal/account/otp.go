package account

import "github.com/pquerna/otp/totp"

func check(code, secret string) bool { return totp.Validate(code, secret) }
