package publish

import (
	"errors"
	"net/http"
	"strings"

	"github.com/google/go-github/v60/github"
)

// refused reports whether GitHub understood a request and will never accept it.
func refused(err error) bool {
	var e *github.ErrorResponse
	return errors.As(err, &e) && e.Response != nil && e.Response.StatusCode == http.StatusUnprocessableEntity
}

// locked reports whether somebody locked the conversation, which is no reason to have no verdict.
// (GitHub says "Unable to create comment because issue is locked.")
func locked(err error) bool {
	var e *github.ErrorResponse
	return errors.As(err, &e) && e.Response != nil && e.Response.StatusCode == http.StatusForbidden && strings.Contains(e.Message, "is locked")
}
