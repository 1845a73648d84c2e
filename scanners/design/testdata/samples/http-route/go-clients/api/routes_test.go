package api

import "net/http"

func newTestServer(mux *http.ServeMux) { mux.HandleFunc("/fake", fake) }
