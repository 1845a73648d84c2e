package command

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/agext/levenshtein"
)

var (
	findingID  = regexp.MustCompile(`(?i)^F-[A-Z2-7]{8}$`)
	decisionID = regexp.MustCompile(`(?i)^A-[A-Z2-7]{8}$`)
	looksLike  = regexp.MustCompile(`(?i)^[FA]-[A-Z0-9]*$`)
	questionID = regexp.MustCompile(`(?i)^Q[1-9][0-9]?$`)
	span       = regexp.MustCompile(`(?i)^([0-9]{1,3})([dw])$`)
	team       = regexp.MustCompile(`^@[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9_.-]+)?$`)
)

// Parse reads one line that [Find] returned. today is the day on which it was written; periods such as 30d count from
// it. The error is a [*Mistake].
func Parse(line string, today time.Time) (Command, error) {
	today = today.UTC().Truncate(24 * time.Hour)
	words := words(line[min(len(Prefix), len(line)):])
	if len(words) == 0 {
		return Command{Verb: Help}, nil
	}
	verb := Verb(strings.ToLower(words[0]))
	form, known := forms()[verb]
	if !known {
		return Command{}, unknown(string(verb), words[1:], today)
	}
	if form.late != "" {
		// A verb of a later release is recognised, but its arguments are not parsed.
		return Command{Verb: verb}, &Mistake{Problem: form.late}
	}
	p := parser{form: form, today: today, c: Command{Verb: verb}}
	if problem := p.read(words[1:]); problem != "" {
		return Command{}, &Mistake{Problem: problem, Right: p.c, Like: p.like}
	}
	return p.c, nil
}

// words splits at white space. Commas separate ids, and people put names in backquotes.
func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
}

// A form defines the arguments that a verb may and must have.
type form struct {
	ids, decision, until, ticket, because bool // they are allowed
	class                                 bool
	needDecision, needUntil, needTicket   bool
	needReason, needTeam                  bool
	codes                                 []string // one of them is required
	free                                  bool     // text does not need “because”
	questions                             bool     // like ids
	text                                  bool     // the line is a question and a text
	campaign                              bool     // see [parser.campaign]
	needQuestion                          bool
	least                                 int // characters of the text
	late                                  string
}

func forms() map[Verb]form {
	return map[Verb]form{
		Help:        {free: true},
		Status:      {},
		Rescan:      {},
		Why:         {ids: true, questions: true},
		Accept:      {ids: true, until: true, needUntil: true, ticket: true, class: true, because: true, needReason: true},
		Confirm:     {decision: true, needDecision: true},
		FP:          {ids: true, because: true, needReason: true},
		NotAffected: {ids: true, codes: VEX(), because: true},
		Defer:       {ids: true, until: true, needUntil: true, ticket: true, needTicket: true, class: true, because: true},
		Reopen:      {ids: true, because: true},
		Revoke:      {decision: true, needDecision: true, because: true},
		Assign:      {ids: true, needTeam: true},
		NotUseful:   {ids: true, questions: true, codes: Opinions(), because: true, free: true},
		Fixed:       {late: "Nothing needs to be said about a fix: push it, and the thread is closed with the commit that fixed it."},
		Answer:      {text: true, needQuestion: true, needReason: true, least: MinAnswer},
		Ask:         {codes: Roles()},
		Voice:       {text: true, needReason: true},
		Plan:        {},
		Campaign:    {campaign: true},
	}
}

// A parser reads the words of one line. It goes on after a mistake, so that c holds everything that is right.
type parser struct {
	form    form
	today   time.Time
	c       Command
	problem string // the first mistake
	like    string // see [Mistake]
}

// wrong records a mistake. People correct one at a time.
func (p *parser) wrong(format string, args ...any) {
	if p.problem == "" {
		p.problem = fmt.Sprintf(format, args...)
	}
}

