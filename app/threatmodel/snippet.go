package threatmodel

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/strictyaml"
)

// An Answer is a decision about a topic that a question asks for.
type Answer struct {
	Component string // of the model, or a folder
	Topic     string
	Question  string
	ASVS      []string // "v5.0.0-8.1.1"
	Covers    []string // keys of facts
	Text      string   // empty if nobody wrote one yet: then the decision is open, and answers nothing
	By        string
	At        time.Time
}

// Snippet returns a file for the folder of the model that holds the decision, and the component if the model has none.
// Its first line says where to save it.
func Snippet(m *Model, a Answer) string {
	var components []Component
	id := a.Component
	if _, ok := m.Component(id); !ok {
		c := folderComponent(a.Component, m.taken())
		components, id = []Component{c}, c.ID
	}
	d := Decision{ID: m.decisionID(id, a.Topic), Component: id, Topic: a.Topic, Status: Open, Text: title(a.Text, ""), By: title(a.By, ""), At: a.At}
	d.Public = a.Topic == "public" // a decision on this topic says why
	if d.Text != "" {
		d.Status = Decided
	}
	for _, number := range a.ASVS {
		if requirements.MatchString(number) && !slices.Contains(d.ASVS, number) {
			d.ASVS = append(d.ASVS, number)
		}
	}
	for _, key := range a.Covers {
		if key = title(key, ""); covered(key) && !slices.Contains(d.Covers, key) {
			d.Covers = append(d.Covers, key)
		}
	}
	comment := fmt.Sprintf("Save as %s/%s-%s.yml", Folder, id, a.Topic)
	if d.Text == "" {
		comment += ", add `text: ` with one sentence, and write `status: decided`"
	}
	if a.Question != "" {
		comment += "\n# " + title(a.Question, "")
	}
	return snippet(comment, func(w *writer) {
		section(w, "components", components, componentPairs)
		section(w, "decisions", []Decision{d}, decisionPairs)
	})
}

// decisionID returns an id that the model does not have: the same for the same component and topic.
func (m *Model) decisionID(component, topic string) string {
	for n := 0; ; n++ {
		sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d", component, topic, n))
		id := "D-" + base32.StdEncoding.EncodeToString(sum[:5])
		if m == nil || !slices.ContainsFunc(m.Decisions, func(d Decision) bool { return d.ID == id }) {
			return id
		}
	}
}

// covered reports whether a key can stand among the patterns of a decision.
func covered(key string) bool {
	r := &reader{}
	return key != "" && cover(r, strictyaml.Start, key)
}

// folderGlob returns the pattern for all that is in a folder; empty if no pattern can say it.
func folderGlob(folder string) string {
	var b strings.Builder
	for _, c := range folder {
		if strings.ContainsRune(`*?[]{}\`, c) {
			b.WriteByte('\\')
		}
		b.WriteRune(c)
	}
	pattern := b.String() + "/**"
	var r strictyaml.Reader
	if title(pattern, "") != pattern || !r.Glob(strictyaml.Start, pattern) {
		return ""
	}
	return pattern
}

// snippet writes a file with a comment as its first line.
func snippet(comment string, write func(*writer)) string {
	w := &writer{}
	w.line(0, "# "+comment)
	w.line(0, "version: 1")
	write(w)
	return string(w.out)
}
