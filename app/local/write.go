package local

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/judge"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/sarif"
	"github.com/secbydesign/secbydesign/scanners/visible"
)

var formats = map[string]func(io.Writer, view, Options) error{
	"text":     writeText,
	"json":     writeJSON,
	"sarif":    writeSARIF,
	"markdown": writeMarkdown,
}

func writeMarkdown(w io.Writer, v view, _ Options) error {
	s := v.report.Check.Summary
	for i, a := range v.suppressions {
		if i == 0 {
			s += "\n### Suppressions\n\n"
		}
		s += fmt.Sprintf("- %s: %s\n", checks.Code(at(a.Path, a.StartLine)), checks.Escape(a.Message))
	}
	_, err := io.WriteString(w, s+v.designMarkdown())
	return err
}

func writeSARIF(w io.Writer, v view, o Options) error {
	runs := v.runs()
	shown := map[string]bool{}
	suppressed := map[string]sarif.Suppression{}
	for _, f := range v.findings(true) {
		shown[f.Fingerprint+string(f.State)] = true
		if f.Decided != nil {
			suppressed[f.Fingerprint] = sarif.Suppression{Reason: f.Decided.Reason, Path: f.Decided.Path, Line: f.Decided.Line}
		}
	}
	_, covered, _ := v.designRun()
	for fingerprint, by := range covered {
		suppressed[fingerprint] = sarif.Suppression{Reason: by}
	}
	for i, run := range runs {
		if run.Gate == scanners.Requirements {
			continue
		}
		runs[i].Results = nil
		for _, r := range run.Results {
			if shown[r.Fingerprint+string(r.State)] {
				runs[i].Results = append(runs[i].Results, r)
			}
		}
	}
	var infos []scanners.Info
	for _, sc := range o.Scanners {
		infos = append(infos, sc.Info())
	}
	return sarif.Write(w, runs, sarif.Options{All: o.All, Infos: infos, Suppressed: suppressed})
}

// The JSON format is part of the program's contract: names are added, never changed.
type jsonReview struct {
	Version   string        `json:"version"`
	Base      string        `json:"base"`
	Head      string        `json:"head"`
	MergeBase string        `json:"merge_base"`
	Verdict   string        `json:"verdict"`
	Scanners  []jsonScanner `json:"scanners"`
	Findings  []jsonFinding `json:"findings"`

	Suppressions []jsonSuppression `json:"suppressions"` // that the change adds, or that have ended
	Notices      []string          `json:"notices"`      // sentences: why nothing was scanned, and about the policy

	Requirements jsonRequirements `json:"requirements"` // what the change has to answer about its design
}

type jsonSuppression struct {
	Path    string `json:"path"`
	Line    int    `json:"line"`
	Title   string `json:"title"`
	Message string `json:"message"`
}

type jsonDecided struct {
	How    string `json:"how"`
	Until  string `json:"until"` // the last day
	Reason string `json:"reason"`
	Place  string `json:"place"` // of the comment that says so: "file:line"
}

type jsonScanner struct {
	Name       string        `json:"name"`
	Gate       scanners.Gate `json:"gate"`
	Version    string        `json:"version"`
	State      string        `json:"state"` // complete, incomplete or skipped
	DurationMS int64         `json:"duration_ms"`
	Scanned    int           `json:"scanned"` // number of scanned files and trees
	Error      *string       `json:"error"`
}

type jsonFinding struct {
	ID          string            `json:"id"`
	Fingerprint string            `json:"fingerprint"`
	Scanner     string            `json:"scanner"`
	Rule        string            `json:"rule"`
	Gate        scanners.Gate     `json:"gate"`
	Severity    scanners.Severity `json:"severity"`
	Path        string            `json:"path"`
	Line        int               `json:"line"`
	EndLine     int               `json:"end_line"`
	Title       string            `json:"title"`
	Message     string            `json:"message"`
	Help        string            `json:"help"`
	HelpURL     string            `json:"help_url"`
	CWE         string            `json:"cwe"`
	State       scanners.State    `json:"state"`
	Commit      string            `json:"commit,omitempty"` // only in this commit of the history
	Also        []string          `json:"also,omitempty"`   // rules ("scanner/rule") of others that found the same problem
	Blocking    bool              `json:"blocking"`
	Policy      string            `json:"policy,omitempty"`  // the line that lets it fail the check
	Decided     *jsonDecided      `json:"decided,omitempty"` // if set, the finding is not open
	Owner       *string           `json:"owner"`
	Fix         *string           `json:"fix"` // removed and added lines, as in a diff
}

