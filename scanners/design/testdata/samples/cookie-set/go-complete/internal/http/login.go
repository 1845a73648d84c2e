package http

import "net/http"

func remember(w http.ResponseWriter, id string) {
	http.SetCookie(w, &http.Cookie{
		Name: "__Host-sid", Value: id, Path: "/",
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}
