package fakegithub

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestLogOfDeliveries reads the log as GitHub keeps it: the newest first, in pages, for three days, with every attempt.
func TestLogOfDeliveries(t *testing.T) {
	t.Parallel()
	w := scene(t)
	w.Settle()
	answer := http.StatusServiceUnavailable
	hook := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(answer) }))
	defer hook.Close()
	now := time.Now()
	w.RecordLost("ping", map[string]any{}, now.Add(-71*time.Hour))
	w.RecordLost("ping", map[string]any{"zen": "too old"}, now.Add(-73*time.Hour))
	for range 3 {
		w.RecordLost("ping", map[string]any{}, now.Add(time.Minute))
	}
	type entry struct {
		ID         int64
		GUID       string
		Status     string
		StatusCode int       `json:"status_code"`
		Redelivery bool      `json:"redelivery"`
		At         time.Time `json:"delivered_at"`
	}
	list := func(query string) (page []entry) {
		t.Helper()
		status, body := w.do(w.jwt(), "GET", "/app/hook/deliveries"+query, "")
		if status != http.StatusOK || json.Unmarshal([]byte(body), &page) != nil {
			t.Fatalf("list%s: %d %s", query, status, body)
		}
		return page
	}
	all := list("?per_page=100")
	if !slices.IsSortedFunc(all, func(a, b entry) int { return b.At.Compare(a.At) }) {
		t.Error("the newest is not the first")
	}
	for _, e := range all {
		if now.Sub(e.At) > 72*time.Hour {
			t.Errorf("the log lists %v", e.At)
		}
	}
	if all[0].Status != "failed to connect to host" || all[0].StatusCode != 0 {
		t.Errorf("a lost delivery is listed as %q, %d", all[0].Status, all[0].StatusCode)
	}
	if first := list("?per_page=2"); len(first) != 2 || first[1].ID != all[1].ID {
		t.Errorf("the first page of two is %+v", first)
	}
	if next := list(fmt.Sprintf("?per_page=2&cursor=v1_%d", all[2].ID)); len(next) != 2 || next[0].ID != all[2].ID || next[1].ID != all[3].ID {
		t.Errorf("the second page of two is %+v", next)
	}
	if status, _ := w.do(w.jwt(), "GET", "/app/hook/deliveries?cursor=v1_1", ""); status != http.StatusBadRequest {
		t.Errorf("a cursor of nothing is answered %d", status)
	}

	w.SetWebhookURL(hook.URL)
	path := fmt.Sprintf("/app/hook/deliveries/%d", all[0].ID)
	for _, want := range []struct {
		answer int
		status string
	}{{http.StatusServiceUnavailable, "Invalid HTTP Response: 503"}, {http.StatusAccepted, "OK"}} {
		answer = want.answer
		if status, body := w.do(w.jwt(), "POST", path+"/attempts", ""); status != http.StatusAccepted {
			t.Fatalf("ask again: %d %s", status, body)
		}
		w.Settle()
		log := list("?per_page=100")
		i := slices.IndexFunc(log, func(e entry) bool { return e.GUID == all[0].GUID && e.StatusCode == want.answer })
		if i < 0 || !log[i].Redelivery || log[i].Status != want.status || log[i].ID == all[0].ID {
			t.Errorf("the attempt that was answered %d is not listed: %+v", want.answer, log)
		}
	}
	if status, body := w.do(w.jwt(), "GET", path, ""); status != http.StatusOK || !strings.Contains(body, `"payload":{}`) {
		t.Errorf("the delivery in full: %d %s", status, body)
	}
	old := w.Deliveries()
	i := slices.IndexFunc(old, func(d Delivery) bool { return strings.Contains(string(d.Payload), "too old") })
	for _, method := range []string{"GET", "POST"} {
		path := fmt.Sprintf("/app/hook/deliveries/%d", old[i].ID)
		if method == "POST" {
			path += "/attempts"
		}
		if status, _ := w.do(w.jwt(), method, path, ""); status != http.StatusNotFound {
			t.Errorf("%s of a delivery that has left the log: %d", method, status)
		}
	}
}

// TestDeliveryOnItsWay holds that the log does not list what has no outcome yet.
func TestDeliveryOnItsWay(t *testing.T) {
	t.Parallel()
	w := scene(t)
	w.Settle()
	listed := make(chan string, 1)
	hook := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		_, body := w.do(w.jwt(), "GET", "/app/hook/deliveries?per_page=100", "")
		listed <- body
	}))
	defer hook.Close()
	w.SetWebhookURL(hook.URL)
	guid := w.Deliver("ping", map[string]any{})
	if strings.Contains(<-listed, guid) {
		t.Error("a delivery is listed before it was answered")
	}
	if _, body := w.do(w.jwt(), "GET", "/app/hook/deliveries?per_page=100", ""); !strings.Contains(body, guid) {
		t.Error("a delivery is not listed after it was answered")
	}
}

// TestNodes lists open pull requests of several repositories in one question.
func TestNodes(t *testing.T) {
	t.Parallel()
	w := scene(t)
	other := w.CreateRepo("acme", "other", true)
	query := func(ids ...string) string {
		body, err := json.Marshal(map[string]any{
			"query":     `query($ids: [ID!]!) { nodes(ids: $ids) { ... on Repository { id pullRequests(first: 20, states: OPEN, orderBy: {field: UPDATED_AT, direction: DESC}) { totalCount nodes { number headRefOid baseRefName isDraft updatedAt } } } } }`,
			"variables": map[string]any{"ids": ids},
		})
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL()+"/api/graphql", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "bearer "+w.Token("acme", map[string]string{"pull_requests": "read"}))
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(answer)
	}
	first, second := fmt.Sprintf("R_%d", w.repo.ID()), fmt.Sprintf("R_%d", other.ID())
	if got := query(first, second); !strings.Contains(got, w.head) || !strings.Contains(got, `"id":"`+second+`"`) || strings.Contains(got, "errors") {
		t.Errorf("answer: %s", got)
	}
	if got := query(first, "R_1"); !strings.Contains(got, "NOT_FOUND") {
		t.Errorf("an unknown repository: %s", got)
	}
}
