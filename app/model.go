package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/local"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/plainfile"
	"github.com/secbydesign/secbydesign/app/threatmodel"
	"github.com/secbydesign/secbydesign/scanners/visible"
)

// modelBytes bounds a file that is imported, and one of a model outside of a repository.
const modelBytes = 4 << 20

// A ModelSource says which threat model to read.
type ModelSource struct {
	Repo string // folder of a git repository, or one that holds a model
	Head string // revision, or worktree
}

// ModelProblems are mistakes of a threat model, in the format that editors understand, one per line.
type ModelProblems []threatmodel.Problem

func (ps ModelProblems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
	}
	return strings.Join(lines, "\n")
}

// ErrNoModel means that there is no threat model.
var ErrNoModel = errors.New("there is no " + threatmodel.File + " here; make one with `secbydesign model init --write`")

// errModelExists means that a new model would replace one.
var errModelExists = errors.New("there is a threat model already; edit it, or remove it first")

// CheckModel writes that the model is valid, and warnings about what the code no longer has, or has besides it. Mistakes
// are [ModelProblems].
func CheckModel(ctx context.Context, out, warnings io.Writer, s ModelSource) error {
	r, err := openModel(ctx, s)
	if err != nil {
		return err
	}
	defer r.close()
	m, err := r.model()
	if err != nil {
		return err
	}
	for _, name := range r.misnamed() {
		fmt.Fprintf(warnings, "%s: warning: this file is not read; end its name in .yml\n", visible.Text(name))
	}
	if r.repo != nil {
		facts, err := r.facts(ctx)
		if err != nil {
			return err
		}
		facts = slices.DeleteFunc(facts, func(f threatmodel.Fact) bool { return !checked[f.Slug] })
		for _, d := range threatmodel.Compare(m, facts, r.code(time.Now())) {
			fmt.Fprintln(warnings, visible.Text(fmt.Sprintf("%s:%d: warning: %s", d.Path, d.Line, d.Message)))
		}
	}
	_, err = fmt.Fprintf(out, "The threat model is valid: %s.\n", m.Describe())
	return err
}

// checked are the signals that a check of the whole repository compares with the model.
var checked = map[string]bool{"new-deployable": true, "datastore": true, "iac-public": true, "k8s-exposure": true, "iac-entrypoint": true}

// The formats of [ShowModel] and of [ExportModel].
var (
	modelDrawings = []string{"mermaid", "svg", "text"}
	modelExports  = []string{"otm", "tmlibrary", "threagile"}
)

// ShowModel writes the data-flow diagram of a model.
func ShowModel(ctx context.Context, out io.Writer, s ModelSource, format string) error {
	if !slices.Contains(modelDrawings, format) {
		return fmt.Errorf("--format is %q: write mermaid, svg or text", format)
	}
	m, err := readModel(ctx, s)
	if err != nil {
		return err
	}
	var text []byte
	switch format {
	case "mermaid":
		text = []byte(m.Mermaid())
	case "svg":
		text = m.SVG()
	case "text":
		text = []byte(visible.Text(m.Text()))
	}
	_, err = out.Write(text)
	return err
}

// ExportModel writes a model in the format of another tool, and what that has no place for to losses.
func ExportModel(ctx context.Context, out, losses io.Writer, s ModelSource, format string) error {
	if !slices.Contains(modelExports, format) {
		return fmt.Errorf("--format is %q: write otm, tmlibrary or threagile", format)
	}
	m, err := readModel(ctx, s)
	if err != nil {
		return err
	}
	var text []byte
	var lost []string
	switch format {
	case "otm":
		text, lost = m.ExportOTM()
	case "tmlibrary":
		text, lost = m.ExportTMLibrary()
	case "threagile":
		text, lost = m.ExportThreagile(time.Now())
	}
	if _, err := out.Write(text); err != nil {
		return err
	}
	for _, loss := range lost {
		fmt.Fprintln(losses, visible.Text(loss))
	}
	return nil
}

// ImportModel reads the model of another tool, and writes it to out, or with a folder to the file of the repository.
func ImportModel(out, losses io.Writer, file, format, folder string) error {
	if format != "otm" {
		return fmt.Errorf("--format is %q: write otm", format)
	}
	text, err := plainfile.Read(file, modelBytes)
	if err != nil {
		return err
	}
	m, lost, err := threatmodel.ImportOTM(text)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if err := writeModel(out, m.Format(), folder); err != nil {
		return err
	}
	for _, loss := range lost {
		fmt.Fprintln(losses, visible.Text(loss))
	}
	return nil
}

