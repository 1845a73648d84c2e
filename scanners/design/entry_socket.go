package design

import (
	"go/ast"
	"strings"
)

// A call of a package of Go, as the name under which the file imports it.
type packageCall struct {
	pkg, name string // "github.com/nats-io/nats.go", "Connect"
	call      *ast.CallExpr
	in        string // the function around it
}

// packageCalls returns the calls of functions of imported packages, and literals of their types.
func packageCalls(g *goSource, visit func(c packageCall, lit *ast.CompositeLit)) {
	imports := g.imports()
	for _, d := range g.file.Decls {
		in := ""
		if f, ok := d.(*ast.FuncDecl); ok {
			in = f.Name.Name
		}
		ast.Inspect(d, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if sel, ok := n.Fun.(*ast.SelectorExpr); ok {
					visit(packageCall{imports[goName(sel.X)], sel.Sel.Name, n, in}, nil)
				}
			case *ast.CompositeLit:
				if sel, ok := n.Type.(*ast.SelectorExpr); ok {
					visit(packageCall{imports[goName(sel.X)], sel.Sel.Name, nil, in}, n)
				}
			}
			return true
		})
	}
}

var (
	goSockets = rex(`gorilla/websocket|nhooyr\.io/websocket|coder/websocket|gobwas/ws|x/net/websocket|olahol/melody|fasthttp/websocket|gofiber/(contrib/)?websocket|lxzan/gws`)

	jsSocket = rex(`\bnew\s+(?P<ws>(?:WebSocket|ws|WS)\.?Server|WebSocketServer|WSServer)(?P<open>\()|@WebSocketGateway(?P<gate>\()|\bnew\s+(?P<io>(?:SocketIO|IO|socketio)\.?Server|Server|SocketServer|IOServer)(?:<[^()]*>)?\(|\brequire\(['"]socket\.io['"]\)\s*\(|\b(?:app|router|fastify)\.ws\(\s*['"](?P<path>[^'"\n]*)|(?P<up>upgradeWebSocket)\(|\bwebsocket\s*:\s*(?P<true>true)`)
	jsClass  = rex(`\bclass\s+(\w+)`)

	pySocket   = rex(`@\w+(?:\.\w+)*\.(?P<kind>websocket|websocket_route)\(\s*f?['"](?P<path>[^'"\n]*)|\bWebSocketRoute\(\s*f?['"](?P<list>[^'"\n]*)|\bclass\s+(?P<class>\w+)\([^)\n]*(?:WebsocketConsumer|WebSocketHandler|WebSocketEndpoint)\b|(?P<io>\bSocketIO\()|(?P<server>\bwebsockets\.serve\()`)
	javaSocket = rex(`@(?P<kind>ServerEndpoint|MessageMapping|ServerWebSocket)\(\s*(?:value\s*=\s*)?\{?\s*"(?P<path>[^"\n]*)"|\.(?P<add>addEndpoint|addHandler)(?P<open>\()`)
	javaStomp  = rex(`registerStompEndpoints|registerWebSocketHandlers|WebSocketHandlerRegistry|StompEndpointRegistry`)
	csSocket   = rex(`\.MapHub<(?P<hub>\w+)>\(\s*(?:"(?P<path>[^"\n]*)")?|\.(?P<accept>AcceptWebSocketAsync)\(`)
	rbSocket   = rex(`(?m)^\s*class\s+(?P<class>[\w:]+)\s*<\s*ApplicationCable::Channel|ActionCable\.server`)
	rsSocket   = rex(`\bfn\s+(?P<fn>\w+)\s*\([^{;]*\bWebSocketUpgrade\b|\bws::(?:start|WsResponseBuilder)|actix_ws::handle\(`)
)

