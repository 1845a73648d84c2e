package checks

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
)

// title names the kind of problem, as plain text.
func title(f Finding) string {
	return Cut(Plain(f.Title), 120)
}

// title says the outcome in one line of plain text.
func (in Input) title(v Verdict) string {
	open, blocking, unfinished := in.count()
	switch v {
	case NotRun:
		return "Not run"
	case Superseded:
		return "Superseded"
	case Clean:
		s := "No new findings"
		if decided := in.decisions(); decided != "" {
			s = "No open findings; " + decided
		}
		if old := in.campaignTitle(); old != "" {
			s += "; " + old
		}
		return s
	}
	var parts []string
	if open > 0 {
		s := count(open, "new finding") + " (" + in.bySeverity() + ")"
		if blocking > 0 {
			s += fmt.Sprintf(", %d blocking", blocking)
		}
		parts = append(parts, s)
	}
	if unfinished > 0 {
		parts = append(parts, "incomplete: "+in.gap())
	}
	if decided := in.decisions(); decided != "" {
		parts = append(parts, decided)
	}
	if old := in.campaignTitle(); old != "" {
		parts = append(parts, old)
	}
	s := strings.Join(parts, "; ")
	return strings.ToUpper(s[:1]) + s[1:]
}

// bySeverity counts the findings that are new and shown.
func (in Input) bySeverity() string { return bySeverity(in.findings(scanners.New)) }

// bySeverity counts findings by severity: "1 critical, 2 low".
func bySeverity(list []Finding) string {
	var n [scanners.Critical + 1]int
	for _, f := range list {
		n[f.Severity]++
	}
	var parts []string
	for s := scanners.Critical; s >= scanners.Note; s-- {
		if n[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[s], s))
		}
	}
	return strings.Join(parts, ", ")
}

// maxGap bounds the reason in a title, in bytes: GitHub shows a title on one line.
const maxGap = 200

// maxNames is how many scanners a title names.
const maxNames = 10

// gap names the scanners that did not finish. It adds the reason if it makes the check fail, and returns
// only the reason if several scanners share it: beside a required check GitHub shows nothing but the title.
func (in Input) gap() string {
	var reasons, failing []string
	names := in.unfinished()
	for _, g := range in.Gates {
		for _, run := range g.Runs {
			if run.Err == nil {
				continue
			}
			reason := strings.TrimSuffix(Plain(scanners.Reason(run.Err)), ".")
			reasons = append(reasons, reason)
			if g.fails(run) && !in.Draft {
				failing = append(failing, reason)
			}
		}
	}
	if len(names) > 1 && len(slices.Compact(reasons)) == 1 {
		return Cut(reasons[0], maxGap)
	}
	if more := len(names) - maxNames; more > 0 {
		names = append(names[:maxNames], fmt.Sprintf("%d more", more))
	}
	s := strings.Join(names, ", ") + " did not finish"
	if len(failing) > 0 {
		s += ": " + Cut(failing[0], maxGap)
	}
	return s
}

// An unfinished is a reason why scanners did not finish, and their names; both are Markdown.
type unfinished struct {
	names, reason string
	n             int
}

// notFinished returns why scanners did not finish. Scanners with the same reason are named together, since a change
// that cannot be read stops all of them.
func (in Input) notFinished() (list []unfinished) {
	var reasons []string
	names := map[string][]string{}
	for _, r := range in.runs(func(r scanners.Run) bool { return r.Err != nil }) {
		reason := Escape(scanners.Reason(r.Err))
		if names[reason] == nil {
			reasons = append(reasons, reason)
		}
		names[reason] = append(names[reason], Escape(r.Scanner))
	}
	for _, reason := range reasons {
		list = append(list, unfinished{scanners.Some(names[reason], maxNames), reason, len(names[reason])})
	}
	return list
}

func (in Input) unfinished() []string {
	var names []string
	for _, g := range in.Gates {
		for _, run := range g.Runs {
			if run.Err != nil {
				names = append(names, run.Scanner)
			}
		}
	}
	return names
}

