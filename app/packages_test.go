package app_test

import (
	"archive/zip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// advisories makes a folder of OSV's exports in which urllib3 has the given problems: ids, and the
// version in which each is fixed.
func advisories(t *testing.T, problems map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "PyPI"), 0o700); err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(dir, "PyPI", "all.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	archive := zip.NewWriter(file)
	for id, fixed := range problems {
		w, err := archive.Create(id + ".json")
		if err != nil {
			t.Fatal(err)
		}
		_, err = fmt.Fprintf(w, `{"schema_version": "1.6.7", "id": %q, "modified": "2024-01-01T00:00:00Z", "summary": "It leaks %s",
			"affected": [{"package": {"ecosystem": "PyPI", "name": "urllib3"},
			"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": %q}]}]}]}`, id, id, fixed)
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestOneThreadForOnePackage: a package with several advisories has one thread, that takes commands
// for all of them and goes on with those that are left.
func TestOneThreadForOnePackage(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"requirements.txt": "six==1.16.0\n"})
	s.restart(func() {
		s.Content = nil // the shared processes cannot read the folder
		s.Settings.OSVURL, s.Settings.OSVDir = "", advisories(t, map[string]string{
			"GHSA-aaaa-aaaa-aaaa": "1.24.2", "GHSA-bbbb-bbbb-bbbb": "1.26.5", "GHSA-cccc-cccc-cccc": "1.26.5", "GHSA-dddd-dddd-dddd": "2.0.0",
		})
	})
	s.people()
	n := s.open("change", map[string]string{"requirements.txt": "six==1.16.0\nurllib3==1.24.1\n"})
	s.want(n, "neutral", "requirements.txt:2 open")
	body := s.GitHub.Threads("acme", "shop", n)[0].Comments[0].Body
	for _, want := range []string{"4 known vulnerabilities in urllib3", "```suggestion\nurllib3==2.0.0\n```", "3 more: "} {
		if !strings.Contains(body, want) {
			t.Errorf("the thread says\n%s\nwant %q", body, want)
		}
	}
	if ids := s.ids(n); len(ids) != 4 || strings.Contains(s.verdict(n).Summary, "listed here only") {
		t.Errorf("the check lists\n%s", s.verdict(n).Summary)
	}

	// An upgrade that fixes three of them: the thread's own finding is fixed, or goes on.
	s.push(n, "change", map[string]string{"requirements.txt": "six==1.16.0\nurllib3==1.26.5\n"})
	s.becomes(n, "neutral", "1 new finding")
	open := 0
	for _, line := range s.threads(n) {
		if strings.HasSuffix(line, " open") {
			open++
		}
	}
	if open != 1 {
		t.Errorf("one is left, and the threads are %q", s.threads(n))
	}
	first := s.GitHub.Threads("acme", "shop", n)[0].Comments[0].Body
	if want := "; 1 more of these stands, and has a thread of its own.**"; !strings.Contains(first, want) {
		t.Errorf("the first thread says\n%s\nwant %q", first, want)
	}
	s.until("the summary counts", func() bool {
		return strings.Contains(s.GitHub.IssueComments("acme", "shop", n)[0].Body, "**3 fixed so far:**")
	})

	// Back again, and all are decided by one line in the thread.
	s.push(n, "change", map[string]string{"requirements.txt": "six==1.16.0\nurllib3==1.24.0\n"})
	s.becomes(n, "neutral", "4 new findings")
	for _, th := range s.GitHub.Threads("acme", "shop", n) {
		if th.Comments[0].Minimized == "" {
			s.GitHub.Reply("acme", "shop", n, th.ID, "hubot", "/secbydesign accept until=30d"+because)
		}
	}
	s.becomes(n, "success", "4 accepted")
	for _, line := range s.threads(n) {
		if !strings.HasSuffix(line, " settled") {
			t.Errorf("all are accepted, and the threads are %q", s.threads(n))
		}
	}
}
