package fakegithub

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/go-chi/chi/v5"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"plural": func(n int, one, many string) string {
		if n == 1 {
			return "1 " + one
		}
		return fmt.Sprintf("%d %s", n, many)
	},
}).Parse(pageText))

type (
	pageView struct {
		Title           string
		Index           []repoView
		Repo            string
		Pull            *Pull
		Issue           *issueView
		State, HeadName string
		Author          personView
		Body            template.HTML
		Items           []itemView
		Checks          []checkView
		ChecksHead      string
		ChecksCount     string
		ChecksMark      string
		Files           []fileView
		Threads, Open   int
		Viewer          *personView // who may write; nil for nobody
		Next            string      // label of the button for the next step
		Added, Deleted  int
		Commits         int
	}
	repoView struct {
		Name   string
		Public bool
		Pulls  []pullView
	}
	pullView struct {
		*Pull
		Shown, Verdict, Path string
	}
	personView struct {
		Name, Initials string
		Hue            uint32
		Bot            bool
	}
	itemView struct {
		order   int64  // ids count up
		Kind    string // commits, note, review, event
		Who     personView
		Verb    string
		When    string
		Commits []commitView
		Comment commentView
	}
	commitView  struct{ Subject, Short string }
	commentView struct {
		ID        int64
		Who       personView
		When      string
		HTML      template.HTML
		Minimized string
		Edited    bool
	}
	threadView struct {
		ID                 string
		Action             string // where a reply goes; empty if nobody may write
		Resolved, Outdated bool
		By                 string
		Where              string
		Comments           []commentView
		Excerpt            []rowView
	}
	rowView struct {
		Kind     string // hunk, ctx, add, del
		Old, New string
		Mark     string
		Text     string
		Threads  []threadView
	}
	fileView struct {
		Path, Previous, Status string
		Added, Deleted         int
		Rows                   []rowView
		Whole, Outdated        []threadView
		Note                   string
	}
	checkView struct {
		ID                  int64
		Name, Mark, Outcome string
		Title, Took         string
		Summary, Text       template.HTML
		Annotations         []Annotation
		Actions             []Action
	}
)

func (s *Server) pageRoutes(mux chi.Router) {
	mux.Get("/", s.showIndex)
	mux.Get("/{owner}/{repo}/pull/{n:[0-9]+}", s.showPull)
	mux.Head("/{owner}/{repo}/pull/{n:[0-9]+}", s.showPull)
	mux.Get("/{owner}/{repo}/issues/{n:[0-9]+}", s.showIssue)
	mux.Get("/{owner}/{repo}/runs/{id:[0-9]+}", s.showRun)
	s.pageActions(mux)
}

func (s *Server) showPage(w http.ResponseWriter, view pageView) {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, view); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	// The tag does not depend on the nonce: a page asks for the tag to learn whether it is outdated.
	sum := sha256.Sum256(b.Bytes())
	random := make([]byte, 12)
	_, _ = rand.Read(random)
	nonce := base64.RawURLEncoding.EncodeToString(random)
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("ETag", `"`+hex.EncodeToString(sum[:])+`"`)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; script-src 'nonce-"+nonce+"'")
	_, _ = w.Write(bytes.Replace(b.Bytes(), []byte("<script nonce>"), []byte(`<script nonce="`+nonce+`">`), 1))
}

func (s *Server) showIndex(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	view := pageView{Title: "Repositories"}
	for _, r := range s.repos {
		rv := repoView{Name: r.FullName(), Public: r.public}
		for _, p := range slices.Backward(r.pulls) {
			_, _, mark := checksOf(r, p.HeadSHA)
			rv.Pulls = append(rv.Pulls, pullView{p.copy(), p.shown(), mark, fmt.Sprintf("/%s/pull/%d", r.FullName(), p.Number)})
		}
		view.Index = append(view.Index, rv)
	}
	s.mu.Unlock()
	slices.SortFunc(view.Index, func(a, b repoView) int { return strings.Compare(a.Name, b.Name) })
	s.showPage(w, view)
}

