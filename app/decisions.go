package app

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/audit"
	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/decisionfile"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/app/strictyaml"
	"github.com/secbydesign/secbydesign/app/vex"
)

// DecisionsAsked says which decisions to export or import.
type DecisionsAsked struct {
	DataDir  string
	Database string // as in [Settings]
	Repo     string // "owner/name"
	Format   string // jsonl, files or openvex
	Dir      string // of the files; in an import, a clone of the repository
	Author   string // of an OpenVEX document; the owner unless set

	Rev    string // of the clone; its default branch unless set
	DryRun bool
}

// maxVexPulls bounds the pull requests whose reviews are read for an OpenVEX document.
const maxVexPulls = 100_000

// ExportDecisions writes the decisions of a repository, or all of them as JSON lines. The error is a sentence for the
// user of the command.
func ExportDecisions(ctx context.Context, w io.Writer, o DecisionsAsked) (err error) {
	switch {
	case !slices.Contains([]string{"jsonl", "files", "openvex"}, o.Format):
		return fmt.Errorf("--format is %q: write jsonl, files or openvex", o.Format)
	case o.Repo != "" && !repoName.MatchString(o.Repo):
		return fmt.Errorf("--repo is %q: write OWNER/NAME", o.Repo)
	case o.Repo == "" && o.Format != "jsonl":
		return fmt.Errorf("--format %s is about one repository: say which with --repo OWNER/NAME", o.Format)
	}
	l, err := openReader(ctx, o.DataDir, o.Database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	owner, name, _ := strings.Cut(o.Repo, "/")
	repo := ledger.Repo{Owner: owner, Name: name}
	switch o.Format {
	case "jsonl":
		return exportLines(ctx, w, l, o.Repo)
	case "files":
		return exportFiles(ctx, w, l, repo, o.Dir)
	}
	return exportVEX(ctx, w, l, repo, o.Author)
}

// exportLines writes the lines of the chain that are about decisions on findings.
func exportLines(ctx context.Context, w io.Writer, l *ledger.Reader, repo string) error {
	out := bufio.NewWriter(w)
	err := l.ChainLines(ctx, ledger.ChainFilter{Repo: repo}, func(line []byte) error {
		var one audit.Line
		if err := json.Unmarshal(line, &one); err != nil {
			return fmt.Errorf("a line cannot be read; see `secbydesign audit verify`: %w", err)
		}
		if !strings.HasPrefix(one.Kind, "decision.") {
			return nil
		}
		_, err := out.Write(append(line, '\n'))
		return err
	})
	return chainError(errors.Join(err, out.Flush()))
}

// exportFiles writes each decision that counts as a file, and says what it wrote.
func exportFiles(ctx context.Context, w io.Writer, l *ledger.Reader, repo ledger.Repo, dir string) error {
	list, err := l.AllDecisions(ctx, repo)
	if err != nil {
		return chainError(err)
	}
	folder := filepath.Join(dir, filepath.FromSlash(decisionfile.Folder))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("the folder for decisions cannot be made: %w", err)
	}
	wrote, left := 0, 0
	for _, d := range list {
		file := filepath.Join(folder, decisionfile.Name(d.ID))
		_, err := os.Lstat(file)
		there := err == nil
		if _, ok := decisionfile.IDOf(decisionfile.Name(d.ID)); !ok || !there && (d.Ended != "" || d.Needs > 0 || over(d)) {
			left++
			continue
		}
		text := decisionfile.Of(d).Write()
		if before, err := os.ReadFile(file); err == nil && bytes.Equal(before, text) {
			continue
		}
		if err := replaceFile(folder, decisionfile.Name(d.ID), text); err != nil {
			return fmt.Errorf("%s cannot be written: %w", file, err)
		}
		wrote++
		fmt.Fprintln(w, file)
	}
	fmt.Fprintf(w, "%d files written; %d decisions have none, because they are over or wait for others.\n", wrote, left)
	return nil
}

// replaceFile writes a file in one step. It replaces a symbolic link, and never follows one.
func replaceFile(folder, name string, text []byte) error {
	f, err := os.CreateTemp(folder, ".decision-")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(folder, name))
	}
	if err != nil {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}

func over(d decision.Decision) bool {
	return !d.Until.IsZero() && !time.Now().Before(d.Until.AddDate(0, 0, 1))
}

func exportVEX(ctx context.Context, w io.Writer, l *ledger.Reader, repo ledger.Repo, author string) error {
	list, err := l.AllDecisions(ctx, repo)
	if err != nil {
		return chainError(err)
	}
	p := vex.Product{Owner: repo.Owner, Repo: repo.Name, Decisions: list, Author: author, Tool: "secbydesign " + Version()}
	if p.Author == "" {
		p.Author = repo.Owner
	}
	if p.Pulls, err = l.Pasts(ctx, repo.Owner, repo.Name, maxVexPulls); err != nil {
		return fmt.Errorf("the stored reviews cannot be read: %w", err)
	}
	doc, err := p.Document(time.Now())
	if err != nil {
		return err
	}
	return doc.ToJSON(w)
}

