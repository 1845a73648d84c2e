// Package terraform checks Terraform's configuration with the parser of HCL.
//
// It reads literal values. Nothing is evaluated, so what comes from a variable, a module or a
// function says nothing, and neither does what is missing. Nothing in the tree configures it.
// Configuration in JSON (.tf.json) is not read.
//
//	rule                     Trivy, Checkov                                              CIS
//	aws-open-ingress         AVD-AWS-0107, CKV_AWS_24, CKV_AWS_25                        AWS 5.2, 5.3
//	gcp-open-ingress         AVD-GCP-0027, 0070 to 0072, CKV_GCP_2, 3, 88                GCP 3.6, 3.7
//	azure-open-ingress       AVD-AZU-0047, 0048, 0050, CKV_AZURE_9, 10                   Azure 6.1, 6.2
//	open-database            AVD-AZU-0029, AVD-GCP-0017, CKV_AZURE_11, CKV_GCP_11        GCP 6.5, Azure 4.1.2
//	public-bucket            AVD-AWS-0092, AVD-GCP-0001, AVD-AZU-0007, CKV_AWS_20, 57, CKV_GCP_28, CKV_AZURE_34, 59
//	public-access-block-off  AVD-AWS-0086, 0087, 0091, 0093, CKV_AWS_53 to 56            AWS 2.1.4
//	public-database          AVD-AWS-0082, 0180, CKV_AWS_17, CKV_AWS_87                  AWS 2.3.3
//	encryption-off           AVD-AWS-0026, 0037, 0079, 0080, 0131, CKV_AWS_3, 8, 16, 42, 64, 96
//	iam-admin-policy         AVD-AWS-0057, CKV_AWS_1, CKV_AWS_62                         AWS 1.16
//	hardcoded-credentials    CKV_AWS_41
//	kms-rotation-off         AVD-AWS-0065, CKV_AWS_7                                     AWS 3.6
//	imdsv1                   AVD-AWS-0028, 0130, CKV_AWS_79                              AWS 5.6
//	public-cluster-endpoint  AVD-AWS-0041, AVD-GCP-0053, CKV_AWS_38
//	plain-http               AVD-AZU-0008, AVD-AWS-0012, CKV_AWS_34, CKV_AZURE_3, 14, 28, 29                     Azure 3.1
//	weak-tls                 AVD-AWS-0013, 0047, AVD-AZU-0011, 0026, CKV_AWS_103, 174, 228, CKV_AZURE_15, 44, 52
//	audit-log-off            AVD-AWS-0014, 0016, CKV_AWS_36, 67                          AWS 3.1, 3.2
//	legacy-cluster-access    AVD-AZU-0042, AVD-GCP-0062, CKV_AZURE_5, CKV_GCP_7
package terraform

import (
	"cmp"
	"context"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/infra"
	"github.com/secbydesign/secbydesign/scanners/internal/markers"
)

// version rises with every change of what is found.
const version = "2"

// maxSize bounds a file, in megabytes.
const maxSize = 1

var info = scanners.Info{
	Name:   "terraform",
	Gate:   scanners.Infrastructure,
	Scopes: []scanners.Scope{scanners.ScopeFile},
	About:  "Terraform configuration that opens networks, data or accounts to everybody",
	URL:    "https://developer.hashicorp.com/terraform/language",
	Files:  []string{"**/*.tf", "**/*.tofu"},

	Suppressions: scanners.Suppressions{None: markers.BuiltIn},
}

// Scanner checks Terraform's configuration. The zero value is ready.
type Scanner struct{}

// Info implements [scanners.Scanner].
func (Scanner) Info() scanners.Info { return info }

// Version implements [scanners.Scanner]. It never fails.
func (Scanner) Version(context.Context) (string, error) { return version, nil }

// Scan implements [scanners.Scanner].
func (Scanner) Scan(ctx context.Context, t scanners.Target) ([]scanners.Finding, error) {
	return infra.Files(ctx, info, maxSize, t, checkFile)
}

// The parser recurses, and a Go program does not survive a full stack; and it takes time by the
// square of the pieces of one text. Real configuration nests some 10 deep.
const (
	maxDepth = 200
	maxWork  = 5000 * 5000 // the sum of the squares of pieces of text, some 0.3 s

	// maxTokens bounds the memory of the library, which takes up to 500 bytes for each token. Large
	// files of real projects have some 50,000.
	maxTokens = 350_000
)

