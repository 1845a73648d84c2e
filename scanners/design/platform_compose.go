package design

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners/internal/infra"
	"github.com/secbydesign/secbydesign/scanners/internal/yamlpos"
)

var (
	composeFiles = rex(`(?i)(^|/)(docker-)?compose([._-][^/]*)?\.ya?ml$|[._-]compose\.ya?ml$`)

	hidden = rex(`(^|/)\.[^/]+/`)

	// ownMachine matches the names of files that are only for tests or a developer's machine.
	ownMachine = rex(`(?i)(^|[-_./])(override|dev|devel|develop|development|local|debug|test|tests|testing|ci|e2e|benchmark|bench|smoke|integration|playwright|cypress|storybook)([-_./]|$)`)
)

// forOwnMachine reports whether a file is a test, a sample, or for a developer's own machine.
func (s *source) forOwnMachine() bool {
	return infra.Sample(s.path) || ownMachine.MatchString(s.path) || hidden.MatchString(s.path)
}

// composeFile adds the facts of a file of Docker Compose.
func composeFile(s *source) {
	if !s.is(yaml) || !composeFiles.MatchString(s.path) || s.forOwnMachine() {
		return
	}
	for _, n := range s.yaml() {
		for _, e := range n.Get("services").Pairs() {
			if e.Value != nil && e.Value.Kind == yamlpos.Map {
				s.composeService(e.Key, e.Line, e.Value)
			}
		}
	}
}

// composeStore returns the kind of store that a service is, or "". If the file does not say the image, the names of the
// service and of the image's variable do.
func composeStore(name string, n *yamlpos.Node) string {
	image := n.Get("image").String()
	if kind := storeKind(image); kind != "" && n.Get("build") == nil {
		return kind
	}
	if n.Get("build") == nil && !strings.Contains(image, "$") {
		return ""
	}
	first, _, _ := strings.Cut(name, "-")
	names := []string{name, first}
	if m := imageVariable.FindStringSubmatch(image); m != nil {
		names = append(names, m[1])
	}
	for _, candidate := range names {
		if kind := storeKind(candidate); kind != "" {
			return kind
		}
	}
	return ""
}

var imageVariable = rex(`^\$\{?([A-Za-z]+)_(?:DOCKER_)?IMAGE\b`)

// attendants match the names of services that only work on a store, with its image.
var attendants = rex(`(?i)(^|[-_])(admin|workers?|init|setup|migrat\w*|backups?|restore|seed\w*|ui|console|client|cli|exporter|health\w*|wait\w*|create\w*|connect|volume|filer)([-_]|$)`)

func (s *source) composeService(name string, line int, n *yamlpos.Node) {
	if kind := composeStore(name, n); kind != "" && !attendants.MatchString(name) {
		s.add("datastore", name+" ("+kind+")", line, with("kind", kind), named("the service "+name+" ("+kind+")"))
	}
	if n.Get("build") != nil && composeStore(name, n) == "" {
		s.add("new-deployable", name, line, with("kind", "service"))
	}
	s.composePowers(name, n)
	for _, p := range n.Get("ports").List() {
		if port := publishedPort(p); port != "" {
			s.add("compose-port", name+":"+port, p.Line)
		}
	}
}

// composePowers adds what a service may do to its host.
func (s *source) composePowers(name string, n *yamlpos.Node) {
	add := func(what string, at *yamlpos.Node) {
		s.add("container-power", name+" "+what, at.Line, named("the service "+name+" ("+what+")"))
	}
	if v := n.Get("privileged"); v.True() {
		add("privileged", v)
	}
	for _, key := range []string{"network_mode", "pid", "ipc"} {
		if v := n.Get(key); v.String() == "host" {
			add(key+" host", v)
		}
	}
	if v := n.Get("user"); v.String() == "root" || v.String() == "0" || strings.HasPrefix(v.String(), "0:") || strings.HasPrefix(v.String(), "root:") {
		add("user root", v)
	}
	dropsAll := slices.ContainsFunc(n.Get("cap_drop").List(), func(c *yamlpos.Node) bool { return strings.EqualFold(c.String(), "ALL") })
	for _, c := range n.Get("cap_add").List() {
		if c.String() != "" && !dropsAll && !strings.HasSuffix(c.String(), "NET_BIND_SERVICE") {
			add("cap_add "+strings.ToUpper(c.String()), c)
		}
	}
	for _, v := range n.Get("volumes").List() {
		from, _, _ := strings.Cut(defaults.ReplaceAllString(v.String(), "$1"), ":")
		if v.Kind == yamlpos.Map {
			from = v.Get("source").String()
		}
		if infra.Socket(from) {
			add(baseOf(from), v)
		}
	}
}

// publishedPort returns the port of the container that an entry publishes on other addresses than the host's own, or "".
func publishedPort(p *yamlpos.Node) string {
	var host, port string
	if p.Kind == yamlpos.Map {
		host, port = p.Get("host_ip").String(), p.Get("target").String()
		if p.Get("published") == nil {
			return ""
		}
	} else {
		parts := strings.Split(defaults.ReplaceAllString(p.String(), "$1"), ":")
		if len(parts) < 2 {
			return ""
		}
		host, port = strings.Join(parts[:len(parts)-2], ":"), parts[len(parts)-1]
	}
	if a, err := netip.ParseAddr(strings.Trim(host, "[]")); host == "localhost" || err == nil && a.IsLoopback() {
		return ""
	}
	return port
}
