package design

import (
	"bytes"
	"go/ast"
	"go/token"
	"path"
	"strconv"
	"strings"
)

// A goCall is what a call of a function of a package, or a literal of one of its types, is.
type goCall struct {
	rule string
	key  string // empty for PACKAGE.NAME
	safe func(g *goSource, args []ast.Expr) string
	skip func(s *source, g *goSource, args []ast.Expr) bool
}

// goCalls are the calls and literals of Go by the package's path without its major version, and the name.
var goCalls = map[string]map[string]goCall{
	"github.com/robfig/cron":                   {"New": {rule: "scheduled-job"}, "NewWithLocation": {rule: "scheduled-job"}},
	"github.com/go-co-op/gocron":               {"NewScheduler": {rule: "scheduled-job"}},
	"github.com/riverqueue/river":              {"NewPeriodicJob": {rule: "scheduled-job"}},
	"github.com/hibiken/asynq":                 {"NewScheduler": {rule: "scheduled-job"}},
	"archive/zip":                              {"OpenReader": {rule: "archive-extract"}, "NewReader": {rule: "archive-extract"}},
	"archive/tar":                              {"NewReader": {rule: "archive-extract"}},
	"github.com/mholt/archiver":                {"Unarchive": {rule: "archive-extract"}, "Identify": {rule: "archive-extract"}},
	"golang.org/x/oauth2":                      {"Config": {rule: "identity-provider", key: "OAuth 2"}},
	"github.com/coreos/go-oidc/oidc":           {"NewProvider": {rule: "identity-provider", key: "OpenID Connect"}},
	"github.com/coreos/go-oidc":                {"NewProvider": {rule: "identity-provider", key: "OpenID Connect"}},
	"github.com/zitadel/oidc/pkg/client/rp":    {"NewRelyingPartyOIDC": {rule: "identity-provider", key: "OpenID Connect"}},
	"google.golang.org/api/idtoken":            {"Validate": {rule: "identity-provider", key: "Google ID token"}},
	"github.com/markbates/goth":                {"UseProviders": {rule: "identity-provider"}},
	"github.com/crewjam/saml/samlsp":           {"New": {rule: "identity-provider", key: "SAML"}},
	"github.com/crewjam/saml":                  {"ServiceProvider": {rule: "identity-provider", key: "SAML"}},
	"github.com/russellhaering/gosaml2":        {"SAMLServiceProvider": {rule: "identity-provider", key: "SAML"}},
	"github.com/go-ldap/ldap":                  {"DialURL": {rule: "identity-provider", key: "LDAP"}, "Dial": {rule: "identity-provider", key: "LDAP"}, "DialTLS": {rule: "identity-provider", key: "LDAP"}},
	"github.com/go-webauthn/webauthn/webauthn": {"New": {rule: "identity-provider", key: "WebAuthn"}},
	"github.com/duo-labs/webauthn/webauthn":    {"New": {rule: "identity-provider", key: "WebAuthn"}},
	"github.com/pquerna/otp/totp":              {"Generate": {rule: "identity-provider", key: "TOTP"}, "Validate": {rule: "identity-provider", key: "TOTP"}, "ValidateCustom": {rule: "identity-provider", key: "TOTP"}},
	"github.com/golang-jwt/jwt":                goJWT,
	"github.com/dgrijalva/jwt-go":              goJWT,
	"github.com/go-jose/go-jose/jwt":           {"Signed": {rule: "token-issue-verify"}, "ParseSigned": {rule: "token-issue-verify"}},
	"gopkg.in/square/go-jose/jwt":              {"Signed": {rule: "token-issue-verify"}, "ParseSigned": {rule: "token-issue-verify"}},
	"gopkg.in/go-jose/go-jose/jwt":             {"Signed": {rule: "token-issue-verify"}, "ParseSigned": {rule: "token-issue-verify"}},
	"github.com/lestrrat-go/jwx/jwt":           {"Parse": {rule: "token-issue-verify", safe: goTokenSafe}, "ParseRequest": {rule: "token-issue-verify", safe: goTokenSafe}, "Sign": {rule: "token-issue-verify"}, "ParseInsecure": {rule: "token-unverified"}},
	"golang.org/x/crypto/bcrypt":               {"GenerateFromPassword": {rule: "password-storage", safe: goCost}},
	"golang.org/x/crypto/argon2":               {"IDKey": {rule: "password-storage", skip: goNoPassword}, "Key": {rule: "password-storage", skip: goNoPassword}},
	"golang.org/x/crypto/scrypt":               {"Key": {rule: "password-storage", skip: goNoPassword}},
	"golang.org/x/crypto/pbkdf2":               {"Key": {rule: "password-storage", skip: goNoPassword}},
	"crypto/pbkdf2":                            {"Key": {rule: "password-storage", skip: goNoPassword}},
	"os/exec":                                  {"Command": {rule: "shell-exec", safe: goConstant}, "CommandContext": {rule: "shell-exec", safe: goConstant}},
	"syscall":                                  {"Exec": {rule: "shell-exec"}, "ForkExec": {rule: "shell-exec"}},
	"os":                                       {"StartProcess": {rule: "shell-exec"}},
	"encoding/gob":                             {"NewDecoder": {rule: "unsafe-deserialization"}},
	"plugin":                                   {"Open": {rule: "dynamic-code"}},
	"github.com/dop251/goja":                   {"New": {rule: "dynamic-code"}},
	"github.com/robertkrimen/otto":             {"New": {rule: "dynamic-code"}},
	"github.com/yuin/gopher-lua":               {"NewState": {rule: "dynamic-code"}},
	"github.com/google/cel-go/cel":             {"NewEnv": {rule: "dynamic-code"}},
	"github.com/expr-lang/expr":                {"Compile": {rule: "dynamic-code"}, "Eval": {rule: "dynamic-code"}},
	"github.com/antonmedv/expr":                {"Compile": {rule: "dynamic-code"}, "Eval": {rule: "dynamic-code"}},
	"github.com/traefik/yaegi/interp":          {"New": {rule: "dynamic-code"}},
	"encoding/xml":                             {"NewDecoder": {rule: "xml-parser", safe: goXML}, "Unmarshal": {rule: "xml-parser", safe: goXML}},
	"github.com/beevik/etree":                  {"NewDocument": {rule: "xml-parser", safe: goXML}},
	"github.com/lestrrat-go/libxml2":           {"Parse": {rule: "xml-parser"}, "ParseString": {rule: "xml-parser"}, "ParseReader": {rule: "xml-parser"}},
	"github.com/rs/cors":                       goCORS,
	"github.com/go-chi/cors":                   goCORS,
	"github.com/gin-contrib/cors":              goCORS,
	"github.com/gofiber/fiber/middleware/cors": goCORS,
	"github.com/gorilla/sessions":              {"NewCookieStore": {rule: "cookie-set", key: "cookie session"}},
}

