// Package osv finds the packages of a project that have known vulnerabilities or are malicious,
// using the advisories of OSV (https://osv.dev). Package lockfile reads lockfiles and manifests, in process
// and from memory; nothing of a project is built, installed or resolved. Versions are compared by osv-scalibr.
//
// # Where advisories come from
//
// From an OSV service, or from a folder of its exports (ECOSYSTEM/all.zip, see
// https://google.github.io/osv.dev/data/). The folder is indexed once, not once a scan, and read
// one advisory at a time. The findings do not depend on which of the two is used: both only propose
// advisories, and this package decides.
//
// # Only what a change adds
//
// A pull request is shown the findings that its head has and its base does not. An advisory
// published yesterday is found in the lockfile of both, so it is not new. This package deliberately
// scans one side at a time and does not see the other: otherwise a finding would depend on two
// files, could not be cached by the content of one, and would seem fixed where it was only left
// out. Seeing both sides would not save work either. The two sides of a lockfile differ in a few
// lines, and the answer about one version of one package is cached, so the second side costs only
// what the change adds. A file that does not change is not scanned.
//
// For the same reason an answer is kept for one hour, not until the end of the clock hour: base and
// head, which are scanned within the same minute, are judged by the same answer.
//
// # What a finding is
//
// One problem of one version of one package in one file, however many names it has: advisories
// that share an alias are one. The identity is the package and the problem, without the version.
// A change from one affected version to another neither introduces nor fixes the problem, so a
// decision about it stands. A second affected version of the package in the file is a second
// finding.
//
// # What it does not do
//
// It looks up only what comes from a registry: an advisory is about the package that the registry has under
// a name, not about a folder of the project, a fork or somebody's archive of the same name. It reads only
// the given file: neither the parent of a pom.xml nor the files that a requirements.txt includes. Versions written there are unknown, and a package without a version is
// reported only if all its versions are malicious. Go's standard library is left out, since go.mod
// names the oldest version of Go that suffices, not the version in use.
package osv

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/budget"
	"github.com/secbydesign/secbydesign/scanners/internal/markers"
)

const (
	// version is the version of osv-scalibr in go.mod, followed by the edition of this package's
	// own logic.
	version = "0.4.5-4"

	// maxFindings is the most findings reported for one file.
	maxFindings = 1000
)

// byteOrderMark is what some editors write at the beginning of a text, and what no reader expects there.
var byteOrderMark = []byte("\xef\xbb\xbf")

// DefaultURL is the public service.
const DefaultURL = "https://api.osv.dev"

// Options configure where advisories come from. With neither URL nor Dir, the scanner is not ready.
type Options struct {
	URL string // of a service, without a slash at its end
	Dir string // of exports; comes before URL

	// Cache is a folder for the index of Dir, created when needed. If it is empty or cannot be
	// written, each process builds its own index.
	Cache string

	// Client calls the service. The default is [Client].
	Client *http.Client `json:"-"`

	// Index makes the index of an ecosystem in Cache, for a process that cannot write there. If it is nil, the scanner
	// makes the index itself.
	Index Indexer `json:"-"`
}

// An Indexer makes the index of an ecosystem in a cache folder.
type Indexer interface {
	Index(ctx context.Context, ecosystem string) error
}

// A source proposes advisories. The texts of its errors are shown to users.
type source interface {
	// state identifies the data that the answers depend on.
	state(ctx context.Context) (string, error)
	// about returns, for each package, the advisories that may be about it, in any order. It may
	// return both answers and an error; a package without an answer has nil.
	about(ctx context.Context, list []pkg) ([][]*advisory, error)
	// knows reports whether there should be advisories for the ecosystem. About packages of others, about
	// returns nothing and no error.
	knows(ecosystem string) bool
}

// Scanner finds vulnerable packages. The zero value is never ready.
type Scanner struct{ source source }

// New returns a scanner. It does not read files or send requests.
func New(o Options) Scanner {
	switch {
	case o.Dir != "":
		f := newFolder(o.Dir, o.Cache)
		f.make = o.Index
		return Scanner{f}
	case o.URL != "":
		return Scanner{newService(o.URL, o.Client)}
	}
	return Scanner{}
}

// Index makes the index of an ecosystem's advisories, and keeps it in the cache folder. It returns an error if the
// scanner has no folder of advisories, or the folder has none for the ecosystem.
func (s Scanner) Index(ctx context.Context, ecosystem string) error {
	f, ok := s.source.(*folder)
	if !ok || !fs.ValidPath(ecosystem) || ecosystem == "." || strings.Contains(ecosystem, "/") {
		return errors.New("there is no folder of advisories for this")
	}
	_, err := f.index(ctx, ecosystem)
	return err
}

// Info implements [scanners.Scanner].
func (Scanner) Info() scanners.Info {
	info := scanners.Info{
		Name:   "osv",
		Gate:   scanners.Dependencies,
		Scopes: []scanners.Scope{scanners.ScopeFile},
		About:  "Packages with known vulnerabilities, and malicious ones, in manifests and lockfiles",
		URL:    "https://osv.dev",

		Suppressions: scanners.Suppressions{None: markers.BuiltIn},
	}
	for _, f := range formats {
		info.Files = append(info.Files, f.files...)
	}
	for _, name := range unknown {
		info.Files = append(info.Files, "**/"+name)
	}
	return info
}