// MaxSummary is GitHub's limit for a check run's summary, in characters and in bytes ("Only
// 65535 characters are allowed", "summary exceeds a maximum bytesize of 65535"). We count
// bytes, since they are never fewer, and leave room for a word about another pull request.
const MaxSummary = 65535 - 200

// summary is the Markdown of a check run. It holds nothing that changes when the same review
// runs again, such as durations, since that would cause a write without any news.
func (in Input) summary(v Verdict, commented []string) string {
	if v == NotRun {
		return Escape(in.NotRun) + "\n"
	}
	var head, foot strings.Builder
	for _, n := range in.Notices {
		fmt.Fprintf(&head, "> %s\n\n", n)
	}
	fmt.Fprintf(&head, "%s at %s, compared with %s.\n", outcome(in, v), ShortCode(in.Head), ShortCode(in.Base))
	for i, u := range in.notFinished() {
		if i == 0 {
			head.WriteString("\n### Not finished\n\n")
		}
		fmt.Fprintf(&head, "- **%s**: %s %s findings so far are shown; the rest was not scanned.\n", u.names, u.reason, map[bool]string{true: "Its", false: "Their"}[u.n == 1])
	}

	if len(in.gone) > 0 {
		foot.WriteString("\n" + goneText(in.gone) + "\n")
	}
	for _, line := range in.campaignFixes() {
		foot.WriteString("\n" + line + "\n")
	}
	in.footer(&foot)
	threads := map[string]bool{}
	for _, f := range commented {
		threads[f] = true
	}
	var items []string
	size := 0
	list := func(section string, found []Finding, item func(Finding) string) {
		for i, f := range found {
			text := ""
			if size <= MaxSummary { // else there is no room for it
				text = item(f)
			}
			if i == 0 {
				text = "\n### " + section + "\n\n" + text
			}
			size += len(text)
			items = append(items, text)
		}
	}
	plain := func(f Finding) string { return in.item(f, false) }
	list("New", in.findings(scanners.New), func(f Finding) string { return in.item(f, in.Limit > 0 && !threads[f.Fingerprint]) })
	list("Decided", in.decided, in.decidedItem)
	fixed, pushed := in.fixed()
	list("Fixed by this change", fixed, plain)
	list("Taken out of the code, but still in its history: revoke what is not revoked yet", pushed, plain)
	for _, c := range in.Campaigns {
		list(c.section(), c.Old, plain)
	}
	if in.Unchanged {
		list("Already in the base", in.findings(scanners.Unchanged), plain)
	}
	return fit(head.String(), items, foot.String(), MaxSummary)
}

func outcome(in Input, v Verdict) string {
	open, _, _ := in.count()
	switch {
	case open > 0:
		return "**" + count(open, "new finding") + "**"
	case v == Incomplete:
		return "**Incomplete.** Nothing new was found so far"
	case len(in.decided) > 0:
		return "**No open findings**, " + in.decisions() + ","
	}
	return "**No new findings**"
}

// item is one finding in a list.
func (in Input) item(f Finding, noThread bool) string {
	place := Code(where(f))
	if f.State == scanners.New && f.Commit == "" {
		place = in.linked(f.Path, f.Line)
	}
	s := fmt.Sprintf("- **%s** %s at %s", severityWord(f), Escape(title(f)), place)
	if f.Commit != "" {
		s += ", in the history only: commit " + ShortCode(f.Commit) + " holds it"
	}
	s += fmt.Sprintf(" · %s · `%s`", Code(f.RuleID()), f.ID())
	if noThread {
		s += " · *listed here only*"
	}
	return s + lapsedText(f) + "\n"
}

func where(f Finding) string {
	if f.Line == 0 {
		return f.Path
	}
	return fmt.Sprintf("%s:%d", f.Path, f.Line)
}

func severityWord(f Finding) string {
	w := f.Severity.String()
	w = strings.ToUpper(w[:1]) + w[1:]
	if f.Block {
		w += ", blocking"
	}
	return w
}

