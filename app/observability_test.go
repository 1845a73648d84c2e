package app

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/recovery"
	"github.com/secbydesign/secbydesign/webhook"
)

const observability = "../deploy/observability/"

// A known metric is what expressions may say of it.
type knownMetric struct {
	kind   string
	labels []string
}

// knownMetrics are all metrics that the program has, by name. A histogram is here by its parts.
func knownMetrics(t *testing.T) map[string]knownMetric {
	families, err := sampled().registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]knownMetric{}
	for _, f := range families {
		m := knownMetric{kind: strings.ToLower(f.GetType().String()), labels: []string{"job", "instance"}} // Prometheus adds these
		for _, l := range f.GetMetric()[0].GetLabel() {
			m.labels = append(m.labels, l.GetName())
		}
		if m.kind != "histogram" {
			known[f.GetName()] = m
			continue
		}
		m.kind = "counter"
		known[f.GetName()+"_sum"], known[f.GetName()+"_count"] = m, m
		m.labels = append(slices.Clone(m.labels), "le")
		known[f.GetName()+"_bucket"] = m
	}
	return known
}

// labelValues are the values that a label may be compared with, by metric and label.
var labelValues = map[string][]string{
	"secbydesign_deliveries_recovered_total outcome":  recovery.Outcomes(),
	"secbydesign_database_transactions_total outcome": {ledger.Committed, ledger.RolledBack, ledger.Cancelled, ledger.Failed},
	"secbydesign_github_calls_total outcome":          {"ok", "refused", "limited", "failed", "unanswered"},
	"secbydesign_queue_jobs state":                    {"waiting", "running", "delayed"},
	"secbydesign_review_failures_total then":          {"retried", "given_up"},
	"secbydesign_scans_total outcome":                 {"complete", "incomplete", "skipped"},
	"secbydesign_webhook_deliveries_total outcome": {
		string(webhook.NotStored), string(webhook.Busy), string(webhook.TooLarge), string(webhook.Truncated), string(webhook.NotJSON),
		string(webhook.BadHeaders), string(webhook.BadPayload), string(webhook.WronglySigned),
	},
}

var (
	words    = regexp.MustCompile(`"[^"]*"|\$?[a-zA-Z_][a-zA-Z0-9_]*|[({\[\])}]`)
	matcher  = regexp.MustCompile(`^([a-z_]+)(=~|!~|!=|=)"([^"]*)"$`)
	selector = regexp.MustCompile(`([a-z_][a-z0-9_]*)\{([^}]*)\}`)
	counted  = regexp.MustCompile(`\b(rate|increase)\(([a-z0-9_]+)`)
	grouped  = regexp.MustCompile(`\b(?:by|without|on|ignoring) \(([a-z_, ]*)\)`)
)

// functions and operators of the expressions; others are mistakes until they are added here.
var promQL = []string{"sum", "max", "min", "count", "topk", "rate", "increase", "histogram_quantile", "vector", "and", "or", "unless"}

// wrongIn lists what an expression says that the metrics do not have.
func wrongIn(expr string, known map[string]knownMetric) (wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	var used []knownMetric
	rest := grouped.ReplaceAllString(selector.ReplaceAllString(expr, "$1"), "")
	rest = regexp.MustCompile(`\[[^\]]*\]`).ReplaceAllString(rest, "")
	for _, word := range words.FindAllString(rest, -1) {
		switch m, ok := known[word]; {
		case ok:
			used = append(used, m)
		case strings.ContainsAny(word, `(){}[]`), slices.Contains(promQL, word):
		default:
			say("%s is no metric of this program", word)
		}
	}
	if len(used) == 0 {
		say("it reads no metric")
	}
	for _, s := range selector.FindAllStringSubmatch(expr, -1) {
		for _, m := range strings.Split(s[2], ",") {
			part := matcher.FindStringSubmatch(strings.TrimSpace(m))
			if part == nil {
				say("%q is no matcher", m)
				continue
			}
			if !slices.Contains(known[s[1]].labels, part[1]) {
				say("%s has no label %s", s[1], part[1])
			}
			for _, v := range strings.Split(part[3], "|") {
				if list := labelValues[s[1]+" "+part[1]]; !strings.HasPrefix(v, "$") && !slices.Contains(list, v) {
					say("%s of %s is never %q", part[1], s[1], v)
				}
			}
		}
	}
	for _, g := range grouped.FindAllStringSubmatch(expr, -1) {
		for _, label := range strings.Split(g[1], ",") {
			if label = strings.TrimSpace(label); !slices.ContainsFunc(used, func(m knownMetric) bool { return slices.Contains(m.labels, label) }) {
				say("no metric in it has the label %s", label)
			}
		}
	}
	for _, c := range counted.FindAllStringSubmatch(expr, -1) {
		if m, ok := known[c[2]]; ok && m.kind != "counter" {
			say("%s of the %s %s", c[1], m.kind, c[2])
		}
	}
	return wrong
}

