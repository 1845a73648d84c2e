package fakegithub

import (
	"fmt"
	"sort"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"
)

// GitHub shows no patch for a file whose patch is larger than this.
// https://docs.github.com/en/repositories/creating-and-managing-repositories/repository-limits
const (
	maxPatchLines = 20_000
	maxPatchBytes = 500_000
	maxPatchFiles = 3000
)

// A diff is the change of a pull request, file by file.
type diff struct {
	files  []*diffFile
	byPath map[string]*diffFile
}

type diffFile struct {
	path, previous string
	status         string // added, removed, modified, renamed, changed
	sha            string // blob at the head, or at the base when removed
	added, deleted int
	patch          string // empty if GitHub would not show one
	hunks          []hunk
}

type hunk struct {
	header             string
	oldStart, newStart int
	lines              []diffLine
	position           int // of the header line, see [diffFile.place]
}

type diffLine struct {
	op       byte // ' ', '+', '-'
	old, new int  // line numbers, 0 on the side that does not have the line
	text     string
	noEOL    bool
}

// diff returns the change between two commits, with renames.
func (r *Repo) diff(from, to string) (*diff, error) {
	key := from + ".." + to
	if d := r.diffs[key]; d != nil {
		return d, nil
	}
	out, err := r.git("diff", "--no-ext-diff", "--no-textconv", "--no-color", "-M", "--full-index", "-U3",
		"--src-prefix=a/", "--dst-prefix=b/", from, to)
	if err != nil {
		return nil, err
	}
	files, _, err := gitdiff.Parse(strings.NewReader(out))
	if err != nil {
		return nil, fmt.Errorf("read diff: %w", err)
	}
	d := &diff{byPath: map[string]*diffFile{}}
	for _, f := range files {
		df := newDiffFile(f)
		d.files = append(d.files, df)
		d.byPath[df.path] = df
	}
	sort.Slice(d.files, func(i, j int) bool { return d.files[i].path < d.files[j].path })
	r.diffs[key] = d
	return d, nil
}

func newDiffFile(f *gitdiff.File) *diffFile {
	df := &diffFile{path: f.NewName, status: "modified", sha: f.NewOIDPrefix}
	switch {
	case f.IsNew:
		df.status = "added"
	case f.IsDelete:
		df.path, df.status, df.sha = f.OldName, "removed", f.OldOIDPrefix
	case f.IsRename:
		df.status, df.previous = "renamed", f.OldName
	case f.OldMode != f.NewMode && f.NewMode != 0 && len(f.TextFragments) == 0:
		df.status = "changed"
	}
	var b strings.Builder
	position := 0
	for _, frag := range f.TextFragments {
		h := hunk{
			header:   strings.TrimRight(frag.Header(), "\n"),
			oldStart: int(frag.OldPosition), newStart: int(frag.NewPosition), position: position,
		}
		fmt.Fprintln(&b, h.header)
		position++
		o, n := h.oldStart, h.newStart
		for _, l := range frag.Lines {
			line := diffLine{op: ' ', old: o, new: n, text: strings.TrimSuffix(l.Line, "\n"), noEOL: !strings.HasSuffix(l.Line, "\n")}
			switch l.Op {
			case gitdiff.OpAdd:
				line.op, line.old = '+', 0
				df.added++
				n++
			case gitdiff.OpDelete:
				line.op, line.new = '-', 0
				df.deleted++
				o++
			default:
				o++
				n++
			}
			h.lines = append(h.lines, line)
			b.WriteByte(line.op)
			fmt.Fprintln(&b, line.text)
			position++
			if line.noEOL {
				fmt.Fprintln(&b, `\ No newline at end of file`)
				position++
			}
		}
		df.hunks = append(df.hunks, h)
	}
	if b.Len() <= maxPatchBytes && position <= maxPatchLines {
		df.patch = strings.TrimSuffix(b.String(), "\n")
	} else {
		df.hunks = nil
	}
	return df
}

// A place is one line of a diff that can carry a comment.
type place struct {
	hunk     int
	position int    // 1 is the line below the first header; later headers count as lines
	excerpt  string // the hunk from its header to this line
}

