package design

// Production reports whether a file with this path may be part of the architecture: it is neither a test nor an
// example, documentation, vendored, nor generated, as far as the path says.
func Production(path string) bool {
	return classOf(path, nil) == production && !documentation.MatchString(path)
}
