package app

import (
	"context"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/threatmodel"
	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/design"
)

// facts returns the facts of all files. All are new: a check and a draft look at the whole repository.
func (r *modelReader) facts(ctx context.Context) (facts []threatmodel.Fact, err error) {
	paths := map[string][]string{}
	var blobs []string
	for _, f := range r.tree {
		paths[f.Blob] = append(paths[f.Blob], f.Path)
		blobs = append(blobs, f.Blob)
	}
	err = r.repo.Blobs(ctx, blobs, func(blob string, _ int64, content []byte) error {
		content = scanners.Decode(content)
		for _, name := range paths[blob] {
			found, err := design.Scanner{}.Scan(ctx, scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{{Path: name, Blob: blob, Content: content}}})
			if err != nil {
				return err
			}
			for _, f := range found {
				if s, ok := design.Of(f.Rule); ok && f.Fact != nil {
					facts = append(facts, threatmodel.Fact{
						Signal: s.ID, Slug: s.Slug, Tier: s.Tier, Key: f.Fact.Key, Path: f.Path, Line: f.Line, Data: f.Fact.Data, New: true,
					})
				}
			}
		}
		return nil
	})
	return facts, err
}

// code returns what drift asks about the files.
func (r *modelReader) code(now time.Time) threatmodel.Code {
	exists := map[string]bool{}
	for _, f := range r.tree {
		for name := f.Path; name != "." && !exists[name]; name = path.Dir(name) {
			exists[name] = true
		}
	}
	return threatmodel.Code{
		Now:    now,
		Exists: func(name string) bool { return exists[name] },
		Matches: func(pattern string) bool {
			one := threatmodel.Component{Paths: []string{pattern}}
			return exists[pattern] || slices.ContainsFunc(r.tree, func(f mirror.TreeFile) bool { return one.Matches(f.Path) })
		},
	}
}

// draft returns the text of a first model.
func (r *modelReader) draft(ctx context.Context) ([]byte, error) {
	s := threatmodel.Sketch{Name: r.name()}
	for _, f := range r.tree {
		s.Files = append(s.Files, f.Path)
	}
	var err error
	if s.Facts, err = r.facts(ctx); err != nil {
		return nil, err
	}
	if s.Owner, err = r.owner(ctx); err != nil {
		return nil, err
	}
	if s.Catalog, err = r.catalog(ctx); err != nil {
		return nil, err
	}
	return append([]byte(threatmodel.DraftHead), threatmodel.Draft(s).Format()...), nil
}

// name returns the name of the repository's folder.
func (r *modelReader) name() string {
	top, err := rootOf(r.source.Repo)
	if err != nil { // a bare repository
		top, _ = filepath.Abs(r.source.Repo) // "." then
	}
	return filepath.Base(top)
}

// content returns the content of a file; nil if there is none, or if it is too large.
func (r *modelReader) content(ctx context.Context, name string) (text []byte, err error) {
	for _, f := range r.tree {
		if f.Path != name {
			continue
		}
		err = r.repo.Blobs(ctx, []string{f.Blob}, func(_ string, _ int64, content []byte) error {
			text = content
			return nil
		})
	}
	return text, err
}

// owner returns the first code owner of a path.
func (r *modelReader) owner(ctx context.Context) (func(string) string, error) {
	for _, name := range ownership.Files() {
		text, err := r.content(ctx, name)
		if err != nil {
			return nil, err
		}
		if text == nil {
			continue
		}
		owners, _ := ownership.Parse(string(text)) // GitHub leaves wrong lines out, too
		return func(path string) string {
			for _, owner := range owners.Of(path) {
				return owner
			}
			return ""
		}, nil
	}
	return nil, nil
}

// catalog reads each catalog-info.yaml. One that cannot be read has no entries: it is not ours to check.
func (r *modelReader) catalog(ctx context.Context) (entries []threatmodel.Entry, err error) {
	for _, f := range r.tree {
		if !slices.Contains(ownership.CatalogNames(), path.Base(f.Path)) {
			continue
		}
		text, err := r.content(ctx, f.Path)
		if err != nil {
			return nil, err
		}
		entries = append(entries, catalogEntries(f.Path, text)...)
	}
	return entries, nil
}

// catalogEntries reads the components of a catalog-info.yaml.
func catalogEntries(name string, text []byte) (entries []threatmodel.Entry) {
	for _, e := range ownership.ParseCatalog(text).Entities {
		if e.Kind == "Component" {
			entries = append(entries, threatmodel.Entry{Path: name, Name: e.Name, Title: e.Title, Owner: e.Owner})
		}
	}
	return entries
}
