package record

import (
	"fmt"
	"strings"
	"time"
)

// A RuleUse is how a rule was shown in an organisation.
type RuleUse struct {
	Pulls int                // pull requests in which it was shown
	Repos map[string]RepoUse // by [RepoKey]
}

// A RepoUse is how a rule was shown in one repository.
type RepoUse struct {
	First time.Time // when it was shown first

	// Of the findings that were shown lately, each counted once: how many there are, and of how many
	// somebody said that they are of no use.
	Shown, NotUseful int
}

// RepoKey names a repository by its id, where that is known: a rename makes no second one of it.
func RepoKey(id int64, name string) string {
	if id != 0 {
		return fmt.Sprint(id)
	}
	return strings.ToLower(name)
}
