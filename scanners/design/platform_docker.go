package design

import (
	"bytes"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

var (
	fromLine = rex(`(?mi)^[\s\x{feff}]*FROM\s+\S`)
	texts    = rex(`(?i)\.(dockerignore|md|ya?ml|json|toml|html?)$`)

	// unprivileged matches images that do not run as root, or give up its rights when they start.
	unprivileged = rex(`(?i)nonroot|non-root|rootless|unprivileged|chiseled|^cgr\.dev/|bitnami|^(mcr\.microsoft\.com/windows|.*nanoserver|.*windowsservercore)|keycloak|jenkins|grafana/|prom/|jetty|tomee|semgrep|cypress/|apache/airflow|kong|haproxy`)

	drops = rex(`\b(gosu|su-exec|setpriv|setuidgid)\b`)
)

// A stage is a stage of an image's build.
type dockerStage struct {
	from  *parser.Node
	base  *dockerStage
	image string
	user  *parser.Node
	runs  bool // it has a CMD or ENTRYPOINT, or takes files in
	drops bool
}

// dockerfile adds the facts of a Dockerfile.
func dockerfile(s *source) {
	if !s.is(docker) || s.forOwnMachine() || texts.MatchString(s.path) || len(s.text) > 1<<20 || !fromLine.Match(s.text) {
		return
	}
	result, err := parser.Parse(bytes.NewReader(s.text))
	if err != nil || result.AST == nil {
		return
	}
	d := dockerReader{source: s, stages: map[string]*dockerStage{}, args: map[string]string{}}
	for _, node := range result.AST.Children {
		d.instruction(node)
	}
	if d.stage == nil {
		return
	}
	d.user()
	// The folder names the component; a Dockerfile with more in its name is most often one more way to build it.
	if plainName.MatchString(s.path) && !release.MatchString(componentOf(s.path)) && !builder.MatchString(s.path) && d.starts() {
		s.add("new-deployable", componentOf(s.path), d.stage.from.StartLine, with("kind", "image"), named("the image of "+s.path))
	}
}

// release matches a folder that names a release of a base image: a repository that holds such ones publishes images.
var release = rex(`(?i)[0-9]\.[0-9]|^(v?[0-9]+|alpine|slim|buster|bullseye|bookworm|trixie|focal|jammy|noble|ubi[0-9]*)$`)

// plainName matches the name of a Dockerfile, in no hidden folder.
var plainName = rex(`(?i)^([^./][^/]*/)*(dockerfile|containerfile)$`)

// builder matches Dockerfiles of images in which other things are built.
var builder = rex(`(?i)(^|[-_./])(build|builder|builders|base|ci|tools?|toolbox|gen|genproto|proto|protoc|lint|docs?|toolchain|workstation|release|packaging|scripts|hack)([-_./]|$)`)

type dockerReader struct {
	*source
	stages map[string]*dockerStage
	stage  *dockerStage
	args   map[string]string
}

func (d *dockerReader) instruction(node *parser.Node) {
	switch name := strings.ToLower(node.Value); {
	case name == "from" && node.Next != nil:
		d.from(node)
	case name == "arg" && node.Next != nil && d.stage == nil:
		if key, value, ok := strings.Cut(node.Next.Value, "="); ok {
			d.args[key] = strings.Trim(value, `"'`)
		}
	case name == "add" && node.Next != nil:
		d.takesIn()
		d.added(node)
	case name == "run":
		d.ran(node)
	case d.stage == nil:
	case name == "user" && node.Next != nil:
		d.stage.user = node
	case name == "cmd", name == "entrypoint", name == "copy":
		d.takesIn()
	}
}

func (d *dockerReader) takesIn() {
	if d.stage != nil {
		d.stage.runs = true
	}
}

var argument = rex(`\$\{?(\w+)\}?`)

func (d *dockerReader) from(node *parser.Node) {
	image := defaults.ReplaceAllString(node.Next.Value, "$1")
	image = argument.ReplaceAllStringFunc(image, func(v string) string {
		if value := d.args[strings.Trim(v, "${}")]; value != "" {
			return value
		}
		return v
	})
	st := &dockerStage{from: node, image: image, base: d.stages[strings.ToLower(node.Next.Value)]}
	if st.base == nil && image != "scratch" {
		if family := imageFamily(image); family != "" {
			d.add("container-base", family, node.StartLine)
		}
	}
	if as := node.Next.Next; as != nil && strings.EqualFold(as.Value, "as") && as.Next != nil {
		d.stages[strings.ToLower(as.Next.Value)] = st
	}
	d.stage = st
}

var digits = rex(`([A-Za-z]{3})[0-9.]+$`)

// imageFamily returns the repository of an image without its version, or "" if it is not known.
func imageFamily(image string) string {
	image, _, _ = strings.Cut(image, "@")
	if i := strings.LastIndexByte(image, ':'); i > strings.LastIndexByte(image, '/') {
		image = image[:i]
	}
	if strings.ContainsAny(image, "$<{") {
		return ""
	}
	return digits.ReplaceAllString(strings.TrimPrefix(strings.TrimPrefix(image, "docker.io/"), "library/"), "$1")
}

// starts reports whether the last stage is an image that runs.
func (d *dockerReader) starts() bool {
	for st := d.stage; st != nil; st = st.base {
		if st.runs {
			return true
		}
	}
	return false
}

// user adds a last stage that runs as root.
func (d *dockerReader) user() {
	last := d.stage
	for st := last; st != nil; st = st.base {
		if st.drops {
			return
		}
		if st.user != nil {
			name, _, _ := strings.Cut(strings.Trim(st.user.Next.Value, `"' `), ":")
			if name == "root" || name == "0" {
				d.add("container-power", "runs as root", st.user.StartLine, named("the image of "+d.path))
			}
			return
		}
		if st.base == nil && (strings.ContainsAny(st.image, "${") || unprivileged.MatchString(st.image) || storeKind(st.image) != "" || st.image == "scratch" && !d.starts()) {
			return
		}
	}
	if d.starts() && !builder.MatchString(d.path) {
		d.add("container-power", "runs as root", last.from.StartLine, named("the image of "+d.path))
	}
}

var (
	webAddress = rex(`https?://[^/\s"'$]+`)

	// piped matches commands that run what they download.
	piped = rex(`\b(?:curl|wget)\b[^|;&\n]*\|\s*(?:[A-Za-z_]+=\S*\s+)*(?:sudo\s+(?:-\S+\s+)*)?(?:env\s+(?:\S+=\S*\s+)*)?(?:/bin/|/usr/bin/)?(?:ba|da|a|z)?sh\b` +
		`|\b(?:curl|wget)\b[^|;&\n]*\|\s*(?:sudo\s+(?:-\S+\s+)*)?(?:python3?|perl|ruby|node|php)\b` +
		`|\b(?:ba|da|a|z)?sh\s+(?:-\S+\s+)*(?:-c\s+)?["']?(?:<\(|\$\(|` + "`" + `)\s*(?:curl|wget)\b[^)` + "`" + `\n]*`)

	// verified matches commands that check what was downloaded.
	verified = rex(`\b(sha(1|224|256|384|512)sum|shasum|md5sum|b2sum|gpgv?\s+(--batch\s+)?--verify|cosign\s+verify|minisign|openssl\s+dgst)\b`)
)

// added adds what ADD takes from the network.
func (d *dockerReader) added(node *parser.Node) {
	for _, flag := range node.Flags {
		if strings.HasPrefix(flag, "--checksum=") {
			d.remote(node.Next.Value, node.StartLine, closed("ADD checks the content by its checksum"))
			return
		}
	}
	for n := node.Next; n != nil && n.Next != nil; n = n.Next {
		if !strings.Contains(n.Value, ".git") {
			d.remote(n.Value, node.StartLine)
		}
	}
}

// remote adds the host of an address.
func (d *dockerReader) remote(text string, line int, options ...option) {
	if !strings.Contains(text, "http://") && !strings.Contains(text, "https://") {
		return
	}
	host := "a variable address"
	if m := webAddress.FindString(text); m != "" {
		host = m[strings.LastIndexByte(m, '/')+1:]
		options = append(options, with("host", host))
	}
	d.add("container-remote-code", host, line, options...)
}

// ran adds what RUN downloads and runs.
func (d *dockerReader) ran(node *parser.Node) {
	text := node.Original
	for _, h := range node.Heredocs {
		text += "\n" + h.Content
	}
	if d.stage != nil && drops.MatchString(text) {
		d.stage.drops = true
	}
	var options []option
	if verified.MatchString(text) {
		options = append(options, closed("the same RUN checks what it downloads"))
	}
	for _, command := range piped.FindAllString(text, -1) {
		if strings.Contains(command, "http") {
			d.remote(command, d.lineOf(node, command), options...)
		} else {
			d.add("container-remote-code", "a variable address", d.lineOf(node, command), options...)
		}
	}
}

// lineOf returns the line of an instruction that holds the beginning of a command.
func (d *dockerReader) lineOf(node *parser.Node, command string) int {
	begin := command[:min(len(command), 30)]
	for n := node.StartLine; n <= node.EndLine; n++ {
		if strings.Contains(d.line(n), begin) {
			return n
		}
	}
	return node.StartLine
}
