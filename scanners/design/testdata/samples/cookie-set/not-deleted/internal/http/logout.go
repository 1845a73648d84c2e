package http

import "net/http"

func forget(w http.ResponseWriter) {
	http.SetCookie(w, &http.Cookie{Name: "sid", Value: "", MaxAge: -1})
}
