package fakegithub

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-chi/chi/v5"
)

// Limits of check runs. https://docs.github.com/en/rest/checks/runs
const (
	maxAnnotations = 50     // in one request
	maxText        = 65_535 // summary and text: characters, and bytes too
	maxMessage     = 64_000 // of an annotation: "64 KB"
	maxTitle       = 255
	maxActions     = 3
)

// A CheckRun is one check on one commit.
type CheckRun struct {
	ID                     int64
	NodeID                 string
	Name, HeadSHA          string
	Status, Conclusion     string
	ExternalID, DetailsURL string
	Title, Summary, Text   string
	Annotations            []Annotation
	Actions                []Action
	StartedAt, CompletedAt time.Time

	repo  *Repo
	suite *checkSuite
}

// An Annotation marks lines of a file in a check run.
type Annotation struct {
	Path        string `json:"path"`
	StartLine   int    `json:"start_line"`
	EndLine     int    `json:"end_line"`
	StartColumn int    `json:"start_column"`
	EndColumn   int    `json:"end_column"`
	Level       string `json:"annotation_level"`
	Message     string `json:"message"`
	Title       string `json:"title"`
	RawDetails  string `json:"raw_details"`
}

// An Action is a button of a check run.
type Action struct {
	Label       string `json:"label"`
	Description string `json:"description"`
	Identifier  string `json:"identifier"`
}

type checkSuite struct {
	id      int64
	repo    *Repo
	head    string
	created time.Time
}

func (s *Server) checkRoutes(mux chi.Router) {
	const read, write = "checks=read", "checks=write"
	const run = "/repos/{owner}/{repo}/check-runs/{id:[0-9]+}"
	s.rest(mux, "POST /repos/{owner}/{repo}/check-runs", withToken, write, s.createCheck)
	s.rest(mux, "PATCH "+run, withToken, write, s.onCheck(s.updateCheck))
	s.rest(mux, "GET "+run, withToken, read, s.onCheck(func(_ *call, k *CheckRun) (answer, error) { return one(s.checkJSON(k)) }))
	s.rest(mux, "GET "+run+"/annotations", withToken, read, s.onCheck(func(_ *call, k *CheckRun) (answer, error) {
		return paged(k.Annotations, func(a Annotation) object { return s.annotationJSON(k, a) })
	}))
	s.rest(mux, "POST "+run+"/rerequest", withToken, write, s.onCheck(func(_ *call, k *CheckRun) (answer, error) {
		s.echo(s.checkEvent(k, "rerequested", s.botLogin(), nil))
		return created(object{})
	}))
	s.rest(mux, "GET /repos/{owner}/{repo}/commits/{ref}/check-runs", withToken, read, s.listChecks)
}

func (s *Server) onCheck(h func(*call, *CheckRun) (answer, error)) func(*call) (answer, error) {
	return func(c *call) (answer, error) {
		k := s.checks[c.int64("id")]
		if k == nil || k.repo != c.repo {
			return answer{}, notFound()
		}
		return h(c, k)
	}
}

type checkRequest struct {
	Name        *string    `json:"name"`
	HeadSHA     string     `json:"head_sha"`
	DetailsURL  *string    `json:"details_url"`
	ExternalID  *string    `json:"external_id"`
	Status      string     `json:"status"`
	Conclusion  string     `json:"conclusion"`
	StartedAt   *time.Time `json:"started_at"`
	CompletedAt *time.Time `json:"completed_at"`
	Output      *struct {
		Title       *string      `json:"title"`
		Summary     *string      `json:"summary"`
		Text        *string      `json:"text"`
		Annotations []Annotation `json:"annotations"`
		Images      []object     `json:"images"`
	} `json:"output"`
	Actions []Action `json:"actions"`
}

