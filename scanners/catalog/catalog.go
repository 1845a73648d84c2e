// Package catalog lists the scanners of the program.
package catalog

import (
	"cmp"
	"path/filepath"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/actionlint"
	astgrep "github.com/secbydesign/secbydesign/scanners/ast-grep"
	"github.com/secbydesign/secbydesign/scanners/bandit"
	"github.com/secbydesign/secbydesign/scanners/brakeman"
	"github.com/secbydesign/secbydesign/scanners/checkov"
	"github.com/secbydesign/secbydesign/scanners/compose"
	"github.com/secbydesign/secbydesign/scanners/conftest"
	"github.com/secbydesign/secbydesign/scanners/cppcheck"
	"github.com/secbydesign/secbydesign/scanners/custom"
	"github.com/secbydesign/secbydesign/scanners/design"
	"github.com/secbydesign/secbydesign/scanners/dockerfile"
	"github.com/secbydesign/secbydesign/scanners/eslint"
	"github.com/secbydesign/secbydesign/scanners/flawfinder"
	"github.com/secbydesign/secbydesign/scanners/gitleaks"
	"github.com/secbydesign/secbydesign/scanners/gosec"
	"github.com/secbydesign/secbydesign/scanners/govulncheck"
	"github.com/secbydesign/secbydesign/scanners/hadolint"
	kubelinter "github.com/secbydesign/secbydesign/scanners/kube-linter"
	"github.com/secbydesign/secbydesign/scanners/kubernetes"
	"github.com/secbydesign/secbydesign/scanners/osv"
	osvscanner "github.com/secbydesign/secbydesign/scanners/osv-scanner"
	"github.com/secbydesign/secbydesign/scanners/oxlint"
	"github.com/secbydesign/secbydesign/scanners/semgrep"
	"github.com/secbydesign/secbydesign/scanners/shellcheck"
	"github.com/secbydesign/secbydesign/scanners/terraform"
	"github.com/secbydesign/secbydesign/scanners/tfsec"
	"github.com/secbydesign/secbydesign/scanners/trivy"
	trivyfs "github.com/secbydesign/secbydesign/scanners/trivy-fs"
	"github.com/secbydesign/secbydesign/scanners/workflows"
	"github.com/secbydesign/secbydesign/scanners/zizmor"
)

// Options are the operator's settings for the scanners.
type Options struct {
	Sandbox Sandbox // the sandbox for scanners that are programs; empty for auto

	// Rules is a folder with the operator's rules and databases, for scanners that do not bring any: it
	// holds a folder for each such scanner, named after it. Empty for none.
	Rules string

	// Cache is a folder for files that programs need at each run and that are made once, such as Go's
	// compiled standard library. Empty for none.
	Cache string

	// OSV says where advisories about packages come from; empty for nowhere.
	OSV osv.Options

	// BuiltIn leaves out scanners that are programs, so that a result does not depend on the machine.
	BuiltIn bool

	// Custom are programs that the operator defines.
	Custom []custom.Definition

	// Tools runs the programs. If it is nil, All makes one.
	Tools *Tools `json:"-"`

	// Elsewhere reads content for scanners that are programs; nil to read it in this process.
	Elsewhere Elsewhere `json:"-"`
}

// rules returns the rules folder of one scanner, or "" if there is none.
func (o Options) rules(scanner string) string {
	if o.Rules == "" {
		return ""
	}
	return filepath.Join(o.Rules, scanner)
}

// All returns every scanner, in the order in which they are shown.
func All(o Options) []scanners.Scanner {
	tools := cmp.Or(o.Tools, NewTools(o.Sandbox)).With(o.Cache, o.Elsewhere)
	all := []scanners.Scanner{
		// Built in. They come first, because if two scanners find the same problem, the first one's text is used.
		gitleaks.Scanner{},
		osv.New(o.OSV),
		actionlint.Scanner{},
		workflows.Scanner{},
		terraform.Scanner{},
		dockerfile.Scanner{},
		kubernetes.Scanner{},
		compose.Scanner{},
		design.Scanner{},
	}
	if o.BuiltIn {
		return all
	}
	all = append(all,
		astgrep.New(tools, o.rules("ast-grep")),
		bandit.New(tools),
		brakeman.New(tools),
		checkov.New(tools),
		conftest.New(tools, o.rules("conftest")),
		cppcheck.New(tools),
		eslint.New(tools),
		flawfinder.New(tools),
		gosec.New(tools),
		govulncheck.New(tools, o.rules("govulncheck")),
		hadolint.New(tools),
		kubelinter.New(tools),
		osvscanner.New(tools, o.rules("osv-scanner")),
		oxlint.New(tools),
		semgrep.New(tools, o.rules("semgrep")),
		shellcheck.New(tools),
		tfsec.New(tools),
		trivy.New(tools),
		trivyfs.New(tools, o.rules("trivy-fs")),
		zizmor.New(tools),
	)
	for _, d := range o.Custom {
		all = append(all, custom.New(d, tools))
	}
	return all
}

// Names returns the names of the scanners that come with the program, in the order of [All].
func Names() []string {
	var names []string
	for _, s := range All(Options{}) {
		names = append(names, s.Info().Name)
	}
	return names
}
