package decisionfile

import (
	_ "embed" // for the schema
	"slices"
)

//go:embed schema.json
var schema []byte

// Schema returns the JSON Schema of a file, for editors.
func Schema() []byte { return slices.Clone(schema) }
