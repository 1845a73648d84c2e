package osv

import (
	"archive/zip"
	"bytes"
	"cmp"
	"compress/flate"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/errgroup"
)

// An index locates the advisories about a package in an export, so that only those are read. It
// takes 32 bytes for each pair of a package and an advisory: 10 MB for the largest ecosystem,
// instead of gigabytes for its advisories.
type index struct {
	of      export
	file    *os.File // the export; the path may name a newer one by now
	entries []entry  // sorted by name
	parsed  *lru.Cache[int64, *advisory]
}

// An entry locates one advisory about one package. [index.write] writes its fields to a file as
// they are.
type entry struct {
	Name   uint64 // a hash; the advisory itself holds the name to verify
	Offset int64  // of the advisory's bytes in the export
	Packed uint32 // their number when compressed
	Size   uint32 // their number when uncompressed
	Sum    uint32 // CRC-32
	Method uint32 // of compression, as in a zip file
}

func hashName(name string) uint64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, name) // never fails
	return h.Sum64()
}

func newIndex(of export, entries []entry) (*index, error) {
	file, err := os.Open(of.path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && (info.Size() != of.size || !info.ModTime().Equal(of.time)) {
		err = errors.New("the export was replaced while it was read")
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	x := &index{of: of, file: file, entries: entries}
	x.parsed, _ = lru.New[int64, *advisory](2000) // fails for sizes below 1 only
	return x, nil
}

// makeIndex builds the index by reading which packages each advisory of the export is about. It
// fails if one cannot be read, since that advisory could be about any package.
func makeIndex(ctx context.Context, of export) (*index, error) {
	archive, err := zip.OpenReader(of.path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = archive.Close() }() // only read, so the error does not matter
	workers := runtime.GOMAXPROCS(0)
	parts := make([][]entry, workers)
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for w := range workers {
		group.Go(func() error {
			for {
				i := int(next.Add(1) - 1)
				if i >= len(archive.File) {
					return nil
				}
				if ctx.Err() != nil {
					return ctx.Err()
				}
				f := archive.File[i]
				if !strings.HasSuffix(f.Name, ".json") {
					continue
				}
				found, err := entriesOf(f)
				if err != nil {
					return fmt.Errorf("%s of %s: %w", f.Name, of.path, err)
				}
				parts[w] = append(parts[w], found...)
			}
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	entries := slices.Concat(parts...)
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Offset, b.Offset))
	})
	return newIndex(of, slices.Compact(entries))
}

// subject holds the fields of an advisory that the index needs.
type subject struct {
	ID        string
	Withdrawn string
	Affected  []struct {
		Package struct{ Ecosystem, Name string }
	}
}

func entriesOf(f *zip.File) ([]entry, error) {
	offset, err := f.DataOffset()
	if err != nil {
		return nil, err
	}
	e := entry{
		Offset: offset, Packed: uint32(f.CompressedSize64), Size: uint32(f.UncompressedSize64), Sum: f.CRC32, Method: uint32(f.Method),
	}
	if f.UncompressedSize64 > maxAdvisory || f.CompressedSize64 > maxAdvisory {
		return nil, fmt.Errorf("an advisory of more than %d bytes", maxAdvisory)
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	var s subject
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, err
	}
	if s.ID == "" {
		return nil, errors.New("an advisory without an id")
	}
	if s.Withdrawn != "" {
		return nil, nil
	}
	var found []entry
	for _, a := range s.Affected {
		ecosystem, _, _ := strings.Cut(a.Package.Ecosystem, ":")
		e.Name = hashName(canonical(ecosystem, a.Package.Name))
		found = append(found, e)
	}
	return found, nil
}

// about returns the advisories about a package, and perhaps others.
func (x *index) about(p pkg) (out []*advisory, err error) {
	name := hashName(p.name)
	i, _ := slices.BinarySearchFunc(x.entries, name, func(e entry, name uint64) int { return cmp.Compare(e.Name, name) })
	for ; i < len(x.entries) && x.entries[i].Name == name; i++ {
		a, err := x.read(x.entries[i])
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

func (x *index) read(e entry) (*advisory, error) {
	if a, ok := x.parsed.Get(e.Offset); ok {
		return a, nil
	}
	var r io.Reader = io.NewSectionReader(x.file, e.Offset, int64(e.Packed))
	switch uint16(e.Method) {
	case zip.Store:
	case zip.Deflate:
		unpack := flate.NewReader(r)
		defer unpack.Close()
		r = unpack
	default:
		return nil, zip.ErrAlgorithm
	}
	text, err := io.ReadAll(io.LimitReader(r, int64(e.Size)+1))
	if err != nil {
		return nil, err
	}
	if len(text) != int(e.Size) || crc32.ChecksumIEEE(text) != e.Sum {
		return nil, zip.ErrChecksum
	}
	a, err := parseAdvisory(text)
	if err != nil {
		return nil, err
	}
	x.parsed.Add(e.Offset, a)
	return a, nil
}

// magic is the beginning of an index file. Its number is incremented when the format of the rest
// changes: the name of the export, the entries, and a checksum of both.
const magic = "secbydesign osv index 1\n"

func (x *index) write(path string) error {
	var b bytes.Buffer
	b.Grow(len(magic) + 32 + 32*len(x.entries) + 4)
	b.WriteString(magic)
	b.WriteString(x.of.name())
	_ = binary.Write(&b, binary.LittleEndian, x.entries) // of fixed size, to memory: never fails
	_ = binary.Write(&b, binary.LittleEndian, crc32.ChecksumIEEE(b.Bytes()))

	// Another process may be reading or writing the same file.
	temp, err := os.CreateTemp(filepath.Dir(path), ".index-*")
	if err != nil {
		return err
	}
	_, err = temp.Write(b.Bytes())
	if err = errors.Join(err, temp.Close()); err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return nil
}

func readIndex(path string, of export) (*index, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	head := magic + of.name()
	size := len(text) - len(head) - 4
	one := binary.Size(entry{})
	if size < 0 || size%one != 0 || string(text[:len(head)]) != head ||
		crc32.ChecksumIEEE(text[:len(text)-4]) != binary.LittleEndian.Uint32(text[len(text)-4:]) {
		return nil, errors.New("not an index of this export")
	}
	entries := make([]entry, size/one)
	if err := binary.Read(bytes.NewReader(text[len(head):]), binary.LittleEndian, entries); err != nil {
		return nil, err
	}
	return newIndex(of, entries)
}
