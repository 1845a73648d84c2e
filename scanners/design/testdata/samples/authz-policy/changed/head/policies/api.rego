package api.authz

allow if input.user.role in {"reader", "guest"}
