package terraform

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// A scope holds the values of iterators: those of for_each and of dynamic blocks over literal lists.
type scope struct {
	iterators map[string]any // by name: an object with "key" and "value"
	width     int            // how many scopes there are for the same text
}

// with returns the scope with one more iterator.
func (s scope) with(name string, key, value any, width int) scope {
	inner := scope{iterators: maps.Clone(s.iterators), width: max(s.width, 1) * width}
	if inner.iterators == nil {
		inner.iterators = map[string]any{}
	}
	inner.iterators[name] = map[string]any{"key": key, "value": value}
	return inner
}

// These limits bound how often one text is checked with other values of its iterators, and how many bytes of a file are
// checked again so. Beyond them, the values count as unknown.
const (
	maxWidth = 64
	maxAgain = 2 << 20
)

// each returns a scope for each element of the value of a for_each. If the value is not literal, it returns
// one in which the iterator is unknown. It returns none if there are no elements.
func (s scope) each(name string, value any) (list []scope) {
	switch v := value.(type) {
	case []any:
		if max(s.width, 1)*len(v) > maxWidth {
			break
		}
		for i, item := range v {
			list = append(list, s.with(name, float64(i), item, len(v)))
		}
		return list
	case map[string]any:
		if max(s.width, 1)*len(v) > maxWidth {
			break
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			list = append(list, s.with(name, key, v[key], len(v)))
		}
		return list
	}
	return []scope{s.with(name, unknown{}, unknown{}, 1)}
}

// A body is the body of a block, with the values of the iterators around it.
type body struct {
	*hclsyntax.Body
	in scope
}

// instances returns a scope for each instance of a resource: one for each element of a literal for_each, and
// none if the block is switched off.
func (b body) instances() []scope {
	if n, ok := number(b.get("count")); ok && n == 0 {
		return nil
	}
	for _, lifecycle := range b.blocks("lifecycle") {
		if on, ok := truth(lifecycle.get("enabled")); ok && !on {
			return nil
		}
	}
	if b.attribute("for_each") == nil {
		return []scope{b.in}
	}
	value := b.get("for_each")
	if list, ok := value.([]any); ok { // a set, whose keys are its values
		object := map[string]any{}
		for _, item := range list {
			text, ok := text(item)
			if !ok {
				return b.in.each("each", unknown{})
			}
			object[text] = item
		}
		value = object
	}
	return b.in.each("each", value)
}

// size returns how many bytes are checked for the body, those of dynamic blocks once for each element. It stops
// counting beyond the limit.
func (b body) size(limit int) int {
	n := b.length()
	for _, inner := range b.nested() {
		if n > limit {
			break
		}
		if inner.body.in.width > b.in.width { // dynamic
			n += inner.body.size(limit - n)
		} else if len(inner.body.Blocks) > 0 {
			n += inner.body.size(limit-n) - inner.body.length()
		}
	}
	return n
}

func (b body) length() int { return b.SrcRange.End.Byte - b.SrcRange.Start.Byte }

// literally decides whether for_each and dynamic blocks of a resource are checked element by element.
func (c *checker) literally(b body) body {
	instances := b.instances()
	if len(instances) == 0 {
		return b
	}
	first := body{b.Body, instances[0]}
	again := first.size(c.again/len(instances))*len(instances) - b.length()
	if again > c.again {
		b.in.width = maxWidth + 1
		return b
	}
	c.again -= max(again, 0)
	return b
}

// attribute returns the expression of an attribute, or nil.
func (b body) attribute(name string) hclsyntax.Expression {
	if a := b.Attributes[name]; a != nil {
		return a.Expr
	}
	return nil
}

// get returns the literal value of an attribute, see [scope.literal].
func (b body) get(name string) any { return b.in.literal(b.attribute(name)) }

// has reports whether an attribute is set, to whatever value but null and an empty text or list.
func (b body) has(name string) bool {
	switch v := b.get(name).(type) {
	case nil:
		return false
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	}
	return true
}

// blocks returns the blocks of a type, in the order of the file. It includes the content of dynamic blocks:
// once for each element of a literal list, and otherwise once for all blocks that they generate.
func (b body) blocks(name string) (out []body) {
	for _, inner := range b.nested() {
		if inner.name == name {
			out = append(out, inner.body)
		}
	}
	return out
}

// A nested is a block in a block.
type nested struct {
	name string
	body body
}

// nested returns all blocks in the body.
func (b body) nested() (out []nested) {
	for _, inner := range b.Blocks {
		if inner.Type != "dynamic" || len(inner.Labels) != 1 {
			out = append(out, nested{inner.Type, body{inner.Body, b.in}})
			continue
		}
		name, dynamic := inner.Labels[0], body{inner.Body, b.in}
		iterator := name
		if e := dynamic.attribute("iterator"); e != nil {
			iterator = cmp.Or(hcl.ExprAsKeyword(e), name)
		}
		for _, in := range b.in.each(iterator, dynamic.get("for_each")) {
			for _, content := range inner.Body.Blocks {
				if content.Type == "content" {
					out = append(out, nested{name, body{content.Body, in}})
				}
			}
		}
	}
	return out
}

// unknown stands for a value that is not a literal.
type unknown struct{}

