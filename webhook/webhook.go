// Package webhook receives deliveries from GitHub: it checks the signature and the size of a delivery and turns
// its event into an [Intent], or into a named reason to ignore it. It imports no other package of this module. It
// does as little as possible, because GitHub waits ten seconds for an answer: the [Handler] makes the delivery
// durable, answers 202 and leaves the rest to others.
//
// The files follow the path of a delivery: webhook.go answers it, body.go receives it, signature.go verifies its
// sender, payload.go and conversation.go read it, intent.go defines its meaning for this program, outcome.go its
// result, and linger.go ensures that the sender receives the answer.
package webhook

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"

	"github.com/rs/zerolog"
)

// MaxBody is the size in bytes above which GitHub sends no delivery.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap
const MaxBody = 25 << 20

// retryAfter is the number of seconds to wait after a 503. GitHub itself never tries again; a program that
// redelivers recovered deliveries does.
const retryAfter = 10

var (
	// ErrDuplicate is returned by [Handler.Accept] for a delivery that is already durable. The answer is the same
	// as for a new one, because it makes no difference to GitHub.
	ErrDuplicate = errors.New("delivery is already known")

	// ErrUnavailable is returned by [Handler.Accept] if it expects to work again soon (during shutdown, or while
	// the database is unavailable). It is logged as a warning; other errors are logged as errors.
	ErrUnavailable = errors.New("deliveries cannot be stored now")
)

// A Handler answers GitHub's deliveries. Mount it at POST /webhook. Its fields must not
// change once it serves.
type Handler struct {
	// Secrets are the valid webhook secrets. A delivery may be signed with any of them, so that one can be
	// replaced by another without a gap. Required; see [Handler.Check].
	Secrets [][]byte

	// Accept makes a delivery durable before it returns nil. [ErrDuplicate] counts as success. After any other
	// error the answer is 503, and the delivery is lost unless somebody asks GitHub to redeliver it. The context
	// ends with the request and has a logger with the id of the delivery. Required; called from several
	// goroutines.
	Accept func(ctx context.Context, d Delivery) error

	// Observe, if not nil, is called with the result of each request; outcome is an [Outcome]. There are few
	// different values, so they can label a metric: event is "other", and action empty, unless the event
	// produces intents and the signature was right.
	Observe func(event, action, outcome string)

	// Dir is a folder that other users cannot read, for the bodies of large deliveries while they are received.
	// Empty means the system's folder for temporary files.
	Dir string

	bodies bodies
}

// A Delivery is an event from GitHub that this program acts on.
type Delivery struct {
	GUID   string // the same for every redelivery; letters, digits and "-._", at most 100
	Event  string // X-GitHub-Event
	Action string // empty for events without actions
	Intent Intent // never nil

	// The repository that the event concerns, checked like the fields of an [Intent]; zero if it concerns none.
	RepoID      int64
	Owner, Repo string
}

// Check returns an error if h cannot serve: without a secret everybody could send deliveries.
func (h *Handler) Check() error {
	if len(h.Secrets) == 0 {
		return errors.New("webhook: no secret is set, so no delivery could be trusted")
	}
	for i, s := range h.Secrets {
		if len(s) == 0 {
			return fmt.Errorf("webhook: secret %d of %d is empty, so anybody could sign a delivery", i+1, len(h.Secrets))
		}
	}
	if h.Accept == nil {
		return errors.New("webhook: Accept is not set, so no delivery could be kept")
	}
	return nil
}

