package upload

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/secbydesign/secbydesign/app/mirror"
)

// Recipe returns a digest of the files in a tree that determine how its results are produced: the given workflow
// files, and the actions and CodeQL settings in their usual folders. Two trees with the same recipe run the same
// tool in the same way. If a workflow is not in the tree, Recipe returns "", which matches no tree.
func Recipe(ctx context.Context, repo *mirror.Repo, rev string, workflows []string) (string, error) {
	_, files, err := repo.Tree(ctx, rev)
	if err != nil {
		return "", fmt.Errorf("read the workflow: %w", err)
	}
	left := map[string]bool{}
	for _, w := range workflows {
		left[w] = true
	}
	h := sha256.New()
	for _, f := range files {
		if left[f.Path] || strings.HasPrefix(f.Path, ".github/actions/") || strings.HasPrefix(f.Path, ".github/codeql/") {
			fmt.Fprintf(h, "%s %s\x00", f.Blob, f.Path)
			delete(left, f.Path)
		}
	}
	if len(left) > 0 {
		return "", nil
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// workflows returns the workflow files of the repository itself that define the job. A workflow in another
// repository is left out, because a change here cannot edit it: only a rule of the organisation, or a workflow
// here that refers to it, makes it run. ok is false if the files cannot be determined.
func (c Claims) workflows() (paths []string, ok bool) {
	refs := []string{c.WorkflowRef}
	if c.JobWorkflowRef != "" {
		refs = append(refs, c.JobWorkflowRef)
	}
	for _, ref := range refs {
		name, _, found := strings.Cut(ref, "@")
		parts := strings.SplitN(name, "/", 3)
		switch {
		case !found || len(parts) < 3:
			return nil, false
		case !strings.EqualFold(parts[0]+"/"+parts[1], c.Repository):
			continue
		case len(paths) == 0 || paths[0] != parts[2]:
			paths = append(paths, parts[2])
		}
	}
	return paths, true
}

// workflow returns the name of the job's workflow, for display.
func (c Claims) workflow() string {
	name, _, _ := strings.Cut(c.WorkflowRef, "@")
	return strings.TrimPrefix(name, c.Repository+"/")
}
