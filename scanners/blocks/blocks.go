// Package blocks divides a file into the parts that people name and move as a whole: resources of
// Terraform, stages of a Dockerfile, objects of Kubernetes, services, jobs, and functions of code.
// By comparing the blocks of two versions of a file, a caller can decide whether a problem stayed in its place.
//
// It accepts any text and never fails. Text that it does not understand is in no block. If it
// misunderstands a text, an old problem may look like a new one.
package blocks

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/secbydesign/secbydesign/scanners/internal/yamlpos"
)

// maxSize is the size of the largest file that is divided, in bytes.
const maxSize = 1 << 20

// A Divider divides a file, as [Divide] does, here or in another process.
type Divider func(name string, content []byte) Division

// A Kind is the kind of a file's blocks.
type Kind string

// The kinds.
const (
	Terraform Kind = "resource"
	Stages    Kind = "stage"
	Mapping   Kind = "entry" // of YAML: a service, a job, a Kubernetes object
	Code      Kind = "code"  // functions, and other lines without indentation
	Whole     Kind = "file"  // the file is not divided
)

// A Division is a file divided into blocks. The zero value has no blocks.
type Division struct {
	Kind  Kind
	Names []string // the names of the blocks, in the order in which they begin; several may have the same name
	Of    []int    // for each line, from 0: the index of its block in Names, or -1
}

// At returns the index in Names of the block that a line is in, or -1. Lines count from 1.
func (d Division) At(line int) int {
	if line < 1 || line > len(d.Of) {
		return -1
	}
	return d.Of[line-1]
}

// Divide finds the blocks of a file. A line is in at most one block, the innermost.
func Divide(name string, content []byte) Division {
	if len(content) > maxSize || bytes.IndexByte(content, 0) >= 0 {
		return Division{Kind: Whole}
	}
	d := Division{Kind: KindOf(name)}
	var list []block
	switch d.Kind {
	case Terraform:
		list = terraform(content)
	case Stages:
		list = stages(content)
	case Mapping:
		list = entries(content)
	case Code:
		d.code(content)
		return d
	}
	slices.SortStableFunc(list, func(a, b block) int { return a.from - b.from })
	d.Of = make([]int, lines(content))
	for i := range d.Of {
		d.Of[i] = -1
	}
	// A line in two blocks belongs to the later one. A block ends where the next begins.
	for i, b := range list {
		d.Names = append(d.Names, b.name)
		to := min(b.to, len(d.Of))
		if i+1 < len(list) {
			to = min(to, max(list[i+1].from-1, b.from))
		}
		for n := b.from; n <= to; n++ {
			d.Of[n-1] = i
		}
	}
	return d
}

// A block is a part of a file. The lines from and to belong to it.
type block struct {
	name     string
	from, to int
}

// dockerfiles matches the file names that Docker, Podman and editors recognise.
var dockerfiles = regexp.MustCompile(`(?i)^((docker|container)file([-_.].*)?|.*[-_.](docker|container)file)$`)

// KindOf returns the kind of a file's blocks, if it is divided. It depends on the file's name alone.
func KindOf(name string) Kind {
	base := path.Base(name)
	switch ext := strings.ToLower(path.Ext(base)); {
	case ext == ".tf", ext == ".tofu", ext == ".hcl":
		return Terraform
	case dockerfiles.MatchString(base):
		return Stages
	case ext == ".yml", ext == ".yaml":
		return Mapping
	}
	return Code
}

// terraform returns the outermost blocks, named after their type and labels. A resource that a block of the file says
// was moved has its former name.
func terraform(content []byte) (list []block) {
	tokens, _ := hclsyntax.LexConfig(content, "", hcl.InitialPos)
	depth := 0
	var words []string
	from := 0
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl, hclsyntax.TokenOHeredoc:
			if depth++; depth == 1 && len(words) > 0 {
				list = append(list, block{name: strings.Join(words, " "), from: from})
			}
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenTemplateSeqEnd, hclsyntax.TokenCHeredoc:
			if depth == 1 && len(words) > 0 {
				list[len(list)-1].to = t.Range.End.Line
				words = nil
			}
			depth = max(depth-1, 0)
		case hclsyntax.TokenNewline:
			if depth == 0 {
				words = nil
			}
		case hclsyntax.TokenIdent, hclsyntax.TokenQuotedLit:
			if depth == 0 {
				if len(words) == 0 {
					from = t.Range.Start.Line
				}
				words = append(words, string(t.Bytes))
			}
		}
	}
	if n := len(list); n > 0 && list[n-1].to == 0 { // the last block is not closed
		list[n-1].to = lines(content)
	}
	rename(list, content)
	return list
}

