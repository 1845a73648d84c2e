package fakegithub

import (
	"bytes"
	"fmt"
	"html"
	"html/template"
	"regexp"
	"strings"
	"sync"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	htmlrender "github.com/yuin/goldmark/renderer/html"
)

// GitHub renders people's Markdown with its HTML, and then removes dangerous elements.
var (
	markdown  = goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(htmlrender.WithUnsafe()))
	sanitiser = sync.OnceValue(func() *bluemonday.Policy {

		p := bluemonday.UGCPolicy()
		p.AllowAttrs("class").Matching(regexp.MustCompile(`^language-[\w+-]+$`)).OnElements("code")
		p.AllowElements("details", "summary", "kbd", "sub", "sup")
		p.AllowAttrs("open").OnElements("details")
		p.AllowAttrs("type").Matching(regexp.MustCompile(`^checkbox$`)).OnElements("input")
		p.AllowAttrs("checked", "disabled").Matching(regexp.MustCompile(`^$`)).OnElements("input")
		p.AllowAttrs("align").OnElements("td", "th")
		return p
	})
	suggestion = regexp.MustCompile(`(?s)<pre><code class="language-suggestion">(.*?)</code></pre>`)
)

// render makes HTML from Markdown. It shows a suggestion as a change of the lines old.
func render(text string, old []string) template.HTML {
	var b bytes.Buffer
	if err := markdown.Convert([]byte(text), &b); err != nil {
		return template.HTML(html.EscapeString(text))
	}
	safe := sanitiser().Sanitize(b.String())
	safe = suggestion.ReplaceAllStringFunc(safe, func(block string) string {
		var s strings.Builder
		s.WriteString(`<div class="suggestion"><header>Suggested change</header><table class="diff">`)
		for _, l := range old {
			fmt.Fprintf(&s, `<tr class="del"><td class="mark">−</td><td class="code">%s</td></tr>`, html.EscapeString(l))
		}
		if wanted := suggestion.FindStringSubmatch(block)[1]; wanted != "" {
			for l := range strings.SplitSeq(strings.TrimSuffix(wanted, "\n"), "\n") {
				fmt.Fprintf(&s, `<tr class="add"><td class="mark">+</td><td class="code">%s</td></tr>`, l)
			}
		}
		return s.String() + `</table></div>`
	})
	return template.HTML(safe)
}