// footer writes in small print which findings are not listed and which scanners ran.
func (in Input) footer(b *strings.Builder) {
	unchanged, observed := -in.campaignListed(), 0
	for _, g := range in.Gates {
		for _, f := range g.Findings {
			switch {
			case f.State == scanners.Unchanged && (!in.Unchanged || !f.Comment):
				unchanged++
			case f.State == scanners.New && !f.Comment && f.Quiet == "": // a notice names the others
				observed++
			}
		}
	}
	var parts []string
	if unchanged > 0 {
		parts = append(parts, count(unchanged, "finding")+" already in the base not listed")
	}
	if observed > 0 {
		parts = append(parts, plural(observed, "new finding not shown, because the policy only observes it", "new findings not shown, because the policy only observes them"))
	}
	var by []string
	for _, r := range in.runs(func(r scanners.Run) bool { return r.Complete() && !r.Idle }) {
		by = append(by, Escape(strings.TrimSpace(r.Scanner+" "+r.Version)))
	}
	if len(by) > 0 {
		parts = append(parts, "scanned by "+strings.Join(by, ", "))
	}
	if len(parts) > 0 {
		s := strings.Join(parts, "; ")
		fmt.Fprintf(b, "\n<sub>%s.</sub>\n", strings.ToUpper(s[:1])+s[1:])
	}
}

func (in Input) runs(which func(scanners.Run) bool) []scanners.Run {
	var out []scanners.Run
	for _, g := range in.Gates {
		for _, r := range g.Runs {
			if which(r) {
				out = append(out, r)
			}
		}
	}
	return out
}

// findings lists the findings in state s that may be shown, the worst first, whatever their gates.
func (in Input) findings(s scanners.State) []Finding {
	var out []Finding
	for _, g := range in.Gates {
		for _, f := range g.Findings {
			if f.State == s && f.Comment {
				out = append(out, f)
			}
		}
	}
	slices.SortStableFunc(out, WorstFirst)
	return out
}

// fixed lists the findings of the base that the head does not have. Those about secrets are not fixed by that: the
// history holds them.
func (in Input) fixed() (fixed, pushed []Finding) {
	for _, f := range in.findings(scanners.Absent) {
		if Pushed(f) {
			pushed = append(pushed, f)
		} else {
			fixed = append(fixed, f)
		}
	}
	return fixed, pushed
}

// fit joins the parts. If they have more than limit bytes, it leaves out the last items and says how
// many.
func fit(head string, items []string, foot string, limit int) string {
	const more = "- … and %d more, which do not fit here.\n"
	room := limit - len(head) - len(foot) - len(more) - 10
	var b strings.Builder
	b.WriteString(head)
	for i, item := range items {
		if room -= len(item); room < 0 {
			fmt.Fprintf(&b, more, len(items)-i)
			break
		}
		b.WriteString(item)
	}
	b.WriteString(foot)
	return b.String()
}

// The reader of a comment is in the middle of something else. So the problem, why it matters and how
// to fix it come first, and everything else is in folds. These limits bound the sentences of tools, in
// bytes, so that the visible part stays at about ten lines.
const (
	maxSaid = 600 // what is wrong
	maxWhy  = 300
	maxHelp = 600 // longer help is folded
	maxFlow = 20  // steps
)