// ImportDecisions records what the files of a clone's default branch change about the decisions of its repository, and
// says so. ok is false if a file has a mistake. It cannot import decisions that the ledger does not know: their authors
// are checked with GitHub, which the server does. The error is a sentence for the user of the command.
func ImportDecisions(ctx context.Context, w io.Writer, o DecisionsAsked) (ok bool, err error) {
	if !repoName.MatchString(o.Repo) {
		return false, errors.New("say of which repository the clone is with --repo OWNER/NAME")
	}
	files, problems, err := readDecisions(ctx, o)
	if err != nil {
		return false, err
	}
	reader, err := openReader(ctx, o.DataDir, o.Database)
	if err != nil {
		return false, err
	}
	owner, name, _ := strings.Cut(o.Repo, "/")
	list, err := reader.AllDecisions(ctx, ledger.Repo{Owner: owner, Name: name})
	if err = errors.Join(err, reader.Close()); err != nil {
		return false, chainError(err)
	}
	known := map[string]decision.Decision{}
	for _, d := range list {
		known[d.ID] = d
	}
	for _, p := range problems {
		fmt.Fprintln(w, Shown(errors.New(p)))
	}
	var events []ledger.Event
	for _, f := range files {
		d, there := known[f.ID]
		if !there {
			fmt.Fprintf(w, "%s: the record does not know it. The server imports it in the next pull request to the default branch that has its finding, if GitHub says that its commit's author may decide that.\n", f.ID)
			continue
		}
		change, err := f.Compare(d)
		if err != nil {
			problems = append(problems, err.Error())
			fmt.Fprintf(w, "%s: %s.\n", f.ID, err)
			continue
		}
		if change.None() {
			continue
		}
		fmt.Fprintf(w, "%s: %s\n", f.ID, describe(change))
		more, err := tightening(owner, name, d, change)
		if err != nil {
			return false, err
		}
		events = append(events, more...)
	}
	if err := o.keep(ctx, events); err != nil {
		return false, err
	}
	fmt.Fprintln(w, summaryOf(len(files), len(events), o.DryRun))
	return len(problems) == 0, nil
}

// keep records events, unless this is a dry run.
func (o DecisionsAsked) keep(ctx context.Context, events []ledger.Event) (err error) {
	if o.DryRun || len(events) == 0 {
		return nil
	}
	_, url, err := database(o.DataDir, o.Database)
	if err != nil {
		return err
	}
	l, err := ledger.Open(ctx, url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	for _, e := range events {
		if err := l.Record(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

func summaryOf(files, changes int, dry bool) string {
	s := fmt.Sprintf("%d files read, %d changes recorded.", files, changes)
	if dry {
		s = fmt.Sprintf("%d files read, %d changes found; nothing was recorded.", files, changes)
	}
	return s
}

// describe says what a file changes.
func describe(t decisionfile.Tightening) string {
	var parts []string
	if t.Ended != "" {
		parts = append(parts, "it ends: "+Shown(errors.New(t.Ended)))
	}
	if !t.Until.IsZero() {
		parts = append(parts, "it ends on "+t.Until.Format(time.DateOnly))
	}
	if t.Severity != nil {
		parts = append(parts, "it counts up to "+t.Severity.String())
	}
	return strings.Join(parts, "; ")
}

// tightening makes the events that record what a file changes.
func tightening(owner, repo string, d decision.Decision, t decisionfile.Tightening) (events []ledger.Event, err error) {
	add := func(kind string, s record.DecisionStep) {
		s.ID, s.Source = d.ID, "file "+decisionfile.Folder+"/"+decisionfile.Name(d.ID)
		b, wrong := json.Marshal(s)
		err = errors.Join(err, wrong)
		events = append(events, ledger.Event{Kind: kind, Owner: owner, Repo: repo, Number: d.Number, Data: b})
	}
	if !t.Until.IsZero() || t.Severity != nil {
		add(record.DecisionTightened, record.DecisionStep{Until: t.Until, Severity: t.Severity})
	}
	if t.Ended != "" {
		add(record.DecisionEnded, record.DecisionStep{Why: "its file says that it ended: " + t.Ended})
	}
	return events, err
}

// readDecisions reads the files of a clone at its default branch.
func readDecisions(ctx context.Context, o DecisionsAsked) (files []decisionfile.File, problems []string, err error) {
	repo, err := mirror.OpenLocal(ctx, o.Dir)
	if err != nil {
		return nil, nil, err
	}
	rev := o.Rev
	if rev == "" {
		rev = "refs/remotes/origin/HEAD"
	}
	commit, err := repo.Resolve(ctx, rev)
	if err != nil && o.Rev == "" {
		return nil, nil, fmt.Errorf("the clone %s does not say which branch is the default one: name it with --rev, such as --rev origin/main", o.Dir)
	}
	if err != nil {
		return nil, nil, err
	}
	names, err := repo.Names(ctx, commit, decisionfile.Folder)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range names[:min(len(names), decisionfile.MaxFiles)] {
		path := decisionfile.Folder + "/" + name
		if _, ok := decisionfile.IDOf(name); !ok {
			problems = append(problems, path+": the name is not that of a decision, such as A-ABCDEFGH.yml: rename the file, or move it elsewhere")
			continue
		}
		text, ok, err := repo.ReadFile(ctx, commit, path)
		if err != nil || !ok {
			problems = append(problems, path+": this is not a file that can be read")
			continue
		}
		f, err := decisionfile.Parse(path, text)
		var wrong strictyaml.Problems
		if errors.As(err, &wrong) {
			problems = append(problems, wrong.Error())
			continue
		}
		files = append(files, f)
	}
	return files, problems, nil
}

// DecisionSchema returns the JSON Schema of a decision's file.
func DecisionSchema() []byte { return decisionfile.Schema() }
