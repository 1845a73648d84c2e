// Package compose checks Docker Compose files for settings that expose the host or a database.
//
// It checks only what is written, not what is missing, and ignores values that come from
// variables. Nothing in the tree configures it.
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
package compose

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/infra"
	"github.com/secbydesign/secbydesign/scanners/internal/markers"
	"github.com/secbydesign/secbydesign/scanners/internal/yamlpos"
)

// version rises with every change to the findings.
const version = "2"

// maxSize is the size of the largest file that is checked, in megabytes.
const maxSize = 1

var info = scanners.Info{
	Name:   "compose",
	Gate:   scanners.Infrastructure,
	Scopes: []scanners.Scope{scanners.ScopeFile},
	About:  "Docker Compose files that give the host or a database away",
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
	composed = regexp.MustCompile(`(?m)^services\s*:`)
	template = regexp.MustCompile(`\{\{|\{%|<%`)
)

func checkFile(ctx context.Context, f scanners.File) ([]scanners.Finding, error) {
	c := checker{path: f.Path}
	for d := range yamlpos.Documents(f.Content) {
		if ctx.Err() != nil {
			return c.found, ctx.Err()
		}
		if !composed.Match(d.Text) {
			continue
		}
		file, err := yamlpos.Parse(d)
		var much *yamlpos.TooMuchError
		if errors.As(err, &much) {
			return c.found, infra.TooMuch(much.Line)
		}
		var bad *yamlpos.SyntaxError
		if errors.As(err, &bad) {
			if template.Match(d.Text) {
				continue
			}
			return c.found, &infra.PlaceError{Line: bad.Line, Why: "not valid YAML"}
		}
		for _, s := range file.Get("services").Pairs() {
			c.service(infra.Name(s.Key), s.Value)
			if len(c.found) > infra.MaxFindings {
				return c.found, nil // infra.Files reports no more
			}
		}
		if file.Spent() {
			return c.found, infra.TooMuch(d.Line)
		}
	}
	return c.found, nil
}

// A checker collects the findings in one file.
type checker struct {
	path  string
	found []scanners.Finding
}

// add adds a finding about a service.
func (c *checker) add(r infra.Rule, line int, service, message string, identity ...string) *scanners.Finding {
	c.found = append(c.found, r.At(c.path, line, line, "Service "+service+" "+message, append([]string{service}, identity...)...))
	return &c.found[len(c.found)-1]
}

func (c *checker) service(name string, s *yamlpos.Node) {
	if v := s.Get("privileged"); v.True() {
		f := c.add(privileged, v.Line, name, "is privileged.")
		if v.Column > 0 {
			f.Fixes = infra.Replace(c.path, v.Line, v.Column, v.EndColumn, "false")
		}
	}
	for _, key := range []string{"network_mode", "pid", "ipc", "userns_mode"} {
		if v := s.Get(key); v.String() == "host" {
			c.add(hostNamespace, v.Line, name, "shares a namespace of the host ("+key+").", key)
		}
	}
	for _, v := range s.Get("cap_add").List() {
		if added := infra.Capability(v.String()); added != "" {
			c.add(capability, v.Line, name, "gets the capability "+added+".", added).Extents = infra.CapabilityExtents(name, added)
		}
	}
	for _, v := range s.Get("security_opt").List() {
		switch option := strings.ReplaceAll(strings.ReplaceAll(v.String(), " ", ""), "=", ":"); option {
		case "seccomp:unconfined", "apparmor:unconfined", "systempaths:unconfined":
			c.add(unconfined, v.Line, name, "runs with "+option+".", option)
		}
	}
	for _, v := range s.Get("volumes").List() {
		from, rest, _ := strings.Cut(v.String(), ":")
		_, mode, _ := strings.Cut(rest, ":")
		line, readOnly := v.Line, slices.Contains(strings.Split(mode, ","), "ro")
		if src := v.Get("source"); src != nil && v.Get("type").String() == "bind" {
			from, line, readOnly = src.String(), src.Line, v.Get("read_only").True()
		}
		if infra.HostPath(from) {
			c.add(hostPath, line, name, "mounts "+infra.Name(from)+" of the host.", from).Extents = infra.PathExtents(from, !readOnly)
		}
	}
	c.ports(name, s.Get("ports"))
	c.environment(name, s.Get("environment"))
	if img := s.Get("image"); img != nil && s.Get("build") == nil {
		if what, floating := infra.Floating(img.String()); floating {
			c.add(image, img.Line, name, "runs an image with "+what+".", "image")
		}
	}
}

// databases maps ports to programs that trust everybody who can reach them, or that need only a password.
var databases = map[string]string{
	"1433": "SQL Server", "1521": "Oracle", "2379": "etcd", "3306": "MySQL", "5432": "PostgreSQL", "5984": "CouchDB", "6379": "Redis",
	"7687": "Neo4j", "8086": "InfluxDB", "9042": "Cassandra", "9200": "Elasticsearch", "11211": "memcached", "26257": "CockroachDB", "27017": "MongoDB",
}

var shortPort = regexp.MustCompile(`^(?:0\.0\.0\.0:|\[::\]:)?(?:[0-9]+|\$\{[A-Z_]+:-[0-9]+\}):([0-9]+)(?:/tcp)?$`)

func (c *checker) ports(service string, list *yamlpos.Node) {
	for _, p := range list.List() {
		target := ""
		if m := shortPort.FindStringSubmatch(p.String()); m != nil {
			target = m[1]
		}
		host := p.Get("host_ip").String()
		if p.Get("published") != nil && (host == "" || host == "0.0.0.0" || host == "::") {
			target = p.Get("target").String()
		}
		if what := databases[target]; what != "" {
			c.add(published, p.Line, service, "publishes port "+target+" ("+what+") on all network interfaces.", target)
		}
	}
}

func (c *checker) environment(service string, env *yamlpos.Node) {
	add := func(line int, name, value string) {
		if infra.SecretName(name) && infra.SecretValue(value) {
			c.add(secret, line, service, "has a literal value for "+infra.Name(name)+".", name)
		}
	}
	seen := map[string]bool{}
	for _, e := range env.Pairs() {
		if !seen[e.Key] {
			add(e.Line, e.Key, e.Value.String())
		}
		seen[e.Key] = true
	}
	for _, v := range env.List() {
		name, value, _ := strings.Cut(v.String(), "=")
		add(v.Line, name, value)
	}
}
