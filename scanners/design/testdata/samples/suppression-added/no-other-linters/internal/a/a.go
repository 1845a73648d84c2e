package a

var x = 1 //nolint:unused,gochecknoglobals // kept