func (s *Server) showRun(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.checks[int64(atoi(chi.URLParam(r, "id")))]; k != nil {
		for _, p := range slices.Backward(k.repo.pulls) {
			if p.HeadSHA == k.HeadSHA {
				http.Redirect(w, r, fmt.Sprintf("/%s/pull/%d#check-%d", k.repo.FullName(), p.Number, k.ID), http.StatusFound)
				return
			}
		}
	}
	http.NotFound(w, r)
}

func (s *Server) showPull(w http.ResponseWriter, r *http.Request) {
	view, ok := s.findPull(chi.URLParam(r, "owner"), chi.URLParam(r, "repo"), atoi(chi.URLParam(r, "n")))
	if !ok {
		http.NotFound(w, r)
		return
	}
	s.showPage(w, view)
}

func (s *Server) findPull(owner, name string, n int) (pageView, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	repo, _ := s.find(owner, name)
	if repo == nil || repo.pull(n) == nil {
		return pageView{}, false
	}
	return s.pullView(repo.pull(n)), true
}

func (p *Pull) copy() *Pull { c := *p; return &c }

func (p *Pull) shown() string {
	switch {
	case p.Merged:
		return "Merged"
	case p.State == "closed":
		return "Closed"
	case p.Draft:
		return "Draft"
	}
	return "Open"
}

func (s *Server) pullView(p *Pull) pageView {
	v := pageView{
		Title: fmt.Sprintf("%s · #%d", p.Title, p.Number), Repo: p.repo.FullName(), Pull: p.copy(), State: p.shown(), HeadName: p.HeadRef,
		Author: person(p.Author), Body: render(p.Body, nil),
	}
	if p.head != p.repo {
		v.HeadName = p.headOwner() + ":" + p.HeadRef
	}
	d, err := p.repo.diff(p.mergeBase(), p.HeadSHA)
	if err != nil {
		d = &diff{}
	}
	if s.opts.Viewer != "" {
		who := person(s.opts.Viewer)
		v.Viewer = &who
		if s.next != nil {
			v.Next = s.next.Label
		}
	}
	v.Files = s.fileViews(p, d)
	for _, f := range d.files {
		v.Added, v.Deleted = v.Added+f.added, v.Deleted+f.deleted
	}
	for _, t := range p.threads() {
		v.Threads++
		if !t.Resolved && t.Comments[0].Minimized == "" {
			v.Open++
		}
	}
	v.Commits = len(p.commitIDs())
	v.Items = p.items()
	for i, it := range v.Items {
		if it.Kind == "note" && v.Viewer != nil {
			v.Items[i].Comment.HTML = tickable(it.Comment.HTML, fmt.Sprintf("/%s/pull/%d/comments/%d/boxes", v.Repo, p.Number, it.Comment.ID))
		}
	}
	v.Checks, v.ChecksCount, v.ChecksMark = checksOf(p.repo, p.HeadSHA)
	v.ChecksHead = map[string]string{
		"failure": "Some checks were not successful", "pending": "Some checks haven’t completed yet", "neutral": "Checks finished with something to look at",
		"success": "All checks have passed", "": "No checks yet",
	}[v.ChecksMark]
	return v
}