var goJWT = map[string]goCall{
	"Parse": {rule: "token-issue-verify", safe: goTokenSafe}, "ParseWithClaims": {rule: "token-issue-verify", safe: goTokenSafe},
	"NewWithClaims": {rule: "token-issue-verify"}, "NewParser": {rule: "token-issue-verify", safe: goTokenSafe, skip: goUnverified},
	"UnsafeAllowNoneSignatureType": {rule: "token-unverified"},
}

var goCORS = map[string]goCall{"AllowAll": {rule: "cors-policy", key: "all origins"}, "Default": {rule: "cors-policy", key: "all origins"}}

// goModels are packages that talk to a language model.
var goModels = []string{
	"github.com/sashabaranov/go-openai", "github.com/openai/openai-go", "github.com/anthropics/anthropic-sdk-go",
	"github.com/tmc/langchaingo", "github.com/ollama/ollama/api", "google.golang.org/genai",
	"github.com/google/generative-ai-go", "cloud.google.com/go/vertexai", "cloud.google.com/go/ai",
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime", "github.com/mark3labs/mcp-go",
	"github.com/modelcontextprotocol/go-sdk", "github.com/cloudwego/eino", "github.com/firebase/genkit",
}

// goWeb are the packages whose requests hold uploads.
var goWeb = []string{"net/http", "github.com/gin-gonic/gin", "github.com/labstack/echo", "github.com/gofiber/fiber", "github.com/beego/beego", "github.com/astaxie/beego", "github.com/kataras/iris", "github.com/valyala/fasthttp", "gopkg.in/macaron"}

var goUploads = map[string]bool{"FormFile": true, "MultipartReader": true, "MultipartForm": true, "ParseMultipartForm": true}

// A goReader adds the facts of a file of Go.
type goReader struct {
	*source
	g       *goSource
	paths   map[string]string // import paths without major versions, by name
	web     bool
	cookies bool // there are literals of cookies
	sends   bool // cookies of a client, and none of a service
	client  map[ast.Node]bool
	serves  bool // a handler gets requests
	cron    bool
	models  map[string]bool // first uses, which count once in a file
	scripts bool
}

