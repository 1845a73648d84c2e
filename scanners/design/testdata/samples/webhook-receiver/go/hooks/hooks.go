package hooks

import "net/http"

func mount(mux *http.ServeMux) {
	mux.HandleFunc("POST /webhooks/github", github)
	mux.HandleFunc("/oauth/callback", callback)
}
