package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/app/judge"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/catalog"
	"github.com/secbydesign/secbydesign/scanners/osv"
	"github.com/secbydesign/secbydesign/scanners/osv/osvtest"
	"github.com/secbydesign/secbydesign/scanners/scannertest"
)

// The sample is a repository with two problems for each scanner: one that is at the base already,
// in a file that the change touches, and one that the change brings. testdata/sample/want lists
// the latter, one a line: scanner, rule, path:line, severity, and then the rules of others that
// find the same, in the order of the catalogue.
const sample = "testdata/sample"

func TestMain(m *testing.M) {
	catalog.Helper()
	os.Exit(m.Run())
}

func TestSample(t *testing.T) {
	t.Parallel()
	checkSample(t, newSample(t), sampleScanners(t, builtInOnly))
}

// TestSampleWithPrograms also runs the scanner programs, as many of them as are installed.
func TestSampleWithPrograms(t *testing.T) {
	t.Parallel()
	checkSample(t, newSample(t), sampleScanners(t, withPrograms))
}

// TestSampleThatSilences holds that a change cannot silence its scanners: it adds the files that switch tools off, one
// of which is a program.
func TestSampleThatSilences(t *testing.T) {
	t.Parallel()
	written := filepath.Join(t.TempDir(), "written")
	f := newSample(t)
	f.commit(map[string]string{
		".gitleaks.toml":          "[allowlist]\npaths = ['''.*''']\n",
		".gitleaksignore":         "config/app.env:github-pat:4\n",
		"eslint.config.js":        fmt.Sprintf("require('fs').writeFileSync(%q, 'x');\nmodule.exports = [{ignores: ['web/**']}];\n", written),
		".oxlintrc.json":          `{"ignorePatterns": ["**"], "rules": {"no-eval": "off", "no-new-func": "off"}}` + "\n",
		"conftest.toml":           "namespace = \"nothing\"\npolicy = \"policy\"\n",
		"policy/pods.rego":        "package main\nimport rego.v1\nexception contains rules if { rules := [\"owner\"] }\n",
		"setup.cfg":               "[bandit]\nskips = B301,B602\nexclude = src\n",
		".bandit":                 "[bandit]\nskips = B301,B602\nexclude = src\n",
		".shellcheckrc":           "disable=all\n",
		"sgconfig.yml":            "ruleDirs: []\n",
		"tools/osv-scanner.toml":  "[[PackageOverrides]]\nignore = true\n",
		".tfsec/config.yml":       "exclude:\n  - aws-vpc-no-public-ingress-sgr\n",
		".github/actionlint.yaml": "paths:\n  .github/workflows/**:\n    ignore: ['.*']\n",
		".secbydesign.yml":        "version: 1\ngates: {secrets: {mode: \"off\"}, code: {mode: \"off\"}}\npaths: {ignore: [\"**\"]}\n",
	})
	list := sampleScanners(t, withPrograms)
	checkSample(t, f, list)
	if _, err := os.Stat(written); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("eslint.config.js was run: %v", err)
	}
	// The program that was not run would have worked.
	if slices.ContainsFunc(list, func(s scanners.Scanner) bool { return s.Info().Name == "eslint" }) {
		cmd := exec.Command("eslint", "src")
		cmd.Dir = f.dir
		out, _ := cmd.CombinedOutput() // it fails, since there is nothing to scan
		if _, err := os.Stat(written); err != nil {
			t.Errorf("eslint.config.js does not write: %v\n%s", err, out)
		}
	}
}

