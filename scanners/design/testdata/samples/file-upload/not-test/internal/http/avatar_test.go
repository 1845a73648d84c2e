package http

import "net/http"

func read(r *http.Request) error {
	_, _, err := r.FormFile("avatar")
	return err
}
