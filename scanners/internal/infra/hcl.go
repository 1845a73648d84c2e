package infra

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// These limits protect the parser of HCL: it recurses, and a stack overflow ends a Go program; and it
// takes time quadratic in the number of pieces of one string. Real configuration nests some 10
// levels deep.
const (
	maxDepth = 200
	maxWork  = 5000 * 5000 // the sum, over all strings, of the square of their pieces; some 0.3 s

	// maxTokens bounds the library's memory, up to 500 bytes for each token. Large files of real
	// projects have some 50,000.
	maxTokens = 350_000
)

// HCLLimit returns a [*PlaceError] for a text that is too much for the parser of HCL, or nil.
func HCLLimit(src []byte) error {
	if line := tooManyTokens(src); line > 0 {
		return TooMuch(line)
	}
	if line := tooMuch(src); line > 0 {
		return &PlaceError{Line: line, Why: "nested too deep, or a text too long to be read"}
	}
	return nil
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
