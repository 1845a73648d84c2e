package ldap

import "crypto/tls"

func config(host string) *tls.Config {
	return &tls.Config{
		ServerName:         host,
		InsecureSkipVerify: true,
		MinVersion:         tls.VersionTLS10,
	}
}

func checked() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, VerifyConnection: verify}
}

var dsn = "postgres://app@db.prod:5432/app?sslmode=disable"
