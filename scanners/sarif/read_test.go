package sarif

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/jsonstream"
	"github.com/secbydesign/secbydesign/scanners/internal/untrusted"
	"github.com/secbydesign/secbydesign/scanners/scannertest"
)

func TestReadReadsWhatWriteWrites(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := Write(&b, samples(), Options{Infos: infos}); err != nil {
		t.Fatal(err)
	}
	runs, err := Read(strings.NewReader(b.String()), ReadOptions{})
	if err != nil || len(runs) != 3 { // a scanner that did not run has none
		t.Fatalf("%d runs, %v", len(runs), err)
	}
	f := runs[0].Findings[0]
	want := scanners.Finding{Rule: "gitleaks/aws-access-token", Severity: scanners.High, Path: "main.go", Line: 12, EndLine: 12, Column: 3, EndColumn: 23, CWE: "CWE-798"}
	if f.Rule != want.Rule || f.Severity != want.Severity || f.Path != want.Path || f.Line != want.Line || f.Column != want.Column || f.EndColumn != want.EndColumn || f.CWE != want.CWE {
		t.Errorf("got %+v", f)
	}
	if odd := runs[0].Findings[3].Path; odd != "a dir/50%#?\"é\xff\n:x.go" {
		t.Errorf("path %q", odd)
	}
	rich := samples()[1].Results[1]
	content := func(string) ([]byte, bool) {
		return []byte(strings.Repeat("a line of thirty characters, no\n", 20)), true
	}
	again, err := Read(strings.NewReader(b.String()), ReadOptions{Content: content})
	if err != nil {
		t.Fatal(err)
	}
	if got := again[1].Findings[1]; !reflect.DeepEqual(got.Flow, rich.Flow) || fmt.Sprint(got.Fixes) != fmt.Sprint(sortedByFile(rich.Fixes)) {
		t.Errorf("flow and fixes come back as\n%+v\n%+v", got.Flow, got.Fixes)
	}
	for i, complete := range []bool{true, false, false} {
		if (runs[i].Err() == nil) != complete {
			t.Errorf("run %d: %v", i, runs[i].Err())
		}
	}
}

// sortedByFile puts the edits of a fix in the order in which they are written.
func sortedByFile(fixes []scanners.Fix) []scanners.Fix {
	for _, x := range fixes {
		slices.SortStableFunc(x.Edits, func(a, b scanners.Edit) int { return strings.Compare(a.Path, b.Path) })
	}
	return fixes
}

// TestReadTools reads documents in the shape of real tools, one folder each: in.sarif, the
// files that it is about, and the expected output.
func TestReadTools(t *testing.T) {
	t.Parallel()
	cases, err := filepath.Glob("testdata/read/*")
	if err != nil || len(cases) < 12 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, dir := range cases {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(filepath.Join(dir, "in.sarif"))
			if err != nil {
				t.Fatal(err)
			}
			doc, planted := scannertest.Expand(string(raw))
			runs, err := Read(strings.NewReader(doc), ReadOptions{Root: "/tree", Content: files(t, filepath.Join(dir, "files"))})
			if err != nil {
				t.Fatal(err)
			}
			got := dump(runs)
			for _, secret := range planted {
				if strings.Contains(got, secret[:8]) {
					t.Error("a secret is taken over")
				}
			}
			golden := filepath.Join(dir, "want")
			if updating() {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("differs from %s (-update writes it):\n%s", golden, got)
			}
		})
	}
}

func files(t *testing.T, dir string) func(string) ([]byte, bool) {
	t.Helper()
	all := map[string][]byte{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(filepath.Join(dir, name))
		text, _ := scannertest.Expand(string(b))
		all[name] = []byte(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return func(name string) ([]byte, bool) {
		b, ok := all[name]
		return b, ok
	}
}

// dump formats runs for people to compare.
func dump(runs []Run) string {
	var b strings.Builder
	line := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "  %s: %s\n", key, value)
		}
	}
	show := func(kind string, f scanners.Finding) {
		fmt.Fprintf(&b, "%s %s %s %s:%d:%d-%d:%d\n", kind, f.Severity, f.Rule, f.Path, f.Line, f.Column, f.EndLine, f.EndColumn)
		line("title", f.Title)
		line("message", f.Message)
		line("why", f.Why)
		line("help", f.Help)
		line("url", f.HelpURL)
		line("cwe", f.CWE)
		line("identity", fmt.Sprintf("%q", f.Identity))
		line("aliases", strings.Join(f.Aliases, " "))
		for _, s := range f.Flow {
			line("step", fmt.Sprintf("%s:%d %s", s.Path, s.Line, s.Message))
		}
		for _, x := range f.Fixes {
			line("fix", x.Title)
			for _, e := range x.Edits {
				fmt.Fprintf(&b, "    %s:%d:%d-%d:%d %q\n", e.Path, e.Line, e.Column, e.EndLine, e.EndColumn, e.Text)
			}
		}
	}
	for _, r := range runs {
		fmt.Fprintf(&b, "== %s %s\n", r.Tool, r.Version)
		for i, f := range r.Findings {
			kind := "finding"
			for _, s := range r.InSource {
				if s == i {
					kind = "finding (suppressed in the code)"
				}
			}
			show(kind, f)
		}
		for _, f := range r.Suppressed {
			show("suppressed", f)
		}
		for _, s := range r.Failed {
			line("failed", s)
		}
		for _, s := range r.Refused {
			line("refused", s)
		}
		line("incomplete", scanners.Reason(r.Err()))
	}
	return b.String()
}

