package plan

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners/design"
)

// questions are what a topic asks before there is any code. Topics without a question concern only a change that
// exists: a control that it removes, a finding that it suppresses, a design document that it adds.
var questions = map[string]string{
	"public":    "What has to work without login, and what limits an anonymous caller?",
	"roles":     "Which role or permission is new, and who has it by default?",
	"exposure":  "What becomes reachable from another network or the internet?",
	"tenancy":   "Whose data may a caller see, and where is that enforced?",
	"data":      "Which personal or confidential data is stored, and for how long?",
	"authn":     "How do people and services prove who they are?",
	"token":     "Which tokens are issued or accepted, from whom and for how long?",
	"access":    "Who may call it, and which single check refuses everyone else?",
	"external":  "Which other system is called, what is sent, and what happens when it fails?",
	"files":     "Which files are accepted, up to which size, and where are they served?",
	"secrets":   "Which secrets are needed, and where are they kept and rotated?",
	"privilege": "Which rights does it need on the platform, and until when?",
	"dangerous": "Where does it run commands or parse input of others, and what contains that?",
	"crypto":    "What does encryption or signing protect, and where is the key?",
	"browser":   "Which other origins, scripts or cookies does a page use?",
	"tls":       "Which connection goes without TLS, and why?",
	"pipeline":  "Which untrusted code or text reaches a build or a deployment?",
	"supply":    "Which packages, images or actions are new, and how are they pinned?",
	"component": "Which service, store or job is new, who owns it, and who calls it?",
}

// A state is what is recorded of a checklist.
type state struct {
	posted    bool
	topics    []string // ticked ones, in the order of the list
	unlabeled bool     // the label was removed since the list was last asked for
	sources   map[string]bool
}

// fold computes the state from the events of an issue, in the order in which things happened.
func fold(events []ledger.Event) (s state, err error) {
	events = slices.Clone(events)
	slices.SortStableFunc(events, func(a, b ledger.Event) int { return a.At.Compare(b.At) })
	s.sources = map[string]bool{}
	var ticked []string
	for _, e := range events {
		p, err := record.ReadRequirement[record.Plan](e.ID, e.Data)
		if err != nil {
			return state{}, err
		}
		s.posted, s.sources[p.Source] = true, true
		switch p.Why {
		case whyUnlabel:
			s.unlabeled = true
		case whyLabel, whyCommand:
			s.unlabeled = false
		}
		ticked = slices.DeleteFunc(append(ticked, p.Ticked...), func(t string) bool { return slices.Contains(p.Unticked, t) })
	}
	s.topics = ordered(ticked)
	return s, nil
}

// ordered returns the known topics among some, each once, in the order of the list.
func ordered(topics []string) (list []string) {
	for _, t := range design.Topics() {
		if questions[t.Name] != "" && slices.Contains(topics, t.Name) {
			list = append(list, t.Name)
		}
	}
	return list
}

// text is the checklist.
func (s state) text() string {
	var b strings.Builder
	b.WriteString("### Design questions before any code\n\n")
	b.WriteString("Tick each topic that this work touches. A pull request that closes this issue is asked about the ticked topics while its design is still cheap to change.\n\n")
	for _, t := range design.Topics() {
		q := questions[t.Name]
		if q == "" {
			continue
		}
		mark := " "
		if slices.Contains(s.topics, t.Name) {
			mark = "x"
		}
		b.WriteString("- [" + mark + "] **" + t.Name + "** · " + q)
		if len(t.ASVS) > 0 {
			b.WriteString(" `v5.0.0-" + t.ASVS[0] + "`")
		}
		b.WriteString("\n")
	}
	b.WriteString("\nA tick counts if a person with write access makes it.\n")
	if s.unlabeled {
		b.WriteString("\nThe label `design` was removed. The list stays, and its ticks count.\n")
	}
	b.WriteString("\n" + checks.StickyMarker(checks.PlanName))
	return b.String()
}

// shows reports whether a text is the checklist, with the right marks for some topics.
func (s state) shows(body string, topics []string) bool {
	marks := boxes(body)
	for _, t := range topics {
		if marks[t] != slices.Contains(s.topics, t) {
			return false
		}
	}
	return unmarked(body) == unmarked(s.text())
}

var (
	anyBox   = regexp.MustCompile(`(?m)^([ \t]*[-*+] \[)[ xX](\] )`)
	topicBox = regexp.MustCompile(`(?m)^- \[([ xX])\] \*\*([a-z]+)\*\* · `)
)

func unmarked(body string) string {
	body = strings.TrimRight(strings.ReplaceAll(body, "\r\n", "\n"), " \n")
	return anyBox.ReplaceAllString(body, "${1} ${2}")
}

// boxes returns which topics are ticked in a text.
func boxes(body string) map[string]bool {
	out := map[string]bool{}
	for _, m := range topicBox.FindAllStringSubmatch(body, -1) {
		if questions[m[2]] != "" {
			out[m[2]] = m[1] != " "
		}
	}
	return out
}

// An Edit is how a person changed a checklist.
type Edit struct {
	Ticked   []string `json:"ticked,omitempty"`
	Unticked []string `json:"unticked,omitempty"`
	Text     bool     `json:"text,omitempty"` // more than the marks of boxes changed, so no tick counts
}

// ReadEdit compares two texts of a checklist.
func ReadEdit(old, edited string) (e Edit) {
	if unmarked(old) != unmarked(edited) {
		return Edit{Text: true}
	}
	before, after := boxes(old), boxes(edited)
	for _, t := range design.Topics() {
		switch b, a := before[t.Name], after[t.Name]; {
		case a && !b:
			e.Ticked = append(e.Ticked, t.Name)
		case b && !a:
			e.Unticked = append(e.Unticked, t.Name)
		}
	}
	return e
}

// oldest returns the checklist among sticky comments: the one that stays if there are several.
func oldest(have []checks.Sticky) (checks.Sticky, bool) {
	have = slices.DeleteFunc(slices.Clone(have), func(s checks.Sticky) bool { return s.Name != checks.PlanName })
	if len(have) == 0 {
		return checks.Sticky{}, false
	}
	return slices.MinFunc(have, func(a, b checks.Sticky) int { return cmp.Compare(a.ID, b.ID) }), true
}
