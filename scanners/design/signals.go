package design

import (
	_ "embed"
	"encoding/json"
	"sync"
)

// A Signal is one kind of change of the architecture.
type Signal struct {
	ID    string `json:"id"`   // "DS-01"
	Slug  string `json:"slug"` // "http-route"; the rule of its facts
	Title string `json:"title"`
	Tier  string `json:"tier"` // A: ask; B: ask if the component is external, sensitive or unknown; C: only record

	// Launch is how the signal starts, before a policy or the team's own numbers change that: "ask", "shadow" for one
	// that is computed and shown only when somebody asks why, or "record".
	Launch string `json:"launch"`

	Topic    string   `json:"topic"`
	STRIDE   []string `json:"stride"`   // letters
	ASVS     []string `json:"asvs"`     // numbers of requirements of ASVS 5.0.0: "8.1.1"
	Question string   `json:"question"` // with {keys}, {kind} and {file}; empty for one that is only recorded
	Sheet    string   `json:"sheet"`    // of the OWASP Cheat Sheet Series

	PerFile  bool `json:"per_file"`       // a key means something only together with its file
	FirstUse bool `json:"first_use"`      // a fact is new only if nothing of the base names it
	EachTime bool `json:"each_time"`      // a decision about one fact says nothing about the next one
	Renames  bool `json:"renames_cancel"` // nothing is new if as many facts of the signal disappear as appear
}

// A Topic is what is asked, and answered, about one component: all signals of the topic at once.
type Topic struct {
	Name    string   `json:"name"`
	ASVS    []string `json:"asvs"`    // documentation requirements of ASVS 5.0.0
	Answers []string `json:"answers"` // the boxes; an answer that ends in "…" needs a sentence
}

//go:embed signals.json
var signalsJSON []byte

//go:embed topics.json
var topicsJSON []byte

var signals = sync.OnceValue(func() (list []Signal) {
	if err := json.Unmarshal(signalsJSON, &list); err != nil {
		panic(err) // the file is part of the program, and a test reads it
	}
	return list
})

var topics = sync.OnceValue(func() (list []Topic) {
	if err := json.Unmarshal(topicsJSON, &list); err != nil {
		panic(err)
	}
	return list
})

var bySlug = sync.OnceValue(func() map[string]Signal {
	all := map[string]Signal{}
	for _, s := range signals() {
		all[s.Slug] = s
	}
	return all
})

// Signals lists all signals in the order of their ids. The list must not be changed.
func Signals() []Signal { return signals() }

// Topics lists all topics, the most severe first. The list must not be changed.
func Topics() []Topic { return topics() }

// Of returns the signal with this slug; false for evidence, and for any other word.
func Of(slug string) (Signal, bool) {
	s, ok := bySlug()[slug]
	return s, ok
}

// Link returns the address of the signal's cheat sheet.
func (s Signal) Link() string {
	return "https://cheatsheetseries.owasp.org/cheatsheets/" + s.Sheet + ".html"
}
