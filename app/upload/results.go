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

// Results are what is kept of an upload: findings as of any scanner, and nothing of the document.
type Results struct {
	Version  string             `json:"version,omitempty"` // of the tool
	Recipe   string             `json:"recipe,omitempty"`  // see [Recipe]; empty when it cannot be told
	Files    []string           `json:"files,omitempty"`   // the workflows that the recipe is of
	Findings []scanners.Finding `json:"findings"`

	// Missing says why that is not all, one sentence. Partial tells that it is less than the tool
	// found, or looked at, in the files of the repository, so that it is no baseline.
	Missing string `json:"missing,omitempty"`
	Partial bool   `json:"partial,omitempty"`
}

// A part is what one tool says of one of its categories.
type part struct {
	scanner, category string
	results           Results
	failed            error // for the operator
}

const (
	// maxFindings is how many results of a document are kept. GitHub keeps as many of a run.
	maxFindings = 5000

	// maxHeld bounds the contents that are held while a document is read, in bytes.
	maxHeld = 64 << 20
)

// resolvePlaces makes findings of a document about a commit, at places in the files of that commit.
//
// It is read twice: once to learn of which files it speaks, so that they are fetched in one request,
// and once with them.
func resolvePlaces(ctx context.Context, repo *mirror.Repo, at request, document io.ReadSeeker, taken []string) ([]part, error) {
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
	if _, err := readDocument(document, options); err != nil {
		return nil, err
	}
	var broken error
	if options.Content, err = contents(ctx, repo, blobs, asked, &broken); err != nil {
		return nil, err
	}
	runs, err := readDocument(document, options)
	if err := errors.Join(err, broken); err != nil {
		return nil, err
	}
	return parts(runs, taken)
}

func readDocument(document io.ReadSeeker, options sarif.ReadOptions) ([]sarif.Run, error) {
	if _, err := document.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	runs, err := sarif.Read(document, options)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "%s", scanners.Reason(err))
	}
	return runs, nil
}

// contents fetches what is asked for, and gives a function that reads it. What cannot be read goes to
// broken.
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

// parts sorts runs by tool and category.
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
		return nil, refuse(http.StatusBadRequest, "The SARIF document has no run, so it does not say that any tool looked.")
	}
	return list, nil
}

// scannerName makes the name of a scanner from that of a tool, as it is written in a policy. A tool
// of the name of a scanner that runs here is another one.
func scannerName(tool string, taken []string) string {
	name := strings.Join(strings.FieldsFunc(strings.ToLower(tool), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}), "-")
	if strings.HasPrefix(name, policy.CodeQL+"-command-line") { // what its own command line calls itself
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
