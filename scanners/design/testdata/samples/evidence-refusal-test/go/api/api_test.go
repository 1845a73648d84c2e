package api

func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		path string
		want int
	}{
		{"/orders/7", http.StatusOK},
		{"/orders/7/receipt", http.StatusForbidden},
		{"/admin", 401},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", tt.path, nil))
		if w.Code != tt.want {
			t.Errorf("%s: %d", tt.path, w.Code)
		}
	}
}

func TestAnonymous(t *testing.T) {
	do(t, "GET", "/public", 200)
	req := httptest.NewRequest(http.MethodPost, "/invoices", nil)
	h.ServeHTTP(w, req)
	if w.Code != http.StatusUnauthorized {
		t.Fatal(w.Code)
	}
}
