package suppress

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/checks/patch"
)

var day = time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)

func TestIgnores(t *testing.T) {
	t.Parallel()
	const good = "secbydesign:ignore gosec/G404 until 2026-12-31 because jitter is no secret"
	for text, want := range map[string]string{
		"x() // " + good:                        "1>1 gosec/G404 2026-12-31 jitter is no secret",
		"// " + good + "\nx()":                  "1>2 gosec/G404 2026-12-31 jitter is no secret",
		"\t# " + good + "\r\nx()\r\n":           "1>2 gosec/G404 2026-12-31 jitter is no secret",
		"#" + good + "\nx()":                    "1>2 gosec/G404 2026-12-31 jitter is no secret",
		"-- " + good + "\nSELECT":               "1>2 gosec/G404 2026-12-31 jitter is no secret",
		";; " + good + "\n(x)":                  "1>2 gosec/G404 2026-12-31 jitter is no secret",
		"<!-- " + good + " -->\n<x>":            "1>2 gosec/G404 2026-12-31 jitter is no secret",
		"<x> <!-- " + good + "-->":              "1>1 gosec/G404 2026-12-31 jitter is no secret",
		"/* " + good + " */\nx()":               "1>2 gosec/G404 2026-12-31 jitter is no secret",
		"/* " + good + " */ x()":                "1>1 gosec/G404 2026-12-31 jitter is no secret",
		"{/* " + good + " */}\n<x/>":            "1>2 gosec/G404 2026-12-31 jitter is no secret",
		"// " + good + "\n// " + good + "\nx()": "1>3 gosec/G404 2026-12-31 jitter is no secret; 2>3 gosec/G404 2026-12-31 jitter is no secret",
		"// " + good + "\nx() // " + good:       "1>2 gosec/G404 2026-12-31 jitter is no secret; 2>2 gosec/G404 2026-12-31 jitter is no secret",
		"// " + good:                            "1>1 gosec/G404 2026-12-31 jitter is no secret",
		"# secbydesign:ignore a/b until=2026-12-31 because: it is so": "1>1 a/b 2026-12-31 it is so",

		"# secbydesign:ignore":                                    `It does not say which rule it is about. | secbydesign:ignore SCANNER/RULE until 2026-12-25 because …`,
		"# secbydesign:ignore a/b":                                `It has no date, and nothing is silenced for ever. | secbydesign:ignore a/b until 2026-12-25 because …`,
		"# secbydesign:ignore a/* until 30d because x":            `A file has no day from which "30d" could be counted: write the last day itself. | secbydesign:ignore a/RULE until 2026-12-25 because x`,
		"# secbydesign:ignore a/b because it is so":               `It has no date, and nothing is silenced for ever. | secbydesign:ignore a/b until 2026-12-25 because it is so`,
		"# secbydesign:ignore a/b until 30d because it is so":     `A file has no day from which "30d" could be counted: write the last day itself. | secbydesign:ignore a/b until 2026-12-25 because it is so`,
		"# secbydesign:ignore a/b until 31.12.2026 because x":     `"31.12.2026" is no date: write it as year-month-day. | secbydesign:ignore a/b until 2026-12-25 because x`,
		"# secbydesign:ignore a/b until 2026-02-30 because x":     `"2026-02-30" is no date: write it as year-month-day. | secbydesign:ignore a/b until 2026-12-25 because x`,
		"# secbydesign:ignore a/b until 2026-12-31":               `It gives no reason. | secbydesign:ignore a/b until 2026-12-31 because …`,
		"# secbydesign:ignore a/b until 2026-12-31 because":       `It gives no reason. | secbydesign:ignore a/b until 2026-12-31 because …`,
		"# secbydesign:ignore a/b until 2026-12-31 it is so":      `"it" is not understood: the word because stands in front of the reason. | secbydesign:ignore a/b until 2026-12-31 because …`,
		"# secbydesign:ignore a/b c/d until 2026-12-31 because x": `"c/d" is not understood: one comment names one rule, followed by until. | secbydesign:ignore a/b until 2026-12-25 because …`,
		"# secbydesign:ignore until 2026-12-31 because x":         `It does not say which rule it is about. | secbydesign:ignore SCANNER/RULE until 2026-12-25 because …`,
		"# secbydesign-ignore a/b until 2026-12-31 because x":     `"secbydesign-ignore" is written secbydesign:ignore. | secbydesign:ignore a/b until 2026-12-31 because x`,
		"# SecByDesign: Ignore a/b until 2026-12-31 because x":    `"SecByDesign: Ignore" is written secbydesign:ignore. | secbydesign:ignore a/b until 2026-12-31 because x`,

		// These are not suppressions.
		good:                                     "",
		"print('" + good + "')":                  "",
		"// secbydesign:ignored":                 "",
		"# what secbydesign ignores is":          "",
		"// " + strings.Repeat(" ", 3000) + good: "",
	} {
		var got []string
		for _, i := range Ignores(text, day) {
			if i.Problem != "" {
				got = append(got, i.Problem+" | "+i.Right)
				continue
			}
			got = append(got, fmt.Sprintf("%d>%d %s %s %s", i.Line, i.Covers, i.Rule, i.Until.Format("2006-01-02"), i.Reason))
		}
		if s := strings.Join(got, "; "); s != want {
			t.Errorf("%q\ngot  %s\nwant %s", text, s, want)
		}
	}
}