// ServeHTTP answers 202 for every delivery that is durable, already known, or not needed; 401 for one that is not
// signed with SHA-256 and one of the secrets; 413 above [MaxBody]; 400 for an invalid one; 503 with Retry-After
// if Accept failed, or if too many are received at once; and 405 for every method but POST. The body is a fixed
// sentence.
//
// It does not read the body of a delivery without a signature. Until the signature is verified, it stores a
// bounded amount, for all such deliveries together.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	Linger(http.HandlerFunc(h.serve)).ServeHTTP(w, r)
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request) {
	d, outcome, err := h.receive(w, r)

	log := zerolog.Ctx(r.Context())
	line := log.Debug()
	switch status := outcome.status(); {
	case status == http.StatusServiceUnavailable && !errors.Is(err, ErrUnavailable):
		line = log.Error()
	case status >= 400:
		line = log.Warn()
	}
	line.Err(err).Str("delivery", d.GUID).Str("event", d.Event).Str("action", d.Action).
		Str("outcome", string(outcome)).Int("status", outcome.status()).Msg("webhook delivery")

	if h.Observe != nil {
		event, action := "other", ""
		if outcome.verified() && readers(d.Event) != nil {
			event, action = d.Event, d.Action
		}
		h.Observe(event, action, string(outcome))
	}

	switch outcome.status() {
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
	}
	http.Error(w, outcome.sentence(), outcome.status())
}

// receive does everything except answering. It fills in the delivery as far as it could be read; the error is
// only for the operator.
func (h *Handler) receive(w http.ResponseWriter, r *http.Request) (Delivery, Outcome, error) {
	d := Delivery{GUID: token(r.Header.Get("X-GitHub-Delivery")), Event: token(r.Header.Get("X-GitHub-Event"))}
	if r.Method != http.MethodPost {
		return d, NotPost, nil
	}
	signature, ok := parseSignature(r.Header.Values("X-Hub-Signature-256"))
	if !ok {
		return d, Unsigned, nil
	}
	if r.ContentLength > MaxBody {
		return d, TooLarge, nil
	}
	outcome, err := h.read(w, r, signature, &d)
	if outcome != Accepted {
		return d, outcome, err
	}
	log := zerolog.Ctx(r.Context()).With().Str("delivery", d.GUID).Logger()
	switch err := h.Accept(log.WithContext(r.Context()), d); {
	case errors.Is(err, ErrDuplicate):
		return d, Duplicate, nil
	case err != nil:
		return d, NotStored, fmt.Errorf("accept delivery: %w", err)
	}
	return d, Accepted, nil
}

// read receives the body, verifies its signature and fills in the delivery from it. It releases the body before
// it returns.
func (h *Handler) read(w http.ResponseWriter, r *http.Request, s signature, d *Delivery) (Outcome, error) {
	macs := newMACs(h.Secrets)
	body := h.bodies.enter(http.NewResponseController(w), h.Dir, macs)
	defer body.leave()
	err := body.receive(r.Body, r.ContentLength)
	if err == nil && !s.matches(macs) {
		return WronglySigned, nil
	}
	if err == nil {
		err = body.verified()
	}
	switch {
	case errors.Is(err, errTooLarge):
		return TooLarge, err
	case errors.Is(err, errBusy), errors.Is(err, errNotKept):
		return Busy, err
	case err != nil:
		return Truncated, err
	case d.GUID == "" || d.Event == "":
		return BadHeaders, nil
	}
	text, release, err := body.bytes()
	if err != nil {
		return NotStored, err
	}
	defer release()
	if text, err = payloadOf(r.Header.Get("Content-Type"), text); err != nil {
		return NotJSON, err
	}
	return d.read(text)
}

// payloadOf extracts the payload from a form, which GitHub sends if the webhook is configured so. Every other
// body is treated as JSON, whatever its content type.
// https://docs.github.com/en/webhooks/using-webhooks/creating-webhooks
func payloadOf(contentType string, body []byte) ([]byte, error) {
	if media, _, _ := mime.ParseMediaType(contentType); media != "application/x-www-form-urlencoded" {
		return body, nil
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errors.New("the body is not a form")
	}
	return []byte(form.Get("payload")), nil
}

// token returns s if it is safe as a name in a log, a key or a label, or else "".
func token(s string) string {
	if len(s) > 100 {
		return ""
	}
	for _, c := range []byte(s) {
		if !isAlphanumeric(c) && c != '-' && c != '.' && c != '_' {
			return ""
		}
	}
	return s
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
