module example.com/shop

go 1.21

require (
	example.com/acme/router v1.2.0
	example.com/acme/yaml/v3 v3.0.1
)
