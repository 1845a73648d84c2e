package rehearsal

import (
	_ "embed"
	"html/template"
	"io"
	"time"

	"github.com/secbydesign/secbydesign/checks"
)

//go:embed page.html
var pageText string

// Page writes the result as one file for a browser: no script, nothing from elsewhere.
func Page(w io.Writer, r Result) error {
	page, err := template.New("page").Funcs(template.FuncMap{
		"day": func(t time.Time) string { return t.Format(time.DateOnly) },
		"short": func(sha string) string {
			return sha[:min(10, len(sha))]
		},
		"plain":   checks.Plain,
		"held":    Result.held,
		"changes": Result.changes,
	}).Parse(pageText)
	if err != nil {
		return err
	}
	return page.Execute(w, r)
}