// place returns the place of a line of one side. Context lines are on both sides.
// https://docs.github.com/en/rest/pulls/comments
func (f *diffFile) place(line int, side string) (place, bool) {
	for i, h := range f.hunks {
		pos := h.position
		for j, l := range h.lines {
			pos++
			n := l.new
			if side == "LEFT" {
				n = l.old
			}
			if n == line && n != 0 {
				var b strings.Builder
				b.WriteString(h.header)
				for _, l := range h.lines[:j+1] {
					b.WriteString("\n" + string(l.op) + l.text)
				}
				return place{i, pos, b.String()}, true
			}
			if l.noEOL {
				pos++
			}
		}
	}
	return place{}, false
}

// A lineMap maps the lines of one file from one commit to another.
type lineMap struct {
	gone  bool // the file is not there any more
	hunks []hunk
}

// lineMap returns the map for a file. It does not follow renames, as GitHub's comments do not.
func (r *Repo) lineMap(from, to, path string) lineMap {
	key := from + ".." + to + ":" + path
	if m, ok := r.maps[key]; ok {
		return m
	}
	var m lineMap
	out, err := r.git("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "-U0", from, to, "--", ":(literal)"+path)
	files, _, perr := gitdiff.Parse(strings.NewReader(out))
	if err != nil || perr != nil {
		m.gone = true
	}
	for _, f := range files {
		m.gone = m.gone || f.IsDelete || f.IsBinary
		m.hunks = append(m.hunks, newDiffFile(f).hunks...)
	}
	r.maps[key] = m
	return m
}

// follow returns the new number of a line, or false if the line was changed or removed.
func (m lineMap) follow(line int) (int, bool) {
	if m.gone {
		return 0, false
	}
	shift := 0
	for _, h := range m.hunks {
		for _, l := range h.lines {
			switch {
			case l.op == '-' && l.old == line:
				return 0, false
			case l.op == '-' && l.old < line:
				shift--
			case l.op == '+' && l.new <= line+shift:
				shift++
			}
		}
	}
	return line + shift, true
}

// moveComments moves the comments of the pull request to its new head. A comment whose
// lines changed, or left the diff, becomes outdated and stays so.
func (p *Pull) moveComments(oldHead, oldBase string) {
	base := p.mergeBase()
	d, err := p.repo.diff(base, p.HeadSHA)
	if err != nil {
		d = &diff{}
	}
	for _, c := range p.comments {
		if c.InReplyTo != 0 || c.Outdated {
			continue
		}
		p.moveComment(c, d, oldHead, oldBase, base)
		for _, reply := range p.comments {
			if reply.InReplyTo == c.ID {
				reply.Line, reply.StartLine, reply.Position = c.Line, c.StartLine, c.Position
				reply.Outdated, reply.CommitID = c.Outdated, c.CommitID
			}
		}
	}
}

func (p *Pull) moveComment(c *ReviewComment, d *diff, oldHead, oldBase, base string) {
	f := d.byPath[c.Path]
	if c.SubjectType == "file" {
		if f == nil {
			c.Outdated = true
		} else {
			c.CommitID = p.HeadSHA
		}
		return
	}
	m := p.repo.lineMap(oldHead, p.HeadSHA, c.Path)
	if c.Side == "LEFT" {
		m = lineMap{}
		if oldBase != base {
			m = p.repo.lineMap(oldBase, base, c.Path)
		}
	}
	line, ok := m.follow(c.Line)
	start := 0
	if ok && c.StartLine != 0 {
		for l := c.StartLine; l < c.Line && ok; l++ {
			_, ok = m.follow(l)
		}
		start, _ = m.follow(c.StartLine)
	}
	var at place
	if ok && f != nil {
		at, ok = f.place(line, c.Side)
	}
	if !ok || f == nil {
		c.Outdated, c.Line, c.StartLine, c.Position = true, 0, 0, 0
		return
	}
	c.Line, c.StartLine, c.Position, c.CommitID = line, start, at.position, p.HeadSHA
}
