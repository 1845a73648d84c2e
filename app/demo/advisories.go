package demo

import (
	"archive/zip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// known holds the advisories of the demo: two records in the format of OSV, in our own words, by the names of their
// files. https://ossf.github.io/osv-schema/
var known = map[string]string{
	"GHSA-x84v-xcm2-53pg.json": `{
  "schema_version": "1.6.7",
  "id": "GHSA-x84v-xcm2-53pg",
  "aliases": ["CVE-2018-18074", "PYSEC-2018-28"],
  "modified": "2024-01-01T00:00:00Z",
  "published": "2018-10-29T19:06:46Z",
  "summary": "Requests sends credentials in the clear after a redirect from https to http",
  "severity": [{"type": "CVSS_V3", "score": "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}],
  "affected": [{
    "package": {"ecosystem": "PyPI", "name": "requests"},
    "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.20.0"}]}]
  }]
}`,
	"GHSA-j8r2-6x86-q33q.json": `{
  "schema_version": "1.6.7",
  "id": "GHSA-j8r2-6x86-q33q",
  "aliases": ["CVE-2023-32681", "PYSEC-2023-74"],
  "modified": "2024-01-01T00:00:00Z",
  "published": "2023-05-22T20:36:32Z",
  "summary": "Requests sends the proxy's credentials to the server that a redirect leads to",
  "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:C/C:H/I:N/A:N"}],
  "affected": [{
    "package": {"ecosystem": "PyPI", "name": "requests"},
    "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "2.3.0"}, {"fixed": "2.31.0"}]}]
  }]
}`,
}

// advisories makes a folder of exports in the form that OSV publishes, for the ecosystems that the demo uses.
func advisories(dir string) (string, error) {
	for ecosystem, files := range map[string]map[string]string{
		"PyPI":           known,
		"GitHub Actions": {},
	} {
		if err := export(filepath.Join(dir, ecosystem), files); err != nil {
			return "", fmt.Errorf("make advisories for the demo: %w", err)
		}
	}
	return dir, nil
}

func export(folder string, files map[string]string) (err error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(folder, "all.zip"))
	if err != nil {
		return err
	}
	archive := zip.NewWriter(file)
	defer func() { err = errors.Join(err, archive.Close(), file.Close()) }()
	for name, text := range files {
		w, err := archive.Create(name)
		if err != nil {
			return err
		}
		if _, err := w.Write([]byte(text)); err != nil {
			return err
		}
	}
	return nil
}
