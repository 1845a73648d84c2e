package scanners

// Suppressions say how the tree under test could silence a tool. Adding a suppression is a decision, and the reviewers
// of the change should see it. None says in one sentence why the tool cannot be silenced; empty if it can.
type Suppressions struct {
	Markers []Marker
	Files   []string // doublestar globs, relative to the root, of files that silence it for more than a line
	None    string
}

// A Marker describes how a line silences a tool. The patterns are regular expressions of package regexp.
type Marker struct {
	// Words are in lower case. Each line with the marker has one of them, so lines without them need not be
	// matched against the pattern.
	Words []string

	// Pattern has three groups: how the comment begins, the marker itself, and the rest of the line. Prose replaces
	// it in files of prose, where people write about the marker; empty if Pattern serves there too.
	Pattern, Prose string

	Files []string // doublestar globs of the files in which it counts; empty for all
	Rules string   // matches the names of rules, at the beginning of the rest
	Wide  string   // matches markers that count for the whole file; empty for none
	All   bool     // it silences every rule

	// Form has a %s for the rules after the marker; empty if the marker cannot name rules. Join goes between rules,
	// Why before a reason.
	Form, Join, Why string

	Plain bool   // it is not a comment, and means nothing in prose
	Apart string // the same, and the marker's name: it may begin on the line above, and has its rules and reasons on separate lines
	Block bool   // it may apply to the whole block that begins after it, not just to one line
	Exact bool   // it names rules as the scanner's findings do
}