// goSinks adds the facts of a file of Go.
func goSinks(s *source) {
	g := s.goFile()
	if g == nil || s.class != production {
		return
	}
	r := &goReader{source: s, g: g, paths: map[string]string{}, client: map[ast.Node]bool{}, models: map[string]bool{}, scripts: sinkTooling.MatchString(path.Dir(s.path) + "/")}
	for name, full := range g.imports() {
		r.paths[name] = withoutMajor(full)
	}
	if full := r.paths["jwt-go"]; full != "" {
		r.paths["jwt"] = full
	}
	for _, i := range g.file.Imports {
		r.imported(strings.Trim(i.Path.Value, "\"`"), g.line(i.Pos()))
	}
	r.sends = bytes.Contains(s.text, []byte(".AddCookie(")) && !bytes.Contains(s.text, []byte("SetCookie("))
	r.serves = serving.Match(s.text)
	r.cookies = bytes.Contains(s.text, []byte("http.Cookie{"))
	for _, full := range r.paths {
		r.cron = r.cron || full == "github.com/robfig/cron"
		for _, web := range goWeb {
			r.web = r.web || full == web || strings.HasPrefix(full, web+"/")
		}
	}
	ast.Inspect(g.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			r.call(n)
		case *ast.CompositeLit:
			r.literal(n)
		}
		return true
	})
}

// withoutMajor returns an import path without its major version: "/v5" at the end or inside, ".v3".
func withoutMajor(full string) string {
	parts := strings.Split(full, "/")
	kept := parts[:0]
	for i, p := range parts {
		if i > 0 && majorVersion.MatchString(p) {
			continue
		}
		if name, v, ok := strings.Cut(p, ".v"); ok && majorVersion.MatchString("v"+v) {
			p = name
		}
		kept = append(kept, p)
	}
	return strings.Join(kept, "/")
}

func (r *goReader) imported(full string, line int) {
	if full == "C" || full == "unsafe" {
		r.fact("native-unsafe", full, line)
	}
	for _, m := range goModels {
		if (full == m || strings.HasPrefix(full, m+"/")) && !r.models[m] {
			r.models[m] = true
			r.fact("llm-call", m, line, with("search", m))
		}
	}
	if strings.HasPrefix(full, "github.com/markbates/goth/providers/") {
		r.fact("identity-provider", path.Base(full), line)
	}
	if full == "github.com/alexedwards/scs/v2" {
		r.fact("cookie-set", "cookie session", line)
	}
}

// selected returns the import path and name of a selector on a package, and the name alone for one on a value.
func (r *goReader) selected(e ast.Expr) (pkg, name string) {
	switch x := e.(type) {
	case *ast.IndexExpr: // a generic function
		return r.selected(x.X)
	case *ast.SelectorExpr:
		if id, ok := x.X.(*ast.Ident); ok {
			return r.paths[id.Name], x.Sel.Name
		}
		return "", x.Sel.Name
	}
	return "", ""
}

func (r *goReader) call(c *ast.CallExpr) {
	pkg, name := r.selected(c.Fun)
	if name == "" {
		return
	}
	if known, ok := goCalls[pkg][name]; ok && pkg != "" {
		r.known(known, pkg, name, c, c.Args)
		return
	}
	line := r.g.line(c.Pos())
	if pkg == "net/http" && name == "SetCookie" {
		if len(c.Args) == 2 && !isLiteral(c.Args[1]) && !r.cookies {
			r.fact("cookie-set", "cookie", line)
		}
		return
	}
	if pkg != "" {
		return
	}
	switch {
	case name == "AddCookie":
		for _, a := range c.Args {
			r.client[bare(a)] = true
		}
	case goUploads[name] && r.web && !r.scripts:
		r.fact("file-upload", name, line)
	case name == "SetCookie" && len(c.Args) == 7 && r.web: // gin
		r.ginCookie(c, line)
	case (name == "AddFunc" || name == "AddJob") && len(c.Args) == 2 && r.cron:
		r.fact("scheduled-job", strings.TrimSpace("cron "+text(c.Args[0])), line)
	case (name == "Get" || name == "GetHeader") && len(c.Args) == 1 && credentialHeader.MatchString(text(c.Args[0])) && r.incoming(c.Fun):
		r.fact("identity-provider", "header "+text(c.Args[0]), line)
	case name == "BasicAuth" && len(c.Args) == 0 && r.web && !r.scripts:
		r.fact("identity-provider", "basic authentication", line)
	case name == "VerifyIDToken" || name == "VerifyIDTokenAndCheckRevoked":
		r.fact("identity-provider", name, line)
	case name == "ParseUnverified":
		r.fact("token-unverified", name, line)
	}
}

