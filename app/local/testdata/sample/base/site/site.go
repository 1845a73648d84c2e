// Package site answers requests.
package site

import "net/http"

// Mount adds the pages.
func Mount(mux *http.ServeMux, page http.Handler) {
	mux.Handle("GET /greeting", page)
}
