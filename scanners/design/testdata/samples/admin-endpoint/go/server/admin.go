package server

import (
	_ "net/http/pprof"

	"github.com/go-chi/chi/v5"
)

func admin(r chi.Router) {
	r.Route("/admin", func(r chi.Router) {
		r.Delete("/users/{id}", deleteUser)
	})
	r.Get("/internal/metrics", metrics)
	r.Get("/administrators", list)
}
