package scanners

// Suppressions say how the tree under test could silence a tool. Whoever adds one makes a decision, and the reviewers
// of the change should see it. None is why there is nothing of the kind, one sentence; empty where there is.
type Suppressions struct {
	Markers []Marker
	Files   []string // doublestar globs, relative to the root, of files that silence it for more than a line
	None    string
}

// A Marker is how a line silences a tool. The patterns are regular expressions of package regexp.
type Marker struct {
	// Words are in lower case. Each line with the marker has one of them, so that the others need not be
	// compared with the pattern.
	Words []string

	// Pattern has three groups: how the comment begins, the marker itself, and the rest of the line. Prose takes
	// its place in files of prose, where people write about the marker; empty for the same.
	Pattern, Prose string

	Files []string // doublestar globs of the files in which it counts; empty for all
	Rules string   // how rules are named, at the beginning of the rest
	Wide  string   // matches markers that count for the whole file; empty for none
	All   bool     // it silences every rule

	// Form has a %s for the rules after the marker; empty where none can be named. Join is between rules, Why
	// before a reason.
	Form, Join, Why string

	Plain bool   // it is no comment, and means nothing in prose
	Apart string // the same, and what it is called: it may begin on the line above, and its rules and reasons are on lines of their own
	Block bool   // it may be for all of what begins after it, and not for one line alone
	Exact bool   // its rules are called as the scanner's findings are
}
