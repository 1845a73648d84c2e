package a

import "github.com/gin-gonic/gin"

func mount(r *gin.Engine, h handlers) {
	v1 := r.Group("/v1", h.auth)
	v1.GET("/users/:id", h.user)
	{
		teams := v1.Group("/teams")
		teams.POST("", h.createTeam)
		teams.Handle("PATCH", "/:id", h.patchTeam)
	}
}
