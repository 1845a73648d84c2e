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
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/infra"
	"github.com/secbydesign/secbydesign/scanners/internal/markers"
)

// version rises with every change to the findings.
const version = "4"

// maxSize is the size of the largest file that is checked, in megabytes.
const maxSize = 1

// anyCase is a glob for the names dockerfile and containerfile in any letter case.
const anyCase = "{[dD][oO][cC][kK][eE][rR],[cC][oO][nN][tT][aA][iI][nN][eE][rR]}[fF][iI][lL][eE]"

var info = scanners.Info{
	Name:   "dockerfile",
	Gate:   scanners.Infrastructure,
	Scopes: []scanners.Scope{scanners.ScopeFile},
	About:  "Dockerfiles whose images or builds are easy to attack",
	URL:    practices,
	Files:  []string{"**/" + anyCase, "**/" + anyCase + "[-_.]*", "**/*[-_.]" + anyCase},

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

	// first matches a first line that only a Dockerfile has. Docker accepts ARG and FROM there.
	first = regexp.MustCompile(`(?i)^(ARG\s+\w+(=.*)?|FROM\s+(--\S+\s+)*\S+(\s+AS\s+\S+)?\s*\\?)\s*$`)

	// plain matches the names that only Dockerfiles have, such as Dockerfile.prod, but not dockerfile.go.
	plain = regexp.MustCompile(`(^|/)(Dockerfile|dockerfile|Containerfile)$`)

	// prose matches the names of texts about Dockerfiles, and of settings for them.
	prose = regexp.MustCompile(`(?i)\.(dockerignore|md|markdown|mdx|rst|adoc|html?|ya?ml|json|toml)$`)

	// template matches what template languages put into a Dockerfile.
	template = regexp.MustCompile(`\{\{|\{%|<%`)
)

// isDockerfile reports whether a file of such a name holds what Docker builds from. The first instruction
// says so: other files of such names are scripts, or code that handles Dockerfiles.
func isDockerfile(f scanners.File) bool {
	if prose.MatchString(f.Path) || !from.Match(f.Content) {
		return false
	}
	if plain.MatchString(f.Path) || template.Match(f.Content) {
		return true
	}
	for line := range bytes.Lines(f.Content) {
		line = bytes.TrimSpace(bytes.TrimPrefix(line, []byte("\ufeff")))
		if len(line) > 0 && line[0] != '#' {
			return first.Match(line)
		}
	}
	return false
}

func checkFile(ctx context.Context, f scanners.File) ([]scanners.Finding, error) {
	if !isDockerfile(f) {
		return nil, nil
	}
	result, err := parser.Parse(bytes.NewReader(f.Content))
	if err != nil {
		if template.Match(f.Content) {
			return nil, nil
		}
		return nil, syntaxError(err)
	}
	c := checker{path: f.Path, lines: strings.Split(string(f.Content), "\n"), escape: byte(result.EscapeToken), stages: map[string]*stage{}, args: map[string]string{}}
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

	userName string // the argument of user, with the values of its variables if the file says them
	shell    bool   // its commands are for a shell that is not understood
	runs     bool   // it has a CMD or an ENTRYPOINT
	built    bool   // it has one of these, or runs or copies something
	vars     map[string]string
}

// A checker collects the findings in one file.
type checker struct {
	path   string
	lines  []string
	escape byte
	found  []scanners.Finding
	stages map[string]*stage
	stage  *stage            // the current one, nil before the first
	args   map[string]string // those before the first stage
	build  bool              // the current instruction is ONBUILD
	failed error             // says what could not be checked
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
			c.stage.user, c.stage.userName = node, unquote(node.Next.Value)
			if name, known := c.expand(node.Next.Value); known {
				c.stage.userName = name
			}
		}
	case "cmd", "entrypoint":
		if c.stage != nil && !c.build {
			c.stage.runs, c.stage.built = true, true
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
		c.builds()
		c.download(node, top)
		c.mode(node, top)
	case "copy":
		c.builds()
		c.mode(node, top)
	case "expose":
		c.expose(node, top)
	case "run":
		c.builds()
		c.run(node, top)
	}
}

func (c *checker) builds() {
	if c.stage != nil && !c.build {
		c.stage.built = true
	}
}

func (c *checker) env(node, top *parser.Node) {
	for n := node.Next; n != nil && n.Next != nil; n = n.Next.Next.Next {
		c.variable("ENV", unquote(n.Value), unquote(n.Next.Value), top)
		c.set(unquote(n.Value), n.Next.Value)
		if n.Next.Next == nil {
			break
		}
	}
}

func (c *checker) arg(node, top *parser.Node) {
	for n := node.Next; n != nil; n = n.Next {
		if name, value, ok := strings.Cut(n.Value, "="); ok {
			c.variable("ARG", name, unquote(value), top)
			c.set(name, value)
		} else if global, ok := c.args[name]; ok && c.stage != nil {
			c.set(name, global)
		}
	}
}

