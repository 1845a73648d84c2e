package upload

import (
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
)

const (
	// MaxDocument is the maximum size of an accepted SARIF document, unpacked, in bytes.
	MaxDocument = 100 << 20

	// maxForm is the maximum size of a body in the format of GitHub's own API, which must be held in memory as a
	// whole. GitHub accepts 10 MB of packed SARIF; in base64 that is 24 MB.
	maxForm = 32 << 20
)

// A refusal is an answer other than 202.
type refusal struct {
	status   int
	sentence string // for the sender
	err      error  // for the operator; may be nil
}

func (r *refusal) Error() string {
	if r.err == nil {
		return r.sentence
	}
	return r.sentence + " " + r.err.Error()
}

func (r *refusal) Unwrap() error { return r.err }

func refuse(status int, format string, args ...any) *refusal {
	return &refusal{status: status, sentence: fmt.Sprintf(format, args...)}
}

func (r *refusal) because(err error) *refusal {
	r.err = err
	return r
}

// A request is the content of an upload, apart from the sender's identity.
type request struct {
	Commit string // the scanned commit
	Ref    string // may be empty
	Root   string // the path at which the tool saw the root of the repository; may be empty
}

// read reads the body of a request in either of two formats: that of GitHub's own API for SARIF, or the document
// itself, with the other fields in the query. It writes the unpacked document to file.
// https://docs.github.com/en/rest/code-scanning/code-scanning#upload-an-analysis-as-sarif-data
func read(w http.ResponseWriter, r *http.Request, file io.Writer) (request, error) {
	// With MaxBytesReader, the server does not read the rest of a body that is too large.
	body := io.Reader(http.MaxBytesReader(w, r.Body, MaxDocument))
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			return request{}, unreadable(err)
		}
		body = unpacked
	default:
		return request{}, refuse(http.StatusBadRequest, "The body is encoded as %s: send it as it is, or with Content-Encoding: gzip.", strconv.QuoteToASCII(encoding))
	}
	query := r.URL.Query()
	req := request{Commit: query.Get("commit_sha"), Ref: query.Get("ref"), Root: query.Get("checkout_uri")}
	var err error
	if req.Commit != "" {
		err = copyMost(file, body)
	} else {
		req, err = readForm(body, file)
	}
	if err != nil {
		return request{}, err
	}
	req.Commit, req.Root = strings.ToLower(req.Commit), folder(req.Root)
	if !commit.MatchString(req.Commit) {
		return request{}, refuse(http.StatusBadRequest, "The field commit_sha must be the 40 hexadecimal digits of the commit that the tool scanned.")
	}
	return req, nil
}

func readForm(body io.Reader, file io.Writer) (request, error) {
	var form struct {
		Commit string `json:"commit_sha"`
		Ref    string `json:"ref"`
		SARIF  string `json:"sarif"`
		Root   string `json:"checkout_uri"`
	}
	limited := &io.LimitedReader{R: body, N: maxForm + 1}
	text, err := io.ReadAll(limited)
	switch {
	case err != nil:
		return request{}, unreadable(err)
	case limited.N <= 0:
		return request{}, refuse(http.StatusRequestEntityTooLarge,
			"The body has more than %d MB: send the SARIF document itself, with Content-Encoding: gzip and ?commit_sha= in the address.", maxForm>>20)
	case json.Unmarshal(text, &form) != nil:
		return request{}, refuse(http.StatusBadRequest,
			"The body is not a JSON object with commit_sha, ref and sarif; a SARIF document itself needs ?commit_sha= in the address.")
	case form.SARIF == "":
		return request{}, refuse(http.StatusBadRequest,
			"The field sarif is missing: it is the SARIF document, packed by gzip, in base64. A SARIF document itself needs ?commit_sha= in the address.")
	}
	unpacked, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(form.SARIF)))
	if err == nil {
		err = copyMost(file, unpacked)
	}
	var refused *refusal
	if err != nil && !errors.As(err, &refused) {
		err = unreadable(err)
	}
	return request{Commit: form.Commit, Ref: form.Ref, Root: form.Root}, err
}

// copyMost copies a document of at most [MaxDocument] bytes.
func copyMost(to io.Writer, from io.Reader) error {
	n, err := io.Copy(to, io.LimitReader(from, MaxDocument+1))
	var disk *os.PathError
	switch {
	case errors.As(err, &disk):
		return refuse(http.StatusServiceUnavailable, "The document cannot be kept just now; try again later.").because(err)
	case err != nil:
		return unreadable(err)
	case n > MaxDocument:
		return tooLarge()
	}
	return nil
}

func tooLarge() *refusal {
	return refuse(http.StatusRequestEntityTooLarge, "The SARIF document has more than %d MB: have the tool scan less, or send the results of its parts one by one.", MaxDocument>>20)
}

// unreadable returns the answer to a body that could not be read. It leaves the details to the sender to find
// out.
func unreadable(err error) *refusal {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return tooLarge().because(err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return refuse(http.StatusBadRequest, "The document is truncated: it ends in the middle of its gzip or base64 data.").because(err)
	}
	return refuse(http.StatusBadRequest, "The body could not be unpacked: it is neither gzip nor base64 of gzip.").because(err)
}

// folder converts the URI of a folder to a path. It returns "" if the path is not absolute.
func folder(uri string) string {
	if rest, ok := strings.CutPrefix(uri, "file://"); ok {
		uri = rest
		if name, err := url.PathUnescape(rest); err == nil {
			uri = name
		}
	}
	if !strings.HasPrefix(uri, "/") && !drive(uri) {
		return ""
	}
	return uri
}

// drive reports whether path begins with a Windows drive.
func drive(path string) bool {
	return len(path) > 2 && path[1] == ':' && (path[2] == '\\' || path[2] == '/')
}
