package http

import "net/http"

func (h *Handler) importFile(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 8<<20)
	file, _, err := r.FormFile("file")
	if err != nil {
		return
	}
	defer file.Close()
}
