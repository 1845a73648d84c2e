module example.com/shop

go 1.22

require (
	example.com/acme/router v1.3.0 // still affected
	example.com/acme/yaml v3.0.0+incompatible
	example.com/acme/yaml/v3 v3.0.0 // indirect
)
