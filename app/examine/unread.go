package examine

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/app/baseline"
	"github.com/secbydesign/secbydesign/scanners"
)

// unread holds the files of one side that a scanner could not read to their end.
type unread struct {
	all     bool            // it is not known which
	files   map[string]bool // by path
	folders map[string]bool // everything in these folders and not below them; "." is the root
	trees   []string        // everything below these folders, each with a slash at its end
	errs    []error
}

// newUnread returns the files that the errors of a scanner name. If the scanner judges files together, one that it
// could not read decides on what it finds in the others of the folder, such as a module of Terraform or a package of
// Go.
func newUnread(info scanners.Info, errs []error) unread {
	u := unread{files: map[string]bool{}, folders: map[string]bool{}, errs: errs}
	for _, err := range errs {
		paths := scanners.Unread(err)
		u.all = u.all || len(paths) == 0 && !scanners.IsNotice(err)
		for _, name := range paths {
			u.add(name, info.CrossFile || info.Has(scanners.ScopeTree))
		}
	}
	return u
}

func (u *unread) add(name string, together bool) {
	switch {
	case strings.HasSuffix(name, "/"):
		u.trees = append(u.trees, strings.TrimPrefix(name, "./"))
	case together:
		u.folders[path.Dir(name)] = true
	default:
		u.files[name] = true
	}
}

// covers reports whether the scanner may have missed something in the file.
func (u unread) covers(name string) bool {
	return u.all || u.files[name] || u.folders[path.Dir(name)] ||
		slices.ContainsFunc(u.trees, func(tree string) bool { return strings.HasPrefix(name, tree) })
}

// old says that a finding is new only as far as is known.
const old = "The file could not be scanned at the base of the pull request, so this may have been there before."

// A comparison is what the findings of both sides say, given what was not read on either.
type comparison struct {
	results []scanners.Result
	failed  []error // what makes the run incomplete
	notices []string
}

// compare compares both sides of a change, given what could not be read of them:
//
//   - What could not be read at the head makes the run incomplete, and nothing in it counts as fixed. Files that the
//     change does not touch, in folders that it does not touch, are the same on both sides: a notice names them.
//   - What could not be read at the base has findings that may be old. Each says so. A file that is gone at the head,
//     or new there, needs no base.
//   - If it is not known what could not be read at the base, nothing is claimed of the files that the base has.
func (s *source) compare(info scanners.Info, in baseline.Input, head, base unread) (c comparison) {
	for _, name := range s.largeBase {
		if info.Matches(name) {
			base.add(name, info.CrossFile)
		}
	}
	before, after := s.paths()
	if base.all {
		old := func(f scanners.Finding) bool { return before(f.Path) != "" }
		in.Head, in.History = without(in.Head, old), without(in.History, old)
		c.failed = append(c.failed, &scanners.IncompleteError{
			Reason: "It could not scan the base of the pull request, so only files that are new were compared. " + scanners.Reason(join(base.errs)),
			Err:    errors.Join(base.errs...),
		})
	}
	for _, err := range head.errs {
		if scanners.IsNotice(err) {
			c.notices = append(c.notices, scanners.Reason(err))
		} else if paths := scanners.Unread(err); s.touches(info, newUnread(info, []error{err})) || len(paths) == 0 {
			c.failed = append(c.failed, err)
		} else {
			c.notices = append(c.notices, fmt.Sprintf("%s could not scan %s, which this change does not touch.", info.Name, scanners.Some(quoted(paths), 3)))
		}
	}
	// What is in a file that was not read may still be there, so it is no place from which a finding moved elsewhere.
	read := map[string]bool{}
	for _, f := range in.Head {
		read[f.Path] = true
	}
	in.Base = without(in.Base, func(f scanners.Finding) bool { return !head.all && head.covers(after(f.Path)) && !read[after(f.Path)] })
	for _, r := range baseline.Compare(info, in) {
		switch was := before(r.Path); {
		case r.State == scanners.Absent && (base.all || head.covers(after(r.Path))):
			continue
		case r.State == scanners.New && !r.Worse && !base.all && was != "" && base.covers(was):
			r.Message = strings.TrimRight(r.Message+" "+old, " ")
		}
		c.results = append(c.results, r)
	}
	return c
}

// paths returns functions that give the path of a file at the other side: before is empty for a file that is new.
func (s *source) paths() (before, after func(string) string) {
	inBase, atHead, renamed := map[string]bool{}, map[string]bool{}, map[string]string{}
	for _, f := range s.base.files {
		inBase[f.Path] = true
	}
	for _, name := range s.largeBase {
		inBase[name] = true
	}
	for _, f := range s.head.files {
		atHead[f.Path] = true
	}
	for now, was := range s.renames {
		renamed[was] = now
	}
	before = func(name string) string {
		if was, ok := s.renames[name]; ok {
			return was
		}
		if atHead[name] && !inBase[name] {
			return ""
		}
		return name
	}
	return before, func(name string) string { return cmp.Or(renamed[name], name) }
}

// touches reports whether the change touches what could not be read.
func (s *source) touches(info scanners.Info, u unread) bool {
	covered := func(f scanners.File) bool { return info.Matches(f.Path) && u.covers(f.Path) }
	return slices.ContainsFunc(s.head.files, covered) || slices.ContainsFunc(s.base.files, covered)
}

// without returns the findings that do not match.
func without(found []scanners.Finding, matches func(scanners.Finding) bool) []scanners.Finding {
	return slices.DeleteFunc(slices.Clone(found), matches)
}

func quoted(paths []string) (list []string) {
	for _, p := range paths {
		list = append(list, fmt.Sprintf("%.200q", p))
	}
	return list
}
