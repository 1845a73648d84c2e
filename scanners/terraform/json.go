package terraform

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"
)

// labels are how many names each kind of block has
// (https://developer.hashicorp.com/terraform/language/syntax/json).
var labels = map[string]int{"resource": 2, "data": 2, "provider": 1, "module": 1, "variable": 1, "terraform": 0}

// parseJSON reads configuration in JSON as if it were written in the native syntax.
func parseJSON(content []byte, path string) (*hclsyntax.Body, hcl.Diagnostics) {
	e, diags := json.ParseExpression(content, path)
	root := &hclsyntax.Body{Attributes: hclsyntax.Attributes{}}
	if diags.HasErrors() {
		return root, diags
	}
	pairs, diags := hcl.ExprMap(e)
	for _, p := range pairs {
		kind, _ := keyOf(p)
		if n, ok := labels[kind]; ok {
			root.Blocks = append(root.Blocks, blocksOf(kind, nil, n, p.Key.Range(), p.Value)...)
		}
	}
	return root, diags
}

// blocksOf returns the blocks that an object stands for: one for each name in it, as far as the kind of block has
// names, or one for the object itself. A list stands for the blocks of its items.
func blocksOf(kind string, names []string, n int, at hcl.Range, e hcl.Expression) (list hclsyntax.Blocks) {
	pairs, diags := hcl.ExprMap(e)
	if diags.HasErrors() {
		items, _ := hcl.ExprList(e)
		for _, item := range items {
			if _, diags := hcl.ExprMap(item); !diags.HasErrors() {
				list = append(list, blocksOf(kind, names, n, item.StartRange(), item)...)
			}
		}
		return list
	}
	if n == 0 {
		return hclsyntax.Blocks{{Type: kind, Labels: names, TypeRange: at, Body: bodyOf(pairs, e.Range())}}
	}
	for _, p := range pairs {
		if name, ok := keyOf(p); ok {
			list = append(list, blocksOf(kind, append(names[:len(names):len(names)], name), n-1, p.Key.Range(), p.Value)...)
		}
	}
	return list
}

// bodyOf returns an object as a body. Without the provider's schema, an object in it can be a block or an
// attribute, so it is both.
func bodyOf(pairs []hcl.KeyValuePair, where hcl.Range) *hclsyntax.Body {
	out := &hclsyntax.Body{Attributes: hclsyntax.Attributes{}, SrcRange: where}
	for _, p := range pairs {
		name, ok := keyOf(p)
		if !ok {
			continue
		}
		out.Attributes[name] = &hclsyntax.Attribute{Name: name, Expr: native(p.Value), SrcRange: hcl.RangeBetween(p.Key.Range(), p.Value.Range()), NameRange: p.Key.Range()}
		n := 0
		if name == "dynamic" || name == "backend" {
			n = 1
		}
		out.Blocks = append(out.Blocks, blocksOf(name, nil, n, p.Key.Range(), p.Value)...)
	}
	return out
}

// keyOf returns the key of a pair, and false for a comment.
func keyOf(p hcl.KeyValuePair) (string, bool) {
	key, diags := p.Key.Value(nil)
	if diags.HasErrors() || key.Type() != cty.String || key.AsString() == "//" {
		return "", false
	}
	return key.AsString(), true
}

// native returns a value of JSON as an expression of the native syntax. Its texts are templates.
func native(e hcl.Expression) hclsyntax.Expression {
	if pairs, diags := hcl.ExprMap(e); !diags.HasErrors() {
		object := &hclsyntax.ObjectConsExpr{SrcRange: e.Range(), OpenRange: e.StartRange()}
		for _, p := range pairs {
			if key, ok := keyOf(p); ok {
				name := &hclsyntax.LiteralValueExpr{Val: cty.StringVal(key), SrcRange: p.Key.Range()}
				object.Items = append(object.Items, hclsyntax.ObjectConsItem{KeyExpr: name, ValueExpr: native(p.Value)})
			}
		}
		return object
	}
	if items, diags := hcl.ExprList(e); !diags.HasErrors() {
		list := &hclsyntax.TupleConsExpr{SrcRange: e.Range(), OpenRange: e.StartRange()}
		for _, item := range items {
			list.Exprs = append(list.Exprs, native(item))
		}
		return list
	}
	value, _ := e.Value(nil)
	literal := &hclsyntax.LiteralValueExpr{Val: value, SrcRange: e.Range()}
	if value.IsNull() || value.Type() != cty.String {
		return literal
	}
	template, diags := hclsyntax.ParseTemplate([]byte(value.AsString()), e.Range().Filename, e.Range().Start)
	if diags.HasErrors() || len(template.Variables()) == 0 {
		return literal
	}
	switch t := template.(type) { // the range is that of the text which it is written in
	case *hclsyntax.TemplateExpr:
		t.SrcRange = e.Range()
	case *hclsyntax.TemplateWrapExpr:
		t.SrcRange = e.Range()
	}
	return template
}
