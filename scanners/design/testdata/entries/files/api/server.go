package api

import (
	"net/http"

	"github.com/go-chi/chi/v5"
)

// Routes returns the routes of the invoices.
func Routes(h *Handler) http.Handler {
	r := chi.NewRouter()
	r.Route("/invoices", func(r chi.Router) {
		r.Get("/{id}", h.Get)
		r.Post("/", h.Create)
	})
	r.Post("/webhooks/stripe", h.Stripe)
	return r
}
