package api

import "net/http"

func caller(r *http.Request) string { return r.Header.Get("X-API-Key") }
