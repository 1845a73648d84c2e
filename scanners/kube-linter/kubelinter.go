// Package kubelinter finds insecure Kubernetes objects with KubeLinter
// (https://docs.kubelinter.io).
//
// Only the checks in rules.yaml run: those that are about security and need no other file. The
// severities are ours. KubeLinter reports an object but no line, so the line is that of the object's
// name. It does not see a .kube-linter.yaml of the tree, and annotations that ignore a check are
// removed. A file that could hide such an annotation makes the scan incomplete.
package kubelinter

import (
	_ "embed"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/tool"
	"github.com/secbydesign/secbydesign/scanners/internal/yamlpos"
)

//go:embed rules.yaml
var rules []byte

// New returns the scanner.
func New(tools *tool.Runner) scanners.Scanner {
	known := tool.ReadRules(rules)
	return tools.Scanner(tool.Adapter{
		Info: scanners.Info{
			Name:       "kube-linter",
			Gate:       scanners.Infrastructure,
			About:      "Insecure objects of Kubernetes",
			URL:        "https://docs.kubelinter.io",
			Documented: true,
			Files:      []string{"**/*.{yaml,yml,json}"},
			Config:     []string{"**/.kube-linter.{yaml,yml}"},

			Suppressions: scanners.Suppressions{Markers: []scanners.Marker{ // https://docs.kubelinter.io/#/configuring-kubelinter?id=ignoring-violations-for-specific-cases
				{
					Words: []string{"kube-linter.io"}, Pattern: `()(ignore-check\.kube-linter\.io)/(.*)`,
					Rules: `^[\w-]+`, Form: "/%s", Why: ": ", Plain: true, Block: true, Exact: true,
				},
				{
					Words: []string{"kube-linter.io"}, Pattern: `()(kube-linter\.io/ignore-all)\b(.*)`, Rules: `^`, Why: ": ", Plain: true, Block: true, All: true,
				},
			}},
		},
		Version:            []string{"version"},
		Install:            "Install KubeLinter: https://docs.kubelinter.io/#/?id=installing-kubelinter",
		OwnFiles:           map[string]string{"config.yaml": "checks: {doNotAutoAddDefaults: true}\n"},
		SuppressionPattern: spelled("kube-linter.io"), // the domain of those annotations
		Args: func(r tool.Run) []string {
			include := "--include=" + strings.Join(known.Names(), ",")
			return append([]string{"lint", "--format=json", "--config=" + r.Own + "/config.yaml", include, "--"}, r.Files...)
		},
		Found:       []int{1},
		EmptyOutput: "no valid objects found",
		Parse:       tool.JSON(parse),
		Rules:       known,
	})
}

// spelled returns a pattern that matches all spellings of a word that YAML allows between double
// quotes. Its group is the first character.
func spelled(word string) string {
	var b strings.Builder
	for i, c := range word {
		group := `(?:\\(?:\r\n?|[\n\x{85}\x{2028}\x{2029}])[ \t]*)*(?:` // an escaped line break
		if i == 0 {
			group = `(`
		}
		fmt.Fprintf(&b, `%s%s|\\(?:x|u00|U000000)(?i:%02x))`, group, regexp.QuoteMeta(string(c)), c)
	}
	return b.String()
}

// disguise matches anything that could be the tag of a base64 text (!!binary), in any spelling.
var disguise = regexp.MustCompile(`%TAG\s|(?:^|[\s\[{,:])!\S*(?:binary|%[0-9A-Fa-f]{2})`)

type report struct {
	Reports []struct {
		Diagnostic         struct{ Message string }
		Check, Remediation string
		Object             struct {
			Metadata  struct{ FilePath string }
			K8sObject struct {
				Name             string
				GroupVersionKind struct{ Kind string }
			}
		}
	}
}

func parse(out *tool.Report, r report) {
	for path, text := range out.Files() {
		if !utf8.Valid(text) || disguise.Match(text) {
			out.Unread("plain YAML in UTF-8", path, 0)
		}
	}
	lines := map[string]map[string]int{} // keyed by path and object
	for _, r := range r.Reports {
		path, object := r.Object.Metadata.FilePath, r.Object.K8sObject
		name := object.GroupVersionKind.Kind + " " + object.Name
		if lines[path] == nil {
			lines[path] = objects(out.Content(path))
		}
		out.Add(scanners.Finding{
			Rule: r.Check, Path: path, Line: lines[path][name], HelpURL: "https://docs.kubelinter.io/#/generated/checks?id=" + r.Check,
			Title: strings.ReplaceAll(r.Check, "-", " "), Message: name + ": " + r.Diagnostic.Message,
			Help: r.Remediation, Identity: name + " " + r.Diagnostic.Message,
		})
	}
}

// objects returns the lines on which the objects of a file are named.
func objects(text []byte, _ bool) map[string]int {
	lines := map[string]int{}
	for d := range yamlpos.Documents(text) {
		object, _ := yamlpos.Parse(d)
		named := object.Get("metadata", "name")
		if key := object.Get("kind").String() + " " + named.String(); named != nil && lines[key] == 0 {
			lines[key] = named.Line
		}
	}
	return lines
}