// literal returns the literal value of an expression: a string, bool, float64, []any or
// map[string]any, or nil for null or no expression. Parts that are not literal are [unknown].
func (s scope) literal(e hclsyntax.Expression) any {
	switch e := e.(type) {
	case nil:
		return nil
	case *hclsyntax.LiteralValueExpr:
		return scalar(e.Val)
	case *hclsyntax.ParenthesesExpr:
		return s.literal(e.Expression)
	case *hclsyntax.TemplateWrapExpr:
		return s.literal(e.Wrapped)
	case *hclsyntax.TemplateExpr:
		return s.joined(e)
	case *hclsyntax.ConditionalExpr:
		return s.chosen(e)
	case *hclsyntax.TupleConsExpr:
		return s.list(e.Exprs)
	case *hclsyntax.ObjectConsExpr:
		object := map[string]any{}
		for _, item := range e.Items {
			if key := s.key(item.KeyExpr); key != "" {
				object[key] = s.literal(item.ValueExpr)
			}
		}
		return object
	case *hclsyntax.FunctionCallExpr:
		return s.call(e)
	case *hclsyntax.ScopeTraversalExpr:
		return s.iterator(e.Traversal)
	}
	return unknown{}
}

func (s scope) list(items []hclsyntax.Expression) []any {
	list := make([]any, 0, len(items))
	for _, item := range items {
		list = append(list, s.literal(item))
	}
	return list
}

// chosen returns the side of a conditional that its literal condition chooses.
func (s scope) chosen(e *hclsyntax.ConditionalExpr) any {
	switch yes, ok := truth(s.literal(e.Condition)); {
	case !ok:
		return unknown{}
	case yes:
		return s.literal(e.TrueResult)
	default:
		return s.literal(e.FalseResult)
	}
}

// call returns the value of a function that changes none of its arguments' values.
func (s scope) call(e *hclsyntax.FunctionCallExpr) any {
	if e.ExpandFinal {
		return unknown{}
	}
	switch e.Name {
	case "jsonencode", "tolist", "toset", "tomap", "tobool", "tonumber", "tostring", "sensitive", "nonsensitive", "distinct", "compact", "sort":
		if len(e.Args) == 1 {
			return s.literal(e.Args[0])
		}
	case "concat":
		all := []any{}
		for _, arg := range e.Args {
			if list, ok := s.literal(arg).([]any); ok {
				all = append(all, list...)
			} else {
				all = append(all, unknown{})
			}
		}
		return all
	}
	return unknown{}
}

// iterator returns a value in the value of an iterator.
func (s scope) iterator(path hcl.Traversal) any {
	value, ok := s.iterators[path.RootName()]
	if !ok {
		return unknown{}
	}
	for _, step := range path[1:] {
		name := ""
		switch step := step.(type) {
		case hcl.TraverseAttr:
			name = step.Name
		case hcl.TraverseIndex:
			name, _ = scalar(step.Key).(string)
		}
		object, _ := value.(map[string]any)
		if value, ok = object[name]; !ok {
			return unknown{}
		}
	}
	return value
}

func scalar(v cty.Value) any {
	switch {
	case v.IsNull():
		return nil
	case v.Type() == cty.String:
		return v.AsString()
	case v.Type() == cty.Bool:
		return v.True()
	case v.Type() == cty.Number:
		n, _ := v.AsBigFloat().Float64()
		return n
	}
	return unknown{}
}

// joined returns the text of a template, with "${…}" for the parts that are not literal, so that
// the text around them is still known.
func (s scope) joined(e *hclsyntax.TemplateExpr) any {
	var b strings.Builder
	for _, part := range e.Parts {
		if known, ok := text(s.literal(part)); ok {
			b.WriteString(known)
		} else {
			b.WriteString("${…}")
		}
	}
	return b.String()
}

// key returns the key of an object's entry, or "" if it is not literal.
func (s scope) key(e hclsyntax.Expression) string {
	if k, ok := e.(*hclsyntax.ObjectConsKeyExpr); ok {
		if word := hcl.ExprAsKeyword(k.Wrapped); word != "" {
			return word
		}
		e = k.Wrapped
	}
	name, _ := s.literal(e).(string)
	return name
}

// converted returns a literal as a value of another type, by the language's rules for conversions: "true"
// for true, "22" for 22, and the reverse. ok is false if there is no such value.
func converted(v any, to cty.Type) (value cty.Value, ok bool) {
	switch v := v.(type) {
	case string:
		value = cty.StringVal(v)
	case bool:
		value = cty.BoolVal(v)
	case float64:
		value = cty.NumberFloatVal(v)
	default:
		return cty.NilVal, false
	}
	value, err := convert.Convert(value, to)
	return value, err == nil
}

// truth returns a literal as a boolean.
func truth(v any) (value, ok bool) {
	b, ok := converted(v, cty.Bool)
	return ok && b.True(), ok
}

// text returns a literal as a string.
func text(v any) (string, bool) {
	s, ok := converted(v, cty.String)
	if !ok {
		return "", false
	}
	return s.AsString(), true
}

// number returns a literal as a whole number.
func number(v any) (int, bool) {
	n, ok := converted(v, cty.Number)
	if !ok || !n.AsBigFloat().IsInt() {
		return 0, false
	}
	i, _ := n.AsBigFloat().Int64()
	return int(i), true
}

// texts returns a value as a list of strings: itself, or its items that are strings.
func texts(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, item := range v {
			if s, ok := item.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}

// first returns the range of the first of the named attributes that is set, else that of the body.
func first(b body, names ...string) hcl.Range {
	where := b.SrcRange
	for i := len(names) - 1; i >= 0; i-- {
		if a := b.Attributes[names[i]]; a != nil {
			where = a.SrcRange
		}
	}
	where.Filename = cmp.Or(where.Filename, b.SrcRange.Filename)
	return where
}