// set keeps the value of a variable, as far as the file says it.
func (c *checker) set(name, value string) {
	vars := c.args
	if c.stage != nil {
		vars = c.stage.vars
	}
	if value, ok := c.expand(value); ok && !c.build {
		vars[name] = value
	} else {
		delete(vars, name)
	}
}

// expand replaces the variables in a word by their values. It returns false if the file does not say them all.
func (c *checker) expand(word string) (string, bool) {
	const longest = 1 << 10 // of a word or a value
	if len(word) > longest || !utf8.ValidString(word) {
		return "", false
	}
	vars := c.args
	if c.stage != nil {
		vars = c.stage.vars
	}
	lex := shell.NewLex(rune(c.escape))
	lex.SkipUnsetEnv = true // they stay as they are
	result, _, err := lex.ProcessWord(word, variables(vars))
	result = fallback.ReplaceAllString(result, "$1")
	return result, err == nil && !strings.Contains(result, "$") && len(result) <= longest
}

// fallback matches a variable that is not set, with the value that it then has.
var fallback = regexp.MustCompile(`\$\{\w+:?-([^${}]*)\}`)

// variables are known values of variables.
type variables map[string]string

// Get implements [shell.EnvGetter].
func (v variables) Get(name string) (string, bool) {
	value, ok := v[name]
	return value, ok
}

// Keys implements [shell.EnvGetter].
func (v variables) Keys() []string { return slices.Sorted(maps.Keys(v)) }

func (c *checker) expose(node, top *parser.Node) {
	for n := node.Next; n != nil; n = n.Next {
		if n.Value == "22" || n.Value == "22/tcp" {
			c.add(ssh, top.StartLine, top.EndLine, "The image exposes port 22, which is SSH.")
		}
	}
}

// shells matches the shells whose commands are checked.
var shells = regexp.MustCompile(`(^|/)(sh|bash|ash|dash|busybox)$`)

func (c *checker) from(node *parser.Node) {
	if node.Next == nil {
		return
	}
	s := &stage{image: node.Next.Value, name: node.Next.Value, where: unversioned(node.Next.Value), node: node, vars: map[string]string{}}
	if as := node.Next.Next; as != nil && strings.EqualFold(as.Value, "as") && as.Next != nil {
		s.name, s.where = as.Next.Value, as.Next.Value
	}
	s.base = c.stages[strings.ToLower(s.image)]
	if s.base != nil {
		s.shell, s.vars = s.base.shell, maps.Clone(s.base.vars)
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
	runs, built := false, false
	for s := last; s != nil; s = s.base {
		runs, built = runs || s.runs, built || s.built
		if s.user != nil {
			c.lastUser(s)
			return
		}
		switch {
		case s.base != nil:
		case unprivileged.MatchString(s.image), s.image == "scratch" && !runs: // it only exports files from the build, and is not run
			return
		case strings.ContainsAny(s.image, "${"): // its user is not known, but that of the file is gone
			if built {
				c.protection(scanners.Missing, last.node)
			}
			return
		}
	}
	if built { // a base image by itself is a name for it, and not an image that runs
		c.root(last.node, "No USER is set in the last stage, so the image runs as root.")
	}
}

// lastUser checks the last USER of the image, which is in the stage s.
func (c *checker) lastUser(s *stage) {
	name, _, _ := strings.Cut(strings.TrimSpace(s.userName), ":")
	word := unquote(s.user.Next.Value)
	switch {
	case name != "root" && name != "0":
		c.protection(scanners.Kept, s.user)
	case strings.Contains(word, "$"):
		c.root(s.user, "The last USER of the image is "+strings.ReplaceAll(infra.Name(word), "?", "")+", which is root unless the build sets it.")
	default:
		c.root(s.user, "The last USER of the image is root.")
	}
}

// protection says whether a USER other than root is set.
func (c *checker) protection(is scanners.Protection, node *parser.Node) {
	f := userRemoved.At(c.path, node.StartLine, node.EndLine, "The last stage no longer sets a USER, so the image runs as the user of its base image, most often root.", "the image")
	f.Protection = is
	c.found = append(c.found, f)
}

// root adds the finding that the image runs as root. There is one per file, with the same identity for
// any stage and base image: a change of the base image does not make it new.
func (c *checker) root(node *parser.Node, message string) {
	c.found = append(c.found, root.At(c.path, node.StartLine, node.EndLine, message, "the image"))
}

func (c *checker) variable(instruction, name, value string, top *parser.Node) {
	if insecureVariable(name, value) {
		c.add(insecure, top.StartLine, top.EndLine, instruction+" "+infra.Name(name)+" switches off the check of certificates.", name)
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
			c.add(writable, top.StartLine, top.EndLine, "The mode "+infra.Name(mode)+" lets every user change the files.", mode)
			words := []string{}
			for n := node.Next; n != nil; n = n.Next {
				words = append(words, n.Value)
			}
			c.found[len(c.found)-1].Extents = modeExtents(mode, false, words)
		}
	}
}
