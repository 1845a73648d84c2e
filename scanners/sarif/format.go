package sarif

// The parts of SARIF 2.1.0 that this package writes, named and ordered as in the standard; § is its
// section.
// https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html

type log struct { // §3.13
	Schema  string `json:"$schema"`
	Version string `json:"version"`
	Runs    []run  `json:"runs"`
}

type run struct { // §3.14
	Tool               tool                        `json:"tool"`
	AutomationDetails  automationDetails           `json:"automationDetails"`
	Invocations        []invocation                `json:"invocations"`
	OriginalURIBaseIDs map[string]artifactLocation `json:"originalUriBaseIds"`
	ColumnKind         string                      `json:"columnKind"`
	Results            []result                    `json:"results"`
}

type automationDetails struct { // §3.17
	ID string `json:"id"`
}

type tool struct { // §3.18
	Driver driver `json:"driver"`
}

type driver struct { // §3.19
	Name             string   `json:"name"`
	Version          string   `json:"version,omitempty"`
	InformationURI   string   `json:"informationUri,omitempty"`
	ShortDescription *message `json:"shortDescription,omitempty"`
	Rules            []rule   `json:"rules"`
}

type rule struct { // §3.49
	ID                   string         `json:"id"`
	ShortDescription     *message       `json:"shortDescription,omitempty"`
	FullDescription      *message       `json:"fullDescription,omitempty"`
	HelpURI              string         `json:"helpUri,omitempty"`
	Help                 *message       `json:"help,omitempty"`
	DefaultConfiguration configuration  `json:"defaultConfiguration"`
	Properties           ruleProperties `json:"properties"`
}

type configuration struct { // §3.50
	Level string `json:"level"`
}

type ruleProperties struct {
	Tags             []string `json:"tags"`
	SecuritySeverity string   `json:"security-severity,omitempty"`
}

type invocation struct { // §3.20
	ExecutionSuccessful bool           `json:"executionSuccessful"`
	Notifications       []notification `json:"toolExecutionNotifications,omitempty"`
}

type notification struct { // §3.58
	Level   string  `json:"level"`
	Message message `json:"message"`
}

type result struct { // §3.27
	RuleID              string            `json:"ruleId"`
	RuleIndex           int               `json:"ruleIndex"`
	Level               string            `json:"level"`
	Message             message           `json:"message"`
	Locations           []location        `json:"locations,omitempty"`
	CodeFlows           []codeFlow        `json:"codeFlows,omitempty"`
	Fixes               []fix             `json:"fixes,omitempty"`
	PartialFingerprints map[string]string `json:"partialFingerprints"`
	BaselineState       string            `json:"baselineState"`
	Suppressions        *[]suppression    `json:"suppressions,omitempty"` // nil in all results of a run, or in none (§3.27.23)
	Properties          resultProperties  `json:"properties"`
}

type suppression struct { // §3.35
	Kind          string    `json:"kind"`
	Status        string    `json:"status"`
	Justification string    `json:"justification,omitempty"`
	Location      *location `json:"location,omitempty"`
}

type resultProperties struct {
	ID       string `json:"id"`
	Gate     string `json:"gate"`
	Severity string `json:"severity"`
	Commit   string `json:"commit,omitempty"`

	Aliases []string `json:"aliases,omitempty"` // other names of the same problem
	Also    []string `json:"also,omitempty"`    // rules of other scanners that found it too
}

type codeFlow struct { // §3.36
	ThreadFlows []threadFlow `json:"threadFlows"`
}

type threadFlow struct { // §3.37
	Locations []threadFlowLocation `json:"locations"`
}

type threadFlowLocation struct { // §3.38
	Location location `json:"location"`
}

type fix struct { // §3.55
	Description *message         `json:"description,omitempty"`
	Changes     []artifactChange `json:"artifactChanges"`
}

type artifactChange struct { // §3.56
	Artifact     artifactLocation `json:"artifactLocation"`
	Replacements []replacement    `json:"replacements"`
}

type replacement struct { // §3.57
	Deleted  region   `json:"deletedRegion"`
	Inserted *message `json:"insertedContent,omitempty"` // §3.3, artifact content
}

type message struct { // §3.11, and §3.12 with Markdown
	Text     string `json:"text"`
	Markdown string `json:"markdown,omitempty"`
}

type location struct { // §3.28
	Physical physicalLocation `json:"physicalLocation"`
	Message  *message         `json:"message,omitempty"`
}

type physicalLocation struct { // §3.29
	Artifact artifactLocation `json:"artifactLocation"`
	Region   *region          `json:"region,omitempty"`
}

type artifactLocation struct { // §3.4
	URI         string   `json:"uri,omitempty"`
	URIBaseID   string   `json:"uriBaseId,omitempty"`
	Description *message `json:"description,omitempty"`
}

type region struct { // §3.30
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn,omitempty"`
	EndLine     int `json:"endLine,omitempty"`
	EndColumn   int `json:"endColumn,omitempty"`
}
