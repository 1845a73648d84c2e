package digest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/insight"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
)

// link names the pull request of an entry. A link to github.com itself would leave a note in that pull request each time;
// its host redirect.github.com is for links that do not.
func (t Team) link(e record.Entry) string {
	if !namePattern.MatchString(e.Owner) || !namePattern.MatchString(e.Repo) {
		return "an unknown repository"
	}
	web := t.Web
	if web == "https://github.com" {
		web = "https://redirect.github.com"
	}
	address := web + "/" + e.Owner + "/" + e.Repo + "/pull/" + strconv.Itoa(e.Number)
	return "[" + checks.Escape(fmt.Sprintf("%s/%s#%d", e.Owner, e.Repo, e.Number)) + "](" + address + ")"
}

func cut(s string) string {
	if r := []rune(s); len(r) > maxTitle {
		return string(r[:maxTitle-1]) + "…"
	}
	return s
}

// title shows a short text from outside.
func title(s string) string { return checks.Escape(cut(s)) }

// spot returns where a finding is.
func spot(e record.Entry) string {
	if e.Line > 0 {
		return fmt.Sprintf("%s:%d", cut(e.Path), e.Line)
	}
	return cut(e.Path)
}

var namePattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`) // of an account or a repository

var idPattern = regexp.MustCompile(`^[A-Z]-?[A-Z0-9]{1,16}$`)

// plainID returns an id of ours. Everything else is no id.
func plainID(id string) string {
	if !idPattern.MatchString(id) {
		return "?"
	}
	return id
}

// logins shows logins without mentioning anybody.
func logins(list []string) string {
	var out []string
	for i, l := range list {
		if i == 3 {
			out = append(out, fmt.Sprintf("%d more", len(list)-i))
			break
		}
		out = append(out, checks.Code(strings.TrimPrefix(l, "@")))
	}
	return strings.Join(out, ", ")
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

func date(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// table shows figures in a fold, beside the values that they had before.
func table(figures []insight.Figure, before map[string]string) string {
	if len(figures) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("<details><summary>Figures of the last 90 days</summary>\n\n| Figure | Now | Before | From |\n| --- | --- | --- | ---: |\n")
	for _, f := range figures {
		now, was := f.Value, before[f.Key]
		switch {
		case now == "":
			now = "too few to say"
		case was == "" || was == now:
			was = ""
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %d |\n", cell(f.Name), cell(now), cell(was), f.N)
	}
	b.WriteString("\nA figure is shown from five observations on.")
	head := " How each is counted:\n\n"
	for _, f := range figures {
		if f.About != "" {
			fmt.Fprintf(&b, "%s- **%s**: %s\n", head, checks.Escape(f.Name), checks.Escape(f.About))
			head = ""
		}
	}
	if head != "" {
		b.WriteString("\n")
	}
	b.WriteString("\n</details>")
	return b.String()
}

// cell shows a text in a table.
func cell(s string) string { return strings.ReplaceAll(checks.Escape(s), "|", `\|`) }
