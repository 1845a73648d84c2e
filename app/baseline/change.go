package baseline

import (
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/blocks"
)

// A Change holds the files that a change touches, at both ends. It finds out whether a problem stayed in its block (a
// resource, a stage, an object, a service, a job, a function), whether the block moved, or whether a problem was fixed
// in one block and another made in the next. A nil Change knows no file. Several goroutines may use it at once.
type Change struct {
	// Divide divides the files; nil for [blocks.Divide]. It is set before the first use.
	Divide blocks.Divider

	head, base map[string][]byte
	renames    map[string]string // from the path at the head to the path at the base
	later      map[string]string // from the path at the base to the path at the head

	mu        sync.Mutex
	files     map[side]*file
	twins     map[string]*twins    // by the path at the head
	renamings map[string]*renaming // the same
	size      int                  // of the texts that were divided, in bytes
	work      effort               // to distinguish blocks of one name
}

// maxDivided bounds the bytes of one change that are divided into blocks. Further files count as not known.
const maxDivided = 64 << 20

// NewChange makes a change of the texts of its files by their paths. A file whose text is not known has the text nil.
// Renames lead from the path at the head to the path at the base.
func NewChange(head, base map[string][]byte, renames map[string]string) *Change {
	c := &Change{head: head, base: base, renames: renames, later: map[string]string{}, files: map[side]*file{}, twins: map[string]*twins{}, renamings: map[string]*renaming{}}
	for now, was := range renames {
		c.later[was] = now
	}
	return c
}

// has reports whether the head is known to have the file.
func (c *Change) has(path string) bool {
	if c == nil {
		return false
	}
	_, ok := c.head[path]
	return ok
}

// at returns the path at the head of a file of the base.
func (c *Change) at(base string) string {
	if now, ok := c.later[base]; ok {
		return now
	}
	return base
}

// from returns the path at the base of a file of the head.
func (c *Change) from(head string) string {
	if was, ok := c.renames[head]; ok {
		return was
	}
	return head
}

// A side is a file at one end.
type side struct {
	path string
	base bool
}

// A file is a text by its lines. Lines without a letter or a digit, such as a lone brace, are empty, since they are no
// evidence.
type file struct {
	blocks.Division
	lines []string
	parts [][]string // the lines of each block that are not empty
	all   []string   // those of the file
}

// file returns a file, or nil if its text is not known.
func (c *Change) file(s side) *file {
	if f, ok := c.files[s]; ok {
		return f
	}
	texts := c.head
	if s.base {
		texts = c.base
	}
	content := texts[s.path]
	c.size += len(content)
	c.files[s] = nil
	if content == nil || c.size > maxDivided {
		return nil
	}
	divide := c.Divide
	if divide == nil {
		divide = blocks.Divide
	}
	f := &file{Division: divide(s.path, content)}
	f.parts = make([][]string, len(f.Names))
	if f.Kind != blocks.Whole {
		for i, line := range strings.Split(string(content), "\n") {
			line = squeeze(line)
			f.lines = append(f.lines, line)
			if line == "" {
				continue
			}
			f.all = append(f.all, line)
			if b := f.At(i + 1); b >= 0 {
				f.parts[b] = append(f.parts[b], line)
			}
		}
	}
	c.files[s] = f
	return f
}

// squeeze returns a line with normalised white space, or "" for a line without a letter or a digit, which only ends or
// begins something.
func squeeze(line string) string {
	if !strings.ContainsFunc(line, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
		return ""
	}
	return Normalise(line)
}

// own returns the lines of a finding, which are no evidence of where it is: at most the first 21, since a longer
// finding is about more than a line.
func (f *file) own(found scanners.Finding) map[string]bool {
	const longest = 20
	lines := map[string]bool{}
	for n := max(found.Line, 1); n <= min(max(found.EndLine, found.Line), len(f.lines), found.Line+longest); n++ {
		if f.lines[n-1] != "" {
			lines[f.lines[n-1]] = true
		}
	}
	return lines
}

// twins are the two versions of one file, with the blocks that are in both.
type twins struct {
	base, head       *file
	ofBase, ofHead   []string    // by block: equal for the two versions of one block
	toBase, fromBase map[int]int // the block at the base by the block at the head, and the reverse
}

// pair returns the two versions of the file that is at path head at the head. It returns nil if one of them is not
// known, or has no blocks.
func (c *Change) pair(head string) *twins {
	if t, ok := c.twins[head]; ok {
		return t
	}
	a, b := c.file(side{c.from(head), true}), c.file(side{head, false})
	var t *twins
	if a != nil && b != nil && a.Kind == b.Kind && len(a.Names) > 0 && len(b.Names) > 0 {
		t = match(a, b, &c.work)
	}
	c.twins[head] = t
	return t
}

// match pairs the blocks of one name in the two versions: those of equal text first, then the most alike.
func match(base, head *file, work *effort) *twins {
	t := &twins{base: base, head: head, toBase: map[int]int{}, fromBase: map[int]int{}}
	t.ofBase, t.ofHead = make([]string, len(base.Names)), make([]string, len(head.Names))
	// Blocks of one name and text cannot be distinguished, so they share a class.
	classes := map[string]string{}
	class := func(f *file, i int) string {
		text := f.Names[i] + "\x00" + strings.Join(f.parts[i], "\n")
		if classes[text] == "" {
			classes[text] = strconv.Itoa(len(classes))
		}
		return classes[text]
	}
	open := map[string][]int{} // blocks of the base without a twin, by class
	for i := range base.Names {
		k := class(base, i)
		t.ofBase[i] = k
		open[k] = append(open[k], i)
	}
	for i := range head.Names {
		k := class(head, i)
		t.ofHead[i] = k
		if len(open[k]) > 0 {
			t.join(open[k][0], i)
			open[k] = open[k][1:]
		}
	}
	named := map[string][]int{} // the same by name
	for i, name := range base.Names {
		if _, ok := t.fromBase[i]; !ok {
			named[name] = append(named[name], i)
		}
	}
	for i, name := range head.Names {
		const tried = 20 // of one name
		if _, ok := t.toBase[i]; ok || len(named[name]) == 0 {
			continue
		}
		best, most, list := 0, -1, named[name]
		for j, b := range list[:min(len(list), tried)] {
			if len(list) > 1 && work.spend(len(base.parts[b])+len(head.parts[i])) {
				if n := common(base.parts[b], head.parts[i]); n > most {
					best, most = j, n
				}
			}
		}
		b := list[best]
		list[best], named[name] = list[0], list[1:]
		t.join(b, i)
		t.ofBase[b] = "twin " + strconv.Itoa(b)
		t.ofHead[i] = t.ofBase[b]
	}
	return t
}

func (t *twins) join(base, head int) { t.fromBase[base], t.toBase[head] = head, base }

// common counts the lines that are in both lists.
func common(a, b []string) (n int) {
	left := map[string]int{}
	for _, line := range a {
		left[line]++
	}
	for _, line := range b {
		if left[line] > 0 {
			left[line]--
			n++
		}
	}
	return n
}

// spot names the place of a finding: the path of the file at the base, and the block, if they are known. A block that
// is at both ends has the same spot at both.
func (c *Change) spot(found scanners.Finding, atBase bool, base string) string {
	if c == nil {
		return base
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	head := found.Path
	if atBase {
		head = c.at(found.Path)
	}
	t := c.pair(head)
	if t == nil {
		return base
	}
	f, of := t.head, t.ofHead
	if atBase {
		f, of = t.base, t.ofBase
	}
	if i := f.At(found.Line); i >= 0 {
		return base + "\x00" + of[i]
	}
	return base + "\x00"
}
