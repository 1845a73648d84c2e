package checks

// CardName is the name of the sticky comment with the questions about the design; PlanName that of the checklist on an
// issue.
const (
	CardName = "card=requirements"
	PlanName = "card=plan"
)

// RequirementsCheck is the name of the check run of the card.
const RequirementsCheck = Name + "/requirements"

// A Card is what a pull request shows about its design.
type Card struct {
	Questions []CardQuestion
	Facts     []Annotation
	Covered   []string // Markdown lines: new facts that a decision covers
	Notes     []string // Markdown paragraphs above the commands: a mention, drift
	Snippet   string   // YAML for the model; may be empty
	Why       string   // Markdown; why nothing is asked, for the check's summary
	Mention   string   // Markdown; who is asked for advice; empty for nobody
	Link      func(path string, line int) string
	Unread    []string // files whose facts are not known
	Off       bool     // no check and no card
	Commands  []string // lines to copy, without code marks
}

// A CardQuestion is one question.
type CardQuestion struct {
	ID, Topic, Component string
	Text                 string
	Places               []Spot
	Boxes                []CardBox
	ASVS                 []string
	LinkName, Link       string
	PavedRoad            string // plain text; may be empty
	Open                 bool
	Closed               string   // Markdown; who answered, or by which evidence; for a closed one
	Notes                []string // Markdown: advice, an earlier decision
}

// A CardBox is one closed answer.
type CardBox struct {
	Text   string
	Ticked bool
}

// Body returns the text of the sticky comment with its marker. It is empty if no question was ever open.
func (c Card) Body() string { return "" }

// Check returns the check run.
func (c Card) Check() Check { return Check{Name: RequirementsCheck} }
