package sarif

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/untrusted"
)

// convert turns the results of a run into findings, once the whole run has been read.
func (d *document) convert(r *readRun) {
	r.run.Tool = untrusted.Sentence(r.driver.name, 100)
	r.run.Version = untrusted.Sentence(cmp.Or(r.driver.semantic, r.driver.version), 100)
	unit := untrusted.UTF16 // §3.14.17: the default
	switch {
	case d.options.Columns != nil:
		unit = *d.options.Columns
	case r.columns == "unicodeCodePoints":
		unit = untrusted.Characters
	}
	for _, res := range r.results {
		s := converter{document: d, run: r, res: res, unit: unit}
		f, err := s.finding()
		switch {
		case err != nil:
			r.run.Dropped++
			if len(r.run.Refused) < 10 {
				r.run.Refused = append(r.run.Refused, fmt.Sprintf("%s: %v", f.Rule, err))
			}
			continue
		case res.suppressed("external"):
			r.run.Suppressed = append(r.run.Suppressed, f)
			continue
		case res.suppressed("inSource"):
			r.run.InSource = append(r.run.InSource, len(r.run.Findings))
		}
		r.run.Findings = append(r.run.Findings, f)
	}
	r.results = nil
}

// suppressed reports whether a suppression of this kind is in force (§3.27.23 and §3.35): the
// result has one, and none of its suppressions is under review or rejected.
func (res *readResult) suppressed(kind string) bool {
	found := false
	for _, s := range res.Suppressions {
		if s.Status != "" && s.Status != "accepted" {
			return false
		}
		found = found || s.Kind == kind
	}
	return found
}

// A converter converts one result into a finding.
type converter struct {
	*document
	run  *readRun
	res  readResult
	unit untrusted.Unit

	rule      readRule
	component *component
	secret    bool
}

func (s *converter) finding() (scanners.Finding, error) {
	s.findRule()
	rule := s.rule
	f := scanners.Finding{Rule: untrusted.Rule(s.res.RuleID, s.res.Rule.ID, rule.ID), CWE: s.cwe()}
	f.Severity = s.severity(f.Rule)
	f.Aliases = s.aliases(f.Rule)
	s.secret = s.options.Secrets || secretTools.MatchString(s.run.run.Tool) || untrusted.Secret(f.CWE, append([]string{f.Rule, rule.Name}, rule.Properties.Tags...)...)

	f.HelpURL = untrusted.Address(rule.HelpURI)
	if s.secret {
		// Everything else may hold the secret: messages do, and with some tools descriptions and
		// help.
		f.Title = untrusted.Title(rule.ShortDescription.Text, rule.Name, f.Rule)
		f.Message, f.Why, f.Help = untrusted.Stop(f.Title), untrusted.SecretWhy, untrusted.SecretHelp
	} else {
		s.describe(&f)
	}

	err := s.place(&f)
	f.Identity = s.tree.Identity(f, s.secret)
	if !s.secret {
		f.Flow = s.flow()
		f.Fixes = s.fixes()
	}
	return f, err
}

func (s *converter) describe(f *scanners.Finding) {
	rule := s.rule
	f.Title = untrusted.Title(rule.ShortDescription.Text, rule.Name, rule.FullDescription.Text, f.Rule)
	f.Message = untrusted.Stop(cmp.Or(untrusted.Sentence(s.message(s.res.Message), 1000), untrusted.Sentence(rule.FullDescription.Text, 500), f.Title))
	if why := untrusted.Sentence(rule.FullDescription.Text, 400); why != "" && untrusted.Title(why) != f.Title && untrusted.Stop(why) != f.Message {
		f.Why = untrusted.Stop(why)
	}
	f.Help = untrusted.Prose(plainLinks(help(rule, f.Title)))
	if f.Help == "" {
		f.Help = untrusted.Prose("Change the code so that it follows the rule " + f.Rule + " of " + cmp.Or(s.run.run.Tool, "the tool") + ".")
	}
}

// facts matches lines of help that do not say how to fix the problem.
var facts = regexp.MustCompile(`^(?:Severity|Confidence|Type|Misconfiguration [A-Z0-9-]+$)`)