func (s *Server) createCheck(c *call) (answer, error) {
	var req checkRequest
	if _, err := c.decode(&req); err != nil {
		return answer{}, err
	}
	switch {
	case req.Name == nil:
		return answer{}, invalid("\"name\" wasn't supplied.")
	case *req.Name == "":
		return answer{}, wrongField("CheckRun", "name", "missing_field", "")
	case req.HeadSHA == "":
		return answer{}, invalid("\"head_sha\" wasn't supplied.")
	case !isSHA(req.HeadSHA) || !c.repo.has(req.HeadSHA):
		return answer{}, noCommit(req.HeadSHA)
	case req.Output != nil && req.Output.Title == nil:
		return answer{}, invalid("No subschema in \"anyOf\" matched.\nFor 'properties/output', \"title\" wasn't supplied.")
	}
	if err := req.check(); err != nil {
		return answer{}, err
	}
	id := s.id()
	k := &CheckRun{ID: id, NodeID: fmt.Sprintf("CR_%d", id), HeadSHA: req.HeadSHA, Status: "queued", repo: c.repo, suite: s.suite(c.repo, req.HeadSHA)}
	k.DetailsURL = s.page("/%s/runs/%d", c.repo.FullName(), id)
	s.checks[id] = k
	s.apply(k, req)
	s.echo(s.checkEvent(k, "created", s.botLogin(), nil))
	return created(s.checkJSON(k))
}

func (s *Server) updateCheck(c *call, k *CheckRun) (answer, error) {
	var req checkRequest
	if _, err := c.decode(&req); err != nil {
		return answer{}, err
	}
	if req.Name != nil && *req.Name == "" {
		return answer{}, wrongField("CheckRun", "name", "missing_field", "")
	}
	if err := req.check(); err != nil {
		return answer{}, err
	}
	done := k.Status == "completed"
	s.apply(k, req)
	if k.Status == "completed" && !done {
		s.echo(s.checkEvent(k, "completed", s.botLogin(), nil))
	}
	return one(s.checkJSON(k))
}

// check checks the fields that creation and update have in common.
func (req *checkRequest) check() error {
	statuses := []string{"", "queued", "in_progress", "completed"}
	conclusions := []string{"", "action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out"}
	switch {
	case !slices.Contains(statuses, req.Status):
		return invalid("For 'properties/status', %q is not a member of [\"queued\", \"in_progress\", \"completed\"].", req.Status)
	case !slices.Contains(conclusions, req.Conclusion):
		return invalid("For 'properties/conclusion', %q is not a member of %q.", req.Conclusion, conclusions[1:])
	case req.Conclusion == "" && req.Status == "completed":
		return invalid("\"conclusion\" wasn't supplied.")
	}
	if req.DetailsURL != nil {
		if u, err := url.Parse(*req.DetailsURL); err != nil || u.Scheme != "http" && u.Scheme != "https" {
			return wrongField("CheckRun", "details_url", "custom", "details_url must use http or https scheme")
		}
	}
	if len(req.Actions) > maxActions {
		return invalid("No more than %d items are allowed; %d were supplied.", maxActions, len(req.Actions))
	}
	for _, a := range req.Actions {
		for _, f := range []struct {
			name, value string
			most        int
		}{{"label", a.Label, 20}, {"description", a.Description, 40}, {"identifier", a.Identifier, 20}} {
			if f.value == "" {
				return invalid("%q wasn't supplied.", f.name)
			}
			if n := utf8.RuneCountInString(f.value); n > f.most {
				return invalid("Only %d characters are allowed; %d were supplied.", f.most, n)
			}
		}
	}
	if req.Output == nil {
		return nil
	}
	if req.Output.Summary == nil {
		return invalid("For 'properties/output', \"summary\" wasn't supplied.")
	}
	for name, v := range map[string]*string{"summary": req.Output.Summary, "text": req.Output.Text} {
		if v == nil {
			continue
		}
		if n := utf8.RuneCountInString(*v); n > maxText {
			return invalid("Only %d characters are allowed; %d were supplied.", maxText, n)
		}
		if len(*v) > maxText {
			return wrongField("CheckRun", name, "custom", fmt.Sprintf("%s exceeds a maximum bytesize of %d", name, maxText))
		}
	}
	if t := req.Output.Title; t != nil && utf8.RuneCountInString(*t) > maxTitle {
		return wrongField("CheckRun", "title", "custom", "title is too long (maximum is 255 characters)")
	}
	if n := len(req.Output.Annotations); n > maxAnnotations {
		return invalid("No more than %d items are allowed; %d were supplied.", maxAnnotations, n)
	}
	for i, a := range req.Output.Annotations {
		if err := a.check(i); err != nil {
			return err
		}
	}
	return nil
}

