package config

import "os"

type Config struct {
	Port   string `env:"PORT"`
	Signer string `env:"SIGNING_KEY,required"`
}

var token = os.Getenv("PAYMENTS_API_KEY")
var level = os.Getenv("LOG_LEVEL")