// commentBody is the text of a thread's first comment. Nothing in it changes while the
// finding stays the same, so that a push does not edit every comment. place is a sentence
// (Markdown) for a thread that is not on the finding's line, and fixText is the Markdown that shows a
// fix; both may be empty.
func (in Input) commentBody(b bundle, place, fixText string) string {
	f := b.Finding
	said := Escape(Cut(f.Message, maxSaid))
	if f.Why != "" {
		said += " " + Escape(Cut(f.Why, maxWhy))
	}
	history := ""
	if f.Commit != "" {
		history = fmt.Sprintf("It is not in the code any more, but commit %s of this pull request still holds it, where everybody who can read the repository can read it.", ShortCode(f.Commit))
	}
	help, more := shortHelp(f.Help)
	if help != "" {
		help = "**How to fix it:** " + help
	}
	if more != "" {
		more = fold("More on how to fix it", more)
	}
	flow := ""
	if len(f.Flow) > 1 {
		flow = fold("Data flow: "+count(len(f.Flow), "step"), in.flow(f.Flow))
	}
	lesson := in.lesson(f)
	// While the body is too long, leave out the parts that tend to be longest: more help, the flow, the fix, the lesson.
	for {
		parts := []string{b.headline(), said, place, history, help, fixText, more, lesson, b.others(), flow, fold(decideTitle, in.decide(b)), "<sub>" + smallPrint(f) + "</sub>", marker(f.Scanner, f.Fingerprint)}
		parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
		body := strings.Join(parts, "\n\n")
		switch {
		case len(body) <= MaxNote:
			return body
		case more != "":
			more = ""
		case flow != "":
			flow = ""
		case fixText != "":
			fixText = ""
		case lesson != "":
			lesson = ""
		default:
			return body
		}
	}
}

// shortHelp splits help into the part that is shown and the part that is folded. It cuts Markdown only
// between paragraphs.
func shortHelp(help string) (short, more string) {
	help = strings.TrimSpace(help)
	if len(help) <= maxHelp && strings.Count(help, "\n") < 4 {
		return help, ""
	}
	first, rest, _ := strings.Cut(help, "\n\n")
	if len(first) > maxHelp || strings.Contains(first, "```") || strings.Contains(first, "~~~") || strings.Count(first, "\n") >= 4 {
		return "", help
	}
	return first, strings.TrimSpace(rest)
}

// fold hides text, which is Markdown, until a reader opens it. GitHub formats Markdown in a fold only
// after an empty line.
func fold(title, text string) string {
	return "<details><summary>" + title + "</summary>\n\n" + text + "\n\n</details>"
}

