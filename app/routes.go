package app

import (
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/webhook"
)

// routes is every URL of the program.
func (a *app) routes() http.Handler {
	r := chi.NewRouter()
	r.Use(a.logged, middleware.Recoverer)
	if a.config.Web {
		r.Method(http.MethodPost, "/webhook", a.webhook)
		r.With(webhook.Linger).Method(http.MethodPost, "/api/v1/repos/{owner}/{repo}/sarif", a.uploads)
	}
	r.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	r.Get("/readyz", a.ready)
	if a.config.Metrics == "" {
		r.Method(http.MethodGet, "/metrics", a.metrics.handler())
	}
	return r
}

// metricsRoutes is every URL of the address that is for the metrics alone.
func (a *app) metricsRoutes() http.Handler {
	r := chi.NewRouter()
	r.Method(http.MethodGet, "/metrics", a.metrics.handler())
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

// server returns a server with a limit for everything that an untrusted client could prolong.
func (a *app) server(routes http.Handler) *http.Server {
	return &http.Server{
		Handler:           routes,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       60 * time.Second, // 25 MB from a slow sender
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
}
