module example.com/unloaded

go 1.24
