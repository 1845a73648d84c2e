package policy

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/secbydesign/secbydesign/app/strictyaml"
	"github.com/secbydesign/secbydesign/scanners"
)

// A Campaign names old findings that should be fixed until a day. Empty fields match everything.
type Campaign struct {
	Name     string
	Rule     string            // a glob of "scanner/rule"
	Path     string            // a doublestar glob of whole paths
	Severity scanners.Severity // the mildest that counts
	Until    time.Time         // the last day, at midnight UTC
}

// maxCampaigns bounds how many campaigns one file names: each is compared with the old findings of every changed file.
const maxCampaigns = 20

// campaigns is the entry of the table for campaigns. Those of both files count.
func campaigns() *spec {
	return &spec{
		about: "Sets of old findings that should be fixed until a day. They are shown on pull requests that change their files anyway, and never count in the verdict. The organisation's count, too.",
		name:  "campaigns", example: "a list such as `- {name: raw sql, rule: \"gosec/G20*\", until: 2027-03-31}`", most: maxCampaigns,
		list: &spec{
			name: "a campaign", example: `{name: raw sql, rule: "gosec/G20*", until: 2027-03-31}`,
			fields: map[string]*spec{
				"name":     {about: "What people call it.", read: readCampaignName, schema: schema{"type": "string", "pattern": campaignName.String()}},
				"rule":     {about: "A glob of `scanner/rule`; any rule unless said.", read: readRule, schema: ruleSchema},
				"path":     {about: "A glob of files; any file unless said.", read: readCampaignPath, schema: globSchema},
				"severity": severity("The mildest severity that belongs to it; any unless said."),
				"until":    {about: "Its last day.", read: readDay("until", "2027-03-31"), schema: daySchema},
			},
			needs: []need{{"name", "say the `name` of the campaign"}, {"until", "say `until` which day it lasts, for example `until: 2027-03-31`"}},
		},
	}
}

var campaignName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._-]{0,59}$`)

func readCampaignName(r *reader, v strictyaml.Value) (any, bool) {
	s, ok := r.Text(v, "name", "raw sql")
	if ok && !campaignName.MatchString(s) {
		r.Problem(v.Place, "%s is not the name of a campaign; write at most 60 letters, digits, spaces, dots, hyphens and underscores", strictyaml.Quote(s))
		return nil, false
	}
	return s, ok
}

func readCampaignPath(r *reader, v strictyaml.Value) (any, bool) {
	s, ok := r.Text(v, "path", "src/**")
	return s, ok && r.Glob(v.Place, s)
}

// apart moves the campaigns of a repository after those of the organisation: the place of an entry in its list is part
// of its key, and both lists count.
func apart(organisation []Value, v Value) Value {
	if v.Key[0] != "campaigns" {
		return v
	}
	n := 0
	for _, o := range organisation {
		if o.Key[0] == "campaigns" {
			i, _ := strconv.Atoi(o.Key[1]) // the decoder wrote it
			n = max(n, i+1)
		}
	}
	i, _ := strconv.Atoi(v.Key[1])
	v.Key = slices.Clone(v.Key)
	v.Key[1] = strconv.Itoa(n + i)
	return v
}

// compileCampaigns sets the campaigns, in the order of the files.
func (p *Policy) compileCampaigns() {
	list := map[int]*Campaign{}
	for _, v := range p.values {
		if v.Key[0] != "campaigns" {
			continue
		}
		i, _ := strconv.Atoi(v.Key[1])
		if list[i] == nil {
			list[i] = &Campaign{}
		}
		c := list[i]
		set(&c.Name, v.Data, v.Key[2] == "name")
		set(&c.Rule, v.Data, v.Key[2] == "rule")
		set(&c.Path, v.Data, v.Key[2] == "path")
		set(&c.Severity, v.Data, v.Key[2] == "severity")
		set(&c.Until, v.Data, v.Key[2] == "until")
	}
	for _, i := range slices.Sorted(maps.Keys(list)) {
		p.Campaigns = append(p.Campaigns, *list[i])
	}
}

// compareKeys sorts keys. Places in a list sort as numbers.
func compareKeys(a, b Key) int {
	return slices.CompareFunc(a, b, func(x, y string) int {
		i, errX := strconv.Atoi(x)
		j, errY := strconv.Atoi(y)
		if errX == nil && errY == nil {
			return cmp.Compare(i, j)
		}
		return cmp.Compare(x, y)
	})
}

// PathProblem says, in one sentence without a full stop, why a text is not a glob of paths; "" if it is one.
func PathProblem(glob string) string {
	r := &reader{}
	if r.Glob(strictyaml.Place{}, glob) {
		return ""
	}
	return r.Problems[0].Message
}

var daySchema = schema{"type": "string", "format": "date", "pattern": `^\d{4}-\d{2}-\d{2}$`}

// readDay returns the reader of a day.
func readDay(name, example string) func(*reader, strictyaml.Value) (any, bool) {
	return func(r *reader, v strictyaml.Value) (any, bool) {
		s, ok := r.Text(v, name, example)
		if !ok {
			return nil, false
		}
		day, err := time.Parse(time.DateOnly, s)
		if err != nil {
			r.Problem(v.Place, "%s", fmt.Sprintf("%s must be a day such as %s, not %s", name, example, strictyaml.Quote(s)))
		}
		return day, err == nil
	}
}
