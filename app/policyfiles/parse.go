package policyfiles

import (
	"context"
	"fmt"

	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/strictyaml"
)

// parse reads a policy file. The error is [strictyaml.Problems] if the file is not valid; otherwise it could not be read.
func parse(ctx context.Context, yaml strictyaml.Parser, name string, text []byte) (policy.Layer, error) {
	if yaml == nil {
		yaml = strictyaml.Here
	}
	read, err := yaml(ctx, []strictyaml.Source{{File: name, Text: text}})
	if err != nil {
		return policy.Layer{}, fmt.Errorf("parse policy: %w", err)
	}
	return policy.Read(read[0])
}