// credentialHeader is a header of requests that holds a credential.
var credentialHeader = rex(`(?i)^(?:authorization|x-api-key|api-key|x-[a-z-]*(?:api-key|auth-token|access-token))$`)

// serving is a parameter that holds a request that came in.
var serving = rex(`\w+ \*http\.Request\b|\bResponseWriter\b|\b(?:gin|echo|macaron|iris|context)\.Context\b|\bfiber\.Ctx\b`)

// incoming reports whether a method reads a header of a request that a handler got: r.Header.Get, c.GetHeader.
func (r *goReader) incoming(fun ast.Expr) bool {
	s, ok := fun.(*ast.SelectorExpr)
	if !ok || !r.web || !r.serves || r.scripts {
		return false
	}
	switch x := s.X.(type) {
	case *ast.Ident:
		return s.Sel.Name == "GetHeader" || x.Name == "c" && s.Sel.Name == "Get"
	case *ast.SelectorExpr:
		id, ok := x.X.(*ast.Ident)
		return x.Sel.Name == "Header" && (!ok || id.Name != "resp" && id.Name != "res" && id.Name != "w")
	case *ast.CallExpr: // c.Request().Header.Get is above; w.Header().Get is the answer
		return false
	}
	return false
}

// fact adds a fact, unless its line is too long to be code.
func (r *goReader) fact(rule, key string, line int, options ...option) {
	if len(r.line(line)) <= maxSinkLine {
		r.add(rule, key, line, options...)
	}
}

func (r *goReader) known(known goCall, pkg, name string, at ast.Node, args []ast.Expr) {
	if known.skip != nil && known.skip(r.source, r.g, args) {
		return
	}
	if r.scripts && (known.rule == "shell-exec" || known.rule == "archive-extract" || known.rule == "dynamic-code" || known.rule == "xml-parser") {
		return
	}
	key := known.key
	if key == "" {
		key = path.Base(pkg) + "." + name
	}
	var options []option
	if known.safe != nil {
		if says := known.safe(r.g, args); says != "" {
			options = append(options, closed(says))
		}
	}
	r.fact(known.rule, key, r.g.line(at.Pos()), options...)
}

func (r *goReader) literal(l *ast.CompositeLit) {
	pkg, name := r.selected(l.Type)
	if pkg == "" {
		return
	}
	switch {
	case pkg == "net/http" && name == "Cookie", strings.HasSuffix(pkg, "gofiber/fiber") && name == "Cookie":
		r.cookie(l)
	case (name == "Options" || name == "Config" || name == "CORSConfig") && (strings.HasSuffix(pkg, "/cors") || strings.HasSuffix(pkg, "echo/middleware")):
		r.cors(l)
	case pkg == "golang.org/x/oauth2" && name == "Config":
		r.fact("identity-provider", strings.TrimSpace("OAuth 2 "+r.endpoint(l)), r.g.line(l.Pos()))
	default:
		if known, ok := goCalls[pkg][name]; ok {
			r.known(known, pkg, name, l, nil)
		}
	}
}

// endpoint returns the provider of an oauth2.Config if its endpoint is that of a known package.
func (r *goReader) endpoint(l *ast.CompositeLit) string {
	if s, ok := fields(l)["Endpoint"].(*ast.SelectorExpr); ok {
		if pkg, name := r.selected(s); strings.HasPrefix(pkg, "golang.org/x/oauth2/") {
			if name == "Endpoint" {
				return path.Base(pkg)
			}
			return strings.ToLower(name)
		}
	}
	return ""
}

// cookie adds a cookie that is set. One that is deleted, empty, or sent by a client is left out.
func (r *goReader) cookie(l *ast.CompositeLit) {
	all := fields(l)
	if r.client[l] || r.sends || len(all) == 0 || isNegative(all["MaxAge"]) || all["Value"] == nil && all["Name"] != nil {
		return
	}
	if v, ok := all["Value"].(*ast.BasicLit); ok && len(v.Value) <= 2 {
		return
	}
	name := text(all["Name"])
	if pagePreference.MatchString(name) {
		return
	}
	var options []option
	if set(all["Secure"]) && set(first2(all["HttpOnly"], all["HTTPOnly"])) && all["SameSite"] != nil {
		options = append(options, closed("the cookie sets Secure, HttpOnly and SameSite"))
	}
	r.fact("cookie-set", strings.TrimSpace("cookie "+name), r.g.line(l.Pos()), options...)
}

