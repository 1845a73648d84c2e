module acme.dev/shop

go 1.25

require github.com/golang-jwt/jwt/v5 v5.2.1 // indirect
