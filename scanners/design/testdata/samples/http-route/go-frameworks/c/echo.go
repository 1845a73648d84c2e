package c

import "github.com/labstack/echo/v4"

func (s *fileServer) register(e *echo.Echo) {
	g := e.Group("/file")
	g.GET("/avatars/:name", s.avatar)
	e.Any("/mcp", func(c echo.Context) error { return nil })
}
