module example.com/greet

go 1.24

require (
	example.com/not/there v1.0.0
	example.com/not/here v1.2.0 // indirect
)
