package baseline

import (
	"regexp"
	"strings"

	"github.com/secbydesign/secbydesign/scanners/blocks"
)

// A unit is a part of a file that has a name: a block, or, within a block of YAML, a named item of a list, such as a
// container or a step.
type unit struct {
	name   string
	list   string   // the key of the list that an item is in; empty for a block
	parent int      // the unit around it, or -1
	head   string   // its first line, or the line with its name
	rest   []string // its other lines that are not empty
}

// An outline divides one version of a file into units. Its first units are its blocks.
type outline struct {
	units []unit // a unit comes after its parent
	of    []int  // for each line, from 0: the innermost unit, or -1
}

// at returns the innermost unit of a line, or -1.
func (o *outline) at(line int) int {
	if line < 1 || line > len(o.of) {
		return -1
	}
	return o.of[line-1]
}

func outlined(f *file, text []byte) *outline {
	o := &outline{of: make([]int, len(f.lines))}
	for i, name := range f.Names {
		u := unit{name: name, parent: -1}
		if part := f.parts[i]; len(part) > 0 {
			u.head, u.rest = part[0], part[1:]
		}
		o.units = append(o.units, u)
	}
	for i := range o.of {
		o.of[i] = f.At(i + 1)
	}
	if f.Kind != blocks.Mapping {
		return o
	}
	for _, it := range items(strings.Split(string(text), "\n")) {
		if it.name == "" || f.At(it.from+1) < 0 {
			continue
		}
		u := unit{name: it.name, list: it.list, parent: o.of[it.from], head: f.lines[it.named]}
		for i := it.from; i <= it.to && f.At(i+1) == f.At(it.from+1); i++ {
			if o.of[i] = len(o.units); i != it.named && f.lines[i] != "" {
				u.rest = append(u.rest, f.lines[i])
			}
		}
		o.units = append(o.units, u)
	}
	return o
}

// An item is an item of a list of YAML. Its lines count from 0.
type item struct {
	from, to      int
	dash, content int    // the columns of the dash and of what follows it
	name, list    string // the name may be empty
	named         int    // the line with the name
}

var (
	itemName = regexp.MustCompile(`^(?:\{\s*)?(?:name|id)\s*:\s*["']?([^"',}#\s]+)`)
	yamlKey  = regexp.MustCompile(`^["']?([\w.-]+)["']?\s*:`)
)

// items finds the items of lists by their indentation, those around others first.
func items(lines []string) (list []item) {
	const deepest = 8 // items in items
	type key struct {
		column int
		name   string
	}
	var keys []key   // the keys around a line
	var around []int // the items around it
	for i, line := range lines {
		text := strings.TrimSpace(line)
		if text == "" || text[0] == '#' {
			continue
		}
		column := len(line) - len(strings.TrimLeft(line, " "))
		for len(around) > 0 && column <= list[around[len(around)-1]].dash {
			around = around[:len(around)-1]
		}
		for _, n := range around {
			list[n].to = i
		}
		inner, dashed := strings.CutPrefix(text, "- ")
		for len(keys) > 0 && (keys[len(keys)-1].column > column || keys[len(keys)-1].column == column && !dashed) {
			keys = keys[:len(keys)-1]
		}
		if inner = strings.TrimLeft(inner, " "); dashed && len(around) < deepest {
			it := item{from: i, to: i, dash: column, content: column + len(text) - len(inner)}
			if len(keys) > 0 {
				it.list = keys[len(keys)-1].name
			}
			list = append(list, it)
			around = append(around, len(list)-1)
			column = it.content
		}
		if len(around) > 0 {
			it := &list[around[len(around)-1]]
			if m := itemName.FindStringSubmatch(inner); m != nil && it.name == "" && column == it.content {
				it.name, it.named = m[1], i
			}
		}
		if m := yamlKey.FindStringSubmatch(inner); m != nil {
			keys = append(keys, key{column, m[1]})
		}
	}
	return list
}
