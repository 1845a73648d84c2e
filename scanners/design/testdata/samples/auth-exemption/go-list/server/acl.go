package server

// PublicMethods need no session.
var PublicMethods = map[string]struct{}{
	"/memos.api.v1.AuthService/SignIn":  {},
	"/memos.api.v1.MemoService/GetMemo": {}, // shared memos
}

var publicPaths = []string{"/healthz", "/assets/app.css"}
