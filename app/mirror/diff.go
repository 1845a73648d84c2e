package mirror

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A Diff holds the changes from one tree to another.
type Diff struct {
	Base, Head string

	// Patch is a unified diff with three lines of context, renames detected, full object ids, and names quoted as
	// git does.
	Patch []byte

	// Changes are in the order of the patch.
	Changes []Change

	// Truncated is a sentence about what is missing from the patch or the changes, or empty if nothing is.
	// Changes are complete unless it says otherwise.
	Truncated string
}

// A Kind is a kind of change to a path.
type Kind string

// The kinds. A copy counts as an addition.
const (
	Added       Kind = "added"
	Modified    Kind = "modified" // content, and maybe the mode
	Deleted     Kind = "deleted"
	Renamed     Kind = "renamed"      // and maybe modified
	TypeChanged Kind = "type changed" // between file, symlink and submodule
	ModeChanged Kind = "mode changed" // only the mode
)

// A Change is a change to one path. For an added file the old side is empty, for a deleted file the new side.
type Change struct {
	Kind             Kind
	OldPath, NewPath string // exact bytes; the same unless Renamed, Added or Deleted
	OldMode, NewMode string // "100644", "100755", "120000" symlink, "160000" submodule
	OldBlob, NewBlob string // object ids; for a submodule the commit in the other repository

	// Binary is set if git does not compare it line by line: it has a NUL near its beginning, or is over
	// Limits.BlobBytes.
	Binary bool
}

// Regular reports whether the new side is a regular file: not deleted, not a symlink, not
// a submodule.
func (c Change) Regular() bool { return regular(c.NewMode) }

