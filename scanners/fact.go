package scanners

// A Fact makes a finding a statement about the architecture: "there is a route POST /invoices". It is no problem,
// and no gate counts it. What is new in a change is asked about by package app/requirements. The finding's Rule is the
// name of the signal, see package scanners/design.
//
// Reformatting changes no fact: Key holds the meaning, not the text.
type Fact struct {
	Key  string // what is there: "POST /invoices", "users.email"; never a secret
	Name string `json:",omitempty"` // how a question names it; empty for Key

	// Text is a digest of the fact's source line without white space. A fact that is gone from one file, and new with
	// the same text in another, has moved. It may be empty.
	Text string `json:",omitempty"`

	// Closed says by which evidence at the place itself the question about the fact is answered already: one plain
	// sentence without a full stop, such as "the call sets Secure, HttpOnly and SameSite". It is empty for an open one.
	Closed string `json:",omitempty"`

	// Data holds what further decisions need, by names that package scanners/design lists; it may be nil.
	Data map[string]string `json:",omitempty"`
}

// A Controlled scanner knows protective controls by name, and can learn further names from a team's policy.
type Controlled interface {
	Scanner
	// WithControls returns a scanner that knows these names too, by the kind of the control. Its [Ruled.Rules]
	// differ from those of the scanner itself.
	WithControls(names map[string][]string) Scanner
}
