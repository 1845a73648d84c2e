// Package dockerfile checks Dockerfiles with the parser of BuildKit, and the commands in them with
// a parser of shell.
//
// It checks only what is written, and ignores values that come from variables, and commands for shells
// other than sh, bash, ash, dash and busybox. Nothing in the tree configures it: a line
// "# check=skip=…" has no effect.
//
//	rule                   Trivy, Checkov                          CIS Docker 1.6.0
//	root-user              AVD-DS-0002, CKV_DOCKER_3, CKV_DOCKER_8 4.1
//	floating-image         AVD-DS-0001, CKV_DOCKER_7               4.2, 4.7
//	unverified-add         AVD-DS-0005, CKV_DOCKER_4               4.9
//	secret-in-image        AVD-DS-0031, CKV2_DOCKER_17             4.10
//	piped-download                                                 4.11
//	certificate-check-off  CKV2_DOCKER_2 to 6, 12 to 14            4.11
//	unsigned-packages      CKV2_DOCKER_7 to 11                     4.11
//	sudo                   AVD-DS-0010, CKV2_DOCKER_1
//	ssh-port               AVD-DS-0004, CKV_DOCKER_1               5.7
//	world-writable         Sonar S2612
package dockerfile

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/infra"
	"github.com/secbydesign/secbydesign/scanners/internal/markers"
)

// version rises with every change to the findings.
const version = "3"

// maxSize is the size of the largest file that is checked, in megabytes.
const maxSize = 1

var info = scanners.Info{
	Name:   "dockerfile",
	Gate:   scanners.Infrastructure,
	Scopes: []scanners.Scope{scanners.ScopeFile},
	About:  "Dockerfiles that make images easy to take over",
	URL:    practices,
	Files:  []string{"**/{Dockerfile,dockerfile,Containerfile}", "**/{Dockerfile,Containerfile}.*", "**/*.{Dockerfile,dockerfile,Containerfile}"},

	Suppressions: scanners.Suppressions{None: markers.BuiltIn},
}

// Scanner checks Dockerfiles. The zero value is ready.
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
	// from matches the content of a file that is really a Dockerfile.
	from = regexp.MustCompile(`(?mi)^[\s\x{feff}]*FROM\s+\S`)

	// template matches what template languages put into a Dockerfile.
	template = regexp.MustCompile(`\{\{|\{%|<%`)
)

func checkFile(ctx context.Context, f scanners.File) ([]scanners.Finding, error) {
	if strings.HasSuffix(f.Path, ".dockerignore") || !from.Match(f.Content) {
		return nil, nil
	}
	result, err := parser.Parse(bytes.NewReader(f.Content))
	if err != nil {
		if template.Match(f.Content) {
			return nil, nil
		}
		return nil, syntaxError(err)
	}
	c := checker{path: f.Path, lines: strings.Split(string(f.Content), "\n"), escape: byte(result.EscapeToken), stages: map[string]*stage{}}
	for _, node := range result.AST.Children {
		if ctx.Err() != nil {
			return c.found, ctx.Err()
		}
		c.instruction(node, node)
		if len(c.found) > infra.MaxFindings {
			break // infra.Files reports no more
		}
	}
	c.user()
	return c.found, c.failed
}

func syntaxError(err error) error {
	line := 0
	var at *parser.LocationError
	if errors.As(err, &at) && len(at.Locations) > 0 && len(at.Locations[0]) > 0 {
		line = at.Locations[0][0].Start.Line
	}
	return &infra.PlaceError{Line: max(line, 1), Why: "not a valid Dockerfile"}
}

// A stage is a stage of the build. It begins with FROM.
type stage struct {
	name  string // its name, or the image it is made from
	where string // the same for identities, without the image's version, which changes often
	base  *stage // the stage that it continues, or nil
	image string
	node  *parser.Node // its FROM
	user  *parser.Node // its last USER, or nil
	shell bool         // its commands are for a shell that is not understood
	runs  bool         // it has a CMD or an ENTRYPOINT
}

// A checker collects the findings in one file.
type checker struct {
	path   string
	lines  []string
	escape byte
	found  []scanners.Finding
	stages map[string]*stage
	stage  *stage // the current one, nil before the first
	build  bool   // the current instruction is ONBUILD
	failed error  // says what could not be checked
}

// add adds a finding on the lines from line to end.
func (c *checker) add(r infra.Rule, line, end int, message string, identity ...string) {
	where := "before the first stage"
	if c.stage != nil {
		where = c.stage.where
	}
	c.found = append(c.found, r.At(c.path, line, end, message, append([]string{where}, identity...)...))
}

// instruction checks node, whose lines are those of top. The two differ only for ONBUILD, where node is a
// part of top.
func (c *checker) instruction(node, top *parser.Node) {
	switch strings.ToLower(node.Value) {
	case "onbuild":
		if node.Next != nil && len(node.Next.Children) > 0 {
			c.build = true
			c.instruction(node.Next.Children[0], top)
			c.build = false
		}
	case "from":
		if !c.build { // Docker refuses ONBUILD FROM
			c.from(node)
		}
	case "user":
		if c.stage != nil && !c.build && node.Next != nil {
			c.stage.user = node
		}
	case "cmd", "entrypoint":
		if c.stage != nil && !c.build {
			c.stage.runs = true
		}
	case "shell":
		if c.stage != nil && node.Next != nil {
			c.stage.shell = !shells.MatchString(node.Next.Value)
		}
	case "env":
		c.env(node, top)
	case "arg":
		c.arg(node, top)
	case "add":
		c.download(node, top)
		c.mode(node, top)
	case "copy":
		c.mode(node, top)
	case "expose":
		c.expose(node, top)
	case "run":
		c.run(node, top)
	}
}

