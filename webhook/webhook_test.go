package webhook_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/webhook"
	"github.com/secbydesign/secbydesign/webhook/webhooktest"
)

var update = flag.Bool("update", false, "write the wanted outcomes of testdata/deliveries again")

const guid = "72d3162e-cc78-11e3-81ab-4c9367dc0958"

var secret = []byte("a secret of the tests")

// An answer holds all results of one request.
type answer struct {
	*httptest.ResponseRecorder
	accepted               []webhook.Delivery
	event, action, outcome string // the arguments of Observe
	log                    string
}

// ask passes r to a handler whose Accept returns acceptErr.
func ask(t testing.TB, r *http.Request, acceptErr error) answer {
	t.Helper()
	a := answer{ResponseRecorder: httptest.NewRecorder()}
	h := &webhook.Handler{
		Secrets: [][]byte{[]byte("the older secret"), secret},
		Accept: func(_ context.Context, d webhook.Delivery) error {
			a.accepted = append(a.accepted, d)
			return acceptErr
		},
		Observe: func(event, action, outcome string) {
			if a.outcome != "" {
				t.Errorf("observed twice: %s and %s", a.outcome, outcome)
			}
			a.event, a.action, a.outcome = event, action, outcome
		},
	}
	if err := h.Check(); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	logger := zerolog.New(&log)
	h.ServeHTTP(a, r.WithContext(logger.WithContext(r.Context())))
	a.log = log.String()
	return a
}

func deliver(event string, body []byte) *http.Request {
	return webhooktest.Request("http://localhost/webhook", event, guid, secret, body)
}

