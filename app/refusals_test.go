package app_test

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/demo"
)

// refused counts the tokens that GitHub refused to the App.
func (s *stage) refused() int {
	return len(regexp.MustCompile(`"path":"/(?:api/v3/)?app/installations/\d+/access_tokens","status":422`).FindAllString(s.logs.String(), -1))
}

// TestRefusalsAreRemembered has an organisation without a repository for its policy: the App asks for it once, and
// again when an event of the installation says that there may be one. In two processes, the one that gets the event is
// not the one that remembers.
func TestRefusalsAreRemembered(t *testing.T) {
	t.Parallel()
	for _, roles := range []int{1, 2} {
		t.Run(fmt.Sprintf("processes %d", roles), func(t *testing.T) {
			t.Parallel()
			s := newStage(t, map[string]string{"a.py": "a = 1\n", policyFile: "version: 1\ngates: {secrets: {mode: off}}\n"})
			if roles == 2 {
				s.restart(func() { s.Settings.Role = "worker" })
				settings := s.Settings
				settings.Role = "web"
				web := &demo.World{GitHub: s.GitHub, Settings: settings}
				if err := web.Start(t.Context(), zerolog.New(s.logs).Level(zerolog.DebugLevel)); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					if err := web.Stop(); err != nil {
						t.Error("stop:", err)
					}
				})
			}
			opened := 0
			open := func(want ...string) {
				opened++
				n := s.open(fmt.Sprint("change", opened), map[string]string{"b.py": "b = 1\n" + leak(opened)})
				s.want(n, want...)
				s.reviewed(n)
			}
			for range 4 {
				open("success")
			}
			if got := s.refused(); got != 2 {
				t.Errorf("%d tokens were refused for four reviews, want 2", got)
			}

			// A policy that is there counts at once, and the other place stays remembered.
			s.organisation(guarding)
			before := s.refused()
			for range 3 {
				open("neutral", "b.py:2 open")
			}
			if got := s.refused() - before; got > 1 {
				t.Errorf("%d tokens were refused for three reviews, want 1 at most", got)
			}

			// The App finds out that the installation is gone, and asks once more.
			s.GitHub.Uninstall(s.installation())
			s.GitHub.Install("acme")
			before = s.refused()
			open("neutral", "b.py:2 open")
			if got := s.refused() - before; got < 1 || got > 2 { // two reviews may ask at one time
				t.Errorf("%d tokens were refused after the App was installed again, want 1 or 2", got)
			}
		})
	}
}

// installation is the only one.
func (s *stage) installation() (id int64) { return s.heard(1).Installation }
