package d

import "net/http"

func newMux(h http.Handler) *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /things/{id}", save)
	mux.Handle("example.com/static/", h)
	http.HandleFunc("/", index)
	return mux
}
