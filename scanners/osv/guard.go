package osv

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
)

// Guards refuse what would bring a library down in a way that cannot be recovered, or make it
// leave out packages without a word. Each names what it saw; no honest file comes near.

// shortLines is for readers that end at a line of 64 KB as if it were the last one.
func shortLines(text []byte) error {
	for line := range bytes.Lines(text) {
		if len(line) >= bufio.MaxScanTokenSize {
			return fmt.Errorf("%w: a line has 64 KB or more", errOdd)
		}
	}
	return nil
}

// fewContinuations is for a reader that calls itself for each line that goes on in the next:
// eight million of them overflow the stack, which ends the process.
func fewContinuations(text []byte) error {
	const most = 10_000
	run := 0
	for line := range bytes.Lines(text) {
		if run++; !bytes.ContainsRune(line, '\\') {
			run = 0
		}
		if run > most {
			return fmt.Errorf("%w: more than %d lines in a row go on in the next", errOdd, most)
		}
	}
	return nil
}

// flatTOML is for a reader that calls itself for each bracket, which overflows the stack at some
// millions, and that takes the square of the length of dotted keys.
//
// It has the states of TOML's grammar (https://toml.io/en/v1.0.0): brackets count outside strings
// and comments only. Where it errs, the text is no TOML, and the reader stops there, too.
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

// tomlString is how many bytes the string at the beginning of text has.
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

var property = regexp.MustCompile(`\$\{([^}]*)\}`)

// smallProperties is for a reader that replaces ${name} by the property's text again and again:
// with twenty-five properties that each name the one before twice, it takes minutes. What grows
// beyond a million characters and replacements is refused, and so is what names itself.
func smallProperties(text []byte) error {
	properties, texts, err := readProperties(text)
	if err != nil {
		return fmt.Errorf("%w: %w", errOdd, err)
	}
	const most = 1 << 20
	const open = -1
	sizes := map[string]int{}
	var size func(text string) int // above most for what is refused
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
			return fmt.Errorf("%w: its properties grow beyond all measure", errOdd)
		}
	}
	return nil
}

// readProperties gives what a pom.xml calls a property, with every value that it has somewhere,
// and all texts that name a property.
func readProperties(text []byte) (properties map[string][]string, texts []string, err error) {
	properties = map[string][]string{}
	d := xml.NewDecoder(bytes.NewReader(text))
	// What the characters are does not matter here, only how many.
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
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
				if parent == "parent" {
					name = "parent." + name
				}
				for _, prefix := range []string{"", "pom.", "project."} {
					properties[prefix+name] = append(properties[prefix+name], value)
				}
			}
		}
	}
}
