package client

func TestClient(t *testing.T) {
	mux.HandleFunc("/items", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
	})
	if _, err := c.Items(); err == nil {
		t.Fatal("no error")
	}
}
