package api.authz

# Readers may read.
allow if input.user.role == "reader"