// TestStanding lists the changes that leave a comment of the base standing, and those that try to make one silence
// something else.
func TestStanding(t *testing.T) {
	t.Parallel()
	const c = "# secbydesign:ignore a/b until 2026-12-31 because x"
	base := []string{"one", c, "two", "three", "four() " + c + "y", "five"}
	edit := func(do func([]string) []string) []string { return do(append([]string(nil), base...)) }
	for name, tt := range map[string]struct {
		head []string
		want string // the lines that are covered
	}{
		"nothing":                       {base, "3 5"},
		"moved down by a line above":    {append([]string{"zero"}, base...), "4 6"},
		"the covered line replaced":     {edit(func(l []string) []string { l[2] = "TWO"; return l }), "3 5"},
		"its own line replaced":         {edit(func(l []string) []string { l[4] = "FOUR() " + c + "y"; return l }), "3 5"},
		"indented":                      {edit(func(l []string) []string { l[1], l[2] = "  "+c, "  two"; return l }), "3 5"},
		"a later date":                  {edit(func(l []string) []string { l[1] = strings.Replace(c, "2026", "2027", 1); return l }), "5"},
		"another rule":                  {edit(func(l []string) []string { l[1] = strings.Replace(c, "a/b", "a/*", 1); return l }), "5"},
		"a line in between":             {edit(func(l []string) []string { return append(l[:2:2], append([]string{"new"}, l[2:]...)...) }), "6"},
		"its code taken away":           {edit(func(l []string) []string { return append(l[:2:2], l[3:]...) }), "4"},
		"a copy above":                  {edit(func(l []string) []string { return append(l[:1:1], append([]string{c, "new"}, l[1:]...)...) }), "7"},
		"a copy at the end":             {append(append([]string(nil), base...), c, "new"), "5"},
		"a copy of the other":           {append(append([]string(nil), base...), "new() "+c+"y"), "3"},
		"moved to another line":         {edit(func(l []string) []string { return []string{l[0], l[2], l[3], l[4], c, "five"} }), "4"},
		"put on another line":           {edit(func(l []string) []string { l[1], l[2], l[3] = "two", "three() "+c, "new"; return l }), "5"},
		"taken away":                    {edit(func(l []string) []string { return append(l[:1:1], l[2:]...) }), "4"},
		"only at the head":              {[]string{"one", "new() # secbydesign:ignore a/c until 2026-12-31 because x"}, ""},
		"more lines than were replaced": {edit(func(l []string) []string { return append(l[:4:4], "new() "+c+"z", "FOUR() "+c+"y", "five") }), "3"},
	} {
		before := aligned(t, base, tt.head)
		var got []string
		for _, i := range Standing(Ignores(strings.Join(tt.head, "\n"), day), Ignores(strings.Join(base, "\n"), day), before) {
			got = append(got, fmt.Sprint(i.Covers))
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%s: covers %q, want %q", name, s, tt.want)
		}
	}
}

// aligned makes a patch as git does, but with unlimited context: every line that stays at both ends is context.
func aligned(t *testing.T, base, head []string) func(int) (int, bool) {
	t.Helper()
	if slices.Equal(base, head) {
		return func(line int) (int, bool) { return line, true }
	}
	longest := make([][]int, len(base)+1)
	for i := range longest {
		longest[i] = make([]int, len(head)+1)
	}
	for i := len(base) - 1; i >= 0; i-- {
		for j := len(head) - 1; j >= 0; j-- {
			longest[i][j] = max(longest[i+1][j], longest[i][j+1])
			if base[i] == head[j] {
				longest[i][j] = max(longest[i][j], longest[i+1][j+1]+1)
			}
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -1,%d +1,%d @@\n", len(base), len(head))
	i, j := 0, 0
	for i < len(base) || j < len(head) {
		switch {
		case i < len(base) && j < len(head) && base[i] == head[j]:
			b.WriteString(" " + base[i] + "\n")
			i, j = i+1, j+1
		case i < len(base) && (j == len(head) || longest[i+1][j] >= longest[i][j+1]):
			b.WriteString("-" + base[i] + "\n")
			i++
		default:
			b.WriteString("+" + head[j] + "\n")
			j++
		}
	}
	set, err := patch.Parse([]byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	file, ok := set.File("f")
	if !ok {
		t.Fatal("no file")
	}
	return file.Before
}

func FuzzIgnores(f *testing.F) {
	f.Add("x // secbydesign:ignore a/b until 2026-12-31 because x\n")
	f.Add("/* secbydesign:ignore a/b until 30d */ y\n# secbydesign:ignore\n")
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Count(text, "\n") + 1
		list := Ignores(text, day)
		for _, i := range list {
			if i.Line < 1 || i.Covers < i.Line || i.Covers > lines {
				t.Errorf("%+v", i)
			}
			if i.Problem == "" && (i.Rule == "" || i.Until.IsZero() || i.Reason == "") {
				t.Errorf("taken: %+v", i)
			}
			if again := Ignores("# "+i.Right, day); i.Right != "" && i.Rule != "" && strings.Contains(i.Rule, "/") && (len(again) != 1 || again[0].Problem != "") {
				t.Errorf("%q would not be right: %+v", i.Right, again)
			}
		}
		// A valid suppression that is the same at both ends stands, whatever else is there.
		same := func(line int) (int, bool) { return line, true }
		for _, i := range Standing(list, list, same) {
			if i.Problem != "" {
				t.Errorf("stands: %+v", i)
			}
		}
		if len(Standing(list, nil, same)) > 0 {
			t.Error("what only the head has stands")
		}
	})
}