// end matches an end of a move: from or to, and the address of a resource.
var end = regexp.MustCompile(`(?m)(?:^|[{\s])(from|to)\s*=\s*([A-Za-z_][\w-]*)\.([A-Za-z_][\w-]*)[ \t]*(?:\[[^\]\n]*\][ \t]*)?(?:$|[\s}#/])`)

// maxMoves is how many moves of one resource are followed.
const maxMoves = 50

// rename gives resources the names that they had before all moves, unless there is still a resource of that name.
func rename(list []block, content []byte) {
	var text [][]byte
	there, former := map[string]bool{}, map[string]string{}
	for _, b := range list {
		there[b.name] = true
		if b.name != "moved" {
			continue
		}
		if text == nil {
			text = bytes.SplitAfter(content, []byte("\n"))
		}
		ends := map[string]string{}
		for _, m := range end.FindAllSubmatch(bytes.Join(text[b.from-1:min(b.to, len(text))], nil), -1) {
			ends[string(m[1])] = "resource " + string(m[2]) + " " + string(m[3])
		}
		if ends["from"] != "" && ends["to"] != "" {
			former[ends["to"]] = ends["from"]
		}
	}
	for i := range list {
		name := list[i].name
		for range maxMoves {
			was, ok := former[name]
			if !ok || there[was] {
				break
			}
			name = was
		}
		list[i].name = name
	}
}

func lines(content []byte) int {
	n := bytes.Count(content, []byte("\n"))
	if len(content) > 0 && content[len(content)-1] != '\n' {
		n++
	}
	return n
}

// stages returns the stages, which begin with FROM. Each is named after the stage's name, or else its image
// without a version.
func stages(content []byte) (list []block) {
	result, err := parser.Parse(bytes.NewReader(content))
	if err != nil {
		return nil
	}
	for _, node := range result.AST.Children {
		if !strings.EqualFold(node.Value, "from") || node.Next == nil {
			continue
		}
		if n := len(list); n > 0 {
			list[n-1].to = node.StartLine - 1
		}
		name, _, _ := strings.Cut(node.Next.Value, "@")
		if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
			name = name[:i]
		}
		if as := node.Next.Next; as != nil && strings.EqualFold(as.Value, "as") && as.Next != nil {
			name = "as " + strings.ToLower(as.Next.Value)
		}
		list = append(list, block{name: "stage " + name, from: node.StartLine, to: lines(content)})
	}
	return list
}

// entries returns the objects of Kubernetes, and the named entries in a file of Docker Compose, a
// workflow of GitHub or a template of CloudFormation.
func entries(content []byte) (list []block) {
	end := lines(content)
	var docs []yamlpos.Document
	for d := range yamlpos.Documents(content) {
		docs = append(docs, d)
	}
	for i, d := range docs {
		last := end
		if i+1 < len(docs) {
			last = docs[i+1].Line - 1
		}
		root, err := yamlpos.Parse(d)
		if err == nil && root != nil && root.Kind == yamlpos.List {
			list = append(list, items(root, last, func(n *yamlpos.Node) string { return "item " + n.Get("name").String() })...)
		}
		if err != nil || root == nil || root.Kind != yamlpos.Map {
			continue
		}
		known := false
		for _, key := range []string{"services", "jobs", "Resources"} {
			parts := mapping(root, key, last)
			list, known = append(list, parts...), known || len(parts) > 0
		}
		switch listed := root.Get("items"); {
		case known:
		case root.Get("apiVersion").String() == "":
			list = append(list, pairs(root, "", last)...)
		case root.Get("kind").String() == "List" && listed != nil && listed.Kind == yamlpos.List:
			list = append(list, items(listed, last, object)...)
		default:
			list = append(list, block{name: object(root), from: d.Line, to: last})
		}
	}
	return list
}

// object returns the block name of an object of Kubernetes.
func object(n *yamlpos.Node) string {
	name := "object"
	for _, key := range [][]string{{"kind"}, {"metadata", "namespace"}, {"metadata", "name"}, {"metadata", "generateName"}} {
		name += " " + n.Get(key...).String()
	}
	return name
}

