package api

import "net/http"

func echo(w http.ResponseWriter) string { return w.Header().Get("Authorization") }
