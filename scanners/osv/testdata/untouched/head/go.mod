module example.com/shop

go 1.22

require (
	example.com/acme/router v1.2.0
	example.com/acme/safe v0.1.0
)