func writeJSON(w io.Writer, v view, o Options) error {
	out := jsonReview{
		Version: o.Version, Base: v.Base, Head: v.Head, MergeBase: v.MergeBase, Verdict: string(v.report.Verdict),
		Scanners: []jsonScanner{}, Findings: []jsonFinding{}, Suppressions: []jsonSuppression{}, // lists, never null
		Notices: []string{}, Requirements: v.jsonRequirements(),
	}
	if v.examination.NotRun != "" {
		out.Notices = append(out.Notices, v.examination.NotRun)
	}
	out.Notices = append(out.Notices, v.notices...)
	for _, run := range v.runs() {
		s := jsonScanner{Name: run.Scanner, Gate: run.Gate, Version: run.Version, State: "complete", DurationMS: run.Duration.Milliseconds(), Scanned: run.Scanned}
		switch {
		case run.Err != nil:
			reason := scanners.Reason(run.Err)
			s.State, s.Error = "incomplete", &reason
		case run.Idle:
			reason := "The change has no file of its kind."
			s.State, s.Error = "skipped", &reason
		case run.Skipped != "":
			s.State, s.Error = "skipped", &run.Skipped
		}
		out.Scanners = append(out.Scanners, s)
	}
	for _, f := range v.findings(o.All) {
		one := jsonFinding{
			ID: f.ID(), Fingerprint: f.Fingerprint, Scanner: f.Scanner, Rule: f.Rule, Gate: f.Gate, Severity: f.Severity,
			Path: visible.Name(f.Path), Line: f.Line, EndLine: f.EndLine, Title: f.Title, Message: f.Message,
			Help: f.Help, HelpURL: f.HelpURL, CWE: f.CWE, State: f.State, Commit: f.Commit, Also: f.Also, Blocking: f.Block,
		}
		if diff := v.report.Diff(f); diff != "" {
			one.Fix = &diff
		}
		if owners := v.owners.Of(f.Path); len(owners) > 0 {
			list := strings.Join(owners, " ")
			one.Owner = &list
		}
		if f.Decided != nil {
			one.Blocking = false
			one.Decided = &jsonDecided{f.Decided.How, f.Decided.Until.Format(time.DateOnly), f.Decided.Reason, f.Decided.Place()}
		} else if f.Block {
			one.Policy = judge.Because(v.policy, f)
		}
		out.Findings = append(out.Findings, one)
	}
	for _, a := range v.suppressions {
		out.Suppressions = append(out.Suppressions, jsonSuppression{visible.Name(a.Path), a.StartLine, a.Title, a.Message})
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(out)
	if err == nil {
		_, err = w.Write(visible.JSON(b.Bytes()))
	}
	return err
}

// A paint colours words for a terminal, or leaves them as they are.
type paint bool

func (on paint) style(code, s string) string {
	if !on {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (on paint) bold(s string) string { return on.style("1", s) }
func (on paint) dim(s string) string  { return on.style("2", s) }

func (on paint) severity(s scanners.Severity) string {
	code := map[scanners.Severity]string{scanners.Critical: "1;97;41", scanners.High: "1;31", scanners.Medium: "1;33", scanners.Low: "1;36", scanners.Note: "1;37"}
	return on.style(code[s], strings.ToUpper(s.String()))
}

// A page is text for people.
type page struct {
	strings.Builder
	paint
	width int
}

func (p *page) wrap(indent, s string) {
	for _, line := range visible.Wrap(s, max(p.width-len(indent), 20)) {
		p.WriteString(indent + line + "\n")
	}
}

func writeText(w io.Writer, v view, o Options) error {
	p := &page{paint: paint(o.Color), width: o.Width}
	if p.width <= 0 {
		p.width = 80
	}
	p.width = min(p.width, 110) // longer lines are hard to read
	check := v.report.Check
	files := fmt.Sprintf("%d files", len(v.changed()))
	if files == "1 files" {
		files = "1 file"
	}
	fmt.Fprintf(p, "%s %s\n\n", p.bold("secbydesign"), p.dim(fmt.Sprintf("%s compared with %s, %s changed", short(v.Head), short(v.MergeBase), files)))
	upgraded := map[string]bool{} // packages: an upgrade that fixes one advisory fixes the next one, too
	for _, f := range v.findings(o.All) {
		name := fmt.Sprint(f.Scanner, "\x00", f.Path, "\x00", f.Line, "\x00", f.Package)
		p.finding(f, v, upgraded[name])
		upgraded[name] = f.Package != "" && f.State != scanners.Absent
	}
	p.design(v)
	var skipped []string
	for _, run := range v.runs() {
		if run.Err != nil {
			p.wrap("", p.style("1;33", "NOT FINISHED ")+p.bold(checks.Plain(run.Scanner))+": "+checks.Plain(scanners.Reason(run.Err)))
			p.WriteString("\n")
		}
		if run.Skipped != "" {
			skipped = append(skipped, checks.Plain(run.Scanner))
		}
	}
	if len(skipped) > 0 {
		p.wrap("", p.dim("Not ready on this machine, so they did not run: "+strings.Join(skipped, ", ")+". `secbydesign scanners` lists what they need."))
		p.WriteString("\n")
	}
	for _, a := range v.suppressions {
		p.WriteString(p.style("1;33", "SUPPRESSION ") + p.bold(checks.Plain(at(a.Path, a.StartLine))) + "\n")
		p.wrap("  ", checks.Plain(a.Message))
		p.WriteString("\n")
	}
	for _, notice := range v.notices {
		p.wrap("", p.style("1;33", "NOTICE ")+checks.Plain(notice))
		p.WriteString("\n")
	}
	if v.examination.NotRun != "" {
		p.wrap("", visible.Text(v.examination.NotRun))
	}
	if said := v.scanned(); said != "" {
		p.wrap("", p.dim(said))
		p.WriteString("\n")
	}
	code := map[checks.Verdict]string{checks.Clean: "1;32", checks.Findings: "1;31", checks.Incomplete: "1;33", checks.NotRun: "1;37"}
	p.WriteString(p.style(code[v.report.Verdict], visible.Text(check.Title)) + "\n")
	_, err := io.WriteString(w, p.String())
	return err
}

// finding writes one finding; if before is true, the fix was described above and is left out.
func (p *page) finding(f checks.Finding, v view, before bool) {
	state := ""
	switch f.State {
	case scanners.Unchanged:
		state = p.dim(" (already in the base)")
	case scanners.Absent:
		if state = p.style("32", " (fixed)"); checks.Pushed(f) {
			state = p.style("1;33", " (gone from the code, but still in its history: revoke it, unless that was done)")
		}
	}
	fmt.Fprintf(p, "%s %s%s\n", p.severity(f.Severity), p.bold(checks.Plain(where(f))), state)
	p.wrap("  ", p.bold(checks.Plain(f.Title))+p.dim("  "+checks.Plain(f.RuleID())+" "+f.ID()))
	switch {
	case before:
		p.wrap("  ", checks.Plain(f.Message)+p.dim(" How to fix it is described above."))
	default:
		p.wrap("  ", strings.TrimSpace(checks.Plain(f.Message)+" "+checks.Plain(f.Why)))
		if f.Commit != "" {
			p.wrap("  ", "It is not in the code any more, but commit "+short(f.Commit)+" still holds it.")
		}
		if f.State == scanners.New {
			p.howToFix(f, v.report.Diff(f))
		}
	}
	switch {
	case f.Decided != nil:
		p.wrap("  ", p.style("32", "Accepted")+fmt.Sprintf(" until %s by the comment at %s: %s", f.Decided.Until.Format(time.DateOnly), checks.Plain(f.Decided.Place()), checks.Plain(f.Decided.Reason)))
	case f.Block && f.State == scanners.New:
		p.wrap("  ", "It fails the check: "+visible.Text(judge.Because(v.policy, f))+".")
	case f.Lapsed != "":
		p.wrap("  ", checks.Plain(f.Lapsed))
	}
	p.WriteString("\n")
}

// stressed matches text that Markdown shows bold. The help of findings is Markdown.
var stressed = regexp.MustCompile(`\*\*([^*]+)\*\*`)

func (p *page) howToFix(f checks.Finding, diff string) {
	if f.Help != "" {
		p.wrap("  ", p.bold("How to fix it: ")+stressed.ReplaceAllString(visible.Text(f.Help), p.bold("$1")))
	}
	if diff != "" {
		for line := range strings.SplitSeq(diff, "\n") {
			code := map[byte]string{'-': "31", '+': "32"}[line[0]]
			if strings.HasPrefix(line, "@@") || strings.HasPrefix(line, "---") || strings.HasPrefix(line, "+++") {
				code = "2"
			}
			p.WriteString("    " + p.style(code, visible.Text(line)) + "\n")
		}
	}
	if f.HelpURL != "" {
		p.WriteString("  " + p.dim(checks.Plain(f.HelpURL)) + "\n")
	}
}

func (v view) changed() []string {
	var paths []string
	if v.examination.Diff != nil {
		for _, c := range v.examination.Diff.Changes {
			paths = append(paths, c.NewPath)
		}
	}
	return paths
}

// scanned says which scanners scanned what, so that nobody takes the silence of others for a verdict.
func (v view) scanned() string {
	var names []string
	for _, run := range v.runs() {
		if run.Err == nil && run.Skipped == "" && !run.Idle {
			names = append(names, checks.Plain(run.Scanner))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "Scanned by " + strings.Join(names, ", ") + "."
}

func where(f checks.Finding) string { return at(f.Path, f.Line) }

func at(path string, line int) string {
	if line == 0 {
		return path
	}
	return fmt.Sprintf("%s:%d", path, line)
}

func short(rev string) string {
	if len(rev) >= 40 {
		return rev[:10]
	}
	return rev
}
