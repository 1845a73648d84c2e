package http

import "github.com/gin-gonic/gin"

func (h *Handler) avatar(c *gin.Context) {
	header, err := c.FormFile("avatar")
	if err != nil {
		return
	}
	_ = header
}
