package authz

func TestViewerIsRefused(t *testing.T) {
	if code := call(t, RoleViewer); code != http.StatusForbidden {
		t.Errorf("got %d", code)
	}
}