// read returns the first mistake.
func (p *parser) read(words []string) string {
	f := p.form
	if f.campaign {
		p.campaign(words)
		return p.problem
	}
	if f.text {
		p.text(strings.Join(words, " "))
		p.missing()
		return p.problem
	}
	var left []string
	for i := 0; i < len(words); i++ {
		name, value, joined := cutWord(words[i])
		// The value of a named word may be the next word.
		take := func() string {
			if !joined && i+1 < len(words) {
				i++
				value = words[i]
			}
			return bare(value)
		}
		switch {
		case f.because && name == "because":
			rest := words[i+1:]
			if joined && value != "" {
				rest = append([]string{value}, rest...)
			}
			p.reason(rest)
			i = len(words)
		case f.until && name == "until":
			p.until(take())
		case f.ticket && name == "ticket":
			p.ticket(take())
		case f.class && name == "reason":
			p.class(take())
		case f.free && p.c.Code != "":
			p.reason(words[i:])
			i = len(words)
		default:
			if !p.word(words[i]) {
				left = append(left, words[i])
			}
		}
	}
	p.rest(left)
	p.missing()
	return p.problem
}

// text reads the question and the text of answer and voice. People put the text in quotes, and write “because”.
func (p *parser) text(s string) {
	s = plainText(s)
	first, rest, _ := strings.Cut(s, " ")
	switch ids := strings.FieldsFunc(bare(first), func(r rune) bool { return r == ',' }); {
	case len(ids) == 1 && questionID.MatchString(ids[0]):
		p.c.Questions = []string{strings.ToUpper(ids[0])}
		s = plainText(rest)
	case len(ids) > 1 && questionID.MatchString(ids[0]):
		p.wrong("One command takes one question; write several.")
		p.c.Questions = []string{strings.ToUpper(ids[0])}
		s = plainText(rest)
	case p.form.needQuestion && (looksLike.MatchString(bare(first)) || asQuestion.MatchString(bare(first))):
		p.wrong("%s is no question; their ids are Q1, Q2 and so on.", quote(bare(first)))
		s = plainText(rest)
	}
	p.reason(strings.Fields(s))
}

var (
	asQuestion = regexp.MustCompile(`(?i)^(Q.?[0-9]*|[0-9]+)$`)
	becauseOf  = regexp.MustCompile(`(?i)^because(?:[:=]\s*|\s+|$)`)
)

// plainText removes quotes around a text, and “because” in front of it.
func plainText(s string) string {
	for {
		t := becauseOf.ReplaceAllString(strings.Trim(s, quotes), "")
		if t == s {
			return s
		}
		s = t
	}
}

// quotes are the characters that people put around a reason.
const quotes = "\"“” "

// cutWord splits "until=…", and "because:".
func cutWord(w string) (name, value string, joined bool) {
	i := strings.IndexAny(w, "=:")
	if i < 0 {
		return strings.ToLower(w), "", false
	}
	return strings.ToLower(w[:i]), w[i+1:], w[i+1:] != ""
}

// bare removes characters that people put around a word so that it looks like code.
func bare(w string) string { return strings.Trim(w, "`'\"“”‘’<>()[],;:.") }

// word parses a word that needs no name: ids, a team, a code.
func (p *parser) word(w string) (taken bool) {
	for part := range strings.SplitSeq(w, ",") {
		part = bare(part)
		switch {
		case part == "":
			taken = true
		case p.form.ids && findingID.MatchString(part):
			p.id(strings.ToUpper(part))
			taken = true
		case p.form.ids && questionID.MatchString(part):
			p.question(strings.ToUpper(part))
			taken = true
		case p.form.decision && decisionID.MatchString(part) && p.c.Decision == "":
			p.c.Decision, taken = strings.ToUpper(part), true
		case p.form.needTeam && team.MatchString(part) && p.c.Team == "":
			p.c.Team, taken = part, true
		case len(p.form.codes) > 0 && p.c.Code == "" && slices.Contains(p.form.codes, code(part)):
			p.c.Code, taken = code(part), true
		case p.form.decision && decisionID.MatchString(part):
			p.wrong("One command takes one decision; write several.")
			taken = true
		case (p.form.ids || p.form.decision) && looksLike.MatchString(part):
			p.wrongID(part)
			taken = true
		default:
			return taken
		}
	}
	return taken
}

func (p *parser) id(id string) {
	switch {
	case slices.Contains(p.c.IDs, id):
	case len(p.c.IDs) == MaxIDs:
		p.wrong("One command takes at most %d findings; write several.", MaxIDs)
	default:
		p.c.IDs = append(p.c.IDs, id)
	}
}