// TestSampleAgain holds that scanned contents are not scanned again, and that each scanner has found the problem that
// is in the base.
func TestSampleAgain(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	repo, err := mirror.OpenLocal(ctx, newSample(t).dir)
	if err != nil {
		t.Fatal(err)
	}
	v, done, err := look(ctx, repo, Options{Head: "HEAD"})
	defer done()
	if err != nil {
		t.Fatal(err)
	}
	results, err := ledger.Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer results.Close()
	var scans atomic.Int64
	examiner := examine.Examiner{Known: results.Results, Keep: results.SaveResults, Program: "1"}
	for _, s := range sampleScanners(t, withPrograms) {
		examiner.Scanners = append(examiner.Scanners, count(s, &scans))
	}
	old := map[string]bool{} // scanners that found something at both ends
	scan := func() (fingerprints []string, scanned int) {
		ex, err := examiner.Examine(ctx, v.change, v.policy, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		j, err := judge.Apply(judge.Case{Runs: ex.Runs, Policy: v.policy})
		if err != nil {
			t.Fatal(err)
		}
		if len(ex.Facts.Base) == 0 || len(ex.Facts.Head) == 0 || !ex.Facts.Run.Complete() {
			t.Errorf("%d facts of the base and %d of the head: %+v", len(ex.Facts.Base), len(ex.Facts.Head), ex.Facts.Run)
		}
		scanned += ex.Facts.Run.Scanned
		for _, g := range j.Gates {
			for _, run := range g.Runs {
				scanned += run.Scanned
				if !run.Complete() || run.Idle {
					t.Errorf("%s did not look: %+v", run.Scanner, run)
				}
			}
			for _, f := range g.Findings {
				fingerprints = append(fingerprints, f.RuleID()+" "+f.Fingerprint+" "+string(f.State))
				for _, rule := range append(f.Also, f.RuleID()) {
					name, _, _ := strings.Cut(rule, "/")
					old[name] = old[name] || f.State == scanners.Unchanged
				}
				if f.State == scanners.Absent {
					t.Errorf("%s %s:%d is taken for fixed", f.RuleID(), f.Path, f.Line)
				}
			}
		}
		return fingerprints, scanned
	}
	first, scanned := scan()
	before := scans.Load()
	if len(first) == 0 || scanned == 0 || before == 0 {
		t.Fatalf("%d findings, %d files and trees, %d scans", len(first), scanned, before)
	}
	for _, s := range examiner.Scanners {
		if s.Info().Gate == scanners.Requirements {
			continue
		}
		if name := s.Info().Name; !old[name] {
			t.Errorf("%s has not seen the problem of the base", name)
		}
	}
	t.Logf("first %d scans of %d files and trees, %d findings", before, scanned, len(first))
	second, scanned := scan()
	if scanned != 0 || scans.Load() != before {
		t.Errorf("the second time there were %d more scans of %d files and trees", scans.Load()-before, scanned)
	}
	if !slices.Equal(first, second) {
		t.Errorf("the second time it found\n%s\nthe first time\n%s", strings.Join(second, "\n"), strings.Join(first, "\n"))
	}
}

// A counted scanner counts its scans.
type counted struct {
	scanners.Scanner
	scans *atomic.Int64
}

func (c counted) Scan(ctx context.Context, t scanners.Target) ([]scanners.Finding, error) {
	c.scans.Add(1)
	return c.Scanner.Scan(ctx, t)
}

type countedRuled struct {
	counted
	ruled scanners.Ruled
}

func (c countedRuled) Rules(ctx context.Context) (string, error) { return c.ruled.Rules(ctx) }

func count(s scanners.Scanner, scans *atomic.Int64) scanners.Scanner {
	c := counted{s, scans}
	if ruled, ok := s.(scanners.Ruled); ok {
		return countedRuled{c, ruled}
	}
	return c
}

// newSample makes the repository, with the base on main and the head checked out.
func newSample(t *testing.T) folder {
	t.Helper()
	base, head := readSample(t, "base"), readSample(t, "head")
	f := newFolder(t, base)
	for name := range base {
		if _, ok := head[name]; !ok {
			head[name] = "" // to be removed
		}
	}
	f.commit(head)
	return f
}

func readSample(t *testing.T, side string) map[string]string {
	t.Helper()
	root, files := os.DirFS(filepath.Join(sample, side)), map[string]string{}
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(root, path)
		files[path], _ = scannertest.Expand(string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

const (
	builtInOnly  = false
	withPrograms = true
)

// sampleScanners returns the scanners of the catalogue that are ready, with the rules and advisories of its own tests.
// A program in another version than that of its recorded output may find other things, so it does not take part unless
// it is required, see package scannertest.
func sampleScanners(t *testing.T, programs bool) (ready []scanners.Scanner) {
	t.Helper()
	rules, err := filepath.Abs("../../scanners/catalog/testdata/rules")
	if err != nil {
		t.Fatal(err)
	}
	advisories := osvtest.Folder(t, "../../scanners/osv/testdata/advisories")
	for _, s := range catalog.All(catalog.Options{Rules: rules, OSV: osv.Options{Dir: advisories}}) {
		info := s.Info()
		if info.Program != "" && (!programs || info.Documented) {
			continue
		}
		required := info.Program == "" || slices.Contains(strings.Split(os.Getenv("SECBYDESIGN_REQUIRE_PROGRAMS"), ","), info.Program)
		version, err := s.Version(t.Context())
		var missing *scanners.MissingError
		switch {
		case err != nil && (required || !errors.As(err, &missing)):
			t.Fatalf("%s is not ready: %v", info.Name, err)
		case err != nil:
			t.Logf("without %s: %v", info.Name, err)
			continue
		}
		if !required {
			recorded, err := os.ReadFile(filepath.Join("../../scanners", info.Name, "testdata/version"))
			if err != nil {
				t.Fatal(err)
			}
			if want := strings.TrimSpace(string(recorded)); version != want {
				t.Logf("without %s: it is %s, and not %s", info.Name, version, want)
				continue
			}
		}
		ready = append(ready, s)
	}
	return ready
}

// checkSample reviews the sample, and holds that exactly the new problems are reported.
func checkSample(t *testing.T, f folder, list []scanners.Scanner) {
	t.Helper()
	code, out, err := f.review(func(o *Options) { o.Head, o.Scanners = "HEAD", list })
	if err != nil || code != Failed {
		t.Fatalf("code %d, %v\n%s", code, err, out)
	}
	report := readReport(t, out)
	for _, s := range report.Scanners {
		if s.State != "complete" {
			t.Errorf("%s is %s: %s", s.Name, s.State, *s.Error)
		}
	}
	var got []string
	for _, f := range report.Findings {
		line := fmt.Sprintf("%s %s %s:%d %s", f.Scanner, f.Rule, f.Path, f.Line, f.Severity)
		got = append(got, strings.Join(append([]string{line}, f.Also...), " "))
	}
	slices.Sort(got)
	if want := sampleWant(t, list); !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for text := range strings.SplitSeq(strings.Join(slices.Collect(maps.Values(readSample(t, "head"))), "\n"), "\n") {
		if _, secret, ok := strings.Cut(text, "TOKEN="); ok && strings.Contains(out, secret) {
			t.Error("the report holds the secret")
		}
	}
}

func readReport(t *testing.T, out string) (r jsonReview) {
	t.Helper()
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// sampleWant returns the lines of want that these scanners should find, sorted. Each scanner must have one.
func sampleWant(t *testing.T, list []scanners.Scanner) (want []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(sample, "want"))
	if err != nil {
		t.Fatal(err)
	}
	ready, brings := map[string]bool{}, map[string]bool{}
	for _, s := range list {
		ready[s.Info().Name] = true
	}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		// If several find the same problem, the first that is ready reports it.
		rules := slices.DeleteFunc(append([]string{words[0] + "/" + words[1]}, words[4:]...), func(rule string) bool {
			name, _, _ := strings.Cut(rule, "/")
			brings[name] = brings[name] || ready[name]
			return !ready[name]
		})
		if len(rules) > 0 {
			name, rule, _ := strings.Cut(rules[0], "/")
			want = append(want, strings.Join(append([]string{name, rule, words[2], words[3]}, rules[1:]...), " "))
		}
	}
	for _, s := range list {
		name := s.Info().Name
		if s.Info().Gate == scanners.Requirements { // facts are no findings, see TestSampleAgain
			continue
		}
		if !brings[name] {
			t.Errorf("the sample has nothing new for %s", name)
		}
	}
	slices.Sort(want)
	return want
}
