package record

import (
	"regexp"
	"slices"
	"strings"
)

// LessonShown is the kind of the events that a pull request shows findings of weaknesses to their owners, with a
// [Lessons]. It is recorded before they are shown.
const LessonShown = "lesson.shown"

// Lessons are the weaknesses that a pull request shows for the first time.
type Lessons struct {
	List []Lesson `json:"lessons"`
}

// A Lesson is a kind of weakness and a team that meets it.
type Lesson struct {
	Team string `json:"team"` // "@org/team" or "@person" in lower case; empty for the owners of files without an owner
	CWE  string `json:"cwe"`  // "CWE-89"
}

// OfOrganisation reports whether the lesson is known in all repositories of the team's organisation; otherwise only in
// its own repository.
func (l Lesson) OfOrganisation() bool { return strings.Contains(l.Team, "/") }

// A Taught is a lesson as one pull request shows it.
type Taught struct {
	Lesson
	First bool // no other pull request showed the weakness to the team before

	// Fixed is the number of a merged pull request of the same repository that fixed a finding of the weakness: the last
	// one before this pull request showed it, of the team if there is one. 0 for none.
	Fixed int
}

var (
	weakness = regexp.MustCompile(`^CWE-[1-9][0-9]{0,5}$`)
	owner    = regexp.MustCompile(`^@[a-z0-9][a-z0-9-]{0,99}(/[a-z0-9._-]{1,100})?$`)
)

// LessonsOf returns the lessons of a finding in a file with these owners, in a repository of org. There are none for a
// finding without a weakness, and for one about a package: the lesson there is to upgrade, and the comment says so.
// Teams of other organisations own nothing.
func LessonsOf(cwe, pkg, org string, owners []string) (list []Lesson) {
	if pkg != "" || !weakness.MatchString(cwe) {
		return nil
	}
	for _, o := range owners {
		o = strings.ToLower(o)
		if m := owner.FindStringSubmatch(o); m == nil || m[1] != "" && !strings.HasPrefix(o, "@"+strings.ToLower(org)+"/") {
			continue
		}
		if l := (Lesson{o, cwe}); !slices.Contains(list, l) {
			list = append(list, l)
		}
	}
	if len(list) == 0 {
		return []Lesson{{CWE: cwe}}
	}
	return list
}

// A TeamLesson is a weakness that a team meets often.
type TeamLesson struct {
	CWE   string
	Pulls int // how many pull requests showed it to the team

	// The newest merged pull request in which the team fixed a finding of it; Number is 0 if there is none.
	Owner, Repo string
	Number      int
}
