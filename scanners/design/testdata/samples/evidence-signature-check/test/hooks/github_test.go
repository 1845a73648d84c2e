package hooks

func TestWrongSignature(t *testing.T) {
	post(t, "/webhook", "sha256=00")
}
