package client

import (
	"context"
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/go-resty/resty/v2"
)

type Client struct{ http *resty.Client }

func (c *Client) Load(ctx context.Context) error {
	res, err := http.Get("https://api.example.com/v1/items")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = c.http.R().Get("/v1/items")
	err = c.Post("/v1/items", body)
	// r.Get("/commented", h)
	logger.Info("r.Get(\"/in-a-string\", h)", chi.URLParam(nil, "id"))
	return c.Get("/v1/items/7", nil)
}
