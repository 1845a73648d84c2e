package osv

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"

	"go.yaml.in/yaml/v3"

	"github.com/secbydesign/secbydesign/scanners/internal/yamlpos"
	"github.com/secbydesign/secbydesign/scanners/osv/lockfile"
)

// Guards refuse files that would crash a library in a way that cannot be recovered, or make it
// silently leave out packages. The error of each names the reason. No honest file comes near the
// limits.

// flatTOML protects a reader that recurses for each bracket, which overflows the stack at some
// millions, and that takes time quadratic in the length of dotted keys.
//
// It follows TOML's grammar (https://toml.io/en/v1.0.0): brackets count only outside strings and
// comments. Where it errs, the text is not TOML, and the reader stops there, too.
func flatTOML(text []byte) error {
	const deepest, longest = 32, 64
	depth, dots := 0, 0
	for i := 0; i < len(text); {
		rest := text[i:]
		switch c := text[i]; c {
		case '#':
			i += lineEnd(rest)
			continue
		case '"', '\'':
			i += tomlString(rest, c)
			continue
		case '[', '{':
			depth++
		case ']', '}':
			depth = max(depth-1, 0)
		case '.':
			dots++
		case '\n':
			dots = 0
		}
		if depth > deepest || dots > longest {
			return fmt.Errorf("%w: it is nested more deeply than a lockfile", errOdd)
		}
		i++
	}
	return nil
}

func lineEnd(text []byte) int {
	if n := bytes.IndexByte(text, '\n'); n >= 0 {
		return n
	}
	return len(text)
}

// tomlString returns the length in bytes of the string at the beginning of text.
func tomlString(text []byte, quote byte) int {
	long := bytes.Repeat([]byte{quote}, 3)
	if bytes.HasPrefix(text, long) {
		for i := len(long); i < len(text); i++ {
			switch {
			case text[i] == '\\' && quote == '"':
				i++
			case bytes.HasPrefix(text[i:], long):
				// Up to two more quotes belong to the string.
				for end := i + len(long); ; end++ {
					if end >= len(text) || text[end] != quote || end >= i+5 {
						return end
					}
				}
			}
		}
		return len(text)
	}
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quote == '"':
			i++
		case text[i] == quote:
			return i + 1
		case text[i] == '\n':
			return i // not allowed, so the reader stops here
		}
	}
	return len(text)
}

// The readers need many times the memory of a file; counting its entries beforehand needs none. These
// bounds leave room for 50,000 packages, which is more than maxPackages, and keep a reader below 256
// MB. They were measured: see TestGrowth of package catalog.
const (
	maxTOML  = 450_000
	maxJSON  = 900_000
	maxYAML  = 800_000
	maxLines = 200_000

	maxYarnHeads = 100_000
	maxYarnLines = 450_000
)

// all returns a guard that runs several guards until one refuses.
func all(guards ...func([]byte) error) func([]byte) error {
	return func(text []byte) error {
		for _, guard := range guards {
			if err := guard(text); err != nil {
				return err
			}
		}
		return nil
	}
}

var errWeight = fmt.Errorf("%w: it has more entries than are read", errOdd)

// lightTOML counts tables, keys and values of lists. It ignores where strings begin and end, so it
// may count too many, but never too few.
func lightTOML(text []byte) error {
	quarters := 0
	for i, c := range text {
		switch c {
		case '=':
			quarters += 4
		case '[', '{':
			if quarters += 4; i == 0 || text[i-1] == '\n' {
				quarters += 2
			}
		case '.', ',':
			quarters++
		}
		if quarters > 4*maxTOML {
			return errWeight
		}
	}
	return nil
}

// lightJSON counts objects and their keys.
func lightJSON(text []byte) error {
	weight := 0
	for _, c := range text {
		switch c {
		case '{':
			weight += 3
		case ':', '[':
			weight++
		}
		if weight > maxJSON {
			return errWeight
		}
	}
	return nil
}