// sockets reads where a server takes WebSockets.
func sockets(s *source) {
	if s.class != production {
		return
	}
	switch s.language {
	case golang:
		goSocket(s)
	case javascript:
		jsSockets(s)
	case python:
		for _, h := range s.hits(pySocket) {
			s.socket(first(h, "path", "list", "class", "io", "server"), h.line())
		}
	case java:
		stomp := javaStomp.Match(s.code())
		for _, h := range s.hits(javaSocket) {
			if h.group("add") == "" {
				s.socket(h.group("kind")+" "+h.group("path"), h.line())
			} else if stomp {
				text, _ := s.inner(h.offset("open"))
				for _, p := range literals(text) {
					s.socket(p, h.line())
				}
			}
		}
	case csharp:
		for _, h := range s.hits(csSocket) {
			s.socket(first(h, "path", "hub", "accept"), h.line())
		}
	case ruby:
		for _, h := range s.hits(rbSocket) {
			if c := h.group("class"); c != "" && !strings.HasPrefix(c, "ApplicationCable") {
				s.socket(c, h.line())
			}
		}
	case rust:
		for _, h := range s.hits(rsSocket) {
			name := h.group("fn")
			if name == "" {
				name = string(s.code()[h.begin():h.end()])
			}
			s.socket(name, h.line())
		}
	}
}

// first returns the first of the named groups with a text.
func first(h hit, names ...string) string {
	for _, n := range names {
		if t := strings.TrimSuffix(h.group(n), "("); t != "" {
			return t
		}
	}
	return ""
}

func (s *source) socket(key string, line int, options ...option) {
	s.add("websocket-endpoint", key, line, options...)
}

func goSocket(s *source) {
	g := s.goFile()
	packageCalls(g, func(c packageCall, lit *ast.CompositeLit) {
		if !goSockets.MatchString(c.pkg) {
			return
		}
		in := c.in
		if in == "" {
			in = stem(s.path)
		}
		if lit != nil {
			if c.name == "Upgrader" || c.name == "Server" || c.name == "FastHTTPUpgrader" || c.name == "HTTPUpgrader" {
				s.socket("websocket."+c.name+" in "+in, g.line(lit.Pos()), originChecked(lit)...)
			}
			return
		}
		switch c.name {
		case "Accept", "UpgradeHTTP", "New", "NewUpgrader":
			if c.name != "New" || strings.Contains(c.pkg, "melody") || strings.Contains(c.pkg, "gofiber") {
				s.socket("websocket."+c.name+" in "+in, g.line(c.call.Pos()))
			}
		}
	})
}

// originChecked closes the question of an upgrader that checks the Origin itself.
func originChecked(lit *ast.CompositeLit) []option {
	for _, e := range lit.Elts {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok || goName(kv.Key) != "CheckOrigin" && goName(kv.Key) != "Handshake" {
			continue
		}
		f, ok := kv.Value.(*ast.FuncLit)
		if !ok {
			return []option{closed("the upgrader checks the Origin")}
		}
		if len(f.Body.List) == 1 {
			if r, ok := f.Body.List[0].(*ast.ReturnStmt); ok && len(r.Results) == 1 && goName(r.Results[0]) == "true" {
				return nil
			}
		}
		return []option{closed("the upgrader checks the Origin")}
	}
	return nil
}

func jsSockets(s *source) {
	code := string(s.code())
	io := strings.Contains(code, `socket.io"`) || strings.Contains(code, "socket.io'")
	for _, h := range s.hits(jsSocket) {
		key := ""
		switch {
		case h.group("gate") != "":
			if m := jsClass.FindStringSubmatch(code[h.end():min(len(code), h.end()+600)]); m != nil {
				key = m[1]
			}
		case h.group("ws") != "":
			key = h.group("ws")
			text, _ := s.inner(h.offset("open"))
			if strings.Contains(text, "noServer") {
				key += " noServer"
			} else if m := jsPath.FindStringSubmatch(text); m != nil {
				key, _ = literalOf(m[1])
			}
		case h.group("io") != "":
			if io {
				key = "socket.io"
			}
		case h.group("true") != "":
			if strings.Contains(code, "@fastify/websocket") || strings.Contains(code, "fastify") && !strings.Contains(code, "openapi") {
				key = "websocket route"
			}
		case h.group("up") != "":
			if !strings.HasPrefix(strings.TrimSpace(s.line(h.line())), "import") && !strings.Contains(s.line(h.line()), "function") {
				key = "upgradeWebSocket"
			}
		case h.group("path") != "":
			key = h.group("path")
		case io:
			key = "socket.io"
		}
		s.socket(key, h.line())
	}
}