// items returns the conversation in its order.
func (p *Pull) items() []itemView {
	var list []itemView
	add := func(id int64, at time.Time, it itemView) {
		it.order, it.When = id, clock(at)
		list = append(list, it)
	}
	for _, e := range p.timeline {
		it := itemView{Kind: "event", Who: person(e.who)}
		switch e.kind {
		case "commits", "forced":
			it.Kind = "commits"
			for _, c := range p.repo.commits(e.shas) {
				subject, _, _ := strings.Cut(c.message, "\n")
				it.Commits = append(it.Commits, commitView{subject, shortID(c.sha)})
			}
			it.Verb = fmt.Sprintf("added %d commits", len(it.Commits))
			if len(it.Commits) == 1 {
				it.Verb = "added 1 commit"
			}
			if e.kind == "forced" {
				it.Verb = "force-pushed from " + shortID(e.text)
			}
		case "ready_for_review":
			it.Verb = "marked this as ready for review"
		case "converted_to_draft":
			it.Verb = "made this a draft"
		default:
			it.Verb = e.kind + " this"
		}
		add(e.id, e.at, it)
	}
	for _, rv := range p.reviews {
		n := 0
		for _, k := range p.comments {
			if k.review == rv {
				n++
			}
		}
		if rv.State == "PENDING" || rv.Body == "" && n < 2 {
			continue // a reply or a single comment is shown at its place
		}
		add(rv.ID, rv.CreatedAt, itemView{Kind: "review", Who: person(rv.Author), Verb: fmt.Sprintf("reviewed %s and left %d comments", shortID(rv.CommitID), n),
			Comment: commentView{Who: person(rv.Author), When: clock(rv.CreatedAt), HTML: render(rv.Body, nil)}})
	}
	for _, k := range p.notes {
		add(k.ID, k.CreatedAt, itemView{Kind: "note", Comment: commentView{
			ID: k.ID, Who: person(k.Author), When: clock(k.CreatedAt), HTML: render(k.Body, nil), Minimized: k.Minimized, Edited: k.UpdatedAt.After(k.CreatedAt),
		}})
	}
	slices.SortFunc(list, func(a, b itemView) int { return int(a.order - b.order) })
	return list
}

func clock(t time.Time) string { return t.Format("15:04, 2 Jan 2006") }

func person(login string) personView {
	name := strings.TrimSuffix(login, "[bot]")
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	initials := ""
	for word := range strings.FieldsFuncSeq(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		initials += strings.ToUpper(word[:1])
	}
	return personView{Name: name, Initials: initials[:min(2, len(initials))], Hue: h.Sum32() % 360, Bot: name != login}
}

// checksOf lists the newest checks of a commit. The one with the shortest name, the
// verdict, comes first.
func checksOf(r *Repo, sha string) (list []checkView, count, mark string) {
	runs := latest(r.runs(sha))
	slices.SortFunc(runs, func(a, b *CheckRun) int { return strings.Compare(a.Name, b.Name) })
	tally := map[string]int{}
	for _, k := range runs {
		c := checkView{ID: k.ID, Name: k.Name, Title: k.Title, Outcome: k.Conclusion, Summary: render(k.Summary, nil), Text: render(k.Text, nil), Annotations: k.Annotations, Actions: k.Actions}
		switch k.Conclusion {
		case "":
			c.Mark, c.Outcome = "pending", strings.ReplaceAll(k.Status, "_", " ")
		case "success", "neutral", "skipped":
			c.Mark = k.Conclusion
		default:
			c.Mark = "failure"
		}
		if !k.CompletedAt.IsZero() {
			c.Took = k.CompletedAt.Sub(k.StartedAt).Round(time.Second).String()
		}
		tally[c.Mark]++
		list = append(list, c)
	}
	var parts []string
	for _, m := range []struct{ mark, word string }{{"failure", "failing"}, {"pending", "in progress"}, {"neutral", "neutral"}, {"skipped", "skipped"}, {"success", "successful"}} {
		if n := tally[m.mark]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, m.word))
			if mark == "" {
				mark = m.mark
			}
		}
	}
	if mark == "skipped" {
		mark = "success"
	}
	return list, strings.Join(parts, ", "), mark
}

