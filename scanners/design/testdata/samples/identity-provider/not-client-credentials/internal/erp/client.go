package erp

import (
	"context"
	"net/http"

	"golang.org/x/oauth2/clientcredentials"
)

func client(c clientcredentials.Config) *http.Client { return c.Client(context.Background()) }
