// Package terraform checks Terraform configuration, using HCL's parser.
//
// It checks literal values only. It evaluates nothing, so it reports neither values from variables,
// modules or functions nor missing settings. Nothing in the tree configures this scanner.
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

// version is incremented with every change to the findings.
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

// Scanner checks Terraform configuration. The zero value is ready.
type Scanner struct{}

// Info implements [scanners.Scanner].
func (Scanner) Info() scanners.Info { return info }

// Version implements [scanners.Scanner]. It never fails.
func (Scanner) Version(context.Context) (string, error) { return version, nil }

// Scan implements [scanners.Scanner].
func (Scanner) Scan(ctx context.Context, t scanners.Target) ([]scanners.Finding, error) {
	return infra.Files(ctx, info, maxSize, t, checkFile)
}

// These limits protect the parser: it recurses, and a stack overflow ends a Go program; and it
// takes time quadratic in the number of pieces of one string. Real configuration nests some 10
// levels deep.
const (
	maxDepth = 200
	maxWork  = 5000 * 5000 // the sum, over all strings, of the square of their pieces; some 0.3 s

	// maxTokens bounds the library's memory, up to 500 bytes for each token. Large files of real
	// projects have some 50,000.
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

// tooManyTokens returns the line on which the number of words and signs exceeds maxTokens, or 0. It
// does not use the library's lexer, which takes most of the memory.
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

// tooMuch returns the line on which the text exceeds the parser's limits, or 0. It counts operators
// as well as brackets, because the parser recurses for their operands.
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
			controls++ // an if in a string stays open until its endif
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

// A checker collects the findings of one file.
type checker struct {
	path  string
	found []scanners.Finding
}

// A block is a resource, a data source or a provider. Its address identifies it.
type block struct {
	kind    string // the type of the resource, with the prefix "data." for a data source, or "provider"
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

// add adds a finding at the range.
func (c *checker) add(r infra.Rule, at block, where hcl.Range, message string, identity ...string) *scanners.Finding {
	end := where.End.Line
	if where.End.Column == 1 && end > where.Start.Line {
		end-- // a heredoc's range includes its line end
	}
	c.found = append(c.found, r.At(c.path, where.Start.Line, end, infra.Name(at.address)+" "+message, append([]string{at.address}, identity...)...))
	return &c.found[len(c.found)-1]
}

// attribute returns the expression of an attribute, or nil.
func attribute(b *hclsyntax.Body, name string) hclsyntax.Expression {
	if a := b.Attributes[name]; a != nil {
		return a.Expr
	}
	return nil
}

// blocks returns the blocks of a type, in the order of the file. It includes the content of dynamic
// blocks, which stands for all blocks that they generate.
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

// unknown stands for a value that is not a literal.
type unknown struct{}

// literal returns the literal value of an expression: a string, bool, float64, []any or
// map[string]any, or nil for null or no expression. Parts that are not literal are [unknown].
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

// joined returns the text of a template, with "${…}" for the parts that are not literal, so that
// the text around them is still known.
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

// name returns the key of an object's entry, or "" if it is not literal.
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