// pagePreference is the name of a cookie that keeps how a page looks.
var pagePreference = rex(`(?i)(?:^|[_.-])(?:theme|color[_-]?scheme|dark[_-]?mode|locale|lang|language|time[_-]?zone|tz|sidebar\w*|layout|consent\w*|flash|redirect_to)$`)

func (r *goReader) ginCookie(c *ast.CallExpr, line int) {
	name := text(c.Args[0])
	if isNegative(c.Args[2]) || text(c.Args[1]) == "" && isLiteral(c.Args[1]) || pagePreference.MatchString(name) {
		return
	}
	r.fact("cookie-set", strings.TrimSpace("cookie "+name), line)
}

func fields(l *ast.CompositeLit) map[string]ast.Expr {
	all := map[string]ast.Expr{}
	for _, e := range l.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			if id, ok := kv.Key.(*ast.Ident); ok {
				all[id.Name] = kv.Value
			}
		}
	}
	return all
}

// bare returns an expression without & and brackets.
func bare(e ast.Expr) ast.Expr {
	for {
		switch x := e.(type) {
		case *ast.UnaryExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return e
		}
	}
}

func isLiteral(e ast.Expr) bool {
	switch bare(e).(type) {
	case *ast.BasicLit, *ast.CompositeLit:
		return true
	}
	return false
}

func isNegative(e ast.Expr) bool {
	u, ok := e.(*ast.UnaryExpr)
	return ok && u.Op == token.SUB
}

// set reports whether a field is set, and not to false.
func set(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return e != nil && (!ok || id.Name != "false")
}

func first2(a, b ast.Expr) ast.Expr {
	if a != nil {
		return a
	}
	return b
}

// text returns the value of a string literal; empty for another expression.
func text(e ast.Expr) string {
	if b, ok := e.(*ast.BasicLit); ok && b.Kind == token.STRING {
		s, err := strconv.Unquote(b.Value)
		if err == nil {
			return s
		}
	}
	return ""
}

func goConstant(_ *goSource, args []ast.Expr) string {
	literals := 0
	for i, a := range args {
		switch bare(a).(type) {
		case *ast.BasicLit:
			literals++
		default:
			if i > 0 || literals > 0 {
				return ""
			}
		}
	}
	if literals == 0 {
		return ""
	}
	return "the command is constant"
}

func goXML(*goSource, []ast.Expr) string { return "encoding/xml resolves no external entities" }

func goCost(_ *goSource, args []ast.Expr) string {
	if len(args) == 2 {
		if b, ok := args[1].(*ast.BasicLit); ok && b.Kind == token.INT && len(b.Value) == 2 {
			return "the call names its cost"
		}
	}
	return ""
}

func goTokenSafe(_ *goSource, args []ast.Expr) string {
	var methods, audience bool
	for _, a := range args {
		if c, ok := a.(*ast.CallExpr); ok {
			if s, ok := c.Fun.(*ast.SelectorExpr); ok {
				methods = methods || s.Sel.Name == "WithValidMethods" || strings.HasPrefix(s.Sel.Name, "WithKey")
				audience = audience || s.Sel.Name == "WithAudience"
			}
		}
	}
	if methods && audience {
		return "the call fixes the algorithm and the audience"
	}
	return ""
}

// goUnverified reports whether the file's parsers verify nothing; then that is its fact.
func goUnverified(s *source, _ *goSource, _ []ast.Expr) bool {
	return bytes.Contains(s.text, []byte("ParseUnverified("))
}

// goNoPassword reports whether a function that derives keys has nothing to do with passwords of users.
func goNoPassword(s *source, _ *goSource, args []ast.Expr) bool {
	if len(args) > 0 {
		switch a := bare(args[0]).(type) {
		case *ast.CallExpr:
			if len(a.Args) == 1 {
				return !passwordName(a.Args[0])
			}
		default:
			return !passwordName(a)
		}
	}
	return true
}

func passwordName(e ast.Expr) bool {
	found, nodes := false, 0
	ast.Inspect(e, func(n ast.Node) bool {
		if nodes++; nodes > 50 {
			return false
		}
		if id, ok := n.(*ast.Ident); ok {
			l := strings.ToLower(id.Name)
			found = found || strings.Contains(l, "passw") || l == "pwd" || l == "plain" || l == "pw"
		}
		return true
	})
	return found
}
