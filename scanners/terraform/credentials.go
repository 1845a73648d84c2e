package terraform

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/secbydesign/secbydesign/scanners/internal/infra"
)

var (
	// resourceSecrets matches the attributes of resources, of their blocks and of modules that hold a secret.
	resourceSecrets = regexp.MustCompile(`^(?:.*_)?(?:password|passwd|passphrase|root_pass|auth_token|access_token|api_token|client_secret|secret_access_key)$`)

	// providerSecrets matches the attributes of providers and backends that hold a secret.
	providerSecrets = regexp.MustCompile(`^(access_key|secret_key|token|password|client_secret|api_key|app_key|api_token|private_key|secret_id|.*_(token|password|secret|api_key))$`)

	// keyFile matches the beginning of a Google key that is written inline instead of named by its
	// file.
	keyFile = regexp.MustCompile(`^\s*\{\s*"`)

	// passwordName matches the names of variables and of keys that hold a password.
	passwordName = regexp.MustCompile(`(?i)(?:password|passwd|passphrase)$|(?:^|[_.-])(?:pass|pwd|psw)$`)
)

// samples matches the paths of files that show or test a module. What they make is deleted again, and nothing is behind
// its passwords.
var samples = regexp.MustCompile(`(?i)(?:^|/)(?:tests?|testdata|fixtures?|examples?|samples?)/`)

// describing are the blocks and attributes that hold nothing but names and conditions.
var describing = []string{"lifecycle", "timeouts", "tags", "tags_all", "labels", "annotations", "triggers", "keepers", "depends_on", "validation"}

func (c *checker) credentials(at block) {
	s := secrets{c: c, at: at, names: resourceSecrets}
	switch {
	case strings.HasPrefix(at.kind, "data."):
		return
	case at.kind != "provider" && at.kind != "backend" && samples.MatchString(c.path):
		return
	case at.kind == "provider", at.kind == "backend":
		s.names = providerSecrets
	}
	s.body(at.body, "")
}

// backends checks the credentials of where the state is kept.
func (c *checker) backends(b body) {
	for _, inner := range b.Blocks {
		if inner.Type == "backend" || inner.Type == "cloud" {
			at := block{kind: "backend", address: strings.TrimSuffix(inner.Type+"."+label(inner, 0), "."), body: body{Body: inner.Body}}
			at.former = at.address
			c.credentials(at)
		}
	}
}

// secrets finds the secrets of one block.
type secrets struct {
	c     *checker
	at    block
	names *regexp.Regexp // of attributes that hold a secret
}

// body checks a body and all blocks in it. The path, which identifies what is found, leads to the body.
func (s secrets) body(b body, path string) {
	for _, name := range slices.Sorted(maps.Keys(b.Attributes)) {
		if slices.Contains(describing, name) {
			continue
		}
		a := b.Attributes[name]
		value, ok := b.get(name).(string)
		secret := s.names.MatchString(name) || name == "secret_key" && path == "" // in a block, it is a key of a secret
		if ok && secret && infra.SecretValue(value) || s.at.kind == "provider" && name == "credentials" && keyFile.MatchString(value) {
			s.add(a.SrcRange, path+name)
		}
		s.expression(b.in, a.Expr, path+name)
	}
	s.pair(b.get("name"), b.get("value"), first(b, "value"), path)
	for _, inner := range b.nested() {
		if !slices.Contains(describing, inner.name) {
			s.body(inner.body, path+inner.name+".")
		}
	}
}

// expression checks the objects in a value: the data of a secret, the variables of a program, a block written as an
// attribute.
func (s secrets) expression(in scope, e hclsyntax.Expression, path string) {
	switch e := e.(type) {
	case *hclsyntax.TupleConsExpr:
		for _, item := range e.Exprs {
			s.expression(in, item, path)
		}
	case *hclsyntax.FunctionCallExpr:
		for _, arg := range e.Args {
			s.expression(in, arg, path)
		}
	case *hclsyntax.ParenthesesExpr:
		s.expression(in, e.Expression, path)
	case *hclsyntax.ObjectConsExpr:
		s.object(in, e, path)
	}
}

func (s secrets) object(in scope, e *hclsyntax.ObjectConsExpr, path string) {
	var name, value any
	var where hcl.Range
	for _, item := range e.Items {
		key, content := in.key(item.KeyExpr), in.literal(item.ValueExpr)
		if slices.Contains(describing, key) {
			continue
		}
		text, ok := content.(string)
		if ok && (s.names.MatchString(key) || passwordName.MatchString(key)) && infra.SecretValue(text) {
			s.add(hcl.RangeBetween(item.KeyExpr.Range(), item.ValueExpr.Range()), path+"."+key)
		}
		switch strings.ToLower(key) {
		case "name":
			name = content
		case "value":
			value, where = content, item.ValueExpr.Range()
		}
		s.expression(in, item.ValueExpr, path+"."+key)
	}
	s.pair(name, value, where, path+".")
}

// pair checks a variable of a program that is written as a name and a value, and a value of a Helm chart.
func (s secrets) pair(name, value any, where hcl.Range, path string) {
	key, _ := name.(string)
	text, ok := value.(string)
	if ok && passwordName.MatchString(key) && infra.SecretValue(text) {
		s.add(where, path+key)
	}
}

func (s secrets) add(where hcl.Range, path string) {
	s.c.add(credentials, s.at, where, "has a literal value for "+infra.Name(path)+".", path)
}

// variable checks the default of a variable. It is only a default, so it counts less than a password in a resource.
func (c *checker) variable(name string, b body) {
	if c.password(name, b.get("default")) {
		at := block{address: "var." + name, former: "var." + name}
		c.add(defaultPassword, at, first(b, "default"), "has a password as its default.", "default")
	}
}

// assignments checks a file that gives variables their values.
func (c *checker) assignments(b body) {
	for _, name := range slices.Sorted(maps.Keys(b.Attributes)) {
		if c.password(name, b.get(name)) {
			at := block{address: "var." + name, former: "var." + name}
			c.add(assignedPassword, at, b.Attributes[name].SrcRange, "has a literal password.", "value")
		}
	}
}

// password reports whether the value of a variable is a password that a reader of the file learns. Those of tests and
// samples protect nothing.
func (c *checker) password(name string, value any) bool {
	text, ok := value.(string)
	return ok && passwordName.MatchString(name) && infra.SecretValue(text) && !infra.Usual(name, text) && !infra.Sample(c.path)
}
