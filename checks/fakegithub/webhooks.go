package fakegithub

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // the legacy header, which GitHub still sends
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// A Delivery is one attempt to send an event to the App.
type Delivery struct {
	ID         int64
	GUID       string // the same for every attempt
	Event      string
	Action     string
	Payload    []byte
	At         time.Time
	Redelivery bool
	StatusCode int    // of the App's answer; 0 if it did not answer
	Err        string // why there was no answer

	install, repo int64
	sent          bool // it was answered, or given up; until then the log does not list it
}

// An outgoing is a delivery that is recorded and still has to be sent.
type outgoing struct {
	delivery *Delivery
	url      string
}

// SetWebhookURL sets the address for deliveries from now on. If it is empty, deliveries are lost, as with
// an App that is down: they are recorded with status 0, and can be redelivered.
func (s *Server) SetWebhookURL(u string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.webhookURL = u
}

// Deliver sends any payload, signed, waits for the App's answer, and returns the GUID.
func (s *Server) Deliver(event string, payload any) string {
	guid := ""
	s.act(func() []outgoing {
		out := s.record(event, payload)
		guid = out.delivery.GUID
		return []outgoing{out}
	})
	return guid
}

// Redeliver sends the newest delivery with this GUID again, under the same GUID. It
// returns the App's status, or 0.
func (s *Server) Redeliver(guid string) int {
	s.mu.Lock()
	out, ok := s.again(func(d *Delivery) bool { return d.GUID == guid })
	s.mu.Unlock()
	if !ok {
		return 0
	}
	s.send([]outgoing{out})
	s.mu.Lock()
	defer s.mu.Unlock()
	return out.delivery.StatusCode
}

func (s *Server) again(match func(*Delivery) bool) (outgoing, bool) {
	for _, d := range slices.Backward(s.deliveries) {
		if match(d) {
			next := *d
			next.ID, next.At, next.Redelivery, next.StatusCode, next.Err, next.sent = s.id(), s.now(), true, 0, "", false
			s.deliveries = append(s.deliveries, &next)
			return outgoing{delivery: &next, url: s.webhookURL}, true
		}
	}
	return outgoing{}, false
}

// Deliveries lists every attempt so far, oldest first.
func (s *Server) Deliveries() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Delivery, len(s.deliveries))
	for i, d := range s.deliveries {
		list[i] = *d
	}
	return list
}

// Settle waits until the events about the App's own writes so far are delivered.
func (s *Server) Settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.pending > 0 {
		s.delivered.Wait()
	}
}

func (s *Server) record(event string, payload any) outgoing {
	body, err := json.Marshal(payload)
	must(err)
	var ids struct {
		Action       string
		Installation struct{ ID int64 }
		Repository   struct{ ID int64 }
	}
	_ = json.Unmarshal(body, &ids) // a test may send anything
	d := &Delivery{ID: s.id(), GUID: newGUID(), Event: event, Action: ids.Action, Payload: body, At: s.now(), install: ids.Installation.ID, repo: ids.Repository.ID}
	s.deliveries = append(s.deliveries, d)
	return outgoing{delivery: d, url: s.webhookURL}
}

func newGUID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// webhookTimeout is how long GitHub waits for the App's answer.
// https://docs.github.com/en/webhooks/using-webhooks/best-practices-for-using-webhooks
const webhookTimeout = 10 * time.Second

// send sends deliveries, one after the other. Server.mu must not be held.
func (s *Server) send(list []outgoing) {
	for _, out := range list {
		status, err := s.post(out)
		s.mu.Lock()
		out.delivery.StatusCode, out.delivery.sent = status, true
		if err != nil {
			out.delivery.Err = err.Error()
		}
		s.mu.Unlock()
	}
}