// lightYAML counts as [yamlpos.Heavy] does. The reader compares all keys of a map with each other and
// writes a message for each equal pair, so lightYAML refuses duplicate keys and maps that are too long.
// It also refuses aliases, which make the reader visit the same map repeatedly; lockfiles have none.
func lightYAML(text []byte) error {
	if yamlpos.Heavy(string(text), maxYAML) > 0 {
		return errWeight
	}
	var root yaml.Node
	if yaml.Unmarshal(text, &root) != nil {
		return nil // the reader uses the same parser and reports the error
	}
	comparisons := 0
	var look func(n *yaml.Node) error
	look = func(n *yaml.Node) error {
		if n.Kind == yaml.AliasNode {
			return fmt.Errorf("%w: it has aliases", errOdd)
		}
		if n.Kind == yaml.MappingNode {
			keys := map[string]bool{}
			for i := 0; i < len(n.Content); i += 2 {
				key := n.Content[i]
				if key.Kind == yaml.ScalarNode && keys[key.Value] || key.Kind != yaml.ScalarNode && i > 0 {
					return fmt.Errorf("%w: it has a key twice", errOdd)
				}
				keys[key.Value] = true
			}
			if comparisons += len(keys) * len(keys) / 2; comparisons > maxPackages*maxPackages/2 {
				return errWeight
			}
		}
		for _, c := range n.Content {
			if err := look(c); err != nil {
				return err
			}
		}
		return nil
	}
	return look(&root)
}

// fewLines counts lines that are neither blank nor comments.
func fewLines(text []byte) error {
	lines := 0
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			lines++
		}
		if lines > maxLines {
			return errWeight
		}
	}
	return nil
}

// lightYarn counts lines, and lines that begin a package.
func lightYarn(text []byte) error {
	heads, lines := 0, 0
	for line := range bytes.Lines(text) {
		if trimmed := bytes.TrimSpace(line); len(trimmed) == 0 || trimmed[0] == '#' {
			continue
		}
		if lines++; line[0] != ' ' {
			heads++
		}
		if heads > maxYarnHeads || lines > maxYarnLines {
			return errWeight
		}
	}
	return nil
}

var property = regexp.MustCompile(`\$\{([^}]*)\}`)

// smallProperties protects a reader that replaces ${name} by the property's text repeatedly: with
// twenty-five properties that each name the previous one twice, it takes minutes. It refuses
// properties that grow beyond a million characters and replacements, and those that refer to
// themselves.
func smallProperties(text []byte) error {
	properties, texts, err := readProperties(text)
	if err != nil {
		return fmt.Errorf("%w: %w", errOdd, err)
	}
	const most = 1 << 20
	const open = -1
	sizes := map[string]int{}
	var size func(text string) int // greater than most if refused
	size = func(text string) int {
		n := 1 + len(text)
		for _, m := range property.FindAllStringSubmatch(text, -1) {
			name := m[1]
			if sizes[name] == open {
				return most + 1
			}
			if sizes[name] == 0 {
				sizes[name] = open
				longest := 1
				for _, value := range properties[name] {
					longest = max(longest, size(value))
				}
				sizes[name] = longest
			}
			if n += sizes[name]; n > most {
				return n
			}
		}
		return n
	}
	total := 0
	for _, text := range texts {
		if total += size(text); total > most {
			return fmt.Errorf("%w: its properties refer to each other too often", errOdd)
		}
	}
	return nil
}

// readProperties returns the properties of a pom.xml, each with all values assigned to it, and all
// texts that name a property.
func readProperties(text []byte) (properties map[string][]string, texts []string, err error) {
	properties = map[string][]string{}
	d := lockfile.DecodeXML(text)
	d.Strict = false
	path := []string{"", ""}
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			return properties, texts, nil
		} else if err != nil {
			return nil, nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			path = append(path, t.Name.Local)
		case xml.EndElement:
			path = path[:max(len(path)-1, 2)]
		case xml.CharData:
			if !bytes.Contains(t, []byte("${")) {
				continue
			}
			value := string(t)
			texts = append(texts, value)
			switch name, parent := path[len(path)-1], path[len(path)-2]; {
			case parent == "properties":
				properties[name] = append(properties[name], value)
			case (name == "version" || name == "groupId") && (parent == "project" || parent == "parent"):
				names := []string{name}
				if parent == "parent" { // a project without a version has that of its parent
					names = append(names, "parent."+name)
				}
				for _, name := range names {
					for _, prefix := range []string{"", "pom.", "project."} {
						properties[prefix+name] = append(properties[prefix+name], value)
					}
				}
			}
		}
	}
}
