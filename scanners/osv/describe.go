package osv

import (
	"bytes"
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"github.com/secbydesign/secbydesign/scanners"
)

// describe returns the finding for one problem of one package. all is the version that fixes all
// fixable problems of the package, or "".
//
// The finding has no CWE. Findings of different scanners are compared by place and CWE, so the
// advisory's CWE would merge two problems of the same kind in one package. The aliases identify
// equal problems instead.
func describe(format format, f scanners.File, p pkg, known problem, all string) scanners.Finding {
	finding := scanners.Finding{
		Rule:     known.id(),
		Severity: known.severity(p),
		Path:     f.Path,
		Line:     p.at.line,
		EndLine:  p.at.line,
		Why:      "The advisory is public, so attackers know how to use the vulnerability if this project reaches the affected code.",
		HelpURL:  "https://osv.dev/vulnerability/" + url.PathEscape(known.advisories[0].ID),
		Identity: p.ecosystem + " " + p.name + " " + known.id(),
		Aliases:  known.aliases,
	}
	what := p.shown
	if shown := showVersion(p); shown != "" {
		what += " " + shown
	}
	finding.Title = "Known vulnerability in " + plain(what, 80)
	malicious := "Malicious package " + plain(what, 80)
	if len(p.groups) > 0 {
		what += " (" + plain(strings.Join(p.groups, ", "), 40) + ")"
	}
	names := known.id()
	if others := known.others(); len(others) > 0 {
		names += ", also " + strings.Join(others[:min(len(others), 3)], ", ")
	}
	about := ""
	if summary := known.summary(); summary != "" {
		about = ": " + strings.TrimSuffix(summary, ".")
	}
	if known.malicious() {
		finding.Rule = "malicious-package"
		finding.Identity = p.ecosystem + " " + p.name
		finding.Title = malicious
		finding.Message = fmt.Sprintf("%s is malicious (%s)%s.", what, names, about)
		finding.Why = "A malicious package runs its author's code on each machine that installs it, with the rights of the account that does."
		finding.Help = "Remove it. Treat each machine that installed it as compromised, and replace every secret that was readable there."
		return finding
	}
	finding.Package, finding.Purl = p.shown, packageURL(p)
	finding.Message = fmt.Sprintf("%s has a known vulnerability (%s)%s.", what, names, about)
	own := fixedVersion(p, known)
	finding.Help = help(format, f.Content, p, own, all)
	if own == "" {
		return finding
	}
	finding.Message = strings.TrimSuffix(finding.Message, ".") + "; fixed in " + own + "."
	if fix, ok := suggest(f, p, all); ok {
		finding.Fixes = []scanners.Fix{fix}
	}
	return finding
}

// help returns the advice for a problem. It never says to edit a lockfile, which also holds
// checksums and the dependencies of the new version.
func help(format format, content []byte, p pkg, own, all string) string {
	to := cmp.Or(all, own)
	if own == "" {
		return "No fixed version is known. Replace the package, or check whether this project uses the vulnerable part, and record the answer here."
	}
	text := fmt.Sprintf("Upgrade %s to %s or newer", p.shown, to)
	if command := fill(format.upgradeCommand(content), p.shown, to); command != "" {
		text += ", for instance with `" + command + "`"
	}
	text += "."
	if own != to {
		text += fmt.Sprintf(" This problem is fixed in %s; %s also fixes the others that are known.", own, to)
	}
	if format.ecosystem == "Go" {
		text += " Run `go mod tidy` afterwards."
	}
	if why := fill(format.why, p.shown, to); why != "" {
		text += " If another package requires it, `" + why + "` names that one. Upgrade it instead."
	}
	return text
}

// fill puts a name and a version into a command, in this order. It returns "" if there is no command, or a
// word could have a special meaning to a shell.
func fill(command, name, version string) string {
	if command == "" || !harmless(name) || !harmless(version) {
		return ""
	}
	if strings.Count(command, "%s") == 1 {
		return fmt.Sprintf(command, name)
	}
	return fmt.Sprintf(command, name, version)
}

func harmless(word string) bool {
	return word != "" && word[0] != '-' && !strings.ContainsFunc(word, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("@/._-+:~!", r)
	})
}

// suggest returns a fix that replaces the version on the package's line. ok is false unless that is
// the whole fix and the line holds the version exactly once.
func suggest(f scanners.File, p pkg, to string) (scanners.Fix, bool) {
	if to == "" || !p.fixable || p.at.line == 0 || !harmless(to) {
		return scanners.Fix{}, false
	}
	line := lineOf(f.Content, p.at.line)
	old := p.version
	if p.ecosystem == "Go" {
		old, to = "v"+old, "v"+to
		if strings.HasSuffix(old, "+incompatible") {
			to += "+incompatible"
		}
	}
	at := next(line, old, 0, versionAt)
	name := next(line, p.shown, 0, namedAt)
	if p.ecosystem == actions {
		name = bytes.Index(line, []byte(p.shown)) // a folder of the action may follow
	}
	if at < 0 || name < 0 || at < name || next(line, old, at+1, versionAt) >= 0 ||
		bytes.Contains(line, []byte("--hash")) || bytes.Contains(line, []byte("=>")) || bytes.HasSuffix(bytes.TrimSpace(line), []byte(`\`)) {
		return scanners.Fix{}, false
	}
	begin := placeOf(line, name, at, len(old))
	return scanners.Fix{
		Title: fmt.Sprintf("Upgrade %s to %s", p.shown, to),
		Edits: []scanners.Edit{{
			Path: f.Path, Line: p.at.line, EndLine: p.at.line, Column: begin.column, EndColumn: begin.endColumn, Text: to,
		}},
	}, true
}

func lineOf(text []byte, n int) []byte {
	for line := range bytes.Lines(text) {
		if n--; n == 0 {
			return bytes.TrimRight(line, "\r\n")
		}
	}
	return nil
}

// showVersion returns the version as the file writes it, shortened and made printable.
func showVersion(p pkg) string {
	short, _, _ := strings.Cut(p.version, "."+newest)
	return plain(short, 64)
}

// summary returns one line about the problem, from the first advisory that has one.
func (p problem) summary() string {
	for _, a := range p.advisories {
		if a.Summary != "" {
			return plain(a.Summary, 200)
		}
	}
	for _, a := range p.advisories {
		if first := firstSentence(a.Details); first != "" {
			return plain(first, 200)
		}
	}
	return ""
}

// firstSentence returns the first sentence that is about the problem: texts without a summary often
// begin by describing the package.
func firstSentence(details string) string {
	text, _, _ := strings.Cut(strings.TrimSpace(details), "\n")
	first, rest, more := strings.Cut(text, ". ")
	for more && introduction.MatchString(first) && !problemFirst.MatchString(first) {
		first, rest, more = strings.Cut(rest, ". ")
	}
	return first
}

var (
	introduction = regexp.MustCompile(`^(\S+ ){1,3}(is|are) (an?|the) `)
	problemFirst = regexp.MustCompile(`^(An?|There|This|It) `)
)

// plain returns s as one line of at most n printable characters.
func plain(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > n {
		s = strings.TrimSpace(string(r[:n-1])) + "…"
	}
	return s
}
