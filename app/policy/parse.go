package policy

import (
	"github.com/secbydesign/secbydesign/app/strictyaml"
)

// Parse reads one policy file; name is used in messages. The error, if any, is of type [strictyaml.Problems] and holds
// every mistake; the layer must not be used then. If known names of scanners are given, any other name is a mistake
// too.
//
// Parse accepts only a small part of YAML: one document, without anchors, aliases, tags and directives. The file
// decides about security, so everybody should read it the same way.
func Parse(name string, b []byte, known ...string) (Layer, error) {
	return Read(strictyaml.Parse(strictyaml.Source{File: name, Text: b}), known...)
}

// Read is [Parse] for a file that was read as YAML before, by a [strictyaml.Parser].
func Read(d strictyaml.Document, known ...string) (Layer, error) {
	r := &reader{Reader: strictyaml.Reader{File: d.File}, scanners: known}
	err := r.Read(d, func(root strictyaml.Value) {
		r.walk(table, strictyaml.Start, nil, root)
		r.checkDefaultOwner()
		if root.Is(strictyaml.Mapping) && !r.saidVersion {
			r.Problem(strictyaml.Start, "the version is missing; begin the file with `version: 1`")
		}
	})
	if err != nil {
		return Layer{}, err
	}
	return Layer{values: r.values}, nil
}

// A reader reads one policy file.
type reader struct {
	strictyaml.Reader
	scanners []string // may be empty if they are not known
	values   []Value

	saidVersion bool
}