func (a Annotation) check(i int) error {
	for name, missing := range map[string]bool{
		"path": a.Path == "", "start_line": a.StartLine < 1, "end_line": a.EndLine < 1,
		"annotation_level": a.Level == "", "message": a.Message == "",
	} {
		if missing {
			return invalid("For 'properties/output/annotations/items/%d', %q wasn't supplied.", i, name)
		}
	}
	const resource = "CheckAnnotation"
	switch {
	case a.Level != "notice" && a.Level != "warning" && a.Level != "failure":
		return invalid("For 'annotation_level', %q is not a member of [\"notice\", \"warning\", \"failure\"].", a.Level)
	case a.EndLine < a.StartLine:
		return wrongField(resource, "end_line", "custom", "end_line must not precede start_line")
	case (a.StartColumn != 0 || a.EndColumn != 0) && a.StartLine != a.EndLine:
		return wrongField(resource, "start_column", "custom", "columns are only allowed when start_line and end_line are the same")
	case len(a.Message) > maxMessage:
		return wrongField(resource, "message", "custom", "message exceeds a maximum bytesize")
	case len(a.RawDetails) > maxMessage:
		return wrongField(resource, "raw_details", "custom", "raw_details exceeds a maximum bytesize")
	case utf8.RuneCountInString(a.Title) > maxTitle:
		return wrongField(resource, "title", "custom", "title is too long (maximum is 255 characters)")
	case strings.HasPrefix(a.Path, "/"):
		return wrongField(resource, "path", "custom", "path must be relative")
	}
	return nil
}

func (s *Server) apply(k *CheckRun, req checkRequest) {
	set := func(to *string, v *string) {
		if v != nil {
			*to = *v
		}
	}
	set(&k.Name, req.Name)
	set(&k.ExternalID, req.ExternalID)
	set(&k.DetailsURL, req.DetailsURL)
	if req.Status != "" {
		k.Status = req.Status
		if req.Status != "completed" {
			k.Conclusion, k.CompletedAt = "", time.Time{}
		}
	}
	if req.StartedAt != nil {
		k.StartedAt = *req.StartedAt
	}
	if k.StartedAt.IsZero() {
		k.StartedAt = s.now()
	}
	if req.Conclusion != "" || req.CompletedAt != nil {
		k.Status, k.CompletedAt = "completed", s.now()
		if req.Conclusion != "" {
			k.Conclusion = req.Conclusion
		}
		if req.CompletedAt != nil {
			k.CompletedAt = *req.CompletedAt
		}
	}
	if req.Output != nil {
		set(&k.Title, req.Output.Title)
		set(&k.Summary, req.Output.Summary)
		set(&k.Text, req.Output.Text)
		k.Annotations = append(k.Annotations, req.Output.Annotations...) // annotations are never removed
	}
	if req.Actions != nil {
		k.Actions = req.Actions
	}
}

// suite returns the App's suite of a commit, and creates it if necessary.
func (s *Server) suite(r *Repo, sha string) *checkSuite {
	for _, k := range s.suites {
		if k.repo == r && k.head == sha {
			return k
		}
	}
	k := &checkSuite{id: s.id(), repo: r, head: sha, created: s.now()}
	s.suites[k.id] = k
	return k
}

// runs lists the check runs of a commit, newest first.
func (r *Repo) runs(sha string) []*CheckRun {
	var list []*CheckRun
	for _, k := range r.s.checks {
		if k.repo == r && k.HeadSHA == sha {
			list = append(list, k)
		}
	}
	slices.SortFunc(list, func(a, b *CheckRun) int { return int(b.ID - a.ID) })
	return list
}

// latest keeps the newest run of each name.
func latest(runs []*CheckRun) []*CheckRun {
	seen := map[string]bool{}
	var list []*CheckRun
	for _, k := range runs {
		if !seen[k.Name] {
			seen[k.Name] = true
			list = append(list, k)
		}
	}
	return list
}

func (s *Server) listChecks(c *call) (answer, error) {
	sha := c.repo.resolve(c.path("ref"))
	if sha == "" {
		return answer{}, noCommit(c.path("ref"))
	}
	q := c.r.URL.Query()
	list := c.repo.runs(sha)
	if q.Get("filter") != "all" {
		list = latest(list)
	}
	list = slices.DeleteFunc(list, func(k *CheckRun) bool {
		return q.Get("check_name") != "" && q.Get("check_name") != k.Name ||
			q.Get("status") != "" && q.Get("status") != k.Status ||
			q.Get("app_id") != "" && q.Get("app_id") != fmt.Sprint(s.opts.AppID)
	})
	ans, err := paged(list, s.checkJSON)
	total := len(list)
	ans.wrap = func(page []any) any { return object{"total_count": total, "check_runs": page} }
	return ans, err
}
