package main_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestLinks checks that packages which judge, rehearse or review a local folder link no client of GitHub, no
// queue and no database, and prints how many packages each links.
func TestLinks(t *testing.T) {
	t.Parallel()
	for _, room := range []string{"app/local", "app/rehearsal", "app/judge", "app/record", "app/insight", "checks"} {
		out, err := exec.Command("go", "list", "-deps", module+"/"+room).Output()
		if err != nil {
			t.Fatalf("go list -deps %s: %v", room, err)
		}
		linked := strings.Fields(string(out))
		t.Logf("%s links %d packages", room, len(linked))
		for _, p := range linked {
			for _, heavy := range []string{"github.com/google/go-github/", "github.com/riverqueue/", "github.com/shurcooL/", "database/sql/", "modernc.org/sqlite/"} {
				// A type that may be a column's has the small interfaces of database/sql/driver.
				if strings.HasPrefix(p+"/", heavy) && p != "database/sql/driver" {
					t.Errorf("%s links %s", room, p)
				}
			}
		}
	}
}
