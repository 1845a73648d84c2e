package examine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/strictyaml"
	"github.com/secbydesign/secbydesign/app/threatmodel"
)

// maxModelFiles bounds the files of a threat model's folder.
const maxModelFiles = 200

// ThreatModel reads the threat model of a commit or tree. It is nil for none, and for one with problems.
func ThreatModel(ctx context.Context, repo *mirror.Repo, rev string, parsers Parsers) (*threatmodel.Model, []threatmodel.Problem, error) {
	paths := []string{threatmodel.File}
	names, err := repo.Names(ctx, rev, threatmodel.Folder)
	if err != nil {
		return nil, nil, fmt.Errorf("read the threat model: %w", err)
	}
	for _, name := range names[:min(len(names), maxModelFiles)] {
		if strings.HasSuffix(name, ".yml") {
			paths = append(paths, threatmodel.Folder+"/"+name)
		}
	}
	var files []strictyaml.Source
	for _, path := range paths {
		text, ok, err := repo.ReadFile(ctx, rev, path)
		switch {
		case errors.Is(err, mirror.ErrTooLarge):
			return nil, []threatmodel.Problem{{File: path, Line: 1, Column: 1, Message: "the file is too large to be read"}}, nil
		case errors.Is(err, mirror.ErrNotFile):
			return nil, []threatmodel.Problem{{File: path, Line: 1, Column: 1, Message: "this is not a regular file"}}, nil
		case err != nil:
			return nil, nil, fmt.Errorf("read the threat model: %w", err)
		case ok:
			files = append(files, strictyaml.Source{File: path, Text: text})
		}
	}
	if len(files) == 0 {
		return nil, nil, nil
	}
	read, err := parsers.Read(ctx, files...)
	if err != nil {
		return nil, nil, fmt.Errorf("read the threat model: %w", err)
	}
	model, problems := threatmodel.Read(read)
	return model, problems, nil
}

// ChangesModel reports whether the change adds, changes or removes a file of the threat model.
func (ex Examination) ChangesModel() bool {
	if ex.Diff == nil {
		return false
	}
	for _, ch := range ex.Diff.Changes {
		if threatmodel.IsFile(ch.OldPath) || threatmodel.IsFile(ch.NewPath) {
			return true
		}
	}
	return false
}