func (in Input) flow(steps []scanners.Step) string {
	var b strings.Builder
	for i, s := range steps {
		if i == maxFlow {
			fmt.Fprintf(&b, "\n… and %s more.", count(len(steps)-i, "step"))
			break
		}
		fmt.Fprintf(&b, "%d. %s", i+1, in.linked(s.Path, s.Line))
		if s.Message != "" {
			b.WriteString(": " + Escape(Cut(s.Message, maxWhy)))
		}
		b.WriteString("\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// linked names a place at the head, with a link where there is one.
func (in Input) linked(path string, line int) string {
	shown := path
	if line > 0 {
		shown = fmt.Sprintf("%s:%d", path, line)
	}
	if in.Link != nil {
		// A path may have any length, but a comment may not.
		if link := in.Link(path, line); link != "" && len(link) <= 2*maxText {
			return "[" + Code(shown) + "](" + link + ")"
		}
	}
	return Code(shown)
}

// smallPrint is the last visible line of a comment, for readers who want to look the problem up: a link,
// the CWE, up to three aliases, the rules and the finding's id.
func smallPrint(f Finding) string {
	var parts []string
	if link, ok := webLink(f.HelpURL); ok {
		parts = append(parts, "[Learn more]("+link+")")
	}
	if f.CWE != "" {
		parts = append(parts, Escape(f.CWE))
	}
	for i, a := range f.Aliases {
		if i == 3 {
			break
		}
		parts = append(parts, Escape(a))
	}
	by := Code(f.RuleID())
	for i, other := range f.Also {
		switch i {
		case 0:
			by += ", also found by " + Code(other)
		case 1, 2:
			by += ", " + Code(other)
		case 3:
			by += fmt.Sprintf(" and %d more", len(f.Also)-i)
		}
	}
	return strings.Join(append(parts, by, "`"+f.ID()+"`"), " · ")
}

// webLink reports whether s is an address that a reader can follow, without any character that could end
// the Markdown link around it.
func webLink(s string) (string, bool) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(s) > 500 {
		return "", false
	}
	if strings.ContainsAny(s, "()<>[]\\\"`|") || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", false
	}
	return s, true
}

// marker returns the hidden lines at the end of a thread's first comment. The format of the last line is
// frozen, because threads of every release carry it. The line before it names the scanner that has to
// finish before its finding can be called fixed.
func marker(scanner, fingerprint string) string {
	return fmt.Sprintf("<!-- secbydesign:by %s -->\n<!-- secbydesign:v1 finding=%s -->", scanner, fingerprint)
}

var (
	markerLine  = regexp.MustCompile(`\n<!-- secbydesign:v1 finding=([a-z2-7]{26}:[1-9][0-9]{0,6}) -->\s*\z`)
	scannerLine = regexp.MustCompile(`\n<!-- secbydesign:by ([a-zA-Z0-9._-]+) -->\n`)
)

// Mark reads the marker of a comment. Only the last line counts, since no text of the tree
// can get there. The caller has to check who wrote the comment.
func Mark(body string) (fingerprint, scanner string, ok bool) {
	body = "\n" + strings.ReplaceAll(body, "\r\n", "\n")
	m := markerLine.FindStringSubmatchIndex(body)
	if m == nil {
		return "", "", false
	}
	// Take the last match: the text above it may quote another comment of ours.
	if all := scannerLine.FindAllStringSubmatch(body[:m[0]+1], -1); len(all) > 0 {
		scanner = all[len(all)-1][1]
	}
	return body[m[2]:m[3]], scanner, true
}

// unmarked splits a text of ours from its markers. The last markers count, as in [Mark].
func unmarked(body string) (text, marks string, ok bool) {
	const by = "\n\n<!-- secbydesign:by "
	at := strings.LastIndex(body, by)
	if at < 0 {
		return body, "", false
	}
	return body[:at], body[at+2:], true
}

// OnFile returns the text of the comment for a thread on the file instead of on its line.
func (c Comment) OnFile() string { return awayBody(c.Plain, c.Where) }

// awayBody adds where, the sentence that leads to the finding, to the text of an open thread. A thread
// needs it when its finding is elsewhere, since GitHub cannot move a thread.
func awayBody(body, where string) string {
	text, marks, ok := unmarked(body)
	if !ok || where == "" {
		return body
	}
	head, rest, _ := strings.Cut(text, "\n\n")
	return head + "\n\n" + where + "\n\n" + rest + "\n\n" + marks
}

const (
	foldOpen  = "\n\n<details><summary>What it was</summary>\n\n"
	foldClose = "\n\n</details>\n\n"
)

// closedBody returns the text of a closed thread's comment: one line that says how it was closed, and the
// old text in a fold, without the commands that it offered. It turns suggestions into plain code blocks, because their buttons would still
// work, on lines that have changed since.
func closedBody(body, how string) string {
	fingerprint, scanner, ok := Mark(body)
	if !ok {
		return body
	}
	was, _, ok := unmarked(body)
	if at := strings.LastIndex(was, "\n\n<!-- secbydesign:v1 "); !ok && at >= 0 {
		was = was[:at]
	}
	was = offers.ReplaceAllString(buttons.ReplaceAllString(was, "$1"), "")
	return "**" + how + "**" + foldOpen + was + foldClose + marker(scanner, fingerprint)
}

// offers matches the fold with commands about an open finding.
var offers = regexp.MustCompile(`\n\n<details><summary>` + regexp.QuoteMeta(decideTitle) + `</summary>\n\n(?s:.*?)\n\n</details>`)

var buttons = regexp.MustCompile("(?m)^(`{3,})suggestion$")

// isClosed reports whether a comment has the form of [closedBody].
func isClosed(body string) bool {
	first, rest, ok := strings.Cut(strings.ReplaceAll(body, "\r\n", "\n"), foldOpen)
	return ok && !strings.Contains(first, "\n") && strings.Contains(rest, foldClose)
}

// ShortCode shows a commit's first digits as code; other names as they are.
func ShortCode(rev string) string {
	if len(rev) >= 40 && strings.Trim(rev, "0123456789abcdef") == "" {
		rev = rev[:10]
	}
	return Code(rev)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
