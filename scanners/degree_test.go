package scanners

import "testing"

func TestCovers(t *testing.T) {
	t.Parallel()
	port := func(from, to int) Extent { return Extent{"tcp", from, to} }
	for name, test := range map[string]struct {
		wide, narrow []Extent
		want         bool
	}{
		"nothing":                  {nil, nil, true},
		"nothing of something":     {[]Extent{port(22, 22)}, nil, true},
		"something of nothing":     {nil, []Extent{port(22, 22)}, false},
		"the same":                 {[]Extent{port(22, 22)}, []Extent{port(22, 22)}, true},
		"more ports":               {[]Extent{port(22, 22)}, []Extent{port(22, 23)}, false},
		"fewer ports":              {[]Extent{port(0, 100)}, []Extent{port(22, 23)}, true},
		"of two ranges":            {[]Extent{port(23, 30), port(20, 22)}, []Extent{port(21, 29)}, true},
		"with a gap":               {[]Extent{port(20, 22), port(24, 30)}, []Extent{port(21, 29)}, false},
		"overlapping":              {[]Extent{port(20, 30), port(22, 23), port(25, 40)}, []Extent{port(20, 40)}, true},
		"another protocol":         {[]Extent{port(20, 30)}, []Extent{{"udp", 20, 30}}, false},
		"one of two":               {[]Extent{port(20, 30)}, []Extent{port(20, 30), {"udp", 20, 30}}, false},
		"a higher level":           {[]Extent{{"read", 0, 1}}, []Extent{{"read", 0, 2}}, false},
		"a lower level":            {[]Extent{{"read", 0, 2}}, []Extent{{"read", 0, 1}}, true},
		"a part of it":             {[]Extent{{"permission", 0, 0}}, []Extent{{"permission/packages", 0, 0}}, true},
		"the whole of it":          {[]Extent{{"permission/packages", 0, 0}}, []Extent{{"permission", 0, 0}}, false},
		"a longer word":            {[]Extent{{"path/etc", 0, 0}}, []Extent{{"path/etcetera", 0, 0}}, false},
		"the whole number line":    {[]Extent{port(-1<<63, 1<<63-1)}, []Extent{port(-1<<63, 1<<63-1)}, true},
		"a range turned round":     {[]Extent{port(30, 20)}, []Extent{port(22, 23)}, false},
		"of a range turned round":  {[]Extent{port(20, 20)}, []Extent{port(30, 20)}, false},
		"begins where it ends":     {[]Extent{port(1, 2), port(2, 3)}, []Extent{port(1, 3)}, true},
		"begins right behind that": {[]Extent{port(1, 2), port(3, 3)}, []Extent{port(1, 3)}, true},
	} {
		if got := Covers(test.wide, test.narrow); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	mild, bad := Finding{Severity: Low, Extents: []Extent{port(22, 22)}}, Finding{Severity: High, Extents: []Extent{port(22, 22)}}
	if !Worse(bad, mild) || Worse(mild, bad) || Worse(bad, bad) {
		t.Error("the severity does not count")
	}
}
