//go:build !linux

package mirror

// limitFiles does nothing: only Linux can limit a process from outside.
func limitFiles(int, int64) error { return nil }

func limitMemory(int, int64) error { return nil }
