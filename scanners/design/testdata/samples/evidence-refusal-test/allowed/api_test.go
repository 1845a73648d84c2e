package api

func TestOpen(t *testing.T) {
	get("/orders")
	if w.Code == http.StatusForbidden {
		t.Fatal("refused")
	}
}
