package server

import "net/http/pprof"

var index = pprof.Index

// _ "net/http/pprof"