func (s *Server) fileViews(p *Pull, d *diff) []fileView {
	threads := map[string][]*ReviewComment{}
	for _, k := range p.visible() {
		if k.InReplyTo == 0 {
			threads[k.Path] = append(threads[k.Path], k)
		}
	}
	var list []fileView
	for _, f := range d.files {
		v := fileView{Path: f.path, Previous: f.previous, Status: f.status, Added: f.added, Deleted: f.deleted}
		if f.patch == "" {
			v.Note = "Binary, too large to show, or only its name or mode changed."
		}
		at := map[string][]threadView{}
		for _, k := range threads[f.path] {
			t := s.threadOf(p, k)
			switch {
			case k.Outdated:
				v.Outdated = append(v.Outdated, t)
			case k.SubjectType == "file":
				v.Whole = append(v.Whole, t)
			default:
				key := fmt.Sprint(k.Side, k.Line)
				at[key] = append(at[key], t)
			}
		}
		delete(threads, f.path)
		for _, h := range f.hunks {
			v.Rows = append(v.Rows, rowView{Kind: "hunk", Text: h.header})
			for _, l := range h.lines {
				row := rowOf(l)
				if l.new != 0 {
					row.Threads = append(row.Threads, at[fmt.Sprint("RIGHT", l.new)]...)
				}
				if l.old != 0 {
					row.Threads = append(row.Threads, at[fmt.Sprint("LEFT", l.old)]...)
				}
				v.Rows = append(v.Rows, row)
			}
		}
		list = append(list, v)
	}
	// Conversations about files that are no longer part of the change.
	for _, path := range sortedKeys(threads) {
		v := fileView{Path: path, Status: "left the change", Note: "This file is no longer part of the change."}
		for _, k := range threads[path] {
			v.Outdated = append(v.Outdated, s.threadOf(p, k))
		}
		list = append(list, v)
	}
	return list
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func rowOf(l diffLine) rowView {
	row := rowView{Kind: "ctx", Text: l.text}
	switch l.op {
	case '+':
		row.Kind, row.Mark = "add", "+"
	case '-':
		row.Kind, row.Mark = "del", "−"
	}
	if l.old != 0 {
		row.Old = fmt.Sprint(l.old)
	}
	if l.new != 0 {
		row.New = fmt.Sprint(l.new)
	}
	return row
}

// excerptLines is how much of the old diff an outdated conversation shows.
const excerptLines = 4

func (s *Server) threadOf(p *Pull, k *ReviewComment) threadView {
	t := threadView{ID: k.ThreadID, Resolved: k.Resolved, Outdated: k.Outdated, By: strings.TrimSuffix(k.ResolvedBy, "[bot]")}
	if s.opts.Viewer != "" {
		t.Action = fmt.Sprintf("/%s/pull/%d/comments", p.repo.FullName(), p.Number)
	}
	switch {
	case k.SubjectType == "file":
		t.Where = "on the file"
	case k.Outdated:
		t.Where = fmt.Sprintf("on line %d of %s", k.OriginalLine, shortID(k.OriginalCommitID))
	default:
		t.Where = fmt.Sprintf("on line %d", k.Line)
	}
	if k.StartLine != 0 {
		t.Where = fmt.Sprintf("on lines %d to %d", k.StartLine, k.Line)
	}
	lines := strings.Split(k.DiffHunk, "\n")
	if k.Outdated && len(lines) > 1 {
		for _, l := range lines[max(1, len(lines)-excerptLines):] {
			if l != "" {
				t.Excerpt = append(t.Excerpt, rowOf(diffLine{op: l[0], text: l[1:]}))
			}
		}
	}
	// A suggestion would replace the last lines of the hunk.
	var old []string
	span := 1
	if k.OriginalStartLine != 0 {
		span = k.OriginalLine - k.OriginalStartLine + 1
	}
	for _, l := range slices.Backward(lines) {
		if len(old) < span && l != "" && l[0] != '-' && l[0] != '@' {
			old = append([]string{l[1:]}, old...)
		}
	}
	all := append([]*ReviewComment{k}, p.repliesTo(k)...)
	for _, c := range all {
		t.Comments = append(t.Comments, commentView{
			ID: c.ID, Who: person(c.Author), When: clock(c.CreatedAt), HTML: render(c.Body, old), Minimized: c.Minimized, Edited: c.UpdatedAt.After(c.CreatedAt),
		})
	}
	return t
}

func (p *Pull) repliesTo(k *ReviewComment) []*ReviewComment {
	var list []*ReviewComment
	for _, o := range p.visible() {
		if o.InReplyTo == k.ID {
			list = append(list, o)
		}
	}
	return list
}