func (c *checker) env(node, top *parser.Node) {
	for n := node.Next; n != nil && n.Next != nil; n = n.Next.Next.Next {
		c.variable("ENV", unquote(n.Value), unquote(n.Next.Value), top)
		if n.Next.Next == nil {
			break
		}
	}
}

func (c *checker) arg(node, top *parser.Node) {
	for n := node.Next; n != nil; n = n.Next {
		if name, value, ok := strings.Cut(n.Value, "="); ok {
			c.variable("ARG", name, unquote(value), top)
		}
	}
}

func (c *checker) expose(node, top *parser.Node) {
	for n := node.Next; n != nil; n = n.Next {
		if n.Value == "22" || n.Value == "22/tcp" {
			c.add(ssh, top.StartLine, top.EndLine, "The image announces port 22, which is SSH.")
		}
	}
}

// shells matches the shells whose commands are checked.
var shells = regexp.MustCompile(`(^|/)(sh|bash|ash|dash|busybox)$`)

func (c *checker) from(node *parser.Node) {
	if node.Next == nil {
		return
	}
	s := &stage{image: node.Next.Value, name: node.Next.Value, where: unversioned(node.Next.Value), node: node}
	if as := node.Next.Next; as != nil && strings.EqualFold(as.Value, "as") && as.Next != nil {
		s.name, s.where = as.Next.Value, as.Next.Value
	}
	s.base = c.stages[strings.ToLower(s.image)]
	if s.base != nil {
		s.shell = s.base.shell
	}
	c.stage = s
	if s.base == nil && s.image != "scratch" {
		if what, floating := infra.Floating(s.image); floating {
			c.add(image, node.StartLine, node.EndLine, "The base image "+infra.Name(s.image)+" has "+what+".", s.image)
		}
	}
	c.stages[strings.ToLower(s.name)] = s
}

// unversioned returns an image's name without tag and digest.
func unversioned(image string) string {
	image, _, _ = strings.Cut(image, "@")
	if i := strings.LastIndexByte(image, ':'); i > strings.LastIndexByte(image, '/') {
		image = image[:i]
	}
	return image
}

// unprivileged matches images that set a user other than root themselves.
var unprivileged = regexp.MustCompile(`nonroot|non-root|rootless|unprivileged|^cgr\.dev/chainguard|bitnami|^(mcr\.microsoft\.com/windows|.*nanoserver|.*windowsservercore)`)

// user checks as which user the image of the last stage runs.
func (c *checker) user() {
	last := c.stage
	if last == nil {
		return
	}
	runs := false
	for s := last; s != nil; s = s.base {
		runs = runs || s.runs
		if s.user != nil {
			name, _, _ := strings.Cut(unquote(s.user.Next.Value), ":")
			if name == "root" || name == "0" {
				c.root(s.user, "The last USER of the image is root.")
			}
			return
		}
		switch {
		case s.base != nil:
		case strings.ContainsAny(s.image, "${"), unprivileged.MatchString(s.image):
			return
		case s.image == "scratch" && !runs: // it only exports files from the build, and is not run
			return
		}
	}
	c.root(last.node, "No USER is set in the last stage, so the image runs as root.")
}

// root adds the finding that the image runs as root. There is one per file, with the same identity for
// any stage and base image: a change of the base image does not make it new.
func (c *checker) root(node *parser.Node, message string) {
	c.found = append(c.found, root.At(c.path, node.StartLine, node.EndLine, message, "the image"))
}

func (c *checker) variable(instruction, name, value string, top *parser.Node) {
	if insecureVariable(name, value) {
		c.add(insecure, top.StartLine, top.EndLine, instruction+" "+infra.Name(name)+" switches the check of certificates off.", name)
	}
	if infra.SecretName(name) && infra.SecretValue(value) {
		c.add(secret, top.StartLine, top.EndLine, instruction+" "+infra.Name(name)+" has a literal value, which becomes a part of the image.", instruction, name)
	}
}

func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}

// git matches the addresses of repositories that ADD clones.
var git = regexp.MustCompile(`\.git(#|$)`)

func (c *checker) download(node, top *parser.Node) {
	for _, flag := range node.Flags {
		if strings.HasPrefix(flag, "--checksum=") {
			return
		}
	}
	for n := node.Next; n != nil && n.Next != nil; n = n.Next { // the last one is the destination
		lower := strings.ToLower(unquote(n.Value))
		if (strings.HasPrefix(lower, "http://") || strings.HasPrefix(lower, "https://")) && !git.MatchString(lower) {
			c.add(add, top.StartLine, top.EndLine, "ADD takes a file from the network without a checksum.", n.Value)
		}
	}
}

func (c *checker) mode(node, top *parser.Node) {
	for _, flag := range node.Flags {
		if mode, ok := strings.CutPrefix(flag, "--chmod="); ok && looseMode(mode) {
			c.add(writable, top.StartLine, top.EndLine, "The mode "+infra.Name(mode)+" lets everybody write the files.", mode)
			words := []string{}
			for n := node.Next; n != nil; n = n.Next {
				words = append(words, n.Value)
			}
			c.found[len(c.found)-1].Extents = modeExtents(mode, false, words)
		}
	}
}
