package upload

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners/sarif"
)

func packed(text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.Bytes()
}

const someCommit = "0123456789abcdef0123456789abcdef01234567"

func form(root, doc string) []byte {
	return fmt.Appendf(nil, `{"commit_sha":%q,"ref":"refs/heads/main","checkout_uri":%q,"sarif":%q,"started_at":"2026-01-01T00:00:00Z","validate":true}`,
		strings.ToUpper(someCommit), root, base64.StdEncoding.EncodeToString(packed(doc)))
}

// TestTheFormsOfABody checks that both formats yield the same document and the same fields.
func TestTheFormsOfABody(t *testing.T) {
	t.Parallel()
	const doc = `{"version":"2.1.0","runs":[]}`
	const query = "?commit_sha=" + someCommit + "&ref=refs/heads/main&checkout_uri=file:///work/a%2520b"
	for name, c := range map[string]struct {
		query, encoding string
		body            []byte
	}{
		"the form of GitHub":         {"", "", form("file:///work/a%20b", doc)},
		"the form of GitHub, packed": {"", "gzip", packed(string(form("file:///work/a%20b", doc)))},
		"itself":                     {query, "identity", []byte(doc)},
		"itself, packed":             {query, "gzip", packed(doc)},
		"itself, packed in pieces":   {query, "gzip", append(packed(doc[:5]), packed(doc[5:])...)},
	} {
		r := httptest.NewRequest(http.MethodPost, "/x"+c.query, bytes.NewReader(c.body))
		r.Header.Set("Content-Encoding", c.encoding)
		var got bytes.Buffer
		req, err := read(httptest.NewRecorder(), r, &got)
		if want := (request{someCommit, "refs/heads/main", "/work/a b"}); err != nil || req != want || got.String() != doc {
			t.Errorf("%s: %+v, %v with %q; want %+v", name, req, err, got.String(), want)
		}
	}
}

func TestFolder(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]string{
		"":                              "",
		"file:///home/runner/work/a/a/": "/home/runner/work/a/a/",
		"/home/runner/work/a/a":         "/home/runner/work/a/a",
		`D:\a\shop\shop`:                `D:\a\shop\shop`,
		"work/a":                        "",
		"https://example.com/a":         "",
		"file://host/a":                 "",
	} {
		if got := folder(uri); got != want {
			t.Errorf("%q: %q, want %q", uri, got, want)
		}
	}
}

func TestScannerName(t *testing.T) {
	t.Parallel()
	for tool, want := range map[string]string{
		"CodeQL":                                 "codeql",
		"CodeQL command-line toolchain":          "codeql",
		"Semgrep OSS":                            "semgrep-oss",
		"gitleaks":                               "gitleaks-upload",
		"ESLint":                                 "eslint",
		"  --- ":                                 "",
		"42Crunch: REST API Static":              "tool-42crunch-rest-api-static",
		"日本 x":                                   "x",
		"A tool whose name is longer than names": "a-tool-whose-name-is-longer-than",
	} {
		if got := scannerName(tool, []string{"gitleaks"}); got != want {
			t.Errorf("%q: %q, want %q", tool, got, want)
		}
	}
}

// TestNoResultsAreNoBaseline checks that the results of a tool that scanned nothing are no baseline.
func TestNoResultsAreNoBaseline(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]bool{
		`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"results":[]}]}`: false,
		`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}}}]}`:              true,
	} {
		runs, err := readDocument(t.Context(), strings.NewReader(doc), sarif.ReadOptions{}, func(_ context.Context, d io.ReaderAt, o sarif.ReadOptions) ([]sarif.Run, error) {
			return sarif.Read(io.NewSectionReader(d, 0, int64(len(doc))), o)
		})
		if err != nil {
			t.Fatal(err)
		}
		list, err := parts(runs, nil)
		if err != nil || len(list) != 1 || list[0].results.Partial != want || (list[0].results.Missing != "") != want {
			t.Errorf("%s: %+v, %v", doc, list, err)
		}
	}
}

// TestWorkflows checks which files of the repository define a job.
func TestWorkflows(t *testing.T) {
	t.Parallel()
	const ours = "Acme/shop/.github/workflows/a.yml@refs/heads/main"
	for _, c := range []struct {
		workflow, job string
		want          []string
		ok            bool
	}{
		{ours, ours, []string{".github/workflows/a.yml"}, true},
		{ours, "", []string{".github/workflows/a.yml"}, true},
		{"acme/SHOP/.github/workflows/a.yml@refs/pull/1/merge", "acme/shop/.github/workflows/b.yml@refs/pull/1/merge", []string{".github/workflows/a.yml", ".github/workflows/b.yml"}, true},
		{ours, "acme/central/.github/workflows/scan.yml@refs/tags/v1", []string{".github/workflows/a.yml"}, true},
		{"acme/central/.github/workflows/scan.yml@refs/heads/main", "", nil, true},
		{"", "", nil, false},
		{"", ours, nil, false},
		{"acme/shop", ours, nil, false},
		{"acme/shop/.github/workflows/a.yml", "", nil, false},
		{ours, "nonsense", nil, false},
	} {
		got, ok := Claims{Repository: "acme/shop", WorkflowRef: c.workflow, JobWorkflowRef: c.job}.workflows()
		if !slices.Equal(got, c.want) || ok != c.ok {
			t.Errorf("%q in %q: %q, %v; want %q, %v", c.job, c.workflow, got, ok, c.want, c.ok)
		}
	}
}

func TestIssuer(t *testing.T) {
	t.Parallel()
	for github, want := range map[string]string{
		"https://github.com":         "https://token.actions.githubusercontent.com",
		"https://github.example.com": "https://github.example.com/_services/token",
	} {
		if got := Issuer(github); got != want {
			t.Errorf("%s: %s, want %s", github, got, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	const doc = `{"version":"2.1.0","runs":[]}`
	f.Add("", "", form("", doc))
	f.Add("commit_sha="+someCommit, "gzip", packed(doc))
	f.Add("commit_sha="+someCommit+"&checkout_uri=file:///%zz", "", []byte(doc))
	f.Add("", "gzip", packed(string(form("D:/a", doc))))
	f.Add("commit_sha=x", "br", []byte{})
	f.Add("", "", []byte(`{"commit_sha":1}`))
	f.Fuzz(func(t *testing.T, query, encoding string, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "/x", bytes.NewReader(body))
		r.URL = &url.URL{Path: "/x", RawQuery: query}
		r.Header = http.Header{"Content-Encoding": {encoding}}
		var got bytes.Buffer
		req, err := read(httptest.NewRecorder(), r, &got)
		var refused *refusal
		switch {
		case got.Len() > MaxDocument+1:
			t.Errorf("%d bytes were kept", got.Len())
		case err == nil && (!commit.MatchString(req.Commit) || req.Root != "" && req.Root[0] != '/' && !drive(req.Root)):
			t.Errorf("taken: %+v", req)
		case err != nil && (!errors.As(err, &refused) || refused.status < 400 || refused.status == http.StatusServiceUnavailable || !strings.HasSuffix(refused.sentence, ".") || strings.ContainsAny(refused.sentence, "\n\x00\x1b")):
			t.Errorf("refused with %v", err)
		}
	})
}
