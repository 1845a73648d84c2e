package checks

import (
	"fmt"
	"testing"
)

func TestReconcileSticky(t *testing.T) {
	t.Parallel()
	of := func(name string, id int64, body string) Sticky {
		return Sticky{ID: id, Node: fmt.Sprint("n", id), Name: name, Body: body}
	}
	note := func(id int64, body string) Sticky { return of(Summary, id, body) }
	for name, c := range map[string]struct {
		want string
		have []Sticky
		plan string
	}{
		"nothing was ever open":   {"", nil, "create=\"\" edit=0 body=\"\" hide=[]"},
		"the first":               {"a", nil, "create=\"a\" edit=0 body=\"\" hide=[]"},
		"the same":                {"a", []Sticky{note(3, "a")}, "create=\"\" edit=3 body=\"\" hide=[]"},
		"another":                 {"b", []Sticky{note(3, "a")}, "create=\"\" edit=3 body=\"b\" hide=[]"},
		"the oldest of two":       {"b", []Sticky{note(9, "a"), note(3, "b")}, "create=\"\" edit=3 body=\"\" hide=[n9]"},
		"only the links' commits": {"x/blob/" + head40 + "/a", []Sticky{note(3, "x/blob/"+base40+"/a")}, "create=\"\" edit=3 body=\"\" hide=[]"},
		"hidden already":          {"a", []Sticky{note(3, "a"), {ID: 4, Name: Summary, Minimized: true}}, "create=\"\" edit=3 body=\"\" hide=[]"},
		"one of another name":     {"a", []Sticky{of("card=requirements", 3, "b")}, "create=\"a\" edit=0 body=\"\" hide=[]"},
		"beside another name":     {"b", []Sticky{of("card=requirements", 2, "c"), note(3, "a")}, "create=\"\" edit=3 body=\"b\" hide=[]"},
	} {
		p := ReconcileSticky(Summary, c.want, c.have)
		var hide []string
		for _, n := range p.Hide {
			hide = append(hide, n.Node)
		}
		if got := fmt.Sprintf("create=%q edit=%d body=%q hide=%v", p.Create, p.Edit.ID, p.Body, hide); got != c.plan {
			t.Errorf("%s: got %s, want %s", name, got, c.plan)
		}
	}
}

func TestStickyName(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"a\n\n" + markerOf(Summary):                     Summary,
		"a\r\n" + markerOf(Summary) + "\r\n":            Summary,
		markerOf(Summary):                               Summary,
		"a\n" + markerOf("card=requirements") + " \n\n": "card=requirements",
		"a\n" + markerOf("card=plan"):                   "card=plan",
		"a " + markerOf(Summary):                        "", // not in a line of its own
		"a\n" + markerOf(Summary) + "\nb":               "",
		"a\n" + markerOf("other"):                       "",
		"a\n" + markerOf("card=A"):                      "",
		"":                                              "",
	} {
		if got := StickyName(body); got != want {
			t.Errorf("%q: %q, want %q", body, got, want)
		}
	}
}