func TestReadRefusesWithThePlace(t *testing.T) {
	t.Parallel()
	const head = `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"results":[{"message":{"text":"a"},"ruleId":"R1"},`
	for name, test := range map[string]struct{ doc, want string }{
		"empty":           {"", "the document is empty"},
		"no JSON":         {"Error: no such rule\n", "is not valid JSON"},
		"other JSON":      {`{"results":[]}`, `it has no "version"`},
		"null":            {`null`, `it has no "version"`},
		"a list":          {`[]`, "the document is a list and not an object"},
		"old":             {`{"version":"2.0.0","runs":[]}`, `its version is "2.0.0"`},
		"old at the end":  {`{"runs":[],"version":"1.0.0"}`, `its version is "1.0.0"`},
		"version type":    {`{"version":2.1}`, "version is not of the type that the format has there, but: number"},
		"truncated":       {head, "ends in the middle of runs[0].results"},
		"cut in a value":  {head + `{"message":{"te`, "ends in the middle of runs[0].results[1] (byte "},
		"wrong type":      {head + `{"message":{"text":"b"},"locations":[{"physicalLocation":{"region":{"startLine":"7"}}}]}]}]}`, "runs[0].results[1].locations.physicalLocation.region.startLine is not of the type that the format has there, but: string"},
		"results":         {`{"version":"2.1.0","runs":[{"results":{}}]}`, "runs[0].results is an object and not a list"},
		"syntax":          {head + `{"message":}]}]}`, "runs[0].results[1] (byte "},
		"trailing":        {`{"version":"2.1.0","runs":[]} {"version":"2.1.0","runs":[]}`, "something follows the document"},
		"UTF-16":          {"\xff\xfe{\x00", "UTF-16"},
		"nested":          {`{"version":"2.1.0","x":` + strings.Repeat("[", 100_000), "nested too deeply"},
		"nested objects":  {`{"x":` + strings.Repeat(`{"a":`, 100_000), "nested too deeply"},
		"nested result":   {head + strings.Repeat("[", 100_000), "exceeded max depth"},
		"too large":       {`{"version":"2.1.0","x":"` + strings.Repeat("x", jsonstream.MaxValue+100) + `"}`, "larger than 16 MB"},
		"too large value": {head + `{"x":"` + strings.Repeat("x", jsonstream.MaxValue+100) + `"}]}]}`, "runs[0].results[1] (byte "},
		"hostile key":     {`{"\u001b[31m` + strings.Repeat("y", 500) + `":[}`, `\x1b[31my`},
		"no runs":         {`{"version":"2.1.0"}`, "it has no list of runs"},
		"null runs":       {`{"version":"2.1.0","runs":null}`, "it has no list of runs"},
		"many runs":       {`{"version":"2.1.0","runs":[` + strings.Repeat("{},", maxRuns) + `{}]}`, "one run more than the 1000"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runs, err := Read(strings.NewReader(test.doc), ReadOptions{})
			reason := scanners.Reason(err)
			var incomplete *scanners.IncompleteError
			if !errors.As(err, &incomplete) || !strings.Contains(reason, test.want) || !strings.HasSuffix(reason, ".") || len(reason) > 400 {
				t.Errorf("%v, want %q", err, test.want)
			}
			if strings.HasPrefix(test.doc, head) && (len(runs) != 1 || len(runs[0].Findings) != 1) {
				t.Errorf("what was read before is lost: %+v", runs)
			}
		})
	}
}

