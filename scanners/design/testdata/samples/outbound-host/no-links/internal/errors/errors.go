package errors

import (
	"fmt"
	"net/http"
)

const docsURL = "https://www.vendor.dev/errors"
const schemaURL = "https://json-schema.org/draft/2020-12/schema"

func New(code int) error {
	return fmt.Errorf("%s: see https://www.vendor.dev/e/%d", http.StatusText(code), code)
}
