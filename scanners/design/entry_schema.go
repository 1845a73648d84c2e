package design

import (
	"bytes"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	gql "github.com/vektah/gqlparser/v2/parser"

	"github.com/secbydesign/secbydesign/scanners/internal/yamlpos"
)

// maxNesting is how deep the brackets of a schema may be nested. The parsers of schemas call themselves at each bracket.
const maxNesting = 100

func nestedTooDeep(text []byte) bool {
	depth := 0
	for _, b := range text {
		switch b {
		case '{', '[', '(', '<':
			if depth++; depth > maxNesting {
				return true
			}
		case '}', ']', ')', '>':
			depth = max(0, depth-1)
		}
	}
	return false
}

// openAPI reads operations of OpenAPI 3 and Swagger 2 without security, and those with.
func openAPI(s *source) {
	if !s.is(yaml, jsonText) || s.class != production || !bytes.Contains(s.text, []byte("openapi")) && !bytes.Contains(s.text, []byte("swagger")) {
		return
	}
	for _, doc := range s.yaml() {
		if v := doc.Get("openapi").String() + doc.Get("swagger").String(); !strings.HasPrefix(v, "3") && !strings.HasPrefix(v, "2") {
			continue
		}
		openAPIDocument(s, doc)
	}
}

func openAPIDocument(s *source, doc *yamlpos.Node) {
	schemes := len(doc.Get("components", "securitySchemes").Pairs()) + len(doc.Get("securityDefinitions").Pairs())
	root, open := doc.Get("security"), 0
	for _, p := range doc.Get("paths").Pairs() {
		for _, op := range p.Value.Pairs() {
			method := strings.ToUpper(op.Key)
			if !methodList.MatchString(method) || method == "OPTIONS" || method == "HEAD" {
				continue
			}
			security := op.Value.Get("security")
			if security != nil && !openSecurity(security) {
				s.add(OperationSecurity, join(doc.Get("basePath").String(), p.Key), op.Line, with("method", method))
				continue
			}
			if security == nil {
				security = root
			}
			if !openSecurity(security) {
				continue
			}
			if open++; schemes > 0 {
				s.add("openapi-unsecured", method+" "+p.Key, op.Line, with("method", method), with("path", p.Key))
			}
		}
	}
	if schemes == 0 && open > 0 {
		title := doc.Get("info", "title").String()
		if title == "" {
			title = "API"
		}
		s.add("openapi-unsecured", "every operation of "+title, max(1, doc.Get("paths").Line))
	}
}

// openSecurity reports whether a list of security requirements lets everybody in.
func openSecurity(n *yamlpos.Node) bool {
	all := n.List()
	for _, one := range all {
		if len(one.Pairs()) == 0 {
			return true
		}
	}
	return len(all) == 0
}

var (
	gqlInCode  = rex(`\b(?:extend\s+)?type\s+Mutation\b[^{}]{0,200}\{`)
	gqlGuard   = rex(`(?i)auth|role|permission|require|login|guard|policy|scope|acl|private`)
	pyMutation = rex(`(?m)^[ \t]+(?P<name>[a-z]\w*)\s*=\s*(?:\w+\.)*(?P<class>[A-Z]\w+)\.Field\(`)
	pyMutClass = rex(`\bclass\s+(?P<name>\w*Mutations?)\b`)
	pyClassAny = rex(`(?m)^class\s+(?P<name>\w+)`)
	pyMutDecor = rex(`@(?:strawberry(?:_django)?\.mutation|\w*mutation\w*\.field)(?P<open>\()?[^\n]*`)
	pyMutPerm  = rex(`(?m)^[ \t]+permissions\s*=\s*[\[(]\s*\S`)
	jsMutation = rex(`@Mutation(?P<open>\()`)
	jsBuilder  = rex(`\b(?:mutationField|\w+\.mutationField)\(\s*['"](?P<name>\w+)['"]`)
	jsMethodAt = rex(`(?m)^\s*(?:public\s+|private\s+)?(?:async\s+)?(?P<name>[a-z]\w*)\s*\(`)
	rbMutation = rex(`(?m)^\s*field\s+:(?P<name>\w+)\s*,\s*(?:mutation|resolver):\s*`)
	jvMutation = rex(`@(?:MutationMapping|Mutation|GraphQLMutation|DgsMutation)\b(?:\([^)\n]*\))?`)
	jvMethodAt = rex(`\b(?P<name>[a-z]\w*)\s*\(`)
)

