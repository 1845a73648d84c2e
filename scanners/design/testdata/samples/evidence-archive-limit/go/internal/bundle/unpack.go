package bundle

import (
	"archive/tar"
	"io"
	"path/filepath"
)

func unpack(r io.Reader) error {
	t := tar.NewReader(io.LimitReader(r, 100<<20))
	for {
		h, err := t.Next()
		if err != nil {
			return err
		}
		if !filepath.IsLocal(h.Name) {
			continue
		}
	}
}
