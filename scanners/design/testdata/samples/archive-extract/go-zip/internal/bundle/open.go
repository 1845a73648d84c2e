package bundle

import "archive/zip"

func open(name string) error {
	r, err := zip.OpenReader(name)
	if err != nil {
		return err
	}
	return r.Close()
}