// mutations reads the mutations of GraphQL schemas, and of code that makes one.
func mutations(s *source) {
	if s.class != production {
		return
	}
	switch s.language {
	case graphql:
		for _, m := range gqlMutations(s.text) {
			s.mutation(m.Name, m.Position.Line, guardOf(m))
		}
	case javascript:
		for _, h := range s.hits(jsMutation) {
			s.decorated(h, jsMethodAt)
		}
		if bytes.Contains(s.code(), []byte("mutationField")) {
			for _, h := range s.hits(jsBuilder) {
				s.mutation(h.group("name"), h.line(), "")
			}
		}
		gqlStrings(s)
	case python:
		pyMutations(s)
	case ruby:
		if strings.Contains(strings.ToLower(s.path), "mutation") {
			for _, h := range s.hits(rbMutation) {
				s.mutation(camel(h.group("name")), h.line(), "")
			}
		}
	case java:
		if bytes.Contains(s.code(), []byte("raphql")) {
			for _, h := range s.hits(jvMutation) {
				s.decorated(h, jvMethodAt)
			}
		}
	}
}

// mutation adds a mutation, with the name of the guard that it has.
func (s *source) mutation(name string, line int, guard string) {
	if guard != "" {
		s.add("graphql-mutation", name, line, closed("the mutation itself has "+guard))
		return
	}
	s.add("graphql-mutation", name, line)
}

// gqlMutations returns the fields of the type Mutation in a schema; nil if it is not valid.
func gqlMutations(text []byte) (all ast.FieldList) {
	const most = 400_000 // tokens
	if nestedTooDeep(text) {
		return nil
	}
	doc, err := gql.ParseSchemaWithLimit(&ast.Source{Input: string(text)}, most)
	if err != nil || doc == nil {
		return nil
	}
	name := "Mutation"
	for _, d := range doc.Schema {
		for _, op := range d.OperationTypes {
			if op.Operation == ast.Mutation {
				name = op.Type
			}
		}
	}
	for _, list := range []ast.DefinitionList{doc.Definitions, doc.Extensions} {
		for _, d := range list {
			if d.Name == name {
				all = append(all, d.Fields...)
			}
		}
	}
	return all
}

func guardOf(f *ast.FieldDefinition) string {
	for _, d := range f.Directives {
		if gqlGuard.MatchString(d.Name) {
			return "@" + d.Name
		}
	}
	return ""
}

// gqlStrings reads schemas in strings of JavaScript.
func gqlStrings(s *source) {
	if !bytes.Contains(s.code(), []byte("type Mutation")) {
		return
	}
	last := 0
	for _, loc := range gqlInCode.FindAllIndex(s.text, -1) {
		if loc[0] < last {
			continue
		}
		const most = 50_000 // bytes of one type
		rest := s.text[loc[1]:min(len(s.text), loc[1]+most)]
		end := bytes.Index(rest, []byte("\n}"))
		if other := bytes.IndexByte(rest, '}'); end < 0 || other >= 0 && other < end && !bytes.Contains(rest[:other], []byte("{")) {
			end = other
		} else {
			end++
		}
		if end < 0 {
			continue
		}
		last = loc[1] + end + 1
		for _, m := range gqlMutations(s.text[loc[0]:last]) {
			s.mutation(m.Name, s.lineAt(loc[0])+m.Position.Line-1, guardOf(m))
		}
	}
}

// decorated adds the mutation of a method with a decorator.
func (s *source) decorated(h hit, method *lazyRegexp) {
	from := h.end()
	if at := h.offset("open"); at >= 0 {
		from = s.past(at)
	}
	rest := s.code()[from:min(len(s.code()), from+1500)]
	loc := method.FindSubmatchIndex(rest)
	if loc == nil {
		return
	}
	i := method.SubexpIndex("name")
	guard := ""
	if g := guards.Find(rest[:loc[0]]); g != nil {
		guard = string(g)
	}
	s.mutation(string(rest[loc[2*i]:loc[2*i+1]]), h.line(), guard)
}

// guards are decorators that let only some callers in.
var guards = rex(`@(Authorized|UseGuards|Auth|RequireRoles?|Roles|Permissions?|PreAuthorize|RolesAllowed|Secured|HasPermission|RequiresPermission)\b`)