// Version implements [scanners.Scanner].
func (s Scanner) Version(context.Context) (string, error) {
	if s.source == nil {
		return "", &scanners.MissingError{
			Hint: "No advisories are configured: name a folder of OSV's exports (SECBYDESIGN_OSV_DIR, --osv-dir), or an OSV service (SECBYDESIGN_OSV_URL, --osv-url).",
		}
	}
	return version, nil
}

// Rules implements [scanners.Ruled]: it returns the state of the folder, or the current hour for a
// service, since a service does not say when its advisories change.
func (s Scanner) Rules(ctx context.Context) (string, error) {
	if _, err := s.Version(ctx); err != nil {
		return "", err
	}
	return s.source.state(ctx)
}

// Scan implements [scanners.Scanner]. Findings are sorted by path, line, rule and identity. An
// unreadable file, a file with too many packages or findings, or unavailable advisories make the
// scan incomplete; the other findings are still returned.
func (s Scanner) Scan(ctx context.Context, t scanners.Target) ([]scanners.Finding, error) {
	if t.Scope != scanners.ScopeFile {
		return nil, fmt.Errorf("scan with osv: it has no scope %q", t.Scope)
	}
	if _, err := s.Version(ctx); err != nil {
		return nil, err
	}
	var found []scanners.Finding
	var gaps gaps
	for _, f := range t.Files {
		format := formatOf(f.Path)
		if format == nil {
			continue
		}
		meter := budget.Start()
		var marked bool
		f.Content, marked = bytes.CutPrefix(f.Content, byteOrderMark)
		list, err := extract(format, f)
		gaps.unread(f.Path, err)
		in, err := s.look(ctx, *format, f, list, meter)
		meter.Stop()
		for i := range in {
			if marked && in[i].Line == 1 {
				in[i].Fixes = nil // its columns do not count the mark
			}
		}
		if errors.Is(err, budget.ErrSpent) {
			gaps.unread(f.Path, err)
			err = nil
		}
		found = append(found, in...)
		if ctx.Err() != nil {
			return found, ctx.Err()
		}
		gaps.unanswered(f.Path, err)
	}
	slices.SortFunc(found, func(a, b scanners.Finding) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Rule, b.Rule),
			cmp.Compare(a.Identity, b.Identity), cmp.Compare(a.Message, b.Message))
	})
	return found, gaps.err()
}

// look returns the findings for the packages of a file.
func (s Scanner) look(ctx context.Context, format format, f scanners.File, list []pkg, meter *budget.Meter) (found []scanners.Finding, err error) {
	defer func() {
		// Versions are untrusted input, too.
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	if len(list) == 0 {
		return nil, nil
	}
	advisories, err := s.source.about(ctx, list)
	for i, p := range list {
		hits := slices.DeleteFunc(slices.Clone(advisories[i]), func(a *advisory) bool { return !a.affects(p) })
		if len(hits) == 0 {
			continue
		}
		if over := meter.Err(); over != nil {
			return found, over
		}
		if p.at.line == 0 {
			p.at = locate(f.Content, p)
		}
		problems := group(hits)
		// A problem without a fix must not hide the fix for the others. Malicious packages have no
		// fix: the advice is to remove them, not to upgrade.
		all := fixedVersion(p, slices.DeleteFunc(slices.Clone(problems), func(one problem) bool {
			return one.malicious() || fixedVersion(p, one) == ""
		})...)
		for _, one := range problems {
			if len(found) == maxFindings {
				return found, errors.Join(err, &scanners.IncompleteError{
					Reason: fmt.Sprintf("%q has more than %d known problems, of which these are reported.", f.Path, maxFindings),
				})
			}
			found = append(found, describe(format, f, p, one, all))
		}
		if ctx.Err() != nil {
			return found, ctx.Err()
		}
	}
	return found, err
}

// gaps collects the files and packages that were not scanned completely.
type gaps struct {
	named   []string // files
	paths   []string // all files of either kind, as plain paths
	reasons []string // why advisories are missing
	errs    []error
}

func (g *gaps) unread(path string, err error) {
	if err == nil {
		return
	}
	why := "malformed"
	if errors.Is(err, errTooLarge) || errors.Is(err, errTooMany) || errors.Is(err, errOdd) || errors.Is(err, budget.ErrSpent) {
		why = err.Error()
	}
	g.named = append(g.named, fmt.Sprintf("%q (%s)", path, why))
	g.paths = append(g.paths, path)
	g.errs = append(g.errs, fmt.Errorf("read %q: %w", path, err))
}

func (g *gaps) unanswered(path string, err error) {
	if err == nil {
		return
	}
	g.reasons = append(g.reasons, scanners.Reason(err))
	g.paths = append(g.paths, path)
	g.errs = append(g.errs, fmt.Errorf("look up the packages of %q: %w", path, err))
}

func (g *gaps) err() error {
	if len(g.errs) == 0 {
		return nil
	}
	var reasons []string
	if len(g.named) > 0 {
		reasons = append(reasons, "The packages could not be read from "+scanners.Some(g.named, 3)+".")
	}
	slices.Sort(g.reasons)
	reasons = append(reasons, slices.Compact(g.reasons)...)
	slices.Sort(g.paths)
	return &scanners.IncompleteError{Reason: strings.Join(reasons, " "), Err: errors.Join(g.errs...), Paths: slices.Compact(g.paths)}
}
