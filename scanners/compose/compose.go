// Package compose checks Docker Compose files for settings that expose the host or a database.
//
// It checks only what is written, not what is missing, except for settings that a change removes. A variable
// has its default, as when nobody sets it; a value with a variable that has none is ignored. Nothing in the
// tree configures the scanner.
//
//	rule                  CIS Docker 1.6.0, or Docker's own guidance
//	privileged-container  5.5
//	host-namespace        5.10, 5.16, 5.17, 5.31
//	sensitive-host-path   5.6, 5.32
//	dangerous-capability  5.4
//	unconfined            5.2, 5.22
//	published-database    5.14
//	secret-in-env         https://docs.docker.com/compose/how-tos/use-secrets/
//	floating-image        5.28
//	writable-root         5.13 (only where a change removes the setting)
//	capabilities-kept     5.4 (only where a change removes the setting)
//	privilege-escalation  5.26 (only where a change removes the setting)
//	root-user             4.1 (only where a change removes the setting)
package compose

import (
	"context"
	"errors"
	"regexp"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/infra"
	"github.com/secbydesign/secbydesign/scanners/internal/markers"
	"github.com/secbydesign/secbydesign/scanners/internal/yamlpos"
)

// version rises with every change to the findings.
const version = "3"

// maxSize is the size of the largest file that is checked, in megabytes.
const maxSize = 1

var info = scanners.Info{
	Name:   "compose",
	Gate:   scanners.Infrastructure,
	Scopes: []scanners.Scope{scanners.ScopeFile},
	About:  "Docker Compose files that expose the host or a database",
	URL:    "https://docs.docker.com/engine/security/",
	Files:  []string{"**/{compose,docker-compose}.{yml,yaml}", "**/{compose,docker-compose}[._-]*.{yml,yaml}", "**/*[._-]compose.{yml,yaml}"},

	Suppressions: scanners.Suppressions{None: markers.BuiltIn},
}

// Scanner checks compose files. The zero value is ready.
type Scanner struct{}

// Info implements [scanners.Scanner].
func (Scanner) Info() scanners.Info { return info }

// Version implements [scanners.Scanner]. It never fails.
func (Scanner) Version(context.Context) (string, error) { return version, nil }

// Scan implements [scanners.Scanner].
func (Scanner) Scan(ctx context.Context, t scanners.Target) ([]scanners.Finding, error) {
	return infra.Files(ctx, info, maxSize, t, checkFile)
}

var (
	composed = regexp.MustCompile(`(?m)^["']?services["']?\s*:`)
	template = regexp.MustCompile(`\{\{|\{%|<%`)
)

func checkFile(ctx context.Context, f scanners.File) ([]scanners.Finding, error) {
	c := checker{path: f.Path}
	for d := range yamlpos.Documents(f.Content) {
		if ctx.Err() != nil {
			return c.all(), ctx.Err()
		}
		if !composed.Match(d.Text) {
			continue
		}
		file, err := yamlpos.Parse(d)
		var much *yamlpos.TooMuchError
		if errors.As(err, &much) {
			return c.all(), infra.TooMuch(much.Line)
		}
		var bad *yamlpos.SyntaxError
		if errors.As(err, &bad) {
			if template.Match(d.Text) {
				continue
			}
			return c.all(), &infra.PlaceError{Line: bad.Line, Why: "not valid YAML"}
		}
		for _, s := range field(file, "services").Pairs() {
			if s.Value.Tag != reset {
				c.service(infra.Name(s.Key), s.Line, s.Value)
			}
			if len(c.found) > infra.MaxFindings {
				return c.all(), nil // infra.Files reports no more
			}
		}
		if file.Spent() {
			return c.all(), infra.TooMuch(d.Line)
		}
	}
	return c.all(), nil
}

// reset is the tag of a value that removes what other files set
// (https://docs.docker.com/reference/compose-file/merge/#reset-value).
const reset = "!reset"

// field returns the value under a key, or nil if it is reset.
func field(n *yamlpos.Node, key string) *yamlpos.Node {
	if v := n.Get(key); v != nil && v.Tag != reset {
		return v
	}
	return nil
}

// items returns the items of a list that are not reset.
func items(n *yamlpos.Node) (list []*yamlpos.Node) {
	for _, item := range n.List() {
		if item != nil && item.Tag != reset {
			list = append(list, item)
		}
	}
	return list
}

// word returns the text of a value, with the defaults of its variables, or "".
func word(n *yamlpos.Node) string {
	text, _ := interpolate(n.String())
	return text
}

// A checker collects the findings in one file.
type checker struct {
	path        string
	found       []scanners.Finding
	protections []scanners.Finding // see [scanners.Protection]
}

func (c *checker) all() []scanners.Finding { return append(c.found, c.protections...) }

// add adds a finding about a service.
func (c *checker) add(r infra.Rule, line int, service, message string, identity ...string) *scanners.Finding {
	c.found = append(c.found, r.At(c.path, line, line, "Service "+service+" "+message, append([]string{service}, identity...)...))
	return &c.found[len(c.found)-1]
}

// kept says whether a line of a service sets what protects it.
func (c *checker) kept(is bool, r infra.Rule, line int, service, message string) {
	c.protections = append(c.protections, r.Kept(is, c.path, line, "Service "+service+" "+message, service, "removed"))
}
