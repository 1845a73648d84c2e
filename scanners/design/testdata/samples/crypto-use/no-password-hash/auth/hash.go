package auth

import "golang.org/x/crypto/bcrypt"

var hash = bcrypt.GenerateFromPassword
