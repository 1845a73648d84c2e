package design

import (
	"encoding/json"
	"slices"
	"strings"

	config "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/secbydesign/secbydesign/scanners/internal/infra"
)

// hclFile parses the file as HCL. It returns nil if it is none, is too much, or has no valid part.
func (s *source) hclFile() *hclsyntax.Body {
	if !s.is(hcl) || len(s.text) > 1<<20 || infra.HCLLimit(s.text) != nil {
		return nil
	}
	file, _ := hclsyntax.ParseConfig(s.text, s.path, config.InitialPos)
	if file == nil {
		return nil
	}
	body, _ := file.Body.(*hclsyntax.Body)
	return body
}

// A tfBlock is a resource, data source or module of Terraform, or a block in one.
type tfBlock struct {
	*hclsyntax.Body
	kind    string // "aws_s3_bucket", "data.aws_iam_policy_document" or "module"; of the outermost block
	address string
	line    int
}

// tfBlocks returns the resources, data sources and modules of a file that exist.
func tfBlocks(root *hclsyntax.Body) (list []tfBlock) {
	for _, b := range root.Blocks {
		at := tfBlock{Body: b.Body, line: b.TypeRange.Start.Line}
		switch {
		case b.Type == "resource" && len(b.Labels) == 2:
			at.kind, at.address = b.Labels[0], b.Labels[0]+"."+b.Labels[1]
		case b.Type == "data" && len(b.Labels) == 2:
			at.kind, at.address = "data."+b.Labels[0], "data."+b.Labels[0]+"."+b.Labels[1]
		case b.Type == "module" && len(b.Labels) == 1:
			at.kind, at.address = "module", "module."+b.Labels[0]
		default:
			continue
		}
		if at.get("count") != "0" {
			list = append(list, at)
		}
	}
	return list
}

// name is the last part of the address.
func (b tfBlock) name() string { return b.address[strings.LastIndexByte(b.address, '.')+1:] }

// value returns the literal value of an attribute: nil, a text, []any or map[string]any. Numbers and booleans are
// texts. What is not literal is tfUnknown{}.
func (b tfBlock) value(name string) any {
	if a := b.Attributes[name]; a != nil {
		return tfLiteral(a.Expr)
	}
	return nil
}

// get returns the literal text of an attribute, or "".
func (b tfBlock) get(name string) string {
	text, _ := b.value(name).(string)
	return text
}

// has reports whether an attribute is set to something other than null and "".
func (b tfBlock) has(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		v := b.value(name)
		return v != nil && v != ""
	})
}

// all returns the texts of an attribute that is a list, or one text.
func (b tfBlock) all(name string) []string { return tfTexts(b.value(name)) }

// at returns the line of an attribute, or of the block.
func (b tfBlock) at(name string) int {
	if a := b.Attributes[name]; a != nil {
		return a.NameRange.Start.Line
	}
	return b.line
}

// inner returns the blocks of a type in this one, also those of dynamic blocks.
func (b tfBlock) inner(kind string) (list []tfBlock) {
	for _, i := range b.Blocks {
		at := tfBlock{kind: b.kind, address: b.address, line: i.TypeRange.Start.Line}
		switch {
		case i.Type == kind:
			at.Body = i.Body
			list = append(list, at)
		case i.Type == "dynamic" && len(i.Labels) == 1 && i.Labels[0] == kind:
			for _, content := range i.Body.Blocks {
				if content.Type == "content" {
					at.Body = content.Body
					list = append(list, at)
				}
			}
		}
	}
	return list
}

// within returns the block and all blocks in it.
func (b tfBlock) within() []tfBlock {
	list := []tfBlock{b}
	for i := 0; i < len(list); i++ {
		for _, in := range list[i].Blocks {
			list = append(list, tfBlock{Body: in.Body, kind: b.kind, address: b.address, line: in.TypeRange.Start.Line})
		}
	}
	return list
}

// tfUnknown is a value that the file does not say.
type tfUnknown struct{}

// tfLiteral returns the value of an expression, see [tfBlock.value]. The bounds of [infra.HCLLimit] bound its recursion.
func tfLiteral(e hclsyntax.Expression) any {
	switch e := e.(type) {
	case *hclsyntax.LiteralValueExpr:
		return tfScalar(e.Val)
	case *hclsyntax.ParenthesesExpr:
		return tfLiteral(e.Expression)
	case *hclsyntax.TemplateWrapExpr:
		return tfLiteral(e.Wrapped)
	case *hclsyntax.TemplateExpr:
		return tfJoined(e)
	case *hclsyntax.TupleConsExpr:
		list := make([]any, 0, len(e.Exprs))
		for _, item := range e.Exprs {
			list = append(list, tfLiteral(item))
		}
		return list
	case *hclsyntax.ObjectConsExpr:
		return tfObject(e)
	case *hclsyntax.FunctionCallExpr:
		switch e.Name {
		case "jsonencode", "tolist", "toset", "distinct", "compact":
			if len(e.Args) == 1 {
				return tfLiteral(e.Args[0])
			}
		}
	}
	return tfUnknown{}
}

func tfObject(e *hclsyntax.ObjectConsExpr) any {
	all := map[string]any{}
	for _, item := range e.Items {
		key := config.ExprAsKeyword(item.KeyExpr)
		if wrapped, ok := item.KeyExpr.(*hclsyntax.ObjectConsKeyExpr); ok && key == "" {
			key, _ = tfLiteral(wrapped.Wrapped).(string)
		}
		if key != "" {
			all[key] = tfLiteral(item.ValueExpr)
		}
	}
	return all
}

// tfJoined returns the text of a template, with "${…}" in place of what is not known.
func tfJoined(e *hclsyntax.TemplateExpr) any {
	var b strings.Builder
	for _, part := range e.Parts {
		if text, ok := tfLiteral(part).(string); ok {
			b.WriteString(text)
		} else {
			b.WriteString("${…}")
		}
	}
	return b.String()
}

func tfScalar(v cty.Value) any {
	switch {
	case v.IsNull():
		return nil
	case !v.IsKnown():
		return tfUnknown{}
	case v.Type() == cty.String:
		return v.AsString()
	case v.Type() == cty.Bool && v.True():
		return "true"
	case v.Type() == cty.Bool:
		return "false"
	case v.Type() == cty.Number:
		return v.AsBigFloat().Text('f', -1)
	}
	return tfUnknown{}
}

// tfTexts returns the texts of a literal list, or a literal text as the only one.
func tfTexts(v any) (list []string) {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		for _, item := range v {
			if text, ok := item.(string); ok {
				list = append(list, text)
			}
		}
	}
	return list
}

// tfDecoded returns the value of a text of JSON; other values stay as they are.
func tfDecoded(v any) any {
	text, ok := v.(string)
	if !ok {
		return v
	}
	var out any
	if json.Unmarshal([]byte(text), &out) != nil {
		return v
	}
	return out
}
