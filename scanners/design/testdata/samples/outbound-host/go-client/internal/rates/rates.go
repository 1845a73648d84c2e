package rates

import (
	"fmt"
	"net/http"
)

const apiURL = "https://api.rates.io/v1"

// See https://docs.rates.io/reference for the answers.
func Latest(c *http.Client) (*http.Response, error) {
	req, err := http.NewRequest(http.MethodGet, fmt.Sprintf("https://fallback.rates.io/%s", "x"), nil)
	if err != nil {
		return nil, fmt.Errorf("see https://help.rates.io: %w", err)
	}
	return c.Do(req)
}