// mapping returns the entries of the map under a key of the document.
func mapping(root *yamlpos.Node, key string, last int) []block {
	begins, after := 0, last
	for _, e := range root.Entries {
		if e.Key == key && begins == 0 {
			begins = e.Line
		} else if begins > 0 && after == last && e.Line > begins {
			after = e.Line - 1
		}
	}
	if value := root.Get(key); value != nil && value.Kind == yamlpos.Map {
		return pairs(value, key+" ", after)
	}
	return nil
}

// pairs returns the entries of a map whose last line is known.
func pairs(n *yamlpos.Node, prefix string, last int) (list []block) {
	for _, e := range n.Entries {
		if i := len(list); i > 0 {
			list[i-1].to = e.Line - 1
		}
		list = append(list, block{name: prefix + e.Key, from: e.Line, to: last})
	}
	return list
}

// items returns the items of a list whose last line is known.
func items(n *yamlpos.Node, last int, name func(*yamlpos.Node) string) (list []block) {
	for _, item := range n.Items {
		if i := len(list); i > 0 {
			list[i-1].to = item.Line - 1
		}
		list = append(list, block{name: name(item), from: item.Line, to: last})
	}
	return list
}

var (
	// heads matches the first line of a function: something in parentheses, followed by the start of a body.
	heads = regexp.MustCompile(`\(.*(\{|:|=>|\bdo\b.*|\bthen)\s*(#.*|//.*)?$`)
	// split matches the first line of a function whose body starts on the next line, or that is in Ruby.
	split = regexp.MustCompile(`^(def\s.*|(\w[\w:<>,*&\[\] ]*\s)?[\w~:.]+\s*\(.*\)\s*(const|override|noexcept)?)\s*$`)
	// wraps matches the first line of a function whose parentheses close on a later line.
	wraps = regexp.MustCompile(`^((async|export|default|public|private|protected|internal|static|final|override|pub)\s+)*(def|func|function|fn|fun|sub|void)\b.*\($`)
	// comment matches a comment, whose indentation says nothing about its block.
	comment = regexp.MustCompile(`^(#|//|--|/\*|\*|;)`)
	// flow matches statements that look like the first line of a function but are not.
	flow = regexp.MustCompile(`^[})\]\s]*(if|elif|else|elsif|for|foreach|while|until|unless|switch|select|case|when|match|try|catch|except|finally|with|using|lock|synchronized|do|return|await|yield|throw|raise|defer|go|assert|and|or|not|import|from|print|echo)\b`)
	// closes matches a line that ends the block above it.
	closes = regexp.MustCompile(`^([})\]]|end\b|fi\b|done\b|esac\b)`)
)

// code finds the functions by their indentation. Lines without indentation outside of functions begin
// blocks too.
func (d *Division) code(content []byte) {
	type open struct{ indent, block int }
	var stack []open
	text := strings.Split(string(content), "\n")
	d.Of = make([]int, len(text))
	for i, line := range text {
		trimmed := strings.TrimSpace(line)
		if trimmed == "" {
			d.Of[i] = -1
			continue
		}
		if len(stack) > 0 && comment.MatchString(trimmed) {
			d.Of[i] = stack[len(stack)-1].block
			continue
		}
		indent := indentation(line)
		end := closes.MatchString(trimmed) || trimmed == "{"
		for len(stack) > 0 && (stack[len(stack)-1].indent > indent || stack[len(stack)-1].indent == indent && !end) {
			stack = stack[:len(stack)-1]
		}
		head := !flow.MatchString(trimmed) && (heads.MatchString(trimmed) || wraps.MatchString(trimmed) || split.MatchString(trimmed) && opens(text, i))
		switch {
		case len(stack) == 0, head && !end:
			d.Names = append(d.Names, strings.Join(strings.Fields(trimmed), " "))
			stack = append(stack, open{indent, len(d.Names) - 1})
		case !end:
			stack = append(stack, open{indent, stack[len(stack)-1].block})
		}
		d.Of[i] = stack[len(stack)-1].block
	}
}

func indentation(line string) (n int) {
	for _, c := range line {
		switch c {
		case '\t':
			n += 8
		case ' ':
			n++
		default:
			return n
		}
	}
	return n
}

// opens reports whether line i is the head of a function whose body begins on the next line.
func opens(text []string, i int) bool {
	trimmed := strings.TrimSpace(text[i])
	return strings.HasPrefix(trimmed, "def ") || i+1 < len(text) && strings.TrimSpace(text[i+1]) == "{"
}
