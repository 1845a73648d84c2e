// Package sarif writes the runs of scanners as SARIF 2.1.0, the format that code scanning services
// read, and reads the SARIF that tools write.
package sarif

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/visible"
)

// Options configure [Write]. The zero value is ready to use.
type Options struct {
	All   bool            // also write unchanged and absent results, not only new ones
	Infos []scanners.Info // describe the tools of the runs, if known

	Suppressed map[string]Suppression // keyed by the fingerprint of the result
}

// A Suppression says why a result is not open.
type Suppression struct {
	Reason string
	Path   string // of the comment in the code that suppresses it; empty if it was accepted elsewhere
	Line   int
}

const (
	version = "2.1.0"
	schema  = "https://json.schemastore.org/sarif-2.1.0.json"

	// root is the name that GitHub and others know for the top of the repository.
	root = "%SRCROOT%"

	// fingerprint is our key in partialFingerprints; lineHash is the key by which GitHub matches
	// alerts of several uploads.
	fingerprint = "secbydesign/v1"
	lineHash    = "primaryLocationLineHash"

	// maxFlow is how many steps of one result GitHub shows.
	// https://docs.github.com/en/code-security/reference/code-scanning/sarif-files/sarif-support
	maxFlow = 1000

	// mostRuns is how many runs GitHub accepts in one file, mostResults how many results in one run. It
	// refuses a file with more, and a file without any run.
	// https://docs.github.com/en/code-security/reference/code-scanning/sarif-files/sarif-support
	mostRuns    = 20
	mostResults = 25_000

	// ours is the name of the tool in runs that do not belong to a single scanner.
	ours = "secbydesign"
)

// Write writes one SARIF run for each scanner that ran, with its results in their order. A run that
// did not finish has an invocation that says so, with the public [scanners.Reason] and not the
// error's text. Bytes that are not UTF-8 become U+FFFD in texts; in the names of files they are
// kept, percent-encoded.
//
// A scanner that did not run has no SARIF run, because uploading an empty run closes all alerts of
// its tool. A notification says why it did not run: in the first SARIF run or, if no scanner ran,
// in one of our own. Scanners that did not finish have a SARIF run, since services refuse it.
//
// If there are more runs than a service accepts, the last of them share one.
func Write(w io.Writer, runs []scanners.Run, opts Options) error {
	ran, absent := split(runs)
	own := ran
	if len(ran) > mostRuns {
		own = ran[:mostRuns-1]
	}
	doc := log{Schema: schema, Version: version, Runs: []run{}}
	for _, r := range own {
		doc.Runs = append(doc.Runs, newRun(r, opts))
	}
	switch {
	case len(ran) == 0:
		doc.Runs = append(doc.Runs, newRun(scanners.Run{Scanner: ours}, opts))
		doc.Runs[0].AutomationDetails = category("none")
	case len(ran) > len(own):
		doc.Runs = append(doc.Runs, shared(ran[len(own):], opts))
	}
	first := &doc.Runs[0].Invocations[0]
	first.Notifications = append(first.Notifications, absent...)
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	err := e.Encode(doc)
	if err == nil {
		_, err = w.Write(visible.JSON(b.Bytes()))
	}
	if err != nil {
		return fmt.Errorf("write SARIF: %w", err)
	}
	return nil
}

// split returns the runs of scanners that ran, and notifications that say why the others did not.
func split(runs []scanners.Run) (ran []scanners.Run, absent []notification) {
	for _, r := range runs {
		why := r.Skipped
		if r.Idle {
			why = "The change has no file of its kind."
		}
		if why == "" || r.Err != nil {
			ran = append(ran, r)
			continue
		}
		absent = append(absent, notification{"note", message{Text: r.Scanner + " did not run: " + why}})
	}
	return ran, absent
}