// A run that does not say that the tool scanned is incomplete, not clean.
func TestReadWantsResults(t *testing.T) {
	t.Parallel()
	for results, want := range map[string]string{
		``:                "no list of results",
		`,"results":null`: "no list of results",
		`,"results":[]`:   "",
		`,"invocations":[{"processStartFailureMessage":"no"}]`: "did not finish",
	} {
		runs, err := Read(strings.NewReader(`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}}`+results+`}]}`), ReadOptions{})
		if err != nil || len(runs) != 1 {
			t.Fatal(runs, err)
		}
		if reason := scanners.Reason(runs[0].Err()); (reason == "") != (want == "") || !strings.Contains(reason, want) {
			t.Errorf("%s: %q, want %q", results, reason, want)
		}
	}
}

func TestReadNamesTheCategory(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"/language:javascript-typescript/": "/language:javascript-typescript",
		"my-analysis/tool1/2026-02-01":     "my-analysis/tool1",
		"my-analysis for tool1":            "",
		"":                                 "",
	} {
		runs, err := Read(strings.NewReader(`{"version":"2.1.0","runs":[{"automationDetails":{"id":"`+id+`"},"results":[]}]}`), ReadOptions{})
		if err != nil || len(runs) != 1 || runs[0].Category != want {
			t.Errorf("%q: got %+v, %v, want %q", id, runs, err, want)
		}
	}
}