func checkFile(ctx context.Context, f scanners.File) ([]scanners.Finding, error) {
	if line := tooManyTokens(f.Content); line > 0 {
		return nil, infra.TooMuch(line)
	}
	if line := tooMuch(f.Content); line > 0 {
		return nil, &infra.PlaceError{Line: line, Why: "nested too deep, or a text too long to be read"}
	}
	file, diags := hclsyntax.ParseConfig(f.Content, f.Path, hcl.InitialPos)
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			line := 1
			if d.Subject != nil {
				line = d.Subject.Start.Line
			}
			return nil, &infra.PlaceError{Line: line, Why: "not valid Terraform"}
		}
	}
	c := checker{path: f.Path}
	for _, b := range file.Body.(*hclsyntax.Body).Blocks {
		if ctx.Err() != nil {
			return c.found, ctx.Err()
		}
		c.block(b)
		if len(c.found) > infra.MaxFindings {
			break // it reports no more
		}
	}
	return c.found, nil
}

// tooManyTokens gives the line on which the text has more words and signs than are read, or 0. It
// counts without the library's lexer, which takes most of the memory.
func tooManyTokens(src []byte) int {
	tokens, line, inWord := 0, 1, false
	for _, c := range src {
		word := c == '_' || c >= 0x80 || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if c == '\n' {
			line++
		}
		if word && !inWord || !word && c != ' ' && c != '\t' && c != '\r' {
			tokens++
		}
		if inWord = word; tokens > maxTokens {
			return line
		}
	}
	return 0
}

// tooMuch gives the line on which the text becomes too much for the parser, or 0. Operators count
// as well as brackets, because the parser recurses for what is behind them.
func tooMuch(src []byte) int {
	tokens, _ := hclsyntax.LexConfig(src, "", hcl.InitialPos)
	depth, operators, controls, pieces, work := 0, 0, 0, 0, 0
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOParen, hclsyntax.TokenOBrack, hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc,
			hclsyntax.TokenTemplateInterp:
			depth++
		case hclsyntax.TokenTemplateControl:
			depth++
			controls++ // an if in a text stays open until its endif
		case hclsyntax.TokenCBrace, hclsyntax.TokenCParen, hclsyntax.TokenCBrack, hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc,
			hclsyntax.TokenTemplateSeqEnd:
			depth = max(depth-1, 0)
		case hclsyntax.TokenBang, hclsyntax.TokenMinus, hclsyntax.TokenQuestion, hclsyntax.TokenColon:
			operators++
		case hclsyntax.TokenNewline, hclsyntax.TokenComma:
			operators = 0
		}
		if t.Type == hclsyntax.TokenStringLit || t.Type == hclsyntax.TokenQuotedLit {
			pieces++
			work += 2*pieces - 1
		} else {
			pieces = 0
		}
		if depth > maxDepth || operators > maxDepth || controls > 5*maxDepth || work > maxWork {
			return t.Range.Start.Line
		}
	}
	return 0
}

// A checker gathers what is found in one file.
type checker struct {
	path  string
	found []scanners.Finding
}

// A block is a resource, a data source or a provider with its address, which is its identity.
type block struct {
	kind    string // the type of the resource, "data." in front for a data source, or "provider"
	address string
	body    *hclsyntax.Body
}

func (c *checker) block(b *hclsyntax.Block) {
	label := func(i int) string {
		if i < len(b.Labels) {
			return b.Labels[i]
		}
		return ""
	}
	at := block{body: b.Body}
	switch b.Type {
	case "resource":
		at.kind, at.address = label(0), label(0)+"."+label(1)
	case "data":
		at.kind, at.address = "data."+label(0), "data."+label(0)+"."+label(1)
	case "provider":
		alias, _ := literal(attribute(b.Body, "alias")).(string)
		at.kind, at.address = "provider", strings.TrimSuffix("provider."+label(0)+"."+alias, ".")
	default:
		return
	}
	c.settings(at)
	c.network(at)
	c.policies(at)
	c.credentials(at)
	c.members(at)
}

