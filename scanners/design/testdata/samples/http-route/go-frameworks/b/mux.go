package b

import (
	"net/http"

	"github.com/gorilla/mux"
)

func handler(s *service) http.Handler {
	r := mux.NewRouter()
	api := r.PathPrefix("/api").Subrouter()
	api.HandleFunc("/items", s.list).Methods(http.MethodGet, http.MethodOptions)
	api.Path("/items/{id}").Methods("DELETE").HandlerFunc(s.remove)
	api.Handle("/ping", s.ping())
	return r
}