func TestReadIsLenientWhereToolsAre(t *testing.T) {
	t.Parallel()
	doc := "\xef\xbb\xbf" + `{"runs":[{"results":[{"message":{"text":"caf` + "\xe9" + `"},"ruleId":"R","ruleIndex":-1,"locations":[{"physicalLocation":{"artifactLocation":{"uri":"a"},"region":{"startLine":0,"startColumn":0}}}],
		"properties":{"tags":"CWE-89","security-severity":9}}],"tool":{"driver":{"name":"t","rules":[{"id":"R","properties":[1]},{"id":"R","properties":null}]}}}],"version":"2.1.0"}`
	runs, err := Read(strings.NewReader(doc), ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	f := runs[0].Findings[0]
	if f.Severity != scanners.Critical || f.CWE != "CWE-89" || f.Message != "caf\uFFFD." || f.Line != 0 {
		t.Errorf("got %+v", f)
	}
}

func TestReadOptions(t *testing.T) {
	t.Parallel()
	const doc = `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"t"}},"results":[
		{"ruleId":"A","level":"error","message":{"text":"é is hunter2"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"a.txt"},"region":{"startLine":1,"startColumn":3,"endColumn":4}}}]},
		{"ruleId":"B","message":{"text":"b"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"a.txt"},"region":{"startLine":1}}}]}]}]}`
	content := func(name string) ([]byte, bool) { return []byte("éabc\n"), name == "a.txt" }
	read := func(o ReadOptions) Run {
		runs, err := Read(strings.NewReader(doc), o)
		if err != nil {
			t.Fatal(err)
		}
		return runs[0]
	}
	if f := read(ReadOptions{Content: content}).Findings[0]; f.Column != 0 || f.Identity != "éabc" {
		t.Errorf("columns of which the unit is not known: %+v", f)
	}
	unit := untrusted.Bytes
	if f := read(ReadOptions{Content: content, Columns: &unit}).Findings[0]; f.Column != 2 || f.EndColumn != 3 {
		t.Errorf("bytes: %+v", f)
	}
	if f := read(ReadOptions{}).Findings[0]; f.Column != 0 || f.Line != 1 || f.Identity != "" {
		t.Errorf("no text: %+v", f)
	}
	if f := read(ReadOptions{Content: content, Secrets: true}).Findings[0]; strings.Contains(fmt.Sprintf("%+v", f), "hunter") || strings.Contains(f.Identity, "abc") {
		t.Errorf("secrets: %+v", f)
	}
	severe := func(rule, level string, security float64) (scanners.Severity, bool) {
		return scanners.Critical, rule == "A" && level == "error" && security == 0
	}
	if r := read(ReadOptions{Severity: severe}); r.Findings[0].Severity != scanners.Critical || r.Findings[1].Severity != scanners.Medium {
		t.Errorf("severities: %+v", r.Findings)
	}
	if r := read(ReadOptions{Limit: 1}); len(r.Findings) != 1 || !strings.Contains(scanners.Reason(r.Err()), "only the first 1") {
		t.Errorf("limit: %+v, %v", r, r.Err())
	}
}

// The level of a result is its own, that of the invocation, that of its rule, or warning.
func TestReadFindsTheLevel(t *testing.T) {
	t.Parallel()
	const doc = `{"version":"2.1.0","runs":[{
		"invocations":[{"executionSuccessful":true,"ruleConfigurationOverrides":[{"configuration":{"level":"error"},"descriptor":{"id":"B","index":1}}]}],
		"results":[{"ruleId":"A","message":{"text":"a"}},{"ruleId":"B","message":{"text":"b"}},{"ruleIndex":1,"level":"none","message":{"text":"c"}},{"ruleIndex":2,"message":{"text":"d"}},{"ruleId":"E","message":{"text":"e"}}],
		"tool":{"driver":{"name":"t","rules":[{"id":"A","defaultConfiguration":{"level":"note"}},{"id":"B","defaultConfiguration":{"level":"note"}},{"id":"D","properties":{"security-severity":"6.9"}}]}}}]}`
	runs, err := Read(strings.NewReader(doc), ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range runs[0].Findings {
		got = append(got, f.Rule+" "+f.Severity.String())
	}
	if want := []string{"A low", "B high", "B note", "D medium", "E medium"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// generated returns a SARIF document of about the given number of bytes, made while it is read. Its
// rules follow its results.
type generated struct {
	left int
	n    int
	buf  bytes.Buffer
	done bool
}

func (g *generated) Read(p []byte) (int, error) {
	for g.buf.Len() < len(p) && !g.done {
		switch {
		case g.n == 0:
			g.buf.WriteString(`{"version":"2.1.0","runs":[{"results":[`)
		case g.left <= 0:
			g.buf.WriteString(`],"tool":{"driver":{"name":"generated","rules":[{"id":"G0","shortDescription":{"text":"Zero"}}]}}}]}`)
			g.done = true
			continue
		case g.n > 1:
			g.buf.WriteString(",")
		}
		before := g.buf.Len()
		if g.n > 0 {
			fmt.Fprintf(&g.buf, `{"ruleId":"G%d","ruleIndex":%d,"level":"error","message":{"text":"Result number %d of a long document."},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"src/pkg%d/file.go","uriBaseId":"%%SRCROOT%%"},"region":{"startLine":%d,"startColumn":3,"endColumn":20,"snippet":{"text":"%s"}}}}],"partialFingerprints":{"primaryLocationLineHash":"%x:1"},"properties":{"x":[1,2,{"y":null}]}}`,
				g.n%7, g.n%7, g.n, g.n%100, g.n%1000+1, strings.Repeat("some code; ", 20), g.n)
		}
		g.left -= g.buf.Len() - before
		g.n++
	}
	if g.buf.Len() == 0 {
		return 0, io.EOF
	}
	return g.buf.Read(p)
}

// A document that is larger than the memory it may take is read to its end.
func TestReadTakesLittleMemory(t *testing.T) {
	const size = 30 << 20
	peak, stop := heap()
	runs, err := Read(peak(&generated{left: size}), ReadOptions{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if r := runs[0]; len(r.Findings) != 1000 || !r.Truncated || r.Tool != "generated" || r.Findings[6].Title != "Zero" {
		t.Errorf("%d findings, truncated %v, tool %q, %+v", len(r.Findings), r.Truncated, r.Tool, r.Findings[6])
	}
	if most := stop(); most > 16<<20 {
		t.Errorf("reading %d MB took %d MB", size>>20, most>>20)
	}
}

// Parts of a result that are not reported are not kept in memory until the end of the run either.
func TestReadKeepsLittleOfAResult(t *testing.T) {
	x := strings.Repeat("x", 40<<10)
	result := strings.ReplaceAll(`{"ruleId":"R","rule":{"guid":"X","toolComponent":{"name":"X"}},"kind":"X","level":"X","message":{"text":"X","id":"X","arguments":["X"]},
		"suppressions":[{"kind":"X","status":"X"}],"taxa":[{"id":"X"}],"fixes":[{"description":{"text":"X"}}],"codeFlows":[{"threadFlows":[{"locations":[{"location":{"message":{"text":"X"}}}]}]},{"threadFlows":[{"locations":[{"location":{"message":{"text":"X"}}}]}]}],
		"locations":[{"physicalLocation":{"artifactLocation":{"uri":"a","uriBaseId":"X"},"region":{"snippet":{"text":"X"}}},"message":{"markdown":"X"}}],"properties":{"tags":["X"],"x":"X"}}`, "X", x)
	const results = 40
	n := 0
	doc := io.MultiReader(strings.NewReader(`{"version":"2.1.0","runs":[{"results":[`), readerOf(func() string {
		if n++; n > results {
			return ""
		}
		return result + ","
	}), strings.NewReader(result+`]}]}`))
	peak, stop := heap()
	runs, err := Read(peak(doc), ReadOptions{})
	if err != nil || len(runs[0].Findings) != results+1 {
		t.Fatalf("%v, %+v", err, runs)
	}
	if most := stop(); most > 14<<20 {
		t.Errorf("reading %d MB took %d MB", results*len(result)>>20, most>>20)
	}
}

// readerOf returns a reader of the strings that next returns, until it returns "".
func readerOf(next func() string) io.Reader {
	var left string
	return readerFunc(func(p []byte) (int, error) {
		if left == "" {
			if left = next(); left == "" {
				return 0, io.EOF
			}
		}
		n := copy(p, left)
		left = left[n:]
		return n, nil
	})
}

// heap measures how much more memory is in use, whenever the next four megabytes are read.
func heap() (wrap func(io.Reader) io.Reader, most func() uint64) {
	inUse := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var peak uint64
	before := inUse()
	return func(r io.Reader) io.Reader {
			read := 0
			return readerFunc(func(p []byte) (int, error) {
				n, err := r.Read(p)
				if read += n; read > 4<<20 {
					read = 0
					peak = max(peak, inUse())
				}
				return n, err
			})
		}, func() uint64 {
			peak = max(peak, inUse())
			return peak - min(before, peak)
		}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// BenchmarkRead reads 100 MB, and reports the memory in use beyond that at the start.
func BenchmarkRead(b *testing.B) {
	const size = 100 << 20
	b.SetBytes(size)
	var most uint64
	for b.Loop() {
		if _, err := Read(&generated{left: size}, ReadOptions{}); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		wrap, stop := heap()
		if _, err := Read(wrap(&generated{left: size}), ReadOptions{}); err != nil {
			b.Fatal(err)
		}
		most = max(most, stop())
		b.StartTimer()
	}
	b.ReportMetric(float64(most)/(1<<20), "MB-heap")
}

// FuzzRead checks that no input crashes the program, leads out of the tree or breaks the promises
// of a finding.
func FuzzRead(f *testing.F) {
	docs, err := filepath.Glob("testdata/read/*/in.sarif")
	if err != nil || len(docs) == 0 {
		f.Fatal(err)
	}
	for _, name := range docs {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		var small bytes.Buffer
		if err := json.Compact(&small, b); err != nil {
			f.Fatal(err)
		}
		f.Add(small.Bytes())
	}
	text := []byte("é1 😀\n\nb2\r\nc3")
	f.Fuzz(func(t *testing.T, doc []byte) {
		for _, content := range []func(string) ([]byte, bool){nil, func(name string) ([]byte, bool) { return text, len(name) < 12 }} {
			runs, err := Read(bytes.NewReader(doc), ReadOptions{Root: "/tree", Content: content})
			if err != nil && scanners.Reason(err) == "" {
				t.Error("an error without a reason")
			}
			for _, r := range runs {
				for _, f := range append(r.Findings, r.Suppressed...) {
					check(t, f)
				}
			}
		}
	})
}

func check(t *testing.T, f scanners.Finding) {
	t.Helper()
	inside := func(name string) bool {
		return fs.ValidPath(strings.ToValidUTF8(name, "x")) && path.Clean(name) == name
	}
	switch {
	case f.Path != "" && !inside(f.Path):
		t.Errorf("path %q", f.Path)
	case f.Line < 0 || f.EndLine < f.Line || f.Column < 0 || f.EndColumn < 0 || (f.Column == 0) != (f.EndColumn == 0) || f.Line == f.EndLine && f.EndColumn < f.Column:
		t.Errorf("place %+v", f)
	case f.Rule == "" || f.Title == "" || f.Message == "" || f.Help == "":
		t.Errorf("something is missing: %+v", f)
	}
	for _, s := range []string{f.Rule, f.Title, f.Message, f.Why, f.Help, f.HelpURL} {
		if !utf8.ValidString(s) || strings.ContainsAny(s, "\n\x00\x1b\u202e") || len(s) > 2000 {
			t.Errorf("text %q", s)
		}
	}
	if strings.ContainsAny(f.Help, "<>`[]*\\") || f.HelpURL != "" && !strings.HasPrefix(f.HelpURL, "http") {
		t.Errorf("help %q, %q", f.Help, f.HelpURL)
	}
	for _, s := range f.Flow {
		if !inside(s.Path) || s.Line < 0 {
			t.Errorf("step %+v", s)
		}
	}
	for _, x := range f.Fixes {
		for _, e := range x.Edits {
			if !inside(e.Path) || e.Line < 1 || e.EndLine < e.Line || (e.Column == 0) != (e.EndColumn == 0) {
				t.Errorf("edit %+v", e)
			}
		}
	}
}
