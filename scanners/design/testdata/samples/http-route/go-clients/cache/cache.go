package cache

import "github.com/gin-gonic/gin"

func read(c *gin.Context, store Store) {
	store.Put("/key", value)
	v := cache.Get("/key", fallback)
	c.Redirect(302, "/login")
	headers.Add("/x", "y")
}
