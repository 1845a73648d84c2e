package osv

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/secbydesign/secbydesign/scanners"
)

// A folder holds exports of OSV: ECOSYSTEM/all.zip.
type folder struct {
	dir, cache string
	make       Indexer // see [Options.Index]; may be nil

	mu   sync.Mutex // held while an index is built, so that waiting calls do not build it again
	open map[string]*index
}

func newFolder(dir, cache string) *folder {
	return &folder{dir: dir, cache: cache, open: map[string]*index{}}
}

// An export describes one all.zip at the time of its os.Stat.
type export struct {
	path string
	size int64
	time time.Time
}

func (f *folder) export(ecosystem string) (export, error) {
	path := filepath.Join(f.dir, ecosystem, "all.zip")
	info, err := os.Stat(path)
	if err != nil {
		return export{}, err
	}
	return export{path, info.Size(), info.ModTime()}, nil
}

// name returns a name unique to this export.
func (e export) name() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d\x00%d", e.path, e.size, e.time.UnixNano()))
	return hex.EncodeToString(sum[:16])
}

// state returns a digest of all exports.
func (f *folder) state(context.Context) (string, error) {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		// The error leaves out the cause, which has a path of this machine, because users may read
		// it.
		return "", &scanners.IncompleteError{
			Reason: "The folder of advisories cannot be read, so no package was looked up. The operator should check SECBYDESIGN_OSV_DIR.",
		}
	}
	sum := sha256.New()
	any := false
	for _, entry := range entries {
		if e, err := f.export(entry.Name()); err == nil {
			any = true
			fmt.Fprintf(sum, "%s\x00%d\x00%d\x00", entry.Name(), e.size, e.time.UnixNano())
		}
	}
	if !any {
		return "", &scanners.IncompleteError{
			Reason: "The folder of advisories has no ECOSYSTEM/all.zip, so no package was looked up. The operator should check SECBYDESIGN_OSV_DIR.",
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:16]), nil
}

// knows reports whether somebody put the ecosystem's exports into the folder. A subfolder without an export
// counts: its export should be there.
func (f *folder) knows(ecosystem string) bool {
	_, err := os.Stat(filepath.Join(f.dir, ecosystem))
	return !errors.Is(err, fs.ErrNotExist)
}

func (f *folder) about(ctx context.Context, list []pkg) ([][]*advisory, error) {
	out := make([][]*advisory, len(list))
	if _, err := f.state(ctx); err != nil {
		return out, err // there is nothing at all
	}
	var errs []error
	indexes := map[string]*index{} // nil if it failed to load, or nobody provided it
	for i, p := range list {
		x, ok := indexes[p.ecosystem]
		var err error
		if !ok && f.knows(p.ecosystem) {
			x, err = f.index(ctx, p.ecosystem)
		}
		indexes[p.ecosystem] = x
		if x != nil {
			if out[i], err = x.about(p); err != nil {
				indexes[p.ecosystem] = nil
			}
		}
		if err != nil {
			errs = append(errs, explain(p.ecosystem, err))
		}
		if ctx.Err() != nil {
			return out, ctx.Err()
		}
	}
	return out, errors.Join(errs...)
}

func explain(ecosystem string, err error) error {
	reason := "The advisories for %s cannot be read, so its packages were not looked up. The operator should fetch %s/all.zip again."
	if errors.Is(err, fs.ErrNotExist) {
		reason = "The advisories for %s are missing, so its packages were not looked up. The operator should put %s/all.zip into the folder of advisories."
	}
	return &scanners.IncompleteError{Reason: fmt.Sprintf(reason, ecosystem, ecosystem), Err: err}
}

// index returns the index of the current export.
func (f *folder) index(ctx context.Context, ecosystem string) (*index, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e, err := f.export(ecosystem)
	if err != nil {
		return nil, err
	}
	if x := f.open[ecosystem]; x != nil && x.of == e {
		return x, nil
	}
	x, err := f.load(ctx, ecosystem, e)
	if err != nil {
		return nil, err
	}
	// The previous index is not closed, since scans may be reading it; the garbage collector closes
	// its file.
	f.open[ecosystem] = x
	return x, nil
}

// load reads the index from the cache, or builds it and stores it there.
func (f *folder) load(ctx context.Context, ecosystem string, e export) (*index, error) {
	cached := filepath.Join(f.cache, e.name()+".index")
	if f.cache != "" {
		if x, err := readIndex(cached, e); err == nil {
			return x, nil
		}
	}
	if f.make != nil && f.make.Index(ctx, ecosystem) == nil {
		if x, err := readIndex(cached, e); err == nil {
			return x, nil
		}
	}
	x, err := makeIndex(ctx, e)
	if err != nil || f.make != nil {
		return x, err
	}
	if f.cache != "" {
		// The cache only saves the next process some seconds, so errors do not matter here.
		if err := os.MkdirAll(f.cache, 0o700); err == nil && x.write(cached) == nil {
			f.sweep(cached)
		}
	}
	return x, nil
}

// sweep removes indexes built more than a week ago: exports are replaced daily, and an index that
// is still needed is quickly rebuilt.
func (f *folder) sweep(except string) {
	old, err := filepath.Glob(filepath.Join(f.cache, "*.index"))
	if err != nil {
		return
	}
	for _, path := range old {
		info, err := os.Stat(path)
		if err == nil && path != except && time.Since(info.ModTime()) > 7*24*time.Hour {
			_ = os.Remove(path)
		}
	}
}
