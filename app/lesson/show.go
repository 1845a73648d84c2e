package lesson

import (
	"fmt"
	"strings"

	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
)

// Lesson returns the explanation in the form in which a pull request shows it, without what depends on its team. roads
// are the paved roads of the policy, by topic.
func (e Explanation) Lesson(roads map[string]string) checks.Lesson {
	return checks.Lesson{CWE: e.CWE, Name: e.Name, What: e.What, Fix: e.Fix, Sheet: e.Sheet(), URL: e.URL(), Road: roads[e.Topic]}
}

// PullLink returns the address of a pull request on the GitHub at web. GitHub notes each link to a pull request there,
// but not one by way of redirect.github.com.
func PullLink(web, owner, repo string, number int) string {
	if web == "https://github.com" {
		web = "https://redirect.github.com"
	}
	return fmt.Sprintf("%s/%s/%s/pull/%d", strings.TrimSuffix(web, "/"), owner, repo, number)
}

// Digest lists the weaknesses that a team meets most often, each with its fix, its cheat sheet or paved road, and the
// team's own newest fix: Markdown of one line each. One without an explanation is left out. It is empty if there is
// none.
func Digest(list []record.TeamLesson, roads map[string]string, web string) string {
	var b strings.Builder
	for _, t := range list {
		e, ok := Of(t.CWE)
		if !ok {
			continue
		}
		l := e.Lesson(roads)
		if t.Number > 0 {
			l.Fixed, l.FixedURL = t.Number, PullLink(web, t.Owner, t.Repo, t.Number)
		}
		b.WriteString(checks.LessonItem(t.Pulls, l))
	}
	return b.String()
}
