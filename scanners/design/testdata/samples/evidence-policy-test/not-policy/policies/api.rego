package api.authz

allow if input.user.role == "reader"
