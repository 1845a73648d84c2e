package server

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

const base = "/api"

func (s *Server) routes() http.Handler {
	r := chi.NewRouter()
	r.Use(middleware.RequestID)
	r.Get("/healthz", s.health)
	r.Route(base+"/orders", func(r chi.Router) {
		r.With(s.paginate).Get("/", s.listOrders)
		r.Route("/{id}", func(r chi.Router) {
			r.Delete("/", s.deleteOrder)
			r.Method(http.MethodPut, "/state", s.setState)
		})
	})
	r.Group(func(r chi.Router) {
		r.Use(s.login)
		r.Post("/logout", s.logout)
	})
	r.Mount("/files", s.files())
	return r
}