// pyMutations reads Graphene, Strawberry and Ariadne.
func pyMutations(s *source) {
	if pyMutClass.Match(s.code()) {
		guarded := map[string]bool{}
		classes := s.hits(pyClassAny)
		for i, c := range classes {
			end := len(s.code())
			if i+1 < len(classes) {
				end = classes[i+1].begin()
			}
			guarded[c.group("name")] = pyMutPerm.Match(s.code()[c.begin():end])
		}
		class := ""
		for _, h := range s.hits(pyMutation) {
			for len(classes) > 0 && classes[0].begin() < h.begin() {
				class, classes = classes[0].group("name"), classes[1:]
			}
			if !pyMutName.MatchString(class) {
				continue
			}
			guard := ""
			if guarded[h.group("class")] {
				guard = "permissions"
			}
			s.mutation(camel(h.group("name")), h.line(), guard)
		}
	}
	for _, h := range s.hits(pyMutDecor) {
		if m := pyDef.FindSubmatch(append([]byte(nil), s.code()[h.end():min(len(s.code()), h.end()+1500)]...)); m != nil {
			guard := ""
			if strings.Contains(string(s.code()[h.begin():h.end()]), "permission_classes") {
				guard = "permission_classes"
			}
			s.mutation(camel(string(m[1])), h.line(), guard)
		}
	}
}

var pyMutName = rex(`Mutations?`)

// camel returns user_create as userCreate, which is the name in the schema.
func camel(name string) string {
	parts := strings.Split(name, "_")
	for i, p := range parts {
		if i > 0 && p != "" {
			parts[i] = strings.ToUpper(p[:1]) + p[1:]
		}
	}
	return strings.Join(parts, "")
}

// foreign are packages of protocols that somebody else defines.
var (
	foreign  = rex(`^(google|grpc|envoy|opentelemetry|opencensus|k8s|io\.k8s|cosmos|gogoproto|buf\.validate|xds|udpa|etcdserverpb|containerd|runtime\.v1|csi|temporal|openfga|authzed)(\.|$)`)
	rpcGuard = rex(`(?i)auth|permission|role|scope|security|policy|relation`)
)

// procedures reads the methods of services in protobuf. The libraries that parse it do not end on some hostile texts, and
// all that is needed are services, methods and their options, between brackets that are matched in linear time.
func procedures(s *source) {
	if s.language != protobuf || s.class != production || protoForeign.MatchString(s.path) {
		return
	}
	if m := protoPackage.FindSubmatch(s.code()); m != nil && foreign.Match(m[1]) {
		return
	}
	rpcs := s.hits(protoMethod)
	for _, service := range s.hits(protoService) {
		end := s.past(service.end() - 1)
		for len(rpcs) > 0 && rpcs[0].begin() < end {
			if rpcs[0].begin() > service.end()-1 {
				s.procedure(service.group("name"), rpcs[0])
			}
			rpcs = rpcs[1:]
		}
	}
}

// procedure adds a method of a service.
func (s *source) procedure(service string, rpc hit) {
	options := []option{with("service", service), with("method", rpc.group("name"))}
	if rpc.group("body") != "" {
		text, _ := s.inner(rpc.end() - 1)
		for _, m := range protoOption.FindAllStringSubmatchIndex(text, mostOptions) {
			name, value, _ := strings.Cut(text[m[2]:], "=")
			if value, _, _ = strings.Cut(value, ";"); len(name) > maxKey {
				continue
			}
			name = strings.Join(strings.Fields(name), "")
			if strings.Contains(name, "google.api.http") {
				s.transcoded(text[m[2]:], s.lineAt(rpc.end()+m[2]))
			} else if rpcGuard.MatchString(name) && !rpcOpen.MatchString(name+value[:min(len(value), maxLine)]) {
				options = append(options, closed("the option "+name+" is set on the method"))
			}
		}
	}
	s.add("grpc-rpc", service+"."+rpc.group("name"), rpc.line(), options...)
}

// mostOptions is how many options of a method are read.
const mostOptions = 20

// transcoded notes the HTTP routes of a method, which google.api.http gives it.
func (s *source) transcoded(text string, line int) {
	for _, m := range protoRoute.FindAllStringSubmatch(text[:min(len(text), maxLine)], mostOptions) {
		s.route(strings.ToUpper(m[1]), m[2], line)
	}
}

var (
	protoPackage = rex(`(?m)^\s*package\s+([\w.]+)\s*;`)
	protoService = rex(`\bservice\s+(?P<name>\w+)\s*\{`)
	protoMethod  = rex(`\brpc\s+(?P<name>\w+)\s*\(\s*(?:stream\s+)?[\w.]+\s*\)\s*returns\s*\(\s*(?:stream\s+)?[\w.]+\s*\)\s*(?P<body>\{)?`)
	protoOption  = rex(`\boption\s+(\(?[\w.]+)`)
	protoRoute   = rex(`\b(get|post|put|patch|delete)\s*:\s*"([^"\n]*)"`)
	protoForeign = rex(`(?i)(^|/)(\w*clients?|client[-_]?apps?|third[-_]?party|external|googleapis|google)/`)
	rpcOpen      = rex(`(?i)anonymous|no_?auth|public|false`)
)
