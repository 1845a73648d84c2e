package authz

type Role string

const (
	RoleViewer Role = "viewer"
	RoleAdmin  Role = "admin"
)
