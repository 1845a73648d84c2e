package fakegithub

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/golang-jwt/jwt/v4"
	"github.com/google/go-github/v60/github"
)

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func signed(t *testing.T, claims jwt.MapClaims) string {
	t.Helper()
	s, err := jwt.NewWithClaims(jwt.SigningMethodRS256, claims).SignedString(appKey())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w *world) jwt() string {
	now := w.now().Unix()
	return signed(w.t, jwt.MapClaims{"iss": "77", "iat": now - 60, "exp": now + 540})
}

func TestJSONWebToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	now := time.Now().Unix()
	for _, tc := range []struct {
		name   string
		raw    string
		status int
		want   string
	}{
		{"good", signed(t, jwt.MapClaims{"iss": "77", "iat": now - 60, "exp": now + 540}), 200, `"slug":"secbydesign"`},
		{"number as issuer", signed(t, jwt.MapClaims{"iss": 77, "iat": now - 60, "exp": now + 540}), 200, ""},
		{"nonsense", "a.b.c", 401, "A JSON web token could not be decoded"},
		{"too far", signed(t, jwt.MapClaims{"iss": "77", "iat": now, "exp": now + 660}), 401, "'Expiration time' claim ('exp') is too far in the future"},
		{"expired", signed(t, jwt.MapClaims{"iss": "77", "iat": now - 600, "exp": now - 1}), 401, "must be a numeric value"},
		{"fraction", signed(t, jwt.MapClaims{"iss": "77", "iat": float64(now) - .5, "exp": now + 60}), 401, "'Issued at' claim ('iat') must be an Integer"},
		{"from the future", signed(t, jwt.MapClaims{"iss": "77", "iat": now + 100, "exp": now + 200}), 401, "'Issued at'"},
		{"another App", signed(t, jwt.MapClaims{"iss": "78", "iat": now, "exp": now + 60}), 404, "Integration not found"},
		{"installation token", w.Token("acme", nil), 401, "A JSON web token could not be decoded"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status, body := w.do(tc.raw, "GET", "/app", "")
			if status != tc.status || !strings.Contains(body, tc.want) {
				t.Errorf("%d %s, want %d %q", status, body, tc.status, tc.want)
			}
		})
	}
	none, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"iss": "77", "iat": now, "exp": now + 60}).SignedString([]byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := w.do(none, "GET", "/app", ""); status != 401 {
		t.Errorf("HS256 is answered %d", status)
	}
}

func TestTokensAreNarrowedAndExpire(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	other := w.CreateRepo("acme", "other", false)
	var id int64
	for id = range w.installs {
	}
	path := "/app/installations/" + strconv.FormatInt(id, 10) + "/access_tokens"
	for _, tc := range []struct {
		body   string
		status int
		want   string
	}{
		{`{"repositories":["gone"]}`, 422, "There is at least one repository that does not exist or is not accessible to the parent installation."},
		{`{"repositories":["acme/shop"]}`, 422, "There is at least one repository"},
		{`{"repository_ids":[1]}`, 422, "There is at least one repository"},
		{`{"permissions":{"contents":"write"}}`, 422, "The permissions requested are not granted to this installation."},
		{`{"permissions":{"issues":"read"}}`, 422, "The permissions requested"},
		{``, 201, `"repository_selection":"all"`},
		{`{"repository_ids":[` + strconv.FormatInt(other.id, 10) + `]}`, 201, `"full_name":"acme/other"`},
	} {
		if status, body := w.do(w.jwt(), "POST", path, tc.body); status != tc.status || !strings.Contains(body, tc.want) {
			t.Errorf("%s: %d %s, want %d %q", tc.body, status, body, tc.status, tc.want)
		}
	}
	status, body := w.do(w.jwt(), "POST", path, `{"repositories":["shop"],"permissions":{"checks":"write"}}`)
	var tok struct{ Token string }
	if err := json.Unmarshal([]byte(body), &tok); err != nil || status != 201 {
		t.Fatal(status, body)
	}
	if !regexp.MustCompile(`^ghs_77_[A-Za-z0-9_.-]+$`).MatchString(tok.Token) || len(tok.Token) < 500 || strings.Count(tok.Token, ".") != 2 {
		t.Errorf("token %q is not of the format of 2026", tok.Token)
	}
	check := func(path string, want int, text string) {
		t.Helper()
		if status, body := w.do(tok.Token, "GET", path, ""); status != want || !strings.Contains(body, text) {
			t.Errorf("GET %s: %d %s, want %d %q", path, status, body, want, text)
		}
	}
	check("/repos/acme/shop/commits/"+w.head+"/check-runs", 200, "check_runs")
	check("/repos/acme/shop/pulls/1", 403, "Resource not accessible by integration")
	check("/repos/acme/other", 404, "Not Found")
	w.Advance(59 * time.Minute)
	check("/repos/acme/shop", 200, "")
	w.Advance(2 * time.Minute)
	check("/repos/acme/shop", 401, "Bad credentials")
	if len(w.Writes()) != 0 {
		t.Errorf("minting a token counts as a write: %v", w.Writes())
	}

	tok.Token = w.Token("acme", nil)
	w.Suspend(id)
	check("/repos/acme/shop", 403, "This installation has been suspended")
	if status, body := w.do(w.jwt(), "POST", path, ""); status != 403 || !strings.Contains(body, "suspended") {
		t.Errorf("token of a suspended installation: %d %s", status, body)
	}
	w.Unsuspend(id)
	check("/repos/acme/shop", 200, "")
	w.Uninstall(id)
	check("/repos/acme/shop", 401, "Bad credentials")
	if status, _ := w.do(w.jwt(), "POST", path, ""); status != 404 {
		t.Errorf("token of no installation: %d", status)
	}
}

func TestMissingPermissionIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	req, _ := http.NewRequest("POST", w.URL()+"/api/v3/repos/acme/shop/issues/1/comments", strings.NewReader(`{"body":"x"}`))
	req.Header.Set("Authorization", "token "+w.Token("acme", map[string]string{"checks": "write"}))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if got := res.Header.Get("X-Accepted-GitHub-Permissions"); res.StatusCode != 403 || got != "issues=write; pull_requests=write" {
		t.Errorf("%d, header %q", res.StatusCode, got)
	}
}

func TestGhinstallationWorks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	apps := ghinstallation.NewAppsTransportFromPrivateKey(http.DefaultTransport, 77, appKey())
	apps.BaseURL = w.URL() + "/api/v3"
	app, err := github.NewClient(&http.Client{Transport: apps}).WithEnterpriseURLs(w.URL(), w.URL())
	if err != nil {
		t.Fatal(err)
	}
	in, _, err := app.Apps.FindRepositoryInstallation(context.Background(), "acme", "shop")
	if err != nil {
		t.Fatal(explain(err))
	}
	tr := ghinstallation.NewFromAppsTransport(apps, in.GetID())
	tr.InstallationTokenOptions = &github.InstallationTokenOptions{Repositories: []string{"shop"}, Permissions: &github.InstallationPermissions{PullRequests: github.String("read"), Contents: github.String("read")}}
	c, err := github.NewClient(&http.Client{Transport: tr}).WithEnterpriseURLs(w.URL(), w.URL())
	if err != nil {
		t.Fatal(err)
	}
	pr, _, err := c.PullRequests.Get(context.Background(), "acme", "shop", 1)
	if err != nil || pr.GetHead().GetSHA() != w.head || pr.GetChangedFiles() != 3 {
		t.Errorf("%s %v", explain(err), pr)
	}
}

func TestDeliveriesAreSignedAndRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	<-w.hooks // installation.created
	h := <-w.hooks
	mac := hmac.New(sha256.New, []byte("secret"))
	mac.Write(h.body)
	if h.header.Get("X-GitHub-Event") != "pull_request" || h.header.Get("X-Hub-Signature-256") != "sha256="+hex.EncodeToString(mac.Sum(nil)) {
		t.Errorf("headers = %v", h.header)
	}
	ev, err := github.ParseWebHook(h.header.Get("X-GitHub-Event"), h.body)
	if err != nil {
		t.Fatal(err)
	}
	pe := ev.(*github.PullRequestEvent)
	if pe.GetAction() != "opened" || pe.GetPullRequest().GetHead().GetSHA() != w.head || pe.GetInstallation().GetID() == 0 {
		t.Errorf("event = %s", h.body)
	}
	guid := h.header.Get("X-GitHub-Delivery")
	if status := w.Redeliver(guid); status != http.StatusAccepted {
		t.Errorf("redelivery is answered %d", status)
	}
	if again := <-w.hooks; again.header.Get("X-GitHub-Delivery") != guid || string(again.body) != string(h.body) {
		t.Error("a redelivery is not the same")
	}
	w.SetWebhookURL("")
	w.repo.Commit("feature", "", "More", map[string]string{"new.go": "package b\n"})
	w.repo.SyncPull(1)
	all := w.Deliveries()
	if last := all[len(all)-1]; last.Event != "pull_request" || last.Action != "synchronize" || last.StatusCode != 0 || last.Err == "" {
		t.Errorf("last delivery = %+v", last)
	}

	apps := client(t, w.Server, w.jwt()).Apps
	list, res, err := apps.ListHookDeliveries(context.Background(), &github.ListCursorOptions{PerPage: 2})
	if err != nil || len(list) != 2 || res.Cursor == "" || *list[0].StatusCode != 0 || *list[0].Status == "OK" {
		t.Fatal(explain(err), list, res.Cursor)
	}
	older, _, err := apps.ListHookDeliveries(context.Background(), &github.ListCursorOptions{PerPage: 10, Cursor: res.Cursor})
	if err != nil || len(older) != 2 {
		t.Fatal(explain(err), older)
	}
}

func TestTheAppHearsItsOwnWrites(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	if _, _, err := w.client().Issues.CreateComment(context.Background(), "acme", "shop", 1, &github.IssueComment{Body: github.String("hello")}); err != nil {
		t.Fatal(explain(err))
	}
	w.Settle()
	all := w.Deliveries()
	last := all[len(all)-1]
	if last.Event != "issue_comment" || !strings.Contains(string(last.Payload), `"login":"secbydesign[bot]"`) {
		t.Errorf("last delivery = %s %s", last.Event, last.Payload)
	}
}
