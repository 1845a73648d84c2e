package login

import (
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/github"
)

func config(id, secret string) *oauth2.Config {
	return &oauth2.Config{
		ClientID:     id,
		ClientSecret: secret,
		Endpoint:     github.Endpoint,
		Scopes:       []string{"user:email"},
	}
}
