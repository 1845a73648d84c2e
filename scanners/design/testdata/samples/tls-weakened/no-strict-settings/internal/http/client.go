package http

import "crypto/tls"

func config(skip bool) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: skip}
}

var local = "postgres://app@localhost:5432/app?sslmode=disable"
