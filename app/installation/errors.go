package installation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

var (
	// ErrGone means that the App is no longer installed, or no longer on this repository. There is nothing left
	// to do for it.
	ErrGone = errors.New("the App is not installed there any more")

	// ErrSuspended means that an owner suspended the installation. They may unsuspend it.
	ErrSuspended = errors.New("the installation is suspended")
)

// A RateLimited error means that GitHub will not answer this installation before Until. The request was not
// carried out.
type RateLimited struct {
	Until     time.Time
	Secondary bool // too many requests at once, not too many in the hour
}

func (e *RateLimited) Error() string {
	kind := "rate limit"
	if e.Secondary {
		kind = "secondary rate limit"
	}
	return fmt.Sprintf("GitHub's %s is used up until %s", kind, e.Until.UTC().Format(time.RFC3339))
}

// A Forbidden error means that the App lacks a permission.
type Forbidden struct {
	// Accepted lists the permissions that would suffice, as in X-Accepted-GitHub-Permissions: "a=read,b=write"
	// means both, ";" means or. It is empty if GitHub does not name them.
	// https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#insufficient-permissions-errors
	Accepted string
	Message  string // GitHub's
}

func (e *Forbidden) Error() string {
	if e.Accepted == "" {
		return "permission missing: " + e.Message
	}
	return fmt.Sprintf("permission missing, want %s: %s", e.Accepted, e.Message)
}

// A GraphQLError is the first error of a GraphQL answer, if this package has no other type for it.
type GraphQLError struct {
	Type    string // such as NOT_FOUND or UNPROCESSABLE; may be empty
	Message string
}

func (e *GraphQLError) Error() string {
	if e.Type == "" {
		return "GraphQL: " + e.Message
	}
	return "GraphQL: " + e.Type + ": " + e.Message
}

// refusal is the body of an answer from GitHub with a status other than 2xx.
type refusal struct {
	Message string `json:"message"`
	URL     string `json:"documentation_url"`

	Errors json.RawMessage `json:"errors"`
}

// judge converts an answer to an error, if callers handle that error differently. It leaves all other refusals to
// go-github. It reads the body only for relevant status codes, and the body can be read again.
func judge(req *http.Request, resp *http.Response) error {
	if redirects(resp.StatusCode) && req.Method != http.MethodGet && req.Method != http.MethodHead {
		// After some redirects net/http would send a GET, and the write would seem to succeed.
		_, name, _ := strings.Cut(req.URL.Path, "/repos/")
		parts := append(strings.SplitN(name, "/", 3), "")
		return &Moved{parts[0] + "/" + parts[1]}
	}
	switch resp.StatusCode {
	case http.StatusOK:
		if !graphql(req) {
			return nil
		}
		b, err := peek(resp)
		if err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		return judgeGraphQL(resp.Header, b)
	case http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusTooManyRequests:
		b, err := peek(resp)
		if err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		var r refusal
		// A body that is not JSON has no message; its status code and headers still count.
		_ = json.Unmarshal(b, &r)
		return judgeREST(req, resp, r)
	default:
		return nil
	}
}

func judgeREST(req *http.Request, resp *http.Response, r refusal) error {
	// Calls in which the App asks about or for an installation.
	about := strings.Contains(req.URL.Path, "/app/installations/")
	token := about && strings.HasSuffix(req.URL.Path, "/access_tokens")
	switch code := resp.StatusCode; {
	case code == http.StatusTooManyRequests || code == http.StatusForbidden:
		if limit := limitIn(resp.Header, code, r); limit != nil {
			return limit
		}
		switch {
		case strings.Contains(r.Message, "installation has been suspended"):
			return ErrSuspended
		case strings.HasPrefix(r.Message, "Resource not accessible by"):
			return &Forbidden{resp.Header.Get("X-Accepted-GitHub-Permissions"), r.Message}
		}
	// "Integration not found" is about the App: its id is wrong, nobody uninstalled it.
	case code == http.StatusNotFound && about && !strings.Contains(r.Message, "Integration not found"):
		return ErrGone
	// GitHub may report content that is created too fast as invalid content.
	case code == http.StatusUnprocessableEntity && strings.Contains(string(r.Errors), "was submitted too quickly"):
		return &RateLimited{Secondary: true}
	case code == http.StatusUnprocessableEntity && token:
		switch {
		case strings.Contains(r.Message, "not accessible to the parent installation"):
			return ErrGone
		case strings.Contains(r.Message, "permissions requested are not granted"):
			return &Forbidden{Message: r.Message}
		}
	}
	return nil
}

// judgeGraphQL finds the errors in an answer of GraphQL, which arrive with status 200. The errors of the GraphQL
// client would lose their type.
// https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api#exceeding-the-rate-limit
func judgeGraphQL(h http.Header, body []byte) error {
	var answer struct {
		Errors []struct{ Type, Message string }
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if len(answer.Errors) == 0 {
		return nil
	}
	for _, e := range answer.Errors {
		switch {
		case e.Type == "RATE_LIMITED" || secondary(refusal{Message: e.Message}):
			if limit := limitIn(h, http.StatusOK, refusal{Message: e.Message}); limit != nil {
				return limit
			}
			return &RateLimited{}
		case e.Type == "FORBIDDEN":
			return &Forbidden{Message: e.Message}
		}
	}
	return &GraphQLError{answer.Errors[0].Type, answer.Errors[0].Message}
}

// peek reads the body and replaces it by an equal one.
func peek(resp *http.Response) ([]byte, error) {
	b, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(b))
	return b, err
}
