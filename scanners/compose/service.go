package compose

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners/internal/infra"
	"github.com/secbydesign/secbydesign/scanners/internal/yamlpos"
)

// address matches the names of variables that hold an address of the host, unless port matches them too.
var (
	address = regexp.MustCompile(`(?i)(^|_)(bind|host|ip|ipv[46]|addr(ess)?|listen|iface|interface|local(host)?)(_|$)`)
	port    = regexp.MustCompile(`(?i)(^|_)ports?(_?[0-9]+)?(_|$)`)
)

// service checks a service, whose key is on the line.
func (c *checker) service(name string, line int, s *yamlpos.Node) {
	if v := field(s, "privileged"); truth(v) {
		f := c.add(privileged, v.Line, name, "is privileged.")
		if v.Column > 0 {
			f.Fixes = infra.Replace(c.path, v.Line, v.Column, v.EndColumn, "false")
		}
	}
	for _, key := range []string{"network_mode", "pid", "ipc", "userns_mode"} {
		if v := field(s, key); word(v) == "host" {
			c.add(hostNamespace, v.Line, name, "shares a namespace of the host ("+key+").", key)
		}
	}
	for _, v := range items(field(s, "cap_add")) {
		if added := infra.Capability(word(v)); added != "" {
			c.add(capability, v.Line, name, "gets the capability "+added+".", added).Extents = infra.CapabilityExtents(name, added)
		}
	}
	for _, v := range items(field(s, "security_opt")) {
		switch option := securityOption(v); option {
		case "seccomp:unconfined", "apparmor:unconfined", "systempaths:unconfined":
			c.add(unconfined, v.Line, name, "runs with "+option+".", option)
		}
	}
	for _, v := range items(field(s, "volumes")) {
		c.volume(name, v)
	}
	c.ports(name, field(s, "ports"))
	known := infra.Words{}
	known.Add(append(infra.ImageNames(word(field(s, "image"))), name, word(field(s, "hostname")))...)
	c.environment(name, field(s, "environment"), known)
	c.environment(name, field(field(s, "build"), "args"), known)
	if img := field(s, "image"); img != nil && field(s, "build") == nil {
		if what, floating := infra.Floating(img.String()); floating {
			c.add(image, img.Line, name, "runs an image with "+what+".", "image")
		}
	}
	c.protected(name, line, s)
}

// truth reports whether a value is true, possibly as a text or as the default of a variable.
func truth(v *yamlpos.Node) bool { return v.True() || strings.EqualFold(word(v), "true") }

func securityOption(v *yamlpos.Node) string {
	return strings.ReplaceAll(strings.ReplaceAll(word(v), " ", ""), "=", ":")
}

// volume checks an entry of volumes, in the short or in the long syntax.
func (c *checker) volume(service string, v *yamlpos.Node) {
	if v.Kind == yamlpos.Map {
		if kind := field(v, "type").String(); kind != "bind" && kind != "npipe" {
			return
		}
		c.mount(service, field(v, "source"), word(field(v, "source")), word(field(v, "target")), !truth(field(v, "read_only")))
		return
	}
	parts := strings.Split(word(v), ":")
	if len(parts) > 1 && len(parts[0]) == 1 && strings.HasPrefix(parts[1], `\`) { // C:\folder
		parts = append([]string{parts[0] + ":" + parts[1]}, parts[2:]...)
	}
	if len(parts) < 2 {
		return // a path in the container, and a volume without a name
	}
	mode := ""
	if len(parts) > 2 {
		mode = parts[2]
	}
	c.mount(service, v, parts[0], parts[1], !slices.Contains(strings.Split(mode, ","), "ro"))
}

// mount checks what a service mounts. If the file does not say the source, a socket of an engine as the target
// says it.
func (c *checker) mount(service string, at *yamlpos.Node, source, target string, writable bool) {
	if source == unknown && infra.Socket(target) {
		source = target
	}
	shown := source
	if strings.Contains(source, unknown) {
		shown = path.Base(source)
	}
	if at != nil && infra.HostPath(source) {
		c.add(hostPath, at.Line, service, "mounts "+infra.Name(shown)+" of the host.", shown).Extents = infra.PathExtents(shown, writable)
	}
}

// A variable is one of an environment.
type variable struct {
	name, value string // the value as it is written
	line        int
}

func variables(env *yamlpos.Node) (list []variable) {
	seen := map[string]bool{}
	for _, e := range env.Pairs() {
		if !seen[e.Key] && e.Value.Tag != reset {
			list = append(list, variable{e.Key, e.Value.String(), e.Line})
		}
		seen[e.Key] = true
	}
	for _, v := range items(env) {
		name, value, _ := strings.Cut(v.String(), "=")
		list = append(list, variable{name, value, v.Line})
	}
	return list
}

// environment checks the variables of a service. A password that is one of the known words is a default of the
// program.
func (c *checker) environment(service string, env *yamlpos.Node, known infra.Words) {
	if infra.Sample(c.path) {
		return
	}
	list := variables(env)
	for _, v := range list {
		if !infra.SecretName(v.name) {
			value, _ := interpolate(v.value)
			known.Add(value)
		}
	}
	for _, v := range list {
		value, unset := interpolate(v.value)
		value = strings.ReplaceAll(value, "$", "S") // a literal $, written $$, is no reference
		if len(unset) > 0 || !infra.SecretName(v.name) || !infra.SecretValue(value) || infra.Usual(v.name, value) || known.Has(value) {
			continue
		}
		what := "a literal value"
		if strings.Contains(strings.ReplaceAll(v.value, "$$", ""), "$") {
			what = "a literal default value"
		}
		c.add(secret, v.line, service, "has "+what+" for "+infra.Name(v.name)+".", v.name)
	}
}

// protected says which settings protect a service. A service that extends another may have them there.
func (c *checker) protected(name string, line int, s *yamlpos.Node) {
	extends := field(s, "extends") != nil
	say := func(v *yamlpos.Node, is bool, rule infra.Rule, message string) {
		at := line
		if v != nil {
			at = v.Line
		}
		if is || !extends {
			c.kept(is, rule, at, name, message)
		}
	}
	readOnly := field(s, "read_only")
	say(readOnly, truth(readOnly) || word(readOnly) == unknown, readOnlyRemoved, "no longer has a read-only root filesystem.")

	drop := field(s, "cap_drop")
	dropsAll := slices.ContainsFunc(items(drop), func(v *yamlpos.Node) bool { return strings.EqualFold(strings.TrimPrefix(word(v), "CAP_"), "ALL") })
	say(drop, dropsAll, dropRemoved, "no longer drops all capabilities.")

	options := field(s, "security_opt")
	noNew := slices.ContainsFunc(items(options), func(v *yamlpos.Node) bool {
		option := securityOption(v)
		return option == "no-new-privileges" || option == "no-new-privileges:true"
	})
	say(options, noNew, noNewPrivilegesRemoved, "may gain privileges again: no-new-privileges is gone.")

	user := field(s, "user")
	id, _, _ := strings.Cut(word(user), ":")
	say(user, id != "" && id != "root" && id != "0", userRemoved, "no longer sets a user other than root.")
}
