package examine

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/baseline"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/scanners"
)

// An otherBase is a commit of the base beside the merge base, see [Change.Bases].
type otherBase struct {
	rev string

	once    sync.Once
	changed map[string]string // where it differs from the merge base: the blobs by path, empty for one that is gone
	err     error
}

func otherBases(c Change) (list []*otherBase) {
	for _, rev := range c.Bases {
		if rev != c.Base && !slices.ContainsFunc(list, func(b *otherBase) bool { return b.rev == rev }) {
			list = append(list, &otherBase{rev: rev})
		}
	}
	return list
}

// differences returns where the commit differs from the merge base.
func (b *otherBase) differences(ctx context.Context, c Change) (map[string]string, error) {
	b.once.Do(func() {
		list, err := c.Repo.Changes(ctx, c.Base, b.rev)
		b.changed, b.err = map[string]string{}, err
		for _, ch := range list {
			if ch.OldPath != "" {
				b.changed[ch.OldPath] = ""
			}
			if ch.NewPath != "" && regular(ch.NewMode) {
				b.changed[ch.NewPath] = ch.NewBlob
			}
		}
	})
	return b.changed, b.err
}

// withoutBases returns the results. Those that another commit of the base has too, in the same file and block, are
// unchanged: the branch got them from there, or the base has got them since. What the merge base has is left out on
// both sides, so each finding there stands for one here.
//
// It reads nothing unless something is new in a file that differs there. What cannot be read leaves all as it is.
func (c *scan) withoutBases(ctx context.Context, in baseline.Input, results []scanners.Result) []scanners.Result {
	for _, b := range c.source.bases {
		fresh := slices.DeleteFunc(slices.Clone(results), func(r scanners.Result) bool { return r.State != scanners.New })
		if len(fresh) == 0 || ctx.Err() != nil {
			break
		}
		changed, err := b.differences(ctx, c.source.change)
		var found *third
		if err == nil {
			found, err = c.third(ctx, b.rev, changed, fresh)
		}
		if err != nil {
			zerolog.Ctx(ctx).Info().Err(err).Str("scanner", c.info.Name).Msg("cannot compare with another commit of the base")
			continue
		}
		if found != nil {
			results = found.settle(c, in, results)
		}
	}
	return results
}

// A third is what a scanner finds at another commit of the base, in the files in which it found something new.
type third struct {
	texts  map[string][]byte // by path there
	from   map[string]string // from the path at the head to the path there
	origin map[string]string // from the path there to the path at the merge base
	found  []scanners.Finding
}

// third scans, at a commit of the base, the files of the new results. It returns nil if they are as at the merge base.
func (c *scan) third(ctx context.Context, rev string, changed map[string]string, fresh []scanners.Result) (*third, error) {
	t := &third{texts: map[string][]byte{}, from: map[string]string{}, origin: map[string]string{}}
	paths := map[string][]string{} // by blob
	for _, r := range fresh {
		was := r.Path
		if old, ok := c.source.renames[r.Path]; ok {
			was = old
		}
		for _, path := range []string{r.Path, was} {
			if blob := changed[path]; blob != "" && t.from[r.Path] == "" {
				t.from[r.Path] = path
				if _, known := t.origin[path]; !known {
					t.origin[path] = was
					paths[blob] = append(paths[blob], path)
				}
			}
		}
	}
	if len(paths) == 0 {
		return nil, nil
	}
	files, err := t.read(ctx, c.source.change.Repo, paths)
	if err != nil {
		return nil, err
	}
	if c.info.CrossFile { // the others decide on what is in these
		for _, f := range c.source.base.files {
			if _, differs := changed[f.Path]; !differs {
				files = append(files, f)
			}
		}
	}
	slices.SortFunc(files, func(a, b scanners.File) int { return strings.Compare(a.Path, b.Path) })
	found, failed := c.side(ctx, rev, files)
	if len(failed) > 0 {
		return nil, join(failed)
	}
	t.found = slices.DeleteFunc(found, func(f scanners.Finding) bool { return t.texts[f.Path] == nil })
	return t, nil
}

// read reads files, by their paths by blob. It leaves out those that are too large.
func (t *third) read(ctx context.Context, repo *mirror.Repo, paths map[string][]string) (files []scanners.File, err error) {
	err = repo.Blobs(ctx, slices.Sorted(maps.Keys(paths)), func(blob string, size int64, content []byte) error {
		content = scanners.Decode(content)
		for _, path := range paths[blob] {
			if content != nil || size == 0 {
				files = append(files, scanners.File{Path: path, Blob: blob, Content: content})
				t.texts[path] = append([]byte{}, content...)
			}
		}
		return nil
	})
	return files, err
}

// settle makes the new results unchanged that are at the other commit and not at the merge base.
func (t *third) settle(c *scan, in baseline.Input, results []scanners.Result) []scanners.Result {
	theirs := t.theirs(c, in.Base)
	var mine []scanners.Finding
	for _, r := range results {
		if r.State == scanners.New && t.from[r.Path] != "" {
			f := r.Finding
			f.Commit = ""
			mine = append(mine, f)
		}
	}
	head := map[string][]byte{}
	for _, f := range c.source.head.files {
		if t.from[f.Path] != "" {
			head[f.Path] = f.Content
		}
	}
	both := baseline.Input{Head: mine, Base: theirs, Renames: differing(t.from), Apart: true}
	both.Change = baseline.NewChange(head, t.texts, both.Renames)
	both.Change.Divide = c.source.divide
	old := map[spot]int{}
	for _, r := range baseline.Compare(c.info, both) {
		if r.State == scanners.Unchanged {
			old[spotOf(r.Finding)]++
		}
	}
	var out []scanners.Result
	for _, r := range results {
		if s := spotOf(r.Finding); r.State == scanners.New && old[s] > 0 {
			old[s]--
			if r.Commit != "" {
				continue // it is only in the history
			}
			r.State, r.Worse = scanners.Unchanged, false
		}
		out = append(out, r)
	}
	return out
}

// theirs returns what the other commit has and the merge base has not.
func (t *third) theirs(c *scan, base []scanners.Finding) (list []scanners.Finding) {
	there := map[string]bool{} // paths at the merge base
	for _, was := range t.origin {
		there[was] = true
	}
	texts := map[string][]byte{}
	for _, f := range c.source.base.files {
		if there[f.Path] {
			texts[f.Path] = f.Content
		}
	}
	in := baseline.Input{Head: t.found, Renames: differing(t.origin)}
	in.Base = slices.DeleteFunc(slices.Clone(base), func(f scanners.Finding) bool { return !there[f.Path] })
	in.Change = baseline.NewChange(t.texts, texts, in.Renames)
	in.Change.Divide = c.source.divide
	for _, r := range baseline.Compare(c.info, in) {
		if r.State == scanners.New {
			list = append(list, r.Finding)
		}
	}
	return list
}

// differing returns the paths that have another name.
func differing(paths map[string]string) map[string]string {
	out := map[string]string{}
	for now, was := range paths {
		if now != was {
			out[now] = was
		}
	}
	return out
}

// A spot distinguishes the findings of one scanner at the head.
type spot struct {
	rule, path, identity           string
	line, column, toLine, toColumn int
}

func spotOf(f scanners.Finding) spot {
	return spot{f.Rule, f.Path, f.Identity, f.Line, f.Column, f.EndLine, f.EndColumn}
}
