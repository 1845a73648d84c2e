package store

// @mitigates Blob against path traversal with os.Root
func open(name string) {}