// shared returns one SARIF run for several scanners. The rules of the results name the scanners.
func shared(runs []scanners.Run, opts Options) run {
	all := scanners.Run{Scanner: ours}
	var names []string
	invocation := invocation{ExecutionSuccessful: true}
	for _, r := range runs {
		names = append(names, r.Scanner)
		all.Results = append(all.Results, r.Results...)
		text := r.Scanner + " ran."
		if r.Version != "" {
			text = r.Scanner + " " + r.Version + " ran."
		}
		if r.Err != nil {
			text = r.Scanner + " did not finish: " + scanners.Reason(r.Err)
			invocation.ExecutionSuccessful = false
		}
		invocation.Notifications = append(invocation.Notifications, notification{noteOrError(r.Err), message{Text: text}})
	}
	out := newRun(all, opts)
	out.AutomationDetails = category(strings.Join(names, "+"))
	invocation.Notifications = append(invocation.Notifications, out.Invocations[0].Notifications...)
	out.Invocations[0] = invocation
	return out
}

func noteOrError(err error) string {
	if err != nil {
		return "error"
	}
	return "note"
}

// category returns the id by which services distinguish several uploads for one commit. An upload
// closes the alerts of its tool and category that it lacks. So the category of a shared run names all
// its scanners: a file without one of them must not close that scanner's alerts.
func category(name string) automationDetails { return automationDetails{"secbydesign/" + name + "/"} }

// weightiest returns the most severe results, as many as a service accepts, in their original
// order, and the number of results left out.
func weightiest(results []scanners.Result) (kept []scanners.Result, left int) {
	if left = len(results) - mostResults; left <= 0 {
		return results, 0
	}
	order := make([]int, len(results))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(results[b].Severity, results[a].Severity) })
	order = order[:mostResults]
	slices.Sort(order)
	for _, i := range order {
		kept = append(kept, results[i])
	}
	return kept, left
}

func newRun(r scanners.Run, opts Options) run {
	results := slices.Clone(r.Results)
	if !opts.All {
		results = slices.DeleteFunc(results, func(r scanners.Result) bool { return r.State != scanners.New })
	}
	results, left := weightiest(results)
	d := driver{Name: r.Scanner, Version: r.Version, Rules: rules(results)}
	for _, info := range opts.Infos {
		if info.Name == r.Scanner {
			d.InformationURI, d.ShortDescription = info.URL, text(info.About)
		}
	}
	out := run{
		Tool:              tool{d},
		AutomationDetails: category(r.Scanner),
		Invocations:       []invocation{{ExecutionSuccessful: r.Err == nil}},
		OriginalURIBaseIDs: map[string]artifactLocation{
			root: {Description: &message{Text: "The root of the repository."}},
		},
		ColumnKind: "unicodeCodePoints",
		Results:    []result{},
	}
	if r.Err != nil {
		out.Invocations[0].Notifications = []notification{{"error", message{Text: scanners.Reason(r.Err)}}}
	}
	if left > 0 {
		out.Invocations[0].Notifications = append(out.Invocations[0].Notifications, notification{"warning", message{
			Text: fmt.Sprintf("This file holds the worst %d results. %d more are left out.", mostResults, left),
		}})
	}
	for _, f := range results {
		index, _ := slices.BinarySearchFunc(d.Rules, f.RuleID(), func(r rule, id string) int { return cmp.Compare(r.ID, id) })
		out.Results = append(out.Results, newResult(f, index))
	}
	suppress(out.Results, results, opts.Suppressed)
	return out
}

// suppress adds the suppressions. If any result of a run is suppressed, the others get an empty
// list, which says that they are not.
func suppress(out []result, results []scanners.Result, why map[string]Suppression) {
	if !slices.ContainsFunc(results, func(r scanners.Result) bool { _, ok := why[r.Fingerprint]; return ok }) {
		return
	}
	for i, r := range results {
		out[i].Suppressions = &[]suppression{}
		s, ok := why[r.Fingerprint]
		switch {
		case !ok:
		case s.Path == "":
			out[i].Suppressions = &[]suppression{{Kind: "external", Status: "accepted", Justification: s.Reason}}
		default:
			out[i].Suppressions = &[]suppression{{Kind: "inSource", Status: "accepted", Justification: s.Reason, Location: &location{Physical: place(s.Path, s.Line)}}}
		}
	}
}

