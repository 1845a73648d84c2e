module example.com/greet

go 1.99

toolchain go1.99.0
