package upload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/app/baseline"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/sarif"
)

// Results are the stored part of an upload: findings like those of any scanner, without the document itself.
type Results struct {
	Version  string             `json:"version,omitempty"` // of the tool
	Recipe   string             `json:"recipe,omitempty"`  // see [Recipe]; empty if it could not be determined
	Files    []string           `json:"files,omitempty"`   // the workflow files that the recipe covers
	Findings []scanners.Finding `json:"findings"`

	// Missing is a sentence about why the results are incomplete. Partial is set if they omit something that the
	// tool found or failed to scan in the files of the repository; they are then no baseline.
	Missing string `json:"missing,omitempty"`
	Partial bool   `json:"partial,omitempty"`
}

// A part holds the results of one tool in one category.
type part struct {
	scanner, category string
	results           Results
	failed            error // for the operator
}

const (
	// maxFindings is how many results of a document are kept. GitHub keeps the same number per run.
	maxFindings = 5000

	// maxHeld bounds the file contents held in memory while a document is read, in bytes.
	maxHeld = 64 << 20
)

// resolvePlaces converts a document about a commit to findings in the files of that commit.
//
// It reads the document twice: first to learn which files it mentions, so that they are fetched in one request,
// and then with their contents.
func resolvePlaces(ctx context.Context, repo *mirror.Repo, at request, document io.ReaderAt, taken []string, read Reader) ([]part, error) {
	_, files, err := repo.Tree(ctx, at.Commit)
	if err != nil {
		return nil, err
	}
	blobs := make(map[string]string, len(files))
	for _, f := range files {
		blobs[f.Path] = f.Blob
	}
	var asked []string
	options := sarif.ReadOptions{Root: at.Root, Limit: maxFindings, Content: func(path string) ([]byte, bool) {
		oid, ok := blobs[path]
		if ok {
			asked = append(asked, oid)
		}
		return nil, ok
	}}
	if _, err := readDocument(ctx, document, options, read); err != nil {
		return nil, err
	}
	var broken error
	if options.Content, err = contents(ctx, repo, blobs, asked, &broken); err != nil {
		return nil, err
	}
	runs, err := readDocument(ctx, document, options, read)
	if err := errors.Join(err, broken); err != nil {
		return nil, err
	}
	return parts(runs, taken)
}

// A Reader reads a document of SARIF, as [sarif.Read] does. An [*scanners.IncompleteError] says what is wrong with the
// document; every other error is one of this server.
type Reader func(ctx context.Context, document io.ReaderAt, o sarif.ReadOptions) ([]sarif.Run, error)

func readDocument(ctx context.Context, document io.ReaderAt, options sarif.ReadOptions, read Reader) ([]sarif.Run, error) {
	runs, err := read(ctx, document, options)
	if wrong := new(scanners.IncompleteError); errors.As(err, &wrong) {
		return nil, refuse(http.StatusBadRequest, "%s", wrong.Reason).because(err)
	}
	return runs, err
}

// contents fetches the blobs in asked, and returns a function that reads the content of a path. That function
// adds read errors to broken.
func contents(ctx context.Context, repo *mirror.Repo, blobs map[string]string, asked []string, broken *error) (func(string) ([]byte, bool), error) {
	held, size := map[string][]byte{}, 0
	err := repo.Blobs(ctx, asked, func(oid string, _ int64, content []byte) error {
		if size += len(content); size <= maxHeld {
			held[oid] = content
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return func(path string) ([]byte, bool) {
		oid, ok := blobs[path]
		if !ok {
			return nil, false
		}
		content, ok := held[oid]
		if ok {
			return content, true
		}
		err := repo.Blobs(ctx, []string{oid}, func(_ string, _ int64, b []byte) error {
			content = b
			return nil
		})
		if err != nil {
			*broken = errors.Join(*broken, err)
		}
		return content, true
	}, nil
}

// parts groups runs by tool and category.
func parts(runs []sarif.Run, taken []string) ([]part, error) {
	var list []part
	for i, run := range runs {
		name := scannerName(run.Tool, taken)
		if name == "" {
			return nil, refuse(http.StatusBadRequest, "The tool of runs[%d] has no name that could be shown: its driver needs one.", i)
		}
		at := slices.IndexFunc(list, func(p part) bool { return p.scanner == name && p.category == run.Category })
		if at < 0 {
			at = len(list)
			list = append(list, part{scanner: name, category: run.Category, results: Results{Version: run.Version, Findings: []scanners.Finding{}}})
		}
		p := &list[at]
		baseline.Seal(run.Findings)
		p.results.Findings = append(p.results.Findings, run.Findings...)
		p.results.Partial = p.results.Partial || len(run.Failed) > 0 || run.NoResults || run.Truncated
		if err := run.Err(); err != nil {
			p.results.Missing = strings.TrimSpace(p.results.Missing + " " + scanners.Reason(err))
			p.failed = errors.Join(p.failed, fmt.Errorf("%s: %w", name, err))
		}
	}
	if len(list) == 0 {
		return nil, refuse(http.StatusBadRequest, "The SARIF document has no run, so no tool reported that it ran.")
	}
	return list, nil
}

// scannerName converts the name of a tool to that of a scanner, as written in a policy. If a scanner that runs
// here already has the name, it appends "-upload".
func scannerName(tool string, taken []string) string {
	name := strings.Join(strings.FieldsFunc(strings.ToLower(tool), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}), "-")
	if strings.HasPrefix(name, policy.CodeQL+"-command-line") { // the name that CodeQL's command line gives itself
		name = policy.CodeQL
	}
	name = strings.Trim(name[:min(len(name), 32)], "-")
	if name != "" && name[0] <= '9' {
		name = "tool-" + name
	}
	if slices.Contains(taken, name) {
		name += "-upload"
	}
	return name
}