// rules returns the rules of the results, sorted by id. A rule has the severity and the texts of
// its worst result.
func rules(results []scanners.Result) []rule {
	worst := slices.Clone(results)
	slices.SortStableFunc(worst, func(a, b scanners.Result) int {
		return cmp.Or(cmp.Compare(a.RuleID(), b.RuleID()), -cmp.Compare(a.Severity, b.Severity))
	})
	worst = slices.CompactFunc(worst, func(a, b scanners.Result) bool { return a.RuleID() == b.RuleID() })

	rules := []rule{}
	for _, f := range worst {
		r := rule{
			ID:                   f.RuleID(),
			ShortDescription:     text(f.Title),
			FullDescription:      text(f.Why),
			HelpURI:              f.HelpURL,
			DefaultConfiguration: configuration{level(f.Severity)},
			Properties:           ruleProperties{[]string{"security"}, securitySeverity(f.Severity)},
		}
		if f.Help != "" {
			r.Help = &message{Text: f.Help, Markdown: f.Help}
		}
		if f.CWE != "" {
			r.Properties.Tags = append(r.Properties.Tags, "external/cwe/"+strings.ToLower(f.CWE))
		}
		rules = append(rules, r)
	}
	return rules
}

func newResult(f scanners.Result, rule int) result {
	r := result{
		RuleID:              f.RuleID(),
		RuleIndex:           rule,
		Level:               level(f.Severity),
		Message:             message{Text: f.Message},
		PartialFingerprints: map[string]string{fingerprint: f.Fingerprint, lineHash: f.Fingerprint},
		BaselineState:       string(f.State),
		Properties: resultProperties{
			ID: f.ID(), Gate: string(f.Gate), Severity: f.Severity.String(), Commit: f.Commit, Aliases: f.Aliases, Also: f.Also,
		},
	}
	if f.Path != "" {
		at := place(f.Path, f.Line)
		if at.Region != nil {
			at.Region.StartColumn, at.Region.EndLine, at.Region.EndColumn = f.Column, f.EndLine, f.EndColumn
		}
		r.Locations = []location{{Physical: at}}
	}
	if len(f.Flow) > 0 {
		var flow threadFlow
		for _, s := range f.Flow[:min(len(f.Flow), maxFlow)] {
			flow.Locations = append(flow.Locations, threadFlowLocation{location{place(s.Path, s.Line), text(s.Message)}})
		}
		r.CodeFlows = []codeFlow{{[]threadFlow{flow}}}
	}
	for _, x := range f.Fixes {
		r.Fixes = append(r.Fixes, newFix(x))
	}
	return r
}

func place(path string, line int) physicalLocation {
	at := physicalLocation{Artifact: artifactLocation{URI: uri(path), URIBaseID: root}}
	if line > 0 {
		at.Region = &region{StartLine: line}
	}
	return at
}

func newFix(x scanners.Fix) fix {
	out := fix{Description: text(x.Title)}
	files := map[string]int{}
	for _, e := range x.Edits {
		i, ok := files[e.Path]
		if !ok {
			i = len(out.Changes)
			files[e.Path] = i
			out.Changes = append(out.Changes, artifactChange{Artifact: place(e.Path, 0).Artifact})
		}
		deleted := region{e.Line, e.Column, e.EndLine, e.EndColumn}
		if e.Column == 0 { // whole lines, up to the beginning of the next one
			deleted = region{e.Line, 1, e.EndLine + 1, 1}
		}
		out.Changes[i].Replacements = append(out.Changes[i].Replacements, replacement{deleted, text(e.Text)})
	}
	return out
}

// uri returns the URI reference for a path. Colons are encoded, because one before the first slash
// would end a scheme (https://www.rfc-editor.org/rfc/rfc3986#section-4.2).
func uri(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		segments[i] = strings.ReplaceAll(url.PathEscape(s), ":", "%3A")
	}
	return strings.Join(segments, "/")
}

func text(s string) *message {
	if s == "" {
		return nil
	}
	return &message{Text: s}
}

func level(s scanners.Severity) string {
	switch s {
	case scanners.Critical, scanners.High:
		return "error"
	case scanners.Medium:
		return "warning"
	default:
		return "note"
	}
}

// securitySeverity returns a number in the middle of GitHub's range for the severity: over 9.0 is critical, from 7.0
// high, from 4.0 medium, from 0.1 low. A note has no number, so GitHub shows it as a note and not as a security alert.
// https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
func securitySeverity(s scanners.Severity) string {
	switch s {
	case scanners.Critical:
		return "9.5"
	case scanners.High:
		return "8.0"
	case scanners.Medium:
		return "5.5"
	case scanners.Low:
		return "2.0"
	default:
		return ""
	}
}