// Each delivery in testdata/deliveries has the name of its event, and a file with the expected outcome beside it.
func TestDeliveries(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/deliveries/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no deliveries found: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			event, _, _ := strings.Cut(name, ".")
			a := ask(t, deliver(event, body), nil)

			got := fmt.Sprintf("%d %s\nobserved: %s %s %s\n", a.Code, strings.TrimSpace(a.Body.String()), a.event, a.action, a.outcome)
			for _, d := range a.accepted {
				if d.GUID != guid || d.Event != event {
					t.Errorf("accepted GUID %q event %q, want %q %q", d.GUID, d.Event, guid, event)
				}
				fields, err := json.MarshalIndent(d.Intent, "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				got += fmt.Sprintf("%T %s\n", d.Intent, fields)
			}

			wantFile := strings.TrimSuffix(file, ".json") + ".want"
			if *update {
				if err := os.WriteFile(wantFile, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(wantFile)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "deliveries", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBadDeliveries(t *testing.T) {
	t.Parallel()
	opened := read(t, "pull_request.opened")

	// with changes one place of the opened pull request and signs it.
	with := func(old, new string) *http.Request {
		if !bytes.Contains(opened, []byte(old)) {
			t.Fatalf("the delivery has no %s", old)
		}
		return deliver("pull_request", bytes.Replace(opened, []byte(old), []byte(new), 1))
	}
	header := func(key, value string) *http.Request {
		r := deliver("pull_request", opened)
		r.Header.Set(key, value)
		return r
	}
	sha1Only := deliver("pull_request", opened)
	sha1Only.Header.Del("X-Hub-Signature-256")
	mac := hmac.New(sha1.New, secret)
	mac.Write(opened)
	sha1Only.Header.Set("X-Hub-Signature", "sha1="+hex.EncodeToString(mac.Sum(nil)))

	unsigned := deliver("pull_request", opened)
	unsigned.Header.Del("X-Hub-Signature-256")

	changed := deliver("pull_request", opened)
	changed.Body = io.NopCloser(bytes.NewReader(bytes.Replace(opened, []byte("318"), []byte("319"), 1)))

	cutShort := deliver("pull_request", opened)
	cutShort.Body = io.NopCloser(io.MultiReader(bytes.NewReader(opened[:100]), errReader{io.ErrUnexpectedEOF}))

	huge := deliver("pull_request", []byte("{}"))
	huge.Body, huge.ContentLength = io.NopCloser(io.LimitReader(zeros{}, webhook.MaxBody+1)), -1

	hugeSaid := deliver("pull_request", []byte("{}"))
	hugeSaid.ContentLength = webhook.MaxBody + 1

	get := deliver("pull_request", opened)
	get.Method = http.MethodGet

	form := deliver("pull_request", []byte("payload=%zz"))
	form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	emptyForm := deliver("pull_request", []byte("other=1"))
	emptyForm.Header.Set("Content-Type", "application/x-www-form-urlencoded")

	for name, test := range map[string]struct {
		request *http.Request
		status  int
		outcome webhook.Outcome
	}{
		"unsigned":                    {unsigned, 401, webhook.Unsigned},
		"SHA-1 only":                  {sha1Only, 401, webhook.Unsigned},
		"empty signature":             {header("X-Hub-Signature-256", "sha256="), 401, webhook.Unsigned},
		"short signature":             {header("X-Hub-Signature-256", "sha256=00"), 401, webhook.Unsigned},
		"signature not hex":           {header("X-Hub-Signature-256", "sha256="+strings.Repeat("z", 64)), 401, webhook.Unsigned},
		"signature of another prefix": {header("X-Hub-Signature-256", "sha512="+strings.Repeat("0", 64)), 401, webhook.Unsigned},
		"wrong signature":             {header("X-Hub-Signature-256", "sha256="+strings.Repeat("0", 64)), 401, webhook.WronglySigned},
		"wrong secret":                {webhooktest.Request("/webhook", "pull_request", guid, []byte("guess"), opened), 401, webhook.WronglySigned},
		"empty secret":                {webhooktest.Request("/webhook", "pull_request", guid, nil, opened), 401, webhook.WronglySigned},
		"changed body":                {changed, 401, webhook.WronglySigned},
		"body cut short":              {cutShort, 400, webhook.Truncated},
		"body too large":              {huge, 413, webhook.TooLarge},
		"body said to be too large":   {hugeSaid, 413, webhook.TooLarge},
		"GET":                         {get, 405, webhook.NotPost},
		"no event":                    {header("X-GitHub-Event", ""), 400, webhook.BadHeaders},
		"event with a line break":     {header("X-GitHub-Event", "a\nb"), 400, webhook.BadHeaders},
		"no GUID":                     {header("X-GitHub-Delivery", ""), 400, webhook.BadHeaders},
		"GUID with a slash":           {header("X-GitHub-Delivery", "../x"), 400, webhook.BadHeaders},
		"GUID too long":               {header("X-GitHub-Delivery", strings.Repeat("a", 101)), 400, webhook.BadHeaders},
		"truncated JSON":              {deliver("pull_request", opened[:len(opened)/2]), 400, webhook.NotJSON},
		"truncated JSON, other event": {deliver("star", opened[:len(opened)/2]), 400, webhook.NotJSON},
		"empty body":                  {deliver("ping", nil), 400, webhook.NotJSON},
		"not JSON":                    {deliver("ping", []byte("<xml/>")), 400, webhook.NotJSON},
		"null":                        {deliver("ping", []byte("null")), 400, webhook.NotJSON},
		"array":                       {deliver("ping", []byte("[{}]")), 400, webhook.NotJSON},
		"two objects":                 {deliver("ping", []byte("{}{}")), 400, webhook.NotJSON},
		"form that is none":           {form, 400, webhook.NotJSON},
		"form without payload":        {emptyForm, 400, webhook.NotJSON},
		"unknown event":               {deliver("from_the_future", []byte(`{"action":5}`)), 202, webhook.EventNotUsed},
		"unknown action":              {with(`"action": "opened"`, `"action": "from_the_future"`), 202, webhook.ActionNotUsed},
		"no action":                   {with(`"action": "opened"`, `"action": ""`), 202, webhook.ActionNotUsed},
		"action is no word":           {with(`"action": "opened"`, `"action": "open ed\n"`), 400, webhook.BadPayload},
		"action is a number":          {with(`"action": "opened"`, `"action": 1`), 400, webhook.BadPayload},
		"nothing inside":              {deliver("pull_request", []byte(`{"action":"opened","installation":{"id":1}}`)), 400, webhook.BadPayload},
		"null inside":                 {deliver("pull_request", []byte(`{"action":"opened","installation":{"id":1},"repository":null,"pull_request":null}`)), 400, webhook.BadPayload},
		"number is text":              {with(`"number": 318,`+"\n    \"state\"", `"number": "318",`+"\n    \"state\""), 400, webhook.BadPayload},
		"number is zero":              {with(`"number": 318,`+"\n    \"state\"", `"number": 0,`+"\n    \"state\""), 400, webhook.BadPayload},
		"number is huge":              {with(`"number": 318,`+"\n    \"state\"", `"number": 99999999999999999999,`+"\n    \"state\""), 400, webhook.BadPayload},
		"installation is negative":    {with(`4300000017`, `-4300000017`), 400, webhook.BadPayload},
		"head is upper case":          {with(`3f1c9a7be25d04861e6f0b9c8d7a6e5f4c3b2a19`, `3F1C9A7BE25D04861E6F0B9C8D7A6E5F4C3B2A19`), 400, webhook.BadPayload},
		"head is an option":           {with(`3f1c9a7be25d04861e6f0b9c8d7a6e5f4c3b2a19`, `--upload-pack=touch_0000000000000000000`), 400, webhook.BadPayload},
		"head is all zeros":           {with(`3f1c9a7be25d04861e6f0b9c8d7a6e5f4c3b2a19`, strings.Repeat("0", 40)), 400, webhook.BadPayload},
		"base is too short":           {with(`b07d1ce55a2f4e8390c1d6a4f2e8b97c5d304a6e`, `b07d1ce`), 400, webhook.BadPayload},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := ask(t, test.request, nil)
			if a.Code != test.status || a.outcome != string(test.outcome) {
				t.Errorf("got %d %s, want %d %s", a.Code, a.outcome, test.status, test.outcome)
			}
			if len(a.accepted) != 0 {
				t.Errorf("accepted %+v", a.accepted)
			}
			if strings.Count(a.log, "\n") != 1 || !strings.Contains(a.log, `"outcome":"`+a.outcome+`"`) {
				t.Errorf("logged %q, want one line with the outcome", a.log)
			}
			if strings.Contains(a.log, "Read the station list") {
				t.Errorf("the log shows the body: %s", a.log)
			}
			if test.status == 401 && a.event != "other" {
				t.Errorf("an attacker chose the label %q", a.event)
			}
		})
	}
}

func TestNamesThatArePlacesAreRefused(t *testing.T) {
	t.Parallel()
	const format = `{"action":"opened","installation":{"id":1},"repository":{"id":2,"name":%q,"owner":{"login":%q}},
		"pull_request":{"number":3,"base":{"sha":"b07d1ce55a2f4e8390c1d6a4f2e8b97c5d304a6e"},"head":{"sha":"3f1c9a7be25d04861e6f0b9c8d7a6e5f4c3b2a19"}}}`
	for _, test := range []struct {
		owner, repo string
		status      int
	}{
		{"acme", "shop", 202},
		{"acme_emu", ".github", 202},
		{"a-b-", "-", 202},
		{"0", "a.b_c-d...", 202},
		{"acme", "", 400},
		{"acme", ".", 400},
		{"acme", "..", 400},
		{"acme", "shop.git", 400},
		{"acme", ".GIT", 400},
		{"acme", "a/b", 400},
		{"acme", `a\b`, 400},
		{"acme", "a\x00b", 400},
		{"acme", "höhe", 400},
		{"acme", strings.Repeat("a", 101), 400},
		{"", "shop", 400},
		{".", "shop", 400},
		{"..", "shop", 400},
		{"a.b", "shop", 400},
		{"-c", "shop", 400},
		{"acme/x", "shop", 400},
		{"acme ", "shop", 400},
	} {
		a := ask(t, deliver("pull_request", fmt.Appendf(nil, format, test.repo, test.owner)), nil)
		if a.Code != test.status {
			t.Errorf("%q/%q: %d, want %d", test.owner, test.repo, a.Code, test.status)
		}
	}
}

func TestBodyOfTheFullSizeIsTaken(t *testing.T) {
	t.Parallel()
	body := append([]byte("{}"), bytes.Repeat([]byte(" "), webhook.MaxBody-2)...)
	if a := ask(t, deliver("ping", body), nil); a.Code != 202 {
		t.Errorf("%d %s, want 202", a.Code, a.Body)
	}
}

func TestForm(t *testing.T) {
	t.Parallel()
	body := url.Values{"payload": {string(read(t, "pull_request.opened"))}}.Encode()
	r := deliver("pull_request", []byte(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	a := ask(t, r, nil)
	if a.Code != 202 || len(a.accepted) != 1 {
		t.Fatalf("%d %s", a.Code, a.Body)
	}
	if in, ok := a.accepted[0].Intent.(webhook.Review); !ok || in.Number != 318 {
		t.Errorf("got %+v", a.accepted[0].Intent)
	}
}

func TestAnswerFollowsAccept(t *testing.T) {
	t.Parallel()
	const inside = "disk /var/lib is full"
	for name, test := range map[string]struct {
		err        error
		status     int
		outcome    webhook.Outcome
		retryAfter string
		level      string
	}{
		"durable":     {nil, 202, webhook.Accepted, "", "debug"},
		"replayed":    {fmt.Errorf("insert: %w", webhook.ErrDuplicate), 202, webhook.Duplicate, "", "debug"},
		"unavailable": {fmt.Errorf("%s: %w", inside, webhook.ErrUnavailable), 503, webhook.NotStored, "10", "warn"},
		"broken":      {errors.New(inside), 503, webhook.NotStored, "10", "error"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := ask(t, deliver("pull_request", read(t, "pull_request.opened")), test.err)
			if a.Code != test.status || a.outcome != string(test.outcome) || a.Header().Get("Retry-After") != test.retryAfter {
				t.Errorf("got %d %s Retry-After %q, want %d %s %q", a.Code, a.outcome, a.Header().Get("Retry-After"), test.status, test.outcome, test.retryAfter)
			}
			if strings.Contains(a.Body.String(), inside) {
				t.Errorf("the answer shows the error: %s", a.Body)
			}
			if !strings.Contains(a.log, `"level":"`+test.level+`"`) {
				t.Errorf("logged %s, want level %s", a.log, test.level)
			}
			if test.err != nil && test.level != "debug" && !strings.Contains(a.log, inside) {
				t.Errorf("the log lacks the error: %s", a.log)
			}
		})
	}
}

func TestAcceptLogsWithTheDelivery(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := &webhook.Handler{Secrets: [][]byte{secret}, Accept: func(ctx context.Context, _ webhook.Delivery) error {
		zerolog.Ctx(ctx).Info().Msg("stored")
		return nil
	}}
	r := deliver("ping", []byte("{}"))
	logger := zerolog.New(&log)
	h.ServeHTTP(httptest.NewRecorder(), r.WithContext(logger.WithContext(r.Context())))
	if first, _, _ := strings.Cut(log.String(), "\n"); !strings.Contains(first, guid) {
		t.Errorf("logged %s, want the GUID", first)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	accept := func(context.Context, webhook.Delivery) error { return nil }
	for name, test := range map[string]struct {
		h    *webhook.Handler
		want string // a part of the error
	}{
		"good":         {&webhook.Handler{Secrets: [][]byte{secret}, Accept: accept}, ""},
		"no secret":    {&webhook.Handler{Accept: accept}, "no secret"},
		"empty secret": {&webhook.Handler{Secrets: [][]byte{secret, {}}, Accept: accept}, "secret 2 of 2 is empty"},
		"no Accept":    {&webhook.Handler{Secrets: [][]byte{secret}}, "Accept"},
	} {
		err := test.h.Check()
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// A handler that was not checked must still not trust deliveries that everybody can sign.
func TestEmptySecretSignsNothing(t *testing.T) {
	t.Parallel()
	h := &webhook.Handler{Secrets: [][]byte{{}, nil}, Accept: func(context.Context, webhook.Delivery) error {
		t.Error("accepted")
		return nil
	}}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, webhooktest.Request("/webhook", "ping", guid, nil, []byte("{}")))
	if w.Code != 401 {
		t.Errorf("%d, want 401", w.Code)
	}
}

// TestRealPayloads reads GitHub's own examples: the folder of an unpacked npm package @octokit/webhooks-examples
// that contains an index.json. This repository may not include them.
func TestRealPayloads(t *testing.T) {
	dir := os.Getenv("SECBYDESIGN_WEBHOOK_EXAMPLES")
	if dir == "" {
		t.Skip("SECBYDESIGN_WEBHOOK_EXAMPLES does not name a folder with the index.json of @octokit/webhooks-examples")
	}
	b, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var events []struct {
		Name     string
		Examples []json.RawMessage
	}
	if err := json.Unmarshal(b, &events); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, event := range events {
		for i, body := range event.Examples {
			a := ask(t, deliver(event.Name, body), nil)
			if a.Code != 202 {
				t.Errorf("%s example %d: %d %s %s", event.Name, i, a.Code, a.outcome, a.log)
			}
			if a.outcome == string(webhook.Accepted) {
				seen[fmt.Sprintf("%T", a.accepted[0].Intent)]++
			} else {
				seen[a.outcome]++
			}
		}
	}
	t.Log(seen)
	if seen["webhook.Ping"] == 0 || seen[string(webhook.EventNotUsed)] == 0 {
		t.Errorf("these are not GitHub's examples: %v", seen)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }
