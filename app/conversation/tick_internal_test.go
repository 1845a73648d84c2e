package conversation

import (
	"fmt"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/record"
)

var askedTwo = []record.Question{
	{ID: "Q1", Topic: "public", State: record.Open, Answers: []string{"public on purpose, limited by: …", "a mistake, I will close it"}},
	{ID: "Q2", Topic: "data", State: record.Open, Answers: []string{"class and retention: …"}},
}

const twoQuestions = "### Design questions\n\n**Q1** · public · api\n\nWhy?\n\n- [ ] public on purpose, limited by: …\n- [ ] a mistake, I will close it\n\n" +
	"**Q2** · data · db\n\nWhich?\n\n- [x] class and retention: …\n\n```yaml\n- [ ] not a box\n```\n\n<!-- secbydesign:v1 card=requirements -->"

// TestBoxesChanged has edits that tick boxes, and near ones that forge something.
func TestBoxesChanged(t *testing.T) {
	t.Parallel()
	change := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(twoQuestions) }
	for name, tt := range map[string]struct{ before, after, want string }{
		"nothing":             {twoQuestions, twoQuestions, ""},
		"a tick":              {twoQuestions, change("[ ] a mistake", "[x] a mistake"), "Q1 map[1:true]"},
		"a capital":           {twoQuestions, change("[ ] a mistake", "[X] a mistake"), "Q1 map[1:true]"},
		"unticked":            {twoQuestions, change("[x] class", "[ ] class"), "Q2 map[0:false]"},
		"several":             {twoQuestions, change("[ ] public", "[x] public", "[x] class", "[ ] class"), "Q1 map[0:true] Q2 map[0:false]"},
		"lines of Windows":    {twoQuestions, strings.ReplaceAll(change("[ ] a mistake", "[x] a mistake"), "\n", "\r\n"), "Q1 map[1:true]"},
		"the text, too":       {twoQuestions, change("[ ] a mistake", "[x] a mistake", "Why?", "Why not?"), ""},
		"the box's text":      {twoQuestions, change("[ ] a mistake, I will close it", "[x] a mistake, I will keep it"), ""},
		"a line more":         {twoQuestions, change("[ ] a mistake, I will close it", "[x] a mistake, I will close it\n- [x] trust me"), ""},
		"a box of a snippet":  {twoQuestions, change("[ ] not a box", "[x] not a box"), ""},
		"forged before":       {change("a mistake, I will close it", "anything goes"), change("- [ ] a mistake, I will close it", "- [x] anything goes"), ""},
		"swapped before":      {change("**Q1**", "**Q2**", "**Q2**", "**Q1**"), change("**Q1**", "**Q2**", "**Q2**", "**Q1**", "[ ] a mistake", "[x] a mistake"), ""},
		"an unknown question": {change("**Q1**", "**Q9**"), change("**Q1**", "**Q9**", "[ ] a mistake", "[x] a mistake"), ""},
		"emptied":             {twoQuestions, "", ""},
	} {
		var got []string
		for _, c := range boxesChanged(tt.before, tt.after, askedTwo) {
			got = append(got, fmt.Sprintf("%s %v", c.question.ID, c.boxes))
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func FuzzBoxesChanged(f *testing.F) {
	f.Add(twoQuestions, strings.Replace(twoQuestions, "[ ]", "[x]", 1))
	f.Add("**Q1** · x\n- [ ] a mistake, I will close it", "**Q1** · x\r\n- [X] a mistake, I will close it\n")
	f.Fuzz(func(t *testing.T, before, after string) {
		for _, c := range boxesChanged(before, after, askedTwo) {
			for n := range c.boxes {
				if n < 0 || n >= len(c.question.Answers) {
					t.Fatalf("%s has no box %d", c.question.ID, n)
				}
			}
		}
		unmarked := strings.NewReplacer("- [ ] ", "- [] ", "- [x] ", "- [] ", "- [X] ", "- [] ")
		if len(boxesChanged(before, after, askedTwo)) > 0 && strings.Join(lines(unmarked.Replace(before)), "\n") != strings.Join(lines(unmarked.Replace(after)), "\n") {
			t.Fatalf("more than boxes changed:\n%q\n%q", before, after)
		}
	})
}
