package threatmodel

// A Drift is a difference between the model and the code.
type Drift struct {
	Kind      string // unmapped, contradiction, score or stale
	Component string
	Path      string
	Line      int
	Message   string // one plain sentence
	Snippet   string // the change of the model, as YAML; may be empty
}

// A Fact is what drift needs to know about a fact of the code.
type Fact struct {
	Signal, Slug, Tier string
	Key                string
	Path               string
	Line               int
	Data               map[string]string
	New                bool // the change adds it
}