// help returns the lines of a rule's help that say more than its description.
func help(rule readRule, title string) string {
	var lines []string
	for line := range strings.Lines(rule.Help.Text[:min(len(rule.Help.Text), 4000)]) {
		line = strings.TrimSpace(strings.TrimLeft(line, "# \t"))
		if t := untrusted.Title(line); t != title && t != untrusted.Title(rule.FullDescription.Text) && !facts.MatchString(line) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

var secretTools = regexp.MustCompile(`(?i)gitleaks|trufflehog|detect-secrets|ggshield|noseyparker`)

// findRule looks up the rule as the standard requires (§3.27.5 to §3.27.7, §3.52.4), but prefers
// the rule's id to its index, which tools get wrong.
func (s *converter) findRule() {
	ref := s.res.Rule
	s.component = &s.run.driver
	for i := range s.run.extensions {
		if e := &s.run.extensions[i]; ref.Component.names(i, e) {
			s.component = e
		}
	}
	id := cmp.Or(s.res.RuleID, ref.ID)
	index := -1
	if s.res.RuleIndex != nil {
		index = *s.res.RuleIndex
	} else if ref.Index != nil {
		index = *ref.Index
	}
	if rules := s.component.rules; index >= 0 && index < len(rules) && (id == "" || below(id, rules[index].ID)) {
		s.rule = rules[index]
		return
	}
	components := []*component{s.component, &s.run.driver}
	for i := range s.run.extensions {
		components = append(components, &s.run.extensions[i])
	}
	for name := id; name != ""; { // CA1000/1 is a part of CA1000
		for _, c := range components {
			if i, ok := c.byID[name]; ok {
				s.component, s.rule = c, c.rules[i]
				return
			}
		}
		cut := strings.LastIndexByte(name, '/')
		name = name[:max(cut, 0)]
	}
}

func below(id, parent string) bool { return id == parent || strings.HasPrefix(id, parent+"/") }

// names reports whether r refers to the extension e of the given index: by the index, else by the GUID, else by the
// name.
func (r componentReference) names(index int, e *component) bool {
	switch {
	case r.Index != nil:
		return *r.Index == index
	case r.GUID != "":
		return r.GUID == e.guid
	}
	return r.Name != "" && r.Name == e.name
}

// severity uses the number that GitHub uses (security-severity), with GitHub's ranges, else the level (§3.27.10).
// https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
func (s *converter) severity(rule string) scanners.Severity {
	level := cmp.Or(s.res.Level, s.run.levels[s.rule.ID], s.rule.Configuration.Level)
	security, err := strconv.ParseFloat(cmp.Or(s.res.Properties.Security, s.rule.Properties.Security), 64)
	if err != nil || !(security > 0 && security <= 10) {
		security = 0
	}
	if s.options.Severity != nil {
		if severity, ok := s.options.Severity(rule, level, security); ok {
			return severity
		}
	}
	switch {
	case s.res.Kind == "open" || s.res.Kind == "review":
		return scanners.Note // the tool leaves the decision to people
	case security > 0:
		return scanners.CVSS(security)
	}
	switch level {
	case "error":
		return scanners.High
	case "note":
		return scanners.Low
	case "none":
		return scanners.Note
	}
	return scanners.Medium
}

// cwe returns the first CWE of the places where tools name a weakness: taxa, relationships,
// properties and tags.
func (s *converter) cwe() string {
	for _, t := range s.res.Taxa {
		if c := s.taxon(t); c != "" {
			return c
		}
	}
	for _, r := range s.rule.Relationships {
		if c := s.taxon(r.Target); c != "" {
			return c
		}
	}
	for _, t := range slices.Concat(s.res.Properties.CWE, s.rule.Properties.CWE) {
		if c := untrusted.CWE(t); c != "" {
			return c
		}
	}
	for _, t := range slices.Concat(s.res.Properties.Tags, s.rule.Properties.Tags) {
		if c := untrusted.CWE(t); c != "" {
			return c
		}
	}
	return ""
}

func (s *converter) taxon(t reference) string {
	id, taxonomy := t.ID, t.Component.Name
	if i := t.Component.Index; i != nil && *i >= 0 && *i < len(s.run.taxonomies) {
		c := s.run.taxonomies[*i]
		taxonomy = cmp.Or(taxonomy, c.name)
		if n := t.Index; id == "" && n != nil && *n >= 0 && *n < len(c.taxa) {
			id = c.taxa[*n]
		}
	}
	if strings.EqualFold(taxonomy, "cwe") && !strings.HasPrefix(strings.ToLower(id), "cwe") {
		id = "CWE-" + id
	}
	return untrusted.CWE(id)
}

func (s *converter) aliases(rule string) []string {
	var found []string
	for _, id := range slices.Concat([]string{rule, s.rule.ID}, s.rule.DeprecatedIDs, s.rule.Properties.Tags) {
		if untrusted.Advisory(id) {
			found = append(found, id)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

var (
	placeholder = regexp.MustCompile(`\{\{|\}\}|\{[0-9]{1,2}\}`)
	link        = regexp.MustCompile(`((?:^|[^\\])\[)((?:[^\[\]\\]|\\.)*)\]\([^()\s]*\)`)
	escaped     = regexp.MustCompile(`\\([\[\]\\])`)
)

// message returns the plain text of a message (§3.11): looked up by its id if need be, with its
// arguments filled in and links replaced by their words.
func (s *converter) message(m readMessage) string {
	text := m.Text
	if text == "" && m.ID != "" {
		text = cmp.Or(s.rule.MessageStrings[m.ID].Text, s.component.strings[m.ID].Text)
	}
	if len(m.Arguments) > 0 || m.ID != "" && m.Text == "" {
		text = placeholder.ReplaceAllStringFunc(text, func(p string) string {
			n, err := strconv.Atoi(strings.Trim(p, "{}"))
			switch {
			case err != nil:
				return p[:1]
			case n < len(m.Arguments):
				return m.Arguments[n]
			}
			return p
		})
	}
	return plainLinks(text)
}

// plainLinks replaces links, "[words](target)", by their words (§3.11.6).
func plainLinks(text string) string {
	if !strings.Contains(text, "](") {
		return text
	}
	text = link.ReplaceAllStringFunc(text, func(l string) string {
		open, rest, _ := strings.Cut(l, "[")
		words, _, _ := strings.Cut(rest, "](")
		return open + words
	})
	return escaped.ReplaceAllString(text, "$1")
}

// errNoFile is the error for a location that names no file.
var errNoFile = errors.New("no file is named")

// path returns the path, in the tree, of a location's file.
func (s *converter) path(a readArtifactLocation) (string, error) {
	if a.URI == "" && a.Index != nil && *a.Index >= 0 && *a.Index < len(s.run.artifacts) {
		a = s.run.artifacts[*a.Index]
	}
	if a.URI == "" {
		return "", errNoFile
	}
	base := ""
	for range 10 { // §3.14.14: a base may be relative to another; a chain may be a cycle
		b, ok := s.run.bases[a.Base]
		if a.Base == "" || !ok {
			break
		}
		if b.URI != "" {
			folder := b.URI
			if !strings.HasSuffix(folder, "/") && !strings.HasSuffix(folder, `\`) {
				folder += "/"
			}
			base = folder + base
		}
		a.Base = b.Base
	}
	return s.tree.URI(a.URI, base)
}

// place sets the place of a finding to the first location of its result that is in the tree. A
// result that names no file at all is about the whole tree.
func (s *converter) place(f *scanners.Finding) error {
	var first error
	for _, l := range s.res.Locations {
		path, err := s.path(l.Physical.Artifact)
		if err != nil {
			if first == nil && !errors.Is(err, errNoFile) {
				first = err
			}
			continue
		}
		f.Path = path
		at := s.region(path, l.Physical.Region)
		f.Line, f.EndLine, f.Column, f.EndColumn = at.Line, at.EndLine, at.Column, at.EndColumn
		return nil
	}
	return first
}

// region returns the place in a file. Tools that do not state the unit of their columns use various
// units (gosec and oxlint bytes, ast-grep characters). Their columns are used only if something
// proves the unit: an offset in bytes, the text of the region, or a line on which all units agree.
func (s *converter) region(path string, r *readRegion) untrusted.Region {
	if r == nil {
		return untrusted.Region{}
	}
	if at, ok := s.proved(path, r); ok {
		return s.tree.Place(path, at, untrusted.Characters)
	}
	at := untrusted.Region{Line: r.StartLine, EndLine: r.EndLine, Column: r.StartColumn, EndColumn: r.EndColumn}
	if s.options.Columns == nil && s.run.columns == "" && !s.plain(path, at) {
		at.Column, at.EndColumn = 0, 0
	}
	return s.tree.Place(path, at, s.unit)
}

// exact is region for text to be replaced. It does not trust the unit that the document states,
// since an error of one character would break the code.
func (s *converter) exact(path string, r *readRegion) (untrusted.Region, bool) {
	if at, ok := s.proved(path, r); ok {
		return at, true
	}
	at := untrusted.Region{Line: r.StartLine, EndLine: r.EndLine, Column: r.StartColumn, EndColumn: r.EndColumn}
	if s.options.Columns == nil && !s.plain(path, at) {
		return untrusted.Region{}, false
	}
	return s.tree.Exact(path, at, s.unit)
}

// proved returns a region, in characters, that the file's content confirms.
func (s *converter) proved(path string, r *readRegion) (untrusted.Region, bool) {
	if r.StartLine < 1 || r.ByteOffset != nil && r.ByteLength > 0 {
		at, ok := s.offset(path, r)
		if r.StartLine < 1 || ok && at.Line == r.StartLine && at.EndLine == cmp.Or(r.EndLine, r.StartLine) {
			return at, ok
		}
	}
	snippet := strings.ReplaceAll(r.Snippet.Text, "\r\n", "\n")
	if snippet == "" || r.StartColumn < 1 {
		return untrusted.Region{}, false
	}
	for _, unit := range []untrusted.Unit{s.unit, untrusted.Characters, untrusted.UTF16, untrusted.Bytes} {
		at, ok := s.tree.Exact(path, untrusted.Region{Line: r.StartLine, EndLine: r.EndLine, Column: r.StartColumn, EndColumn: r.EndColumn}, unit)
		if ok && s.tree.Slice(path, at) == snippet {
			return at, true
		}
	}
	return untrusted.Region{}, false
}

// plain reports whether the columns of a region are the same in all units.
func (s *converter) plain(path string, at untrusted.Region) bool {
	return at.Column < 1 && at.EndColumn < 1 || s.tree.ASCII(path, at.Line) && s.tree.ASCII(path, max(at.Line, at.EndLine))
}

func (s *converter) offset(path string, r *readRegion) (untrusted.Region, bool) {
	switch {
	case r.ByteOffset != nil:
		return s.tree.Offset(path, *r.ByteOffset, r.ByteLength, untrusted.Bytes)
	case r.CharOffset != nil:
		return s.tree.Offset(path, *r.CharOffset, r.CharLength, s.unit)
	}
	return untrusted.Region{}, false
}

// flow returns the path of the data (§3.36), else the related locations.
func (s *converter) flow() []scanners.Step {
	locations := s.res.steps
	if len(locations) == 0 {
		locations = s.res.Related
	}
	var steps []scanners.Step
	for _, l := range locations {
		path, err := s.path(l.Physical.Artifact)
		if err != nil {
			continue // mostly files of a library
		}
		at := s.region(path, l.Physical.Region)
		steps = append(steps, scanners.Step{Path: path, Line: at.Line, Message: untrusted.Sentence(s.message(l.Message), 300)})
	}
	return steps
}

// fixes returns the fixes whose edits can all be placed exactly.
func (s *converter) fixes() []scanners.Fix {
	var fixes []scanners.Fix
	for _, f := range s.res.Fixes {
		if edits := s.edits(f); len(edits) > 0 {
			fixes = append(fixes, scanners.Fix{Title: untrusted.Title(f.Description.Text), Edits: edits})
		}
	}
	return fixes
}

func (s *converter) edits(f readFix) []scanners.Edit {
	var edits []scanners.Edit
	for _, c := range f.Changes {
		path, err := s.path(c.Artifact)
		if err != nil {
			return nil
		}
		for _, r := range c.Replacements {
			at, ok := s.exact(path, &r.Deleted)
			if !ok {
				return nil
			}
			edits = append(edits, newEdit(path, at, r.Inserted.Text))
		}
	}
	if overlap(edits) {
		return nil
	}
	return edits
}

// newEdit returns an edit that replaces the region. A region from the start of one line to the
// start of another becomes an edit of whole lines: the other line may be beyond the end of the
// file, and every line of an edit must be in the file.
func newEdit(path string, at untrusted.Region, text string) scanners.Edit {
	e := scanners.Edit{Path: path, Line: at.Line, EndLine: at.EndLine, Column: at.Column, EndColumn: at.EndColumn, Text: text}
	if at.Column == 1 && at.EndColumn == 1 && at.EndLine > at.Line && (text == "" || strings.HasSuffix(text, "\n")) {
		e.EndLine, e.Column, e.EndColumn = at.EndLine-1, 0, 0
	}
	return e
}

func overlap(edits []scanners.Edit) bool {
	order := func(a, b scanners.Edit) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	}
	sorted := slices.SortedStableFunc(slices.Values(edits), order)
	for i := 1; i < len(sorted); i++ {
		a, b := sorted[i-1], sorted[i]
		switch {
		case a.Path != b.Path || b.Line > a.EndLine:
		case a.Column == 0 || b.Column == 0 || b.Line < a.EndLine || b.Column < a.EndColumn:
			return true
		}
	}
	return false
}
