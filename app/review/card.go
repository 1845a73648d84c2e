package review

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/app/requirements"
	"github.com/secbydesign/secbydesign/checks"
)

// cardOf makes the card that shows an outcome.
func cardOf(d designed, in requirements.Input, p pull.Pull, link func(string, int) string) checks.Card {
	card := d.outcome.Card()
	card.Link, card.Mention = link, mention(d, in, p)
	if len(in.Policy.Champions) == 0 {
		card.Commands = slices.DeleteFunc(card.Commands, func(line string) bool { return strings.HasSuffix(line, " ask champion") })
	}
	for _, drift := range d.outcome.Drift {
		card.Notes = append(card.Notes, checks.Escape(drift.Message))
		if drift.Path != "" && drift.Kind == "contradiction" {
			card.Facts = append(card.Facts, checks.Annotation{
				Path: drift.Path, StartLine: max(1, drift.Line), EndLine: max(1, drift.Line), Level: "warning", Title: "Threat model", Message: drift.Message,
			})
		}
		card.Snippet = cmp.Or(card.Snippet, drift.Snippet)
	}
	return card
}

const prefix = "/secbydesign "

// mention names the people whom the card addresses: the champion who is asked for advice, and the person who started a
// coding agent. It is Markdown that mentions them.
func mention(d designed, in requirements.Input, p pull.Pull) string {
	var parts []string
	if d.author != p.Author && !in.Bot {
		parts = append(parts, fmt.Sprintf("@%s started %s, so the questions go to @%[1]s.", d.author, checks.Code(p.Author)))
	}
	voices := d.said.Voices
	if d.voice != nil {
		voices = append(slices.Clip(voices), *d.voice)
	}
	for _, v := range voices {
		if v.Role == record.Champion && v.By == "" {
			parts = append(parts, fmt.Sprintf("%s, as champion: your advice is welcome, %s records it. Nothing waits for it.",
				strings.Join(v.Who, " "), checks.Code(prefix+"voice [your advice]")))
		}
	}
	return strings.Join(parts, " ")
}
