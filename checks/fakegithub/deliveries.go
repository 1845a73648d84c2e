package fakegithub

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
)

// deliveryLog is how long the log of deliveries goes back on GitHub.com.
// https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/viewing-webhook-deliveries
const deliveryLog = 3 * 24 * time.Hour

// deliveryRoutes is the log of deliveries to the App.
// https://docs.github.com/en/rest/apps/webhooks
func (s *Server) deliveryRoutes(mux chi.Router) {
	s.rest(mux, "GET /app/hook/deliveries", withJWT, "", s.listDeliveries)
	s.rest(mux, "GET /app/hook/deliveries/{id:[0-9]+}", withJWT, "", func(c *call) (answer, error) {
		d := s.logged(c.int64("id"))
		if d == nil {
			return answer{}, notFound()
		}
		return one(with(s.deliveryJSON(d), object{
			"url":      s.webhookURL,
			"request":  object{"headers": object{"X-GitHub-Delivery": d.GUID, "X-GitHub-Event": d.Event}, "payload": rawJSON(d.Payload)},
			"response": object{"headers": nil, "payload": nil},
		}))
	})
	s.rest(mux, "POST /app/hook/deliveries/{id:[0-9]+}/attempts", withJWT, "", func(c *call) (answer, error) {
		d := s.logged(c.int64("id"))
		if d == nil {
			return answer{}, notFound()
		}
		out, _ := s.again(func(other *Delivery) bool { return other == d })
		s.echo([]outgoing{out})
		return answer{status: http.StatusAccepted, body: object{}}, nil
	})
}

// RecordLost records deliveries that were sent and not received: GitHub could not connect to the App. Each payload is a
// JSON object; at is when GitHub tried. A test of a long outage uses it for events that nothing in this server caused.
func (s *Server) RecordLost(event string, payload any, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.record(event, payload).delivery
	d.At, d.sent = at.UTC().Truncate(time.Second), true
}

// listed reports whether the log lists a delivery: it was answered or given up, and is not too old.
func (s *Server) listed(d *Delivery) bool { return d.sent && s.now().Sub(d.At) < deliveryLog }

func (s *Server) logged(id int64) *Delivery {
	for _, d := range s.deliveries {
		if d.ID == id && s.listed(d) {
			return d
		}
	}
	return nil
}

// listDeliveries lists deliveries in pages by cursor, newest first.
// https://docs.github.com/en/rest/apps/webhooks#list-deliveries-for-an-app-webhook
func (s *Server) listDeliveries(c *call) (answer, error) {
	q := c.r.URL.Query()
	per := min(atoi(q.Get("per_page")), maxPage)
	if per <= 0 {
		per = 30
	}
	log := slices.Clone(s.deliveries)
	slices.SortStableFunc(log, func(a, b *Delivery) int { return a.At.Compare(b.At) })
	var list []*Delivery
	from := q.Get("cursor")
	for _, d := range slices.Backward(log) {
		if from != "" && from != cursorOf(d) {
			continue
		}
		from = ""
		failed := d.StatusCode < 200 || d.StatusCode >= 400
		if st := q.Get("status"); !s.listed(d) || st == "failure" && !failed || st == "success" && failed {
			continue
		}
		list = append(list, d)
		if len(list) > per {
			break
		}
	}
	if from != "" {
		return answer{}, fail(http.StatusBadRequest, "Invalid cursor") // its delivery is not there any more
	}
	ans := answer{body: each(list[:min(len(list), per)], s.deliveryJSON)}
	if len(list) > per {
		next := url.Values{"per_page": {fmt.Sprint(per)}, "cursor": {cursorOf(list[per])}}
		if st := q.Get("status"); st != "" {
			next.Set("status", st)
		}
		ans.link = fmt.Sprintf(`<%s?%s>; rel="next"`, s.api("/app/hook/deliveries"), next.Encode())
	}
	return ans, nil
}

func cursorOf(d *Delivery) string { return fmt.Sprintf("v1_%d", d.ID) }

// deliveryJSON shows a delivery as the log lists it. The texts of the status are those that GitHub shows.
func (s *Server) deliveryJSON(d *Delivery) object {
	status := "OK"
	switch {
	case strings.Contains(d.Err, "Client.Timeout"):
		status = "timed out"
	case d.StatusCode == 0:
		status = "failed to connect to host"
	case d.StatusCode < 200 || d.StatusCode >= 300:
		status = fmt.Sprintf("Invalid HTTP Response: %d", d.StatusCode)
	}
	return object{
		"id": d.ID, "guid": d.GUID, "delivered_at": stamp(d.At), "redelivery": d.Redelivery, "duration": 0.03, "status": status, "status_code": d.StatusCode,
		"event": d.Event, "action": maybe(d.Action), "installation_id": maybe(d.install), "repository_id": maybe(d.repo), "throttled_at": nil,
	}
}

// matchingRefs lists the refs that begin with a name.
// https://docs.github.com/en/rest/git/refs#list-matching-references
func (s *Server) matchingRefs(c *call) (answer, error) {
	prefix := "refs/" + c.path("*")
	out, err := c.repo.git("for-each-ref", "--format=%(objectname) %(objecttype) %(refname)")
	if err != nil {
		return answer{}, err
	}
	list := []any{}
	for line := range strings.Lines(out) {
		parts := strings.SplitN(strings.TrimSpace(line), " ", 3)
		if len(parts) != 3 || !strings.HasPrefix(parts[2], prefix) {
			continue
		}
		u := s.api("/repos/%s/git/", c.repo.FullName())
		list = append(list, object{
			"ref": parts[2], "node_id": "REF_" + parts[0], "url": u + parts[2],
			"object": object{"sha": parts[0], "type": parts[1], "url": u + parts[1] + "s/" + parts[0]},
		})
	}
	return answer{body: list}, nil
}
