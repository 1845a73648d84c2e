package insight

import (
	"time"

	"github.com/secbydesign/secbydesign/app/record"
)

// Outcomes are the figures of one team over a period. They describe a team, never a person, and there is no order
// among teams.
type Outcomes struct {
	Team    string    `json:"team"` // "@org/team", or a person; empty for findings without an owner, "*" for all teams
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Figures []Figure  `json:"figures"` // in the order of the definitions
}

// A Figure is one measured outcome.
type Figure struct {
	Key  string `json:"key"`  // such as "same_change_resolution"
	Name string `json:"name"` // for people
	N    int    `json:"n"`    // how many observations it is made from

	// Value is the value in words, such as "65 %" or "3 days"; empty if there are fewer than five observations.
	Value string  `json:"value"`
	Exact float64 `json:"exact"` // the value as a number: a share from 0 to 1, or hours; 0 if Value is empty
	About string  `json:"about"` // the formula in one sentence, with its source
}

// Least is how many observations a figure needs to be shown, and how many teams a distribution.
const Least = 5

// Period is the length of the rolling period of the figures.
const Period = 90 * 24 * time.Hour

// Measure computes the figures of a team from its observations since a time. Those of day 0 say what is true at to. The
// share of unowned findings is a figure of [record.Everyone] alone.
func Measure(team string, from, to time.Time, list []record.Observation) Outcomes {
	out := Outcomes{Team: team, From: from.UTC(), To: to.UTC()}
	s := sums{list: list, from: from, to: to}
	for _, d := range definitions() {
		if d.everyone && team != record.Everyone {
			continue
		}
		out.Figures = append(out.Figures, d.figure(d.measure(s)))
	}
	for _, rule := range s.rules() {
		d := notUsefulRate(rule)
		if f := d.figure(d.measure(s)); f.Value != "" {
			out.Figures = append(out.Figures, f)
		}
	}
	return out
}

// Find returns the figure with a key; false if there is none.
func (o Outcomes) Find(key string) (Figure, bool) {
	for _, f := range o.Figures {
		if f.Key == key {
			return f, true
		}
	}
	return Figure{}, false
}

// A definition says how one figure is computed.
type definition struct {
	key, name, about string
	unit             unit
	everyone         bool // it is a figure of all teams together
	measure          func(sums) measured
}

// A measured value; over means that the value is larger than exact.
type measured struct {
	n     int64
	exact float64
	over  bool
}

func (d definition) figure(m measured) Figure {
	f := Figure{Key: d.key, Name: d.name, N: int(m.n), About: d.about}
	if m.n < Least {
		return f
	}
	f.Exact, f.Value = m.exact, d.unit(m.exact)
	if m.over {
		f.Value = "more than " + f.Value
	}
	return f
}