func (p *parser) question(id string) {
	switch {
	case !p.form.questions:
		p.wrong("%s is a question about the design: %s takes findings, whose ids begin with F-.", id, p.c.Verb)
	case !slices.Contains(p.c.Questions, id):
		p.c.Questions = append(p.c.Questions, id)
	}
}

// code returns a code in the spelling of the list: people write hyphens for underscores.
func code(w string) string {
	w = strings.ToLower(w)
	if strings.HasPrefix(w, "too") {
		return strings.ReplaceAll(w, "_", "-")
	}
	return strings.ReplaceAll(w, "-", "_")
}

func (p *parser) wrongID(w string) {
	switch {
	case p.form.ids && decisionID.MatchString(w):
		p.wrong("%s is a decision; %s takes findings, whose ids begin with F-.", strings.ToUpper(w), p.c.Verb)
	case p.form.decision && findingID.MatchString(w):
		p.wrong("%s is a finding; %s takes a decision, whose id begins with A-.", strings.ToUpper(w), p.c.Verb)
	default:
		p.like = strings.ToUpper(w)
		p.wrong("%s is no id: F- or A- is followed by eight letters or digits from 2 to 7.", quote(w))
	}
}

// rest handles the words that nothing else took.
func (p *parser) rest(left []string) {
	if len(left) == 0 || p.form.free && p.c.Verb == Help { // "help me", "help accept": there is one help
		return
	}
	w := left[0]
	switch {
	case len(p.form.codes) > 0 && (p.c.Code == "" || p.form.free):
		p.c.Code = nearest(code(bare(w)), p.form.codes)
		if p.c.Code == "" {
			p.wrong("%s is none of %s.", quote(bare(w)), list(p.form.codes))
		}
		p.wrong("%s is not known. Did you mean %s?", quote(bare(w)), p.c.Code)
	case p.form.needTeam && p.c.Team == "":
		p.wrong("%s is no team; write it like @org/team.", quote(bare(w)))
	case p.form.until && p.c.Until.IsZero() && (span.MatchString(bare(w)) || isDate(bare(w))):
		p.wrong("Say what %s is: until=%[1]s.", bare(w))
		p.until(bare(w))
		p.bareReason(left[1:])
	case p.form.because && p.c.Reason == "":
		p.wrong("%s is not understood. Put “because” in front of the reason.", quote(w))
		p.bareReason(left)
	default:
		p.wrong("%s is not understood: %s takes no more words.", quote(w), p.c.Verb)
	}
}

// bareReason takes words for a reason without “because” in front of it, if there is no other.
func (p *parser) bareReason(words []string) {
	if p.form.because && p.c.Reason == "" && len(words) > 1 {
		p.reason(words)
	}
}

func isDate(w string) bool {
	_, err := time.Parse(time.DateOnly, w)
	return err == nil
}

func (p *parser) reason(words []string) {
	reason := strings.Trim(strings.Join(words, " "), quotes)
	if r := []rune(reason); len(r) > MaxText {
		p.wrong("The reason is longer than %d characters; put the rest into a ticket.", MaxText)
		reason = strings.TrimSpace(string(r[:MaxText]))
	}
	p.c.Reason = reason
}

func (p *parser) until(w string) {
	day, err := time.Parse(time.DateOnly, w)
	switch m := span.FindStringSubmatch(w); {
	case m != nil:
		n, _ := strconv.Atoi(m[1]) // three digits at most
		if strings.EqualFold(m[2], "w") {
			n *= 7
		}
		day = p.today.AddDate(0, 0, n)
	case w == "":
		p.wrong("The date after “until” is missing.")
		return
	case err != nil:
		p.wrong("%s is no date: write it as year-month-day, or as days or weeks from now, such as 30d or 4w.", quote(w))
		return
	}
	if !day.After(p.today) {
		p.wrong("%s is not in the future.", day.Format(time.DateOnly))
		return
	}
	p.c.Until = day
}

const maxTicket = 500

func (p *parser) ticket(w string) {
	u, err := url.Parse(w)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" || len(w) > maxTicket {
		p.wrong("%s is no address of a ticket; it begins with https://.", quote(w))
		return
	}
	p.c.Ticket = u.String()
}