// add reports what is wrong in the range.
func (c *checker) add(r infra.Rule, at block, where hcl.Range, message string, identity ...string) *scanners.Finding {
	end := where.End.Line
	if where.End.Column == 1 && end > where.Start.Line {
		end-- // the line end of a heredoc belongs to it
	}
	c.found = append(c.found, r.At(c.path, where.Start.Line, end, infra.Name(at.address)+" "+message, append([]string{at.address}, identity...)...))
	return &c.found[len(c.found)-1]
}

// attribute gives the expression of an attribute, or nil.
func attribute(b *hclsyntax.Body, name string) hclsyntax.Expression {
	if a := b.Attributes[name]; a != nil {
		return a.Expr
	}
	return nil
}

// blocks gives the blocks of a type, in the order of the file; also the one that stands for all
// that a dynamic block makes.
func blocks(b *hclsyntax.Body, name string) []*hclsyntax.Body {
	var out []*hclsyntax.Body
	for _, inner := range b.Blocks {
		switch {
		case inner.Type == name:
			out = append(out, inner.Body)
		case inner.Type == "dynamic" && len(inner.Labels) == 1 && inner.Labels[0] == name:
			out = append(out, blocks(inner.Body, "content")...)
		}
	}
	return out
}

// unknown is what stands for a value that is no literal.
type unknown struct{}

// literal gives the value of an expression as far as it is literal: a string, bool, float64, []any
// or map[string]any, in the places of other things [unknown], and nil for null or no expression.
func literal(e hclsyntax.Expression) any {
	switch e := e.(type) {
	case nil:
		return nil
	case *hclsyntax.LiteralValueExpr:
		return scalar(e)
	case *hclsyntax.ParenthesesExpr:
		return literal(e.Expression)
	case *hclsyntax.TemplateWrapExpr:
		return literal(e.Wrapped)
	case *hclsyntax.TemplateExpr:
		return joined(e)
	case *hclsyntax.TupleConsExpr:
		list := make([]any, 0, len(e.Exprs))
		for _, item := range e.Exprs {
			list = append(list, literal(item))
		}
		return list
	case *hclsyntax.ObjectConsExpr:
		object := map[string]any{}
		for _, item := range e.Items {
			if key := name(item.KeyExpr); key != "" {
				object[key] = literal(item.ValueExpr)
			}
		}
		return object
	case *hclsyntax.FunctionCallExpr:
		if (e.Name == "jsonencode" || e.Name == "tolist" || e.Name == "toset") && len(e.Args) == 1 {
			return literal(e.Args[0])
		}
	}
	return unknown{}
}

func scalar(e *hclsyntax.LiteralValueExpr) any {
	v := e.Val
	switch {
	case v.IsNull():
		return nil
	case v.Type().FriendlyName() == "string":
		return v.AsString()
	case v.Type().FriendlyName() == "bool":
		return v.True()
	case v.Type().FriendlyName() == "number":
		n, _ := v.AsBigFloat().Float64()
		return n
	}
	return unknown{}
}

// joined gives the text of a template; "${…}" stands for what is not literal in it, so that the
// text around is still known.
func joined(e *hclsyntax.TemplateExpr) any {
	var b strings.Builder
	for _, part := range e.Parts {
		if lit, ok := part.(*hclsyntax.LiteralValueExpr); ok {
			if s, ok := scalar(lit).(string); ok {
				b.WriteString(s)
				continue
			}
		}
		b.WriteString("${…}")
	}
	return b.String()
}

// name gives the key of an object's entry.
func name(key hclsyntax.Expression) string {
	if k, ok := key.(*hclsyntax.ObjectConsKeyExpr); ok {
		if word := hcl.ExprAsKeyword(k.Wrapped); word != "" {
			return word
		}
		key = k.Wrapped
	}
	s, _ := literal(key).(string)
	return s
}

// texts gives a value as a list of strings: itself, or its items.
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

// first gives the range of the first of the attributes that there is.
func first(b *hclsyntax.Body, names ...string) hcl.Range {
	where := b.SrcRange
	for i := len(names) - 1; i >= 0; i-- {
		if a := b.Attributes[names[i]]; a != nil {
			where = a.SrcRange
		}
	}
	where.Filename = cmp.Or(where.Filename, b.SrcRange.Filename)
	return where
}