func (s *Server) post(out outgoing) (int, error) {
	d := out.delivery
	if out.url == "" {
		return 0, fmt.Errorf("no webhook URL")
	}
	req, err := http.NewRequestWithContext(s.ctx, http.MethodPost, out.url, bytes.NewReader(d.Payload))
	if err != nil {
		return 0, err
	}
	h := req.Header
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", "GitHub-Hookshot/fa4e00d")
	h.Set("Accept", "*/*")
	h.Set("X-GitHub-Event", d.Event)
	h.Set("X-GitHub-Delivery", d.GUID)
	h.Set("X-GitHub-Hook-ID", "400000001")
	h.Set("X-GitHub-Hook-Installation-Target-Type", "integration")
	h.Set("X-GitHub-Hook-Installation-Target-ID", strconv.FormatInt(s.opts.AppID, 10))
	if len(s.opts.WebhookSecret) > 0 {
		h.Set("X-Hub-Signature-256", "sha256="+sign(sha256.New, s.opts.WebhookSecret, d.Payload))
		h.Set("X-Hub-Signature", "sha1="+sign(sha1.New, s.opts.WebhookSecret, d.Payload))
	}
	client := http.Client{Timeout: webhookTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	return res.StatusCode, nil
}

func sign(h func() hash.Hash, secret, body []byte) string {
	mac := hmac.New(h, secret)
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// echo queues events about the App's own actions. Server.mu is held, so another goroutine sends
// them.
func (s *Server) echo(list []outgoing) {
	for _, out := range list {
		select {
		case s.outbox <- out:
			s.pending++
		default: // closed
		}
	}
}

func (s *Server) sendOutbox(box <-chan outgoing) {
	defer close(s.outboxDone)
	for out := range box {
		s.send([]outgoing{out})
		s.mu.Lock()
		s.pending--
		s.delivered.Broadcast()
		s.mu.Unlock()
	}
}

// event records a delivery about a repository, if the App is installed there and subscribed to the event.
func (s *Server) event(r *Repo, name, sender string, payload object) []outgoing {
	always := name == "check_run" || name == "check_suite"
	if !always && name != "merge_group" && !slices.Contains(s.opts.Events, name) {
		return nil
	}
	// These two go only to Apps that may write checks.
	if always && levels[s.opts.Permissions["checks"]] < levels["write"] {
		return nil
	}
	if s.opts.NoEcho && sender == s.botLogin() {
		return nil
	}
	in := s.installationOf(r)
	if in == nil || in.suspended {
		return nil
	}
	payload["repository"] = s.repoJSON(r)
	payload["sender"] = s.userJSON(s.user(sender))
	payload["installation"] = object{"id": in.id, "node_id": fmt.Sprintf("MDIzOkludGVncmF0aW9uSW5zdGFsbGF0aW9u%d", in.id)}
	if r.owner.kind == "Organization" {
		payload["organization"] = s.orgJSON(r.owner)
	}
	return []outgoing{s.record(name, payload)}
}

func (s *Server) orgJSON(a *account) object {
	u := s.api("/orgs/%s", a.login)
	return object{
		"login": a.login, "id": a.id, "node_id": fmt.Sprintf("O_%d", a.id), "url": u, "repos_url": u + "/repos", "events_url": u + "/events", "hooks_url": u + "/hooks",
		"issues_url": u + "/issues", "members_url": u + "/members{/member}", "public_members_url": u + "/public_members{/member}",
		"avatar_url": s.page("/avatars/%d", a.id), "description": "",
	}
}

func with(payload, extra object) object {
	for k, v := range extra {
		payload[k] = v
	}
	return payload
}

func (s *Server) pullEvent(p *Pull, action, sender string, extra object) []outgoing {
	return s.event(p.repo, "pull_request", sender, with(object{"action": action, "number": p.Number, "pull_request": s.pullJSON(p, true)}, extra))
}

func (s *Server) noteEvent(k *IssueComment, action, sender string, changes object) []outgoing {
	payload := object{"action": action, "comment": s.noteJSON(k), "issue": s.talkJSON(k.on)}
	if changes != nil {
		payload["changes"] = changes
	}
	if k.on.issue != nil && !s.hearsIssues() {
		return nil
	}
	return s.event(k.on.repo, "issue_comment", sender, payload)
}

func (s *Server) issueJSON(p *Pull) object {
	u := s.api("/repos/%s/issues/%d", p.repo.FullName(), p.Number)
	web := s.page("/%s/pull/%d", p.repo.FullName(), p.Number)
	return object{
		"url": u, "repository_url": s.api("/repos/%s", p.repo.FullName()), "labels_url": u + "/labels{/name}", "comments_url": u + "/comments", "events_url": u + "/events",
		"html_url": web, "id": p.ID, "node_id": p.NodeID, "number": p.Number, "title": p.Title, "user": s.userJSON(s.user(p.Author)), "labels": []any{}, "state": p.State,
		"locked": false, "assignee": nil, "assignees": []any{}, "milestone": nil, "comments": len(p.notes), "created_at": stamp(p.CreatedAt), "updated_at": stamp(p.UpdatedAt),
		"closed_at": maybeTime(p.ClosedAt), "author_association": "MEMBER", "active_lock_reason": nil, "draft": p.Draft, "body": maybe(p.Body), "reactions": reactions(u, nil),
		"timeline_url": u + "/timeline", "performed_via_github_app": nil, "state_reason": nil,
		"pull_request": object{"url": s.api("/repos/%s/pulls/%d", p.repo.FullName(), p.Number), "html_url": web, "diff_url": web + ".diff", "patch_url": web + ".patch", "merged_at": nil},
	}
}

func (s *Server) commentEvent(k *ReviewComment, action, sender string, changes object) []outgoing {
	payload := object{"action": action, "comment": s.commentJSON(k), "pull_request": s.pullJSON(k.pull, false)}
	if changes != nil {
		payload["changes"] = changes
	}
	return s.event(k.pull.repo, "pull_request_review_comment", sender, payload)
}

func (s *Server) echoReview(rv *Review, comments []*ReviewComment) {
	review := s.reviewJSON(rv)
	review["state"] = map[string]string{"COMMENTED": "commented", "APPROVED": "approved", "CHANGES_REQUESTED": "changes_requested"}[rv.State]
	review["updated_at"] = review["submitted_at"]
	review["body"] = maybe(rv.Body)
	s.echo(s.event(rv.pull.repo, "pull_request_review", rv.Author, object{"action": "submitted", "review": review, "pull_request": s.pullJSON(rv.pull, false)}))
	for _, k := range comments {
		s.echo(s.commentEvent(k, "created", rv.Author, nil))
	}
}

func (s *Server) threadEvent(k *ReviewComment, action, sender string) []outgoing {
	list := []any{s.commentJSON(k)}
	for _, o := range k.pull.comments {
		if o.InReplyTo == k.ID {
			list = append(list, s.commentJSON(o))
		}
	}
	return s.event(k.pull.repo, "pull_request_review_thread", sender, object{
		"action": action, "pull_request": s.pullJSON(k.pull, false), "thread": object{"node_id": k.ThreadID, "comments": list},
		"updated_at": stamp(s.now()),
	})
}

func (s *Server) checkEvent(k *CheckRun, action, sender string, extra object) []outgoing {
	run := s.checkJSON(k)
	run["check_suite"] = s.suiteJSON(k.suite)
	delete(run["check_suite"].(object), "head_commit")
	delete(run["check_suite"].(object), "latest_check_runs_count")
	delete(run["check_suite"].(object), "check_runs_url")
	run["check_suite"].(object)["repository"] = s.repoJSON(k.repo)
	return s.event(k.repo, "check_run", sender, with(object{"action": action, "check_run": run}, extra))
}

func (s *Server) suiteEvent(k *checkSuite, action, sender string) []outgoing {
	return s.event(k.repo, "check_suite", sender, object{"action": action, "check_suite": s.suiteJSON(k)})
}
