package local

import (
	"context"

	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/ownership"
)

// readOwners reads who owns what at the base. Nobody is asked whether the owners exist. If the owners cannot be read, the
// review says so and goes on.
func (v *view) readOwners(ctx context.Context, repo *mirror.Repo) *ownership.Map {
	org, _ := repo.Origin(ctx)
	owners, err := examine.Owners(ctx, repo, v.Base, org, v.policy, nil, examine.Parsers{})
	if err != nil {
		v.notices = append(v.notices, "Who owns what could not be read: "+advised(repo, err).Error()+".")
		return nil
	}
	return owners
}

// prepareOwners reads whose the findings are, and names the sources that cannot be read.
func (v *view) prepareOwners() {
	var paths []string
	for _, f := range v.findings(true) {
		paths = append(paths, f.Path)
	}
	v.owners.Prepare(paths)
	v.notices = append(v.notices, v.owners.Problems()...)
}