// Diff compares exactly the two given commits or trees (for a pull request, base must be the merge base). In a
// mirror, the blobs that it needs are fetched in one request. If they exceed Limits.FetchBytes, or the changed
// paths exceed Limits.Files, there is no patch and renames are not detected; Truncated says so.
func (r *Repo) Diff(ctx context.Context, base, head string) (*Diff, error) {
	if err := checkOIDs(base, head); err != nil {
		return nil, fmt.Errorf("diff: %w", err)
	}
	var d *Diff
	err := r.steady(ctx, func(ctx context.Context) (err error) {
		d, err = r.diff(ctx, base, head)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("diff %.8s..%.8s: %w", base, head, err)
	}
	return d, nil
}

// Changes compares two commits or trees by their paths alone: it reads no content, and detects no renames.
func (r *Repo) Changes(ctx context.Context, base, head string) ([]Change, error) {
	if err := checkOIDs(base, head); err != nil {
		return nil, fmt.Errorf("list changes: %w", err)
	}
	var list []Change
	err := r.steady(ctx, func(ctx context.Context) (err error) {
		list, err = r.changes(ctx, base, head)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list changes %.8s..%.8s: %w", base, head, err)
	}
	return list, nil
}

func (r *Repo) changes(ctx context.Context, base, head string) ([]Change, error) {
	if err := r.need(ctx, base, head); err != nil {
		return nil, err
	}
	names, err := r.read(ctx, "", "diff-tree", "-r", "-z", "--raw", "--no-renames", "--end-of-options", base, head)
	if err != nil {
		return nil, err
	}
	return parseRaw(bufio.NewReader(bytes.NewReader(names)))
}

func (r *Repo) diff(ctx context.Context, base, head string) (*Diff, error) {
	changes, err := r.changes(ctx, base, head)
	if err != nil {
		return nil, err
	}
	d := &Diff{Base: base, Head: head, Changes: changes}
	if len(changes) > r.git.limits.Files {
		d.Truncated = fmt.Sprintf("%d files changed, more than the %d that are compared line by line.", len(changes), r.git.limits.Files)
		return d, nil
	}
	blobs := changedBlobs(changes)
	err = r.fetchBlobs(ctx, func() ([]string, error) { return r.missing(ctx, blobs) })
	if errors.Is(err, ErrTooLarge) {
		d.Truncated = fmt.Sprintf("The changed files are over the limit of %d bytes for one fetch.", r.git.limits.FetchBytes)
		return d, nil
	}
	if err != nil {
		return nil, err
	}
	if r.local == nil {
		return d, r.patch(ctx, d, nil)
	}
	absent, err := r.missing(ctx, blobs)
	if err != nil {
		return nil, err
	}
	return d, r.patch(ctx, d, absent)
}

// changedBlobs returns the blobs of both sides. The old ones are needed for the patch, and to detect renames.
func changedBlobs(changes []Change) []string {
	var blobs []string
	for _, c := range changes {
		for _, side := range [][2]string{{c.OldMode, c.OldBlob}, {c.NewMode, c.NewBlob}} {
			if side[1] != "" && side[0] != "160000" {
				blobs = append(blobs, side[1])
			}
		}
	}
	return unique(blobs)
}

// patch fills in the patch of d, and replaces its changes by those with renames detected. Changes with an absent blob
// are left as they are.
func (r *Repo) patch(ctx context.Context, d *Diff, absent []string) error {
	var without []Change
	for _, c := range d.Changes {
		if slices.Contains(absent, c.OldBlob) || slices.Contains(absent, c.NewBlob) {
			c.Binary = true
			without = append(without, c)
		}
	}
	ctx, cancel := r.readTime(ctx)
	defer cancel()
	c, done, err := r.place()
	if err != nil {
		return err
	}
	defer done()
	// Set every option that a configuration could change.
	c.args = []string{"diff-tree", "-r", "-z", "--raw", "--numstat", "--patch", "--find-renames=50%",
		"--unified=3", "--inter-hunk-context=0", "--diff-algorithm=myers", "--indent-heuristic", "--full-index", "--no-color",
		"--no-ext-diff", "--no-textconv", "--submodule=short", "--ignore-submodules=none", "--no-relative",
		"--src-prefix=a/", "--dst-prefix=b/", "--end-of-options", d.Base, d.Head}
	if len(without) > 0 {
		c.env = append(c.env, "GIT_LITERAL_PATHSPECS=0")
		c.args = append(c.args, "--", ":(top)")
		for _, change := range without {
			c.args = append(c.args, ":(top,literal,exclude)"+cmp.Or(change.NewPath, change.OldPath))
		}
	}
	limit := r.git.limits.PatchBytes
	d.Changes, d.Patch = nil, nil
	err = r.git.run(ctx, c, func(_ io.Writer, stdout io.Reader) error {
		out := bufio.NewReaderSize(stdout, 64<<10)
		var err error
		if d.Changes, err = parseRaw(out); err != nil {
			return err
		}
		if err := parseNumstat(out, d.Changes); err != nil {
			return err
		}
		if d.Patch, err = io.ReadAll(io.LimitReader(out, limit+1)); err != nil {
			return err
		}
		if int64(len(d.Patch)) > limit {
			return errPatchLimit
		}
		return nil
	})
	d.Changes = append(d.Changes, without...)
	if errors.Is(err, errPatchLimit) {
		d.Patch = wholeFiles(d.Patch)
		d.Truncated = fmt.Sprintf("The patch is over the limit of %d bytes; the files at its end are missing from it.", limit)
		return nil
	}
	return err
}

var errPatchLimit = errors.New("patch over the limit")

// wholeFiles removes the last, incomplete file from a patch. Lines of content begin with a space or a sign, so
// none of them can be mistaken for a header.
func wholeFiles(patch []byte) []byte {
	return patch[:bytes.LastIndex(patch, []byte("\ndiff --git "))+1]
}

// parseRaw parses git's raw format with -z, see "RAW OUTPUT FORMAT" in git-diff-tree(1). It stops at the first
// byte of anything else.
func parseRaw(in *bufio.Reader) ([]Change, error) {
	var changes []Change
	for {
		next, err := in.Peek(1)
		if errors.Is(err, io.EOF) || err == nil && next[0] != ':' {
			return changes, nil
		}
		meta, err := field(in)
		if err != nil {
			return nil, err
		}
		f := strings.Fields(strings.TrimPrefix(meta, ":"))
		if len(f) != 5 {
			return nil, fmt.Errorf("git diff-tree printed %q", meta)
		}
		c := Change{OldMode: f[0], NewMode: f[1], OldBlob: f[2], NewBlob: f[3]}
		if c.OldPath, err = field(in); err != nil {
			return nil, err
		}
		c.NewPath = c.OldPath
		switch f[4][0] {
		case 'A':
			c.Kind, c.OldPath, c.OldMode, c.OldBlob = Added, "", "", ""
		case 'D':
			c.Kind, c.NewPath, c.NewMode, c.NewBlob = Deleted, "", "", ""
		case 'M':
			c.Kind = Modified
			if c.OldBlob == c.NewBlob {
				c.Kind = ModeChanged
			}
		case 'T':
			c.Kind = TypeChanged
		case 'R':
			c.Kind = Renamed
			if c.NewPath, err = field(in); err != nil {
				return nil, err
			}
		default:
			return nil, fmt.Errorf("git diff-tree printed status %q", f[4])
		}
		if err := checkPath(c.OldPath, c.NewPath); err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
}

// checkPath rejects names that no honest tree contains: those that lead out of it or into a git directory. It
// ignores empty paths.
func checkPath(paths ...string) error {
	for _, path := range paths {
		for part := range strings.SplitSeq(path, "/") {
			if path != "" && (part == "" || part == "." || part == ".." || strings.EqualFold(part, ".git")) {
				return fmt.Errorf("malformed tree: it holds the path %q", path)
			}
		}
	}
	return nil
}

// parseNumstat parses git's numstat format with -z, one entry for each change in the same order, and the
// separator that follows.
func parseNumstat(in *bufio.Reader, changes []Change) error {
	for i := range changes {
		stat, err := field(in)
		if err != nil {
			return err
		}
		f := strings.SplitN(stat, "\t", 3)
		if len(f) != 3 {
			return fmt.Errorf("git diff-tree printed %q", stat)
		}
		name := f[2]
		if name == "" { // a rename: both names follow
			if _, err := field(in); err != nil {
				return err
			}
			if name, err = field(in); err != nil {
				return err
			}
		}
		c := &changes[i]
		if name != c.NewPath && (c.Kind != Deleted || name != c.OldPath) {
			return fmt.Errorf("git diff-tree printed %q in the place of %q", name, c.NewPath)
		}
		c.Binary = f[0] == "-"
	}
	if next, err := in.Peek(1); err == nil && next[0] == 0 {
		_, _ = in.Discard(1)
	}
	return nil
}

// field reads up to the next NUL.
func field(in *bufio.Reader) (string, error) {
	s, err := in.ReadString(0)
	if err == io.EOF {
		return "", io.ErrUnexpectedEOF
	}
	return strings.TrimSuffix(s, "\x00"), err
}
