package threatmodel

import (
	"bytes"
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/app/strictyaml"
)

// maxFiles bounds the files of a model.
const maxFiles = 500

// Parse reads the files of a model, by their paths. It returns nil and no problem if there are no files. A model with
// problems is nil. Each file may hold any part of the model; the parts name each other by id across files.
func Parse(files map[string][]byte) (*Model, []Problem) {
	var all []strictyaml.Document
	for name, text := range files {
		all = append(all, strictyaml.Parse(strictyaml.Source{File: name, Text: text}))
	}
	return Read(all)
}

// Read is [Parse] for files that were read as YAML before, by a [strictyaml.Parser], in any order.
func Read(files []strictyaml.Document) (*Model, []Problem) {
	if len(files) == 0 {
		return nil, nil
	}
	files = slices.SortedFunc(slices.Values(files), func(a, b strictyaml.Document) int {
		return cmp.Or(cmp.Compare(rank(a.File), rank(b.File)), cmp.Compare(a.File, b.File))
	})
	var names []string
	for _, f := range files {
		names = append(names, f.File)
	}
	if len(names) > maxFiles {
		return nil, []Problem{{names[maxFiles], 1, 1, "the model has more than 500 files; join some of them"}}
	}
	r := &reader{model: &Model{}, ids: map[string]map[string]Place{}, names: names}
	whole := true
	for _, f := range files {
		whole = r.file(f) && whole
	}
	if whole {
		r.link()
	}
	if len(r.problems) > 0 {
		r.sort()
		return nil, r.problems
	}
	return r.model, nil
}

// rank orders the file before the folder.
func rank(name string) int {
	if name == File {
		return 0
	}
	return 1
}

// A reader reads the files of a model into one.
type reader struct {
	strictyaml.Reader // of the present file
	names             []string
	model             *Model
	problems          []Problem

	// ids holds where each id was defined, by namespace; references are checked when all files are read.
	ids        map[string]map[string]Place
	references []reference
}

// A reference is an id of something else.
type reference struct {
	at    Place
	space string
	id    string
	what  string // for messages
}

// file reads one file. It reports whether the file is a mapping that can be read.
func (r *reader) file(d strictyaml.Document) (ok bool) {
	r.Reader = strictyaml.Reader{File: d.File}
	if said := encoding(d.Text); said != "" {
		r.problems = append(r.problems, Problem{d.File, 1, 1, said})
		return false
	}
	version := false
	err := r.Read(d, func(root strictyaml.Value) {
		ok = r.Object(root, "the file", "`version: 1`", strictyaml.Fields{
			"version":    func(v strictyaml.Value) { version = true; r.Version(v) },
			"system":     r.system,
			"zones":      r.list("zones", "[{id: app, trust: 70}]", r.zone),
			"data":       r.list("data", "[{id: contact, class: confidential}]", r.data),
			"components": r.list("components", "[{id: billing, kind: service}]", r.component),
			"flows":      r.list("flows", "[{id: f1, from: web, to: billing}]", r.flow),
			"decisions":  r.list("decisions", "[{id: D-0001, component: billing, topic: access, status: open}]", r.decision),
			"roles":      r.list("roles", "[{name: admin, default: nobody}]", r.role),
		})
		if ok && !version {
			r.Problem(strictyaml.Start, "the version is missing; begin the file with `version: 1`")
		}
	})
	var all strictyaml.Problems
	if errors.As(err, &all) {
		r.problems = append(r.problems, distinct(all)...)
	}
	return ok
}

// encoding says what is wrong with the file's encoding, in one message.
func encoding(text []byte) string {
	head := text[:min(len(text), 4096)]
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) {
		return "this is UTF-16 text; save the file as UTF-8"
	}
	if zeros := bytes.Count(head, []byte{0}); zeros > 0 {
		if zeros >= len(head)/3 {
			return "this is UTF-16 text; save the file as UTF-8"
		}
		return "this is a binary file; save the model as UTF-8 text"
	}
	return ""
}

// distinct keeps the first of several equal messages: a file full of aliases has one mistake.
func distinct(all strictyaml.Problems) (list []Problem) {
	said := map[string]int{}
	for _, p := range all {
		if said[p.Message]++; said[p.Message] > 1 && strings.Contains(p.Message, "YAML") {
			continue
		}
		list = append(list, Problem(p))
	}
	return list
}

// sort orders the problems by place, the files in the order they were read.
func (r *reader) sort() {
	slices.SortStableFunc(r.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(slices.Index(r.names, a.File), slices.Index(r.names, b.File)), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// place returns the place of a value in the present file.
func (r *reader) place(at strictyaml.Place) Place { return Place{r.File, at.Line, at.Column} }

// maxUnknown bounds how many unknown ids are reported: each is compared with all ids.
const maxUnknown = 50

// link checks what only the whole model shows: references, and circles of parents.
func (r *reader) link() {
	unknown := 0
	for _, ref := range r.references {
		known := r.ids[ref.space]
		if _, ok := known[ref.id]; ok {
			continue
		}
		if unknown++; unknown > maxUnknown {
			break
		}
		said := "; the model has none"
		if len(known) > 0 {
			sorted := slices.Sorted(maps.Keys(known))
			if said = strictyaml.DidYouMean(ref.id, sorted); said == "" {
				said = "; the model has " + some(sorted)
			}
		}
		r.report(ref.at, "there is no "+ref.what+" "+strictyaml.Quote(ref.id)+said)
	}
	for _, circle := range circles(r.model.Components) {
		c, _ := r.model.Component(circle[0])
		r.report(c.At, "the components "+some(circle)+" are parts of each other; remove one `parent`")
	}
}

func (r *reader) report(at Place, message string) {
	r.problems = append(r.problems, Problem{at.File, at.Line, at.Column, message})
}

// some lists at most eight words.
func some(words []string) string {
	if len(words) <= 8 {
		return strictyaml.List(words, "and")
	}
	return strings.Join(words[:8], ", ") + " and others"
}

// circles returns the ids of each circle of parents, from the component that comes first.
func circles(components []Component) (list [][]string) {
	parents := make(map[string]string, len(components))
	for _, c := range components {
		parents[c.ID] = c.Parent
	}
	visit := make(map[string]int, len(components)) // by which walk
	for walk, c := range components {
		id := c.ID
		for id != "" && visit[id] == 0 {
			visit[id] = walk + 1
			id = parents[id]
		}
		if id == "" || visit[id] != walk+1 {
			continue
		}
		var circle []string
		for at := id; len(circle) == 0 || at != id; at = parents[at] {
			circle = append(circle, at)
		}
		list = append(list, circle)
	}
	return list
}