// class reads the class of a reason.
func (p *parser) class(w string) {
	w = strings.ToLower(w)
	switch meant := nearest(w, Classes()); {
	case slices.Contains(Classes(), w):
		p.c.Class = w
	case w == "":
		p.wrong("The class after “reason” is missing: %s.", list(Classes()))
	default:
		p.wrong("%s is no class of reasons; it is %s, and the words follow “because”.", quote(w), list(Classes()))
		p.c.Class = meant
	}
}

func (p *parser) missing() {
	f, c := p.form, p.c
	var lacks []string
	need := func(missing bool, what string) {
		if missing {
			lacks = append(lacks, what)
		}
	}
	need(f.needQuestion && len(c.Questions) == 0, "the id of a question, such as Q1,")
	need(f.needDecision && c.Decision == "", "the id of the decision, which begins with A-")
	need(len(f.codes) > 0 && c.Code == "", "one of "+list(f.codes))
	need(f.needTeam && c.Team == "", "a team, such as @org/team")
	need(f.needUntil && c.Until.IsZero(), "a last day after “until”")
	need(f.needTicket && c.Ticket == "", "the address of a ticket after “ticket”")
	need(f.needReason && c.Reason == "" && !f.text, "a reason after “because”")
	need(f.needReason && c.Reason == "" && f.text, "a text of one sentence")
	if len(lacks) > 0 {
		p.wrong("%s needs %s.", c.Verb, and(lacks))
	}
	if n := utf8.RuneCountInString(c.Reason); n < f.least {
		p.wrong("The text has %d characters, and at least %d are required: one sentence.", n, f.least)
	}
}

// unknown returns the mistake for a word that is no verb, with the rest of its line.
func unknown(w string, rest []string, today time.Time) *Mistake {
	m := &Mistake{Problem: fmt.Sprintf("%s is not known.", quote(w)), Right: Command{Verb: Help}}
	meant := synonyms[w]
	if meant == "" {
		var verbs []string
		for _, v := range []Verb{Help, Status, Why, Rescan, Accept, Confirm, FP, NotAffected, Defer, Reopen, Revoke, Assign, NotUseful, Answer, Ask, Voice, Plan, Campaign} {
			verbs = append(verbs, string(v))
		}
		meant = Verb(nearest(w, verbs))
	}
	if meant == "" {
		return m
	}
	m.Problem = fmt.Sprintf("%s is not known. Did you mean %s?", quote(w), meant)
	p := parser{form: forms()[meant], today: today, c: Command{Verb: meant}}
	p.read(rest)
	if meant == NotUseful && p.c.Code == "" && slices.Contains(Opinions(), w) {
		p.c.Code = w
	}
	m.Right, m.Like = p.c, p.like
	return m
}

// nearest returns the word that is nearly w, or "".
func nearest(w string, words []string) string {
	const most = 60 // characters: no word of ours is longer, and the comparison is quadratic
	best, distance := "", 3
	for _, k := range words {
		if utf8.RuneCountInString(w) > most+distance {
			break
		}
		if d := levenshtein.Distance(w, k, nil); d < distance && d < len(k)/2+1 {
			best, distance = k, d
		}
	}
	return best
}

// synonyms maps words of other tools to verbs.
var synonyms = map[string]Verb{
	"rerun": Rescan, "re-run": Rescan, "retest": Rescan, "recheck": Rescan, "scan": Rescan, "review": Rescan, "run": Rescan, "retry": Rescan,
	"ignore": Accept, "dismiss": Accept, "suppress": Accept, "waive": Accept, "skip": Accept, "wontfix": Accept, "risk": Accept,
	"false-positive": FP, "falsepositive": FP, "false": FP, "wrong": NotUseful, "noise": NotUseful,
	"approve": Confirm, "lgtm": Confirm, "explain": Why, "info": Status, "snooze": Defer, "postpone": Defer, "later": Defer,
	"undo": Revoke, "cancel": Revoke, "open": Reopen, "unresolve": Reopen, "owner": Assign, "?": Help, "--help": Help, "commands": Help,
}

func quote(w string) string {
	if r := []rune(w); len(r) > 40 {
		w = string(r[:39]) + "…"
	}
	return "“" + w + "”"
}

func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

func and(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}