// InitModel drafts the model of a repository, and writes it to out, or with write to the file of the repository.
func InitModel(ctx context.Context, out io.Writer, s ModelSource, write bool) error {
	r, err := openModel(ctx, s)
	if err != nil {
		return err
	}
	defer r.close()
	if r.repo == nil {
		return r.failed
	}
	folder := ""
	if write {
		if len(r.files) > 0 {
			return errModelExists
		}
		folder = s.Repo
	}
	text, err := r.draft(ctx)
	if err != nil {
		return err
	}
	return writeModel(out, text, folder)
}

// writeModel writes the text of a model to out, or to the file of the repository that holds the folder.
func writeModel(out io.Writer, text []byte, folder string) error {
	if folder == "" {
		_, err := out.Write(text)
		return err
	}
	top, err := rootOf(folder)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(top)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	if _, err := root.Lstat(threatmodel.Folder); err == nil {
		return errModelExists
	}
	if err := root.MkdirAll(path.Dir(threatmodel.File), 0o755); err != nil {
		return err
	}
	f, err := root.OpenFile(threatmodel.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return errModelExists
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "Wrote %s. Read it, and correct it: `secbydesign model check`.\n", threatmodel.File)
	return err
}

// rootOf returns the root of the work tree that holds a folder.
func rootOf(folder string) (string, error) {
	dir, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("%s is not in the work tree of a git repository", folder)
		}
	}
}

func readModel(ctx context.Context, s ModelSource) (*threatmodel.Model, error) {
	r, err := openModel(ctx, s)
	if err != nil {
		return nil, err
	}
	defer r.close()
	return r.model()
}

// A modelReader reads a model, and the repository around it.
type modelReader struct {
	source ModelSource
	close  func()
	files  map[string][]byte // of the model

	repo   *mirror.Repo // nil outside of a repository
	failed error        // why there is no repository
	tree   []mirror.TreeFile
}

// openModel reads the files of the model. The caller must call close.
func openModel(ctx context.Context, s ModelSource) (*modelReader, error) {
	s.Repo, s.Head = cmp.Or(s.Repo, "."), cmp.Or(s.Head, local.Worktree)
	r := &modelReader{source: s, close: func() {}, files: map[string][]byte{}}
	repo, err := mirror.OpenLocal(ctx, s.Repo)
	if err != nil {
		r.failed = err
		return r, r.plain()
	}
	r.repo = repo
	if err := r.commit(ctx); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// commit reads the tree and the model in it.
func (r *modelReader) commit(ctx context.Context) error {
	rev := ""
	if r.source.Head == local.Worktree {
		tree, done, err := r.repo.Snapshot(ctx)
		switch {
		case errors.Is(err, mirror.ErrNoWorkTree):
			r.source.Head = "HEAD"
		case err != nil:
			return err
		default:
			rev, r.close = tree, done
		}
	}
	if rev == "" {
		var err error
		if rev, err = r.repo.Resolve(ctx, r.source.Head); err != nil {
			return fmt.Errorf("--head: there is no revision %q in %s", r.source.Head, r.source.Repo)
		}
	}
	var err error
	if _, r.tree, err = r.repo.Tree(ctx, rev); err != nil {
		return err
	}
	for _, f := range r.tree {
		if !threatmodel.IsFile(f.Path) {
			continue
		}
		text, ok, err := r.repo.ReadFile(ctx, rev, f.Path)
		if err != nil {
			return err
		}
		if ok {
			r.files[f.Path] = text
		}
	}
	return nil
}

// plain reads the model of a folder outside of a repository.
func (r *modelReader) plain() error {
	names := []string{threatmodel.File}
	entries, err := os.ReadDir(filepath.Join(r.source.Repo, filepath.FromSlash(threatmodel.Folder)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if name := threatmodel.Folder + "/" + e.Name(); threatmodel.IsFile(name) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		text, err := plainfile.Read(filepath.Join(r.source.Repo, filepath.FromSlash(name)), modelBytes)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		default:
			r.files[name] = text
		}
	}
	if len(r.files) == 0 && r.source.Head != local.Worktree {
		return r.failed
	}
	return nil
}

func (r *modelReader) model() (*threatmodel.Model, error) {
	m, problems := threatmodel.Parse(r.files)
	switch {
	case len(problems) > 0:
		return nil, ModelProblems(problems)
	case m == nil:
		return nil, ErrNoModel
	}
	return m, nil
}

// misnamed lists files that are meant to be a part of the model and are not read.
func (r *modelReader) misnamed() (names []string) {
	for _, f := range r.tree {
		if dir := path.Dir(f.Path); path.Ext(f.Path) == ".yaml" && (dir == threatmodel.Folder || strings.TrimSuffix(f.Path, ".yaml")+".yml" == threatmodel.File) {
			names = append(names, f.Path)
		}
	}
	return names
}
