package http

import "github.com/rs/cors"

func options() cors.Options {
	return cors.Options{
		AllowedOrigins:   []string{"*"},
		AllowCredentials: true,
	}
}
