// Package lesson explains kinds of weaknesses, by their CWE number: what a weakness is, how it is fixed, and which OWASP
// cheat sheet has more. It is pure. The texts are our own; cwe.json names the sources and licences of the rest.
package lesson

import (
	_ "embed"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
)

// An Explanation explains a weakness. All of it is plain text.
type Explanation struct {
	CWE  string // "CWE-89"
	Name string `json:"name"`
	What string `json:"what"` // what it is, two or three sentences
	Fix  string `json:"fix"`  // how it is fixed, one sentence

	// Topic is the topic of design questions that the weakness belongs to, whose paved road helps; empty for none.
	Topic string `json:"topic"`

	sheet, url string
}

//go:embed cwe.json
var data []byte

var all = sync.OnceValue(func() map[string]Explanation {
	var file struct {
		URL string `json:"url"`
		CWE map[string]struct {
			Explanation
			Sheet string `json:"sheet"`
		} `json:"cwe"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		panic(err) // the file is part of the program
	}
	out := map[string]Explanation{}
	for cwe, e := range file.CWE {
		e.CWE, e.sheet, e.url = cwe, e.Sheet, strings.Replace(file.URL, "{sheet}", e.Sheet, 1)
		out[cwe] = e.Explanation
	}
	return out
})

// Of returns the explanation of a weakness ("CWE-89"); ok is false if there is none.
func Of(cwe string) (e Explanation, ok bool) {
	e, ok = all()[cwe]
	return e, ok
}

// Known lists the weaknesses that have an explanation.
func Known() []string { return slices.Sorted(maps.Keys(all())) }

// URL returns the address of the OWASP cheat sheet.
func (e Explanation) URL() string { return e.url }

// Sheet returns the title of the cheat sheet, such as "SQL Injection Prevention".
func (e Explanation) Sheet() string {
	return strings.ReplaceAll(strings.TrimSuffix(e.sheet, "_Cheat_Sheet"), "_", " ")
}