func TestExpressionsAreChecked(t *testing.T) {
	t.Parallel()
	known := knownMetrics(t)
	for expr, want := range map[string]string{
		`sum(rate(secbydesign_reviews_total[5m])) > 0`:                                   "",
		`sum by (scanner) (increase(secbydesign_scans_total{outcome="incomplete"}[1h]))`: "",
		`sum(rate(secbydesign_review_total[5m]))`:                                        "secbydesign_review_total is no metric",
		`sum by (repo) (rate(secbydesign_reviews_total[5m]))`:                            "no metric in it has the label repo",
		`rate(secbydesign_scans_total{result="incomplete"}[5m])`:                         "has no label result",
		`rate(secbydesign_scans_total{outcome="failed"}[5m])`:                            `never "failed"`,
		`rate(secbydesign_queue_oldest_seconds[5m])`:                                     "rate of the gauge",
		`histogram_quantile(0.9, sum by (le) (rate(secbydesign_review_seconds[5m])))`:    "secbydesign_review_seconds is no metric",
		`avg_over_time(secbydesign_queue_oldest_seconds[5m])`:                            "avg_over_time is no metric",
		`1 > 0`: "reads no metric",
	} {
		got := strings.Join(wrongIn(expr, known), "; ")
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", expr, got, want)
		}
	}
}

// TestAlertsExist checks the alerts against the metrics that the program has. Each has a runbook. Whether they fire is
// tested by promtool, Prometheus's own program, in .ci/run.
func TestAlertsExist(t *testing.T) {
	t.Parallel()
	known := knownMetrics(t)
	text, err := os.ReadFile(observability + "alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.UnmarshalWithOptions(text, &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			for _, w := range wrongIn(r.Expr, known) {
				t.Errorf("%s: %s\n%s", r.Alert, w, r.Expr)
			}
			if len(r.Annotations["runbook"]) < 40 || r.Annotations["summary"] == "" || r.Labels["severity"] == "" || seen[r.Alert] {
				t.Errorf("%s needs a name of its own, a severity, a summary and a runbook", r.Alert)
			}
			seen[r.Alert] = true
		}
	}
	if len(seen) == 0 {
		t.Fatal("there are no alerts")
	}
	tested, err := os.ReadFile(observability + "alerts_test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name := range seen {
		if strings.Count(string(tested), "alertname: "+name+"\n")+strings.Count(string(tested), "alertname: "+name+",") != 2 {
			t.Errorf("alerts_test.yaml does not make %s fire once and stay silent once", name)
		}
	}
}

// A panel is what is checked of a panel of the dashboard.
type panel struct {
	ID                       int
	Type, Title, Description string
	GridPos                  struct{ X, Y, W, H int }
	Datasource               struct{ Type, UID string }
	Targets                  []struct {
		RefID, Expr string
		Datasource  struct{ Type, UID string }
	}
}

// TestDashboard checks the dashboard against the metrics that the program has, and the parts of its form on which Grafana
// relies. It does not run Grafana.
// https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
func TestDashboard(t *testing.T) {
	t.Parallel()
	known := knownMetrics(t)
	text, err := os.ReadFile(observability + "dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Title, UID    string
		SchemaVersion int
		Panels        []panel
		Templating    struct{ List []struct{ Name string } }
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	if board.Title == "" || board.UID == "" || board.SchemaVersion < 36 || len(board.Panels) == 0 {
		t.Errorf("the dashboard has the title %q, id %q, version %d, %d panels", board.Title, board.UID, board.SchemaVersion, len(board.Panels))
	}
	variables := []string{"$__rate_interval", "${datasource}"}
	for _, v := range board.Templating.List {
		variables = append(variables, "$"+v.Name)
	}
	shown, ids, taken := map[string]bool{}, map[int]bool{}, map[[2]int]string{}
	for _, p := range board.Panels {
		if ids[p.ID] || p.Title == "" {
			t.Errorf("panel %d %q needs an id of its own and a title", p.ID, p.Title)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if at := [2]int{x, y}; x >= 24 || taken[at] != "" {
					t.Fatalf("%q is on %q at %v, or outside", p.Title, taken[at], at)
				} else {
					taken[at] = p.Title
				}
			}
		}
		if p.Type == "row" {
			continue
		}
		if p.Description == "" || len(p.Targets) == 0 || p.Datasource.UID != "${datasource}" {
			t.Errorf("%q needs a description, a target, and the chosen source", p.Title)
		}
		refs := map[string]bool{}
		for _, target := range p.Targets {
			for _, w := range wrongIn(target.Expr, known) {
				t.Errorf("%s: %s\n%s", p.Title, w, target.Expr)
			}
			for _, v := range regexp.MustCompile(`\$[a-zA-Z_]+`).FindAllString(target.Expr, -1) {
				if !slices.Contains(variables, v) {
					t.Errorf("%s: there is no variable %s", p.Title, v)
				}
			}
			if refs[target.RefID] || target.RefID == "" || target.Datasource.UID != "${datasource}" {
				t.Errorf("%s: target %q needs an id of its own, and the chosen source", p.Title, target.RefID)
			}
			refs[target.RefID] = true
			for name := range known {
				if strings.Contains(target.Expr, name) {
					shown[name] = true
				}
			}
		}
	}
	for name, m := range known {
		base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_sum"), "_count"), "_bucket")
		if strings.HasPrefix(name, "secbydesign_") && !slices.Contains(notShown, name) && !shown[name] && !shown[base+"_bucket"] {
			t.Errorf("the dashboard does not show the %s %s", m.kind, name)
		}
	}
}

// notShown are metrics that say in another way what the dashboard shows.
var notShown = []string{"secbydesign_github_requests_total", "secbydesign_scanned_total"}
