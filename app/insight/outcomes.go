package insight

import "time"

// Outcomes are the figures of one team over a period. They describe a team, never a person, and there is no order
// among teams.
type Outcomes struct {
	Team     string // "@org/team", or a person; empty for findings without an owner
	From, To time.Time
	Figures  []Figure // in the order of the definitions
}

// A Figure is one measured outcome.
type Figure struct {
	Key  string // such as "same_change_resolution"
	Name string // for people
	N    int    // how many observations it is made from

	// Value is the value in words, such as "65 %" or "3 days"; empty if there are fewer than five observations.
	Value string
	Exact float64 // the value as a number: a share from 0 to 1, or hours
	About string  // the formula in one sentence, with its source
}
