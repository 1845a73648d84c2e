package api.authz

test_guest_is_refused if not allow with input as {"user": {"role": "guest"}}
