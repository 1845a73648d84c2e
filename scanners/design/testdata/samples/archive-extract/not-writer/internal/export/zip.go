package export

import (
	"archive/zip"
	"io"
)

func write(w io.Writer) *zip.Writer {
	// zip.NewReader would read it back
	return zip.NewWriter(w)
}
