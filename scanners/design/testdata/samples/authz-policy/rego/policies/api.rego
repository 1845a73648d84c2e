package api.authz

default allow := false

# readers
allow if {
	input.method == "GET"
	input.user.role == "reader"
}
