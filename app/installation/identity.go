package installation

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-github/v60/github"
)

// A Refused error means that GitHub does not accept the App's credentials. Its text is a sentence for the operator.
type Refused struct{ Sentence string }

func (e *Refused) Error() string { return e.Sentence }

// Self returns the App's slug and id. It asks GitHub only once. The error is a [*Refused] if GitHub answers that the
// credentials are wrong.
func (a *App) Self(ctx context.Context) (slug string, id int64, err error) {
	a.mu.Lock()
	slug, id = a.slug, a.id
	a.mu.Unlock()
	if slug != "" {
		return slug, id, nil
	}
	self, _, err := a.rest.Apps.Get(ctx, "")
	if refused := a.refusal(err); refused != nil {
		return "", 0, refused
	}
	if err != nil {
		return "", 0, fmt.Errorf("ask GitHub who the App is: %w", err)
	}
	if self.GetSlug() == "" || self.GetID() == 0 {
		return "", 0, errors.New("ask GitHub who the App is: no slug or id in the answer")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.slug, a.id = self.GetSlug(), self.GetID()
	return a.slug, a.id, nil
}

// refusal returns the reason why GitHub refused to say who the App is, nil if err is anything else. GitHub answers 404
// where no App has the id, and 401 where the key does not fit, or where the clocks differ.
// https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
func (a *App) refusal(err error) *Refused {
	var answer *github.ErrorResponse
	if !errors.As(err, &answer) || answer.Response == nil {
		return nil
	}
	status, message := answer.Response.StatusCode, answer.Message
	switch {
	case strings.Contains(message, "Integration not found"):
		return &Refused{fmt.Sprintf("%s knows no App with the id %d: correct SECBYDESIGN_GITHUB_APP_ID, or SECBYDESIGN_GITHUB_URL.", a.web, a.appID)}
	case status == http.StatusUnauthorized && (strings.Contains(message, "'Expiration time'") || strings.Contains(message, "'Issued at'")):
		return &Refused{"GitHub refuses the App's signature because of its time: set the clock of this machine right."}
	case status == http.StatusUnauthorized:
		return &Refused{fmt.Sprintf("GitHub does not accept the private key for the App with the id %d: the key belongs to another App, or was deleted. Correct SECBYDESIGN_GITHUB_PRIVATE_KEY or SECBYDESIGN_GITHUB_APP_ID.", a.appID)}
	case status == http.StatusNotFound:
		return &Refused{fmt.Sprintf("%s does not answer like GitHub: correct SECBYDESIGN_GITHUB_URL.", a.web)}
	}
	return nil
}
