package terraform

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// former returns the addresses that resources had before they were moved, by their addresses. The file says so in its
// moved blocks. A finding is identified by the former address, so that it is the same problem as at the base. An address
// that is taken again is not the former one of another resource.
func former(file hclsyntax.Blocks) map[string]string {
	there, moves := map[string]bool{}, map[string]string{}
	for _, b := range file {
		switch b.Type {
		case "resource":
			there[label(b, 0)+"."+label(b, 1)] = true
		case "moved":
			in := body{Body: b.Body}
			from, to := address(in.attribute("from")), address(in.attribute("to"))
			if from != "" && to != "" {
				moves[to] = from
			}
		}
	}
	first := map[string]string{}
	for to := range moves {
		name := to
		for range maxMoves {
			was, ok := moves[name]
			if !ok || there[was] {
				break
			}
			name = was
		}
		first[to] = name
	}
	return first
}

// maxMoves is how many moves of one resource are followed.
const maxMoves = 50

// address returns the address of a resource without the key of an instance, or "" for something else.
func address(e hclsyntax.Expression) string {
	if e == nil {
		return ""
	}
	path, diags := hcl.AbsTraversalForExpr(e)
	if diags.HasErrors() || len(path) < 2 || path.RootName() == "module" || path.RootName() == "data" {
		return ""
	}
	if len(path) > 2 {
		if _, ok := path[2].(hcl.TraverseIndex); !ok || len(path) > 3 {
			return ""
		}
	}
	return rootAndType(path)
}
