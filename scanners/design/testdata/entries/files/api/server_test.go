package api

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestStrangersAreRefused(t *testing.T) {
	w := httptest.NewRecorder()
	Routes(&Handler{}).ServeHTTP(w, httptest.NewRequest("GET", "/invoices/7", nil))
	if w.Code != http.StatusUnauthorized {
		t.Errorf("got %d", w.Code)
	}
}
