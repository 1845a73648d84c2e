package rules

import "github.com/google/cel-go/cel"

func env() (*cel.Env, error) { return cel.NewEnv() }
