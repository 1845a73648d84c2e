package lesson_test

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/lesson"
	"github.com/secbydesign/secbydesign/scanners/design"
)

// TestTextsFitIntoAComment holds the form of every explanation.
func TestTextsFitIntoAComment(t *testing.T) {
	t.Parallel()
	address := regexp.MustCompile(`^https://cheatsheetseries\.owasp\.org/cheatsheets/[A-Za-z0-9_-]+_Cheat_Sheet\.html$`)
	topics := map[string]bool{"": true}
	for _, topic := range design.Topics() {
		topics[topic.Name] = true
	}
	for _, cwe := range lesson.Known() {
		e, ok := lesson.Of(cwe)
		if !ok || e.CWE != cwe || e.Name == "" || len(e.Name) > 60 {
			t.Errorf("%s: %+v", cwe, e)
		}
		if len(e.What) < 60 || len(e.What) > 300 || !strings.HasSuffix(e.What, ".") || strings.Contains(e.What, "\n") {
			t.Errorf("%s: the explanation has %d bytes: %q", cwe, len(e.What), e.What)
		}
		if len(e.Fix) < 20 || len(e.Fix) > 160 || !strings.HasSuffix(e.Fix, ".") {
			t.Errorf("%s: the fix has %d bytes: %q", cwe, len(e.Fix), e.Fix)
		}
		if !address.MatchString(e.URL()) || e.Sheet() == "" || strings.ContainsAny(e.Sheet(), "_{}") {
			t.Errorf("%s: %q, %s", cwe, e.Sheet(), e.URL())
		}
		if !topics[e.Topic] {
			t.Errorf("%s: %q is no topic of design questions", cwe, e.Topic)
		}
	}
	if _, ok := lesson.Of("CWE-999999"); ok {
		t.Error("an unknown weakness is explained")
	}
}

// TestEveryWeaknessOfOurScannersIsExplained searches the sources of the adapters, without their tests, for CWE numbers.
func TestEveryWeaknessOfOurScannersIsExplained(t *testing.T) {
	t.Parallel()
	number := regexp.MustCompile(`"CWE-[1-9][0-9]*"`)
	known, found := lesson.Known(), 0
	err := fs.WalkDir(os.DirFS("../../scanners"), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == "testdata" {
			return fs.SkipDir
		}
		if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path.Join("../../scanners", name))
		for _, quoted := range number.FindAllString(string(text), -1) {
			found++
			if cwe := strings.Trim(quoted, `"`); !slices.Contains(known, cwe) {
				t.Errorf("%s: %s has no explanation", name, cwe)
			}
		}
		return err
	})
	if err != nil || found < 40 {
		t.Errorf("%d numbers found, %v", found, err)
	}
}
