package app

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/webhook"
)

// routes is every URL of the program.
func (a *app) routes() http.Handler {
	r := chi.NewRouter()
	r.Use(a.logged, a.caught)
	if a.config.Web { // these two have limits of their own for bodies
		r.Method(http.MethodPost, "/webhook", a.webhook)
		r.With(webhook.Linger).Method(http.MethodPost, "/api/v1/repos/{owner}/{repo}/sarif", a.uploads)
	}
	r.NotFound(bodyless(http.NotFoundHandler()).ServeHTTP)
	r.MethodNotAllowed(bodyless(http.HandlerFunc(notAllowed)).ServeHTTP)
	r.With(bodyless).Get("/healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	r.With(bodyless).Get("/readyz", a.ready)
	if a.config.Metrics == "" {
		r.With(bodyless).Method(http.MethodGet, "/metrics", a.metrics.handler())
	}
	return r
}

func notAllowed(w http.ResponseWriter, _ *http.Request) {
	say(w, http.StatusMethodNotAllowed, "This address takes no such request.")
}

// metricsRoutes is every URL of the address that is for the metrics alone.
func (a *app) metricsRoutes() http.Handler {
	r := chi.NewRouter()
	r.Use(a.logged, a.caught)
	r.NotFound(bodyless(http.NotFoundHandler()).ServeHTTP)
	r.MethodNotAllowed(bodyless(http.HandlerFunc(notAllowed)).ServeHTTP)
	r.With(bodyless).Method(http.MethodGet, "/metrics", a.metrics.handler())
	return r
}

// ready reports whether deliveries would be stored now, and whether the App's credentials are not known to be wrong.
func (a *app) ready(w http.ResponseWriter, r *http.Request) {
	if sentence, _ := a.identity.state(); sentence != "" {
		say(w, http.StatusServiceUnavailable, sentence)
		return
	}
	if err := a.ledger.Ready(r.Context()); err != nil {
		zerolog.Ctx(r.Context()).Error().Err(err).Msg("not ready")
		say(w, http.StatusServiceUnavailable, "The database cannot be written to; the log says why.")
		return
	}
	say(w, http.StatusOK, "ok")
}

func say(w http.ResponseWriter, status int, sentence string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(sentence + "\n"))
}

// logged adds the program's logger to the context of each request.
func (a *app) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(a.log.WithContext(r.Context())))
	})
}
