package record

import (
	"fmt"
	"strings"
	"time"
)

// A RuleUse is the use of a rule in an organisation.
type RuleUse struct {
	Pulls int                // pull requests in which it was shown
	Repos map[string]RepoUse // by [RepoKey]
}

// A RepoUse is the use of a rule in one repository.
type RepoUse struct {
	First time.Time // when it was first shown

	// Shown counts the findings that were shown recently, each once. NotUseful counts those of them that somebody
	// marked as not useful.
	Shown, NotUseful int
}

// RepoKey returns the key of a repository: its id if known, so that a rename does not change the key, or else its
// name.
func RepoKey(id int64, name string) string {
	if id != 0 {
		return fmt.Sprint(id)
	}
	return strings.ToLower(name)
}
