package mirror

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Blobs calls each with the content of each blob and its size in bytes, once per id and in the order of first
// appearance. The content is nil for a blob over Limits.BlobBytes, but not for an empty file; each may keep it.
// Blobs missing from a mirror are fetched in one request. For an unavailable blob the error is [ErrGone]; in a
// repository on this machine its size is [Absent] and its content nil, so that it costs one file and not all. If each
// returns an error, Blobs stops and returns it. The function each must not use the Repo.
func (r *Repo) Blobs(ctx context.Context, oids []string, each func(oid string, size int64, content []byte) error) error {
	if err := checkOIDs(oids...); err != nil {
		return fmt.Errorf("read blobs: %w", err)
	}
	todo := unique(oids)
	read := func(o *objects) error {
		for len(todo) > 0 {
			oid := todo[0]
			size, content, err := o.blob(oid, r.git.limits.BlobBytes)
			if r.local != nil && errors.Is(err, ErrGone) {
				size, err = Absent, nil
			}
			if err != nil {
				return err
			}
			todo = todo[1:] // before each, which must not be called twice for an id after a retry
			if err := each(oid, size, content); err != nil {
				return err
			}
		}
		return nil
	}
	err := r.steady(ctx, func(ctx context.Context) error {
		whole := false
		err := r.objects(ctx, func(o *objects) error {
			whole = !slices.ContainsFunc(todo, func(oid string) bool { return !o.has(oid) })
			if o.err != nil || !whole {
				return o.err
			}
			return read(o)
		})
		if err != nil || whole {
			return err
		}
		if err := r.fetchBlobs(ctx, func() ([]string, error) { return r.missing(ctx, todo) }); err != nil {
			return err
		}
		return r.objects(ctx, read)
	})
	if err != nil {
		return fmt.Errorf("read blobs: %w", err)
	}
	return nil
}

// Absent is the size of a blob that a repository on this machine does not have.
const Absent = -1

func unique(list []string) []string {
	seen := make(map[string]bool, len(list))
	var once []string
	for _, s := range list {
		if !seen[s] {
			seen[s] = true
			once = append(once, s)
		}
	}
	return once
}

// missing returns the objects that are not here.
func (r *Repo) missing(ctx context.Context, oids []string) (missing []string, err error) {
	err = r.objects(ctx, func(o *objects) error {
		for _, oid := range oids {
			if !o.has(oid) {
				missing = append(missing, oid)
			}
		}
		return o.err
	})
	return missing, err
}

// objects queries one git cat-file process for objects, one after the other.
type objects struct {
	in  io.Writer
	out *bufio.Reader
	err error // the first error of has
}

// objects calls ask with a running cat-file.
func (r *Repo) objects(ctx context.Context, ask func(*objects) error) error {
	ctx, cancel := r.readTime(ctx)
	defer cancel()
	c, done, err := r.place()
	if err != nil {
		return err
	}
	defer done()
	c.args = []string{"cat-file", "--batch-command"}
	return r.git.run(ctx, c, func(in io.Writer, out io.Reader) error {
		return ask(&objects{in: in, out: bufio.NewReaderSize(out, 64<<10)})
	})
}

// info returns the type and size of an object; ok is false if it is missing.
func (o *objects) info(oid string) (kind string, size int64, ok bool, err error) {
	return o.ask("info", oid)
}

func (o *objects) ask(what, oid string) (kind string, size int64, ok bool, err error) {
	if _, err := fmt.Fprintf(o.in, "%s %s\n", what, oid); err != nil {
		return "", 0, false, err
	}
	line, err := o.out.ReadString('\n')
	if err != nil {
		return "", 0, false, err
	}
	f := strings.Fields(line)
	if len(f) == 2 && f[1] == "missing" {
		return "", 0, false, nil
	}
	if len(f) != 3 || f[0] != oid {
		return "", 0, false, fmt.Errorf("git cat-file answered %q", line)
	}
	size, err = strconv.ParseInt(f[2], 10, 64)
	return f[1], size, true, err
}

// has reports whether an object is here. After an error, which o.err keeps, it returns false.
func (o *objects) has(oid string) bool {
	if o.err != nil {
		return false
	}
	_, _, ok, err := o.info(oid)
	o.err = err
	return ok
}

// content returns the content of an object.
func (o *objects) content(oid string) ([]byte, error) {
	_, size, ok, err := o.ask("contents", oid)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("object %s: %w", oid, ErrGone)
	}
	content := make([]byte, size)
	if _, err := io.ReadFull(o.out, content); err != nil {
		return nil, err
	}
	_, err = o.out.ReadByte() // the newline after it
	return content, err
}

// blob returns a blob's size, and its content unless it is over the limit.
func (o *objects) blob(oid string, limit int64) (size int64, content []byte, err error) {
	kind, size, ok, err := o.info(oid)
	switch {
	case err != nil:
		return 0, nil, err
	case !ok:
		return 0, nil, fmt.Errorf("object %s: %w", oid, ErrGone)
	case kind != "blob":
		return 0, nil, fmt.Errorf("object %s is a %s, not a blob", oid, kind)
	case size > limit:
		return size, nil, nil
	}
	content, err = o.content(oid)
	return size, content, err
}

// maxCommitBytes is far above any real commit; it protects memory from a forged one.
const maxCommitBytes = 16 << 20

// parents returns the parents recorded in the commit itself, even beyond git's shallow boundaries.
func (o *objects) parents(commit string) ([]string, error) {
	kind, size, ok, err := o.info(commit)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, fmt.Errorf("commit %s: %w", commit, ErrGone)
	case kind != "commit":
		return nil, fmt.Errorf("object %s is a %s, not a commit", commit, kind)
	case size > maxCommitBytes:
		return nil, fmt.Errorf("commit %s: %w", commit, ErrTooLarge)
	}
	text, err := o.content(commit)
	if err != nil {
		return nil, err
	}
	var parents []string
	header, _, _ := strings.Cut(string(text), "\n\n")
	for line := range strings.Lines(header) {
		if p, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "parent "); ok {
			if err := checkOIDs(p); err != nil {
				return nil, errors.New("commit " + commit + " is malformed")
			}
			parents = append(parents, p)
		}
	}
	return parents, nil
}
