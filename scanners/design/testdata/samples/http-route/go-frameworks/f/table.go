package f

import "net/http"

var table = []struct {
	Method, Path string
	Handler      http.HandlerFunc
}{
	{Method: "GET", Path: "/status", Handler: status},
}

func (x *handler) RegisterPublicRoutes(public *Router) {
	public.GET(RouteBrowserFlow, x.browser)
}
