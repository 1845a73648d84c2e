package examine

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/threatmodel"
)

// maxCatalogs bounds the catalog files that are read at a time. Those that are left out count as missing.
const maxCatalogs = 1000

// maxHeldCatalogs is how many bytes of them are held at a time.
const maxHeldCatalogs = 8 << 20

// Owners reads who owns what at a commit or tree, which is that of the base in a review. Catalog files are read when
// they are needed, with ctx; see [ownership.Map.Err]. org is the login of the repository's owner, and empty if that is
// not known. pol has the default. ignored is the field of the map; it may be nil.
func Owners(ctx context.Context, repo *mirror.Repo, rev, org string, pol policy.Policy, ignored func(ownership.Claim) string, parsers Parsers) (*ownership.Map, error) {
	m := &ownership.Map{Org: org, Ignored: ignored}
	if pol.DefaultOwner != "" {
		at := pol.Origin(policy.Key{"ownership", "default"})
		m.Default = ownership.Claim{Owner: pol.DefaultOwner, File: at.File, Line: at.Line}
	}
	model, problems, err := ThreatModel(ctx, repo, rev, parsers)
	if err != nil {
		return nil, err
	}
	m.Component = componentOwner(model)
	if len(problems) > 0 {
		p := problems[0]
		m.Broken = append(m.Broken, fmt.Sprintf("The threat model says nothing about owners: %s:%d:%d: %s.", p.File, p.Line, p.Column, p.Message))
	}
	if err := readCodeowners(ctx, repo, rev, m); err != nil {
		return nil, err
	}
	m.Catalogs = func(paths []string) (map[string]ownership.Catalog, error) {
		return catalogs(ctx, repo, rev, paths, parsers)
	}
	return m, nil
}

// componentOwner returns the owner of the component that a file belongs to.
func componentOwner(model *threatmodel.Model) func(path string) (ownership.Claim, bool) {
	if model == nil {
		return nil
	}
	return func(path string) (ownership.Claim, bool) {
		c, ok := model.ComponentOf(path)
		return ownership.Claim{Owner: c.Owner, What: fmt.Sprintf("component %q", c.ID), File: c.At.File, Line: c.At.Line}, ok && c.Owner != ""
	}
}

// readCodeowners reads the file that GitHub reads.
func readCodeowners(ctx context.Context, repo *mirror.Repo, rev string, m *ownership.Map) error {
	for _, path := range ownership.Files() {
		text, ok, err := repo.ReadFile(ctx, rev, path)
		switch {
		case errors.Is(err, mirror.ErrNotFile):
			continue
		case errors.Is(err, mirror.ErrTooLarge): // GitHub ignores it too
			m.File, m.Broken = path, append(m.Broken, path+" says nothing about owners: it is larger than GitHub reads.")
			return nil
		case err != nil:
			return fmt.Errorf("read %s: %w", path, err)
		case !ok:
			continue
		}
		owners, problems := ownership.Parse(string(text))
		m.Codeowners, m.File = owners, path
		switch {
		case owners.TooLarge():
			m.Broken = append(m.Broken, path+" says nothing about owners: "+problems[0]+".")
		case len(problems) > 0:
			zerolog.Ctx(ctx).Info().Str("file", path).Strs("problems", problems).Msg("lines of CODEOWNERS are left out")
		}
		return nil
	}
	return nil
}

// catalogs reads those catalog files of some paths that exist.
func catalogs(ctx context.Context, repo *mirror.Repo, rev string, paths []string, parsers Parsers) (map[string]ownership.Catalog, error) {
	files, err := repo.Files(ctx, rev, paths)
	if err != nil || len(files) == 0 {
		return nil, err
	}
	files = files[:min(len(files), maxCatalogs)]
	at := map[string][]string{}
	var blobs []string
	for _, f := range files {
		at[f.Blob] = append(at[f.Blob], f.Path)
		blobs = append(blobs, f.Blob)
	}
	found := map[string]ownership.Catalog{}
	is := func(blob string, c ownership.Catalog) {
		for _, path := range at[blob] {
			found[path] = c
		}
	}
	var texts [][]byte
	var of []string // their blobs
	held := 0
	parse := func() error {
		read, err := parsers.catalogs(ctx, texts)
		if err != nil {
			return err
		}
		for i, c := range read {
			is(of[i], c)
		}
		texts, of, held = nil, nil, 0
		return nil
	}
	err = repo.Blobs(ctx, blobs, func(blob string, size int64, content []byte) error {
		switch {
		case content == nil && size > 0:
			is(blob, ownership.Catalog{Problem: "it is too large to be read"})
		case content == nil:
			is(blob, ownership.Catalog{Problem: "its content is not here"})
		default:
			texts, of = append(texts, bytes.Clone(content)), append(of, blob)
			if held += len(content); held > maxHeldCatalogs {
				return parse()
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, parse()
}
