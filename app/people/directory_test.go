package people_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/people"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// TestOwnersThatDoNotCount asks about owners of all sources, gone and there.
func TestOwnersThatDoNotCount(t *testing.T) {
	t.Parallel()
	gh, repo, client := newWorld(t)
	gh.CreateTeam("acme", "readers", "rhea")
	repo.KeepOut("acme", "readers")
	repo.SetPermission("olga", "write")
	repo.SetPermission("rhea", "read")
	base := repo.Commit("main", "", "base", map[string]string{"CODEOWNERS": "# who\n* @acme/payments @acme/Readers\t@acme/gone\n/x/ @olga @rhea @left a@b.cd # @acme/gone\n"})
	p := pull.Pull{Owner: "acme", Repo: "shop", RepoID: repo.ID(), Base: base}
	const github, team, person = "so GitHub ignores it", "does not exist", "cannot write to this repository"
	codeowner := func(owner string, line int) ownership.Claim {
		return ownership.Claim{Owner: owner, Source: ownership.ByCodeowners, File: "CODEOWNERS", Line: line}
	}
	catalog := func(owner string) ownership.Claim { return ownership.Claim{Owner: owner, Source: ownership.ByCatalog} }
	claims := []struct {
		claim ownership.Claim
		want  string
	}{
		{codeowner("@acme/payments", 2), ""},
		{codeowner("@acme/Readers", 2), github},
		{codeowner("@acme/gone", 2), github},
		{codeowner("@olga", 3), ""},
		{codeowner("@rhea", 3), github},
		{codeowner("@left", 3), github},
		{catalog("@acme/payments"), ""},
		{catalog("@acme/readers"), ""}, // it is there, and what its members may do is asked for a decision
		{catalog("@acme/gone"), team},
		{catalog("@olga"), ""},
		{catalog("@rhea"), person},
		{catalog("@left"), person},
	}
	var requests atomic.Int32
	gh.Before(func(*http.Request) { requests.Add(1) })
	d := &people.Directory{}
	check := func(d *people.Directory) {
		t.Helper()
		ignored := d.Ignored(t.Context(), client, p)
		for _, c := range claims {
			if got := ignored(c.claim); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("%+v: %q, want %q", c.claim, got, c.want)
			}
		}
	}
	check(d)
	first := requests.Load()
	check(d)
	if n := requests.Load(); n != first || n == 0 {
		t.Errorf("%d requests, and %d more for what is known", first, n-first)
	}
	gh.DeleteTeam("acme", "payments")
	check(d) // as it was, for display
	if why := (&people.Directory{}).Ignored(t.Context(), client, p)(catalog("@acme/payments")); !strings.Contains(why, team) {
		t.Errorf("a decision sees that the team is gone: %q", why)
	}
}

// TestAnAnswerAges and is asked for again.
func TestAnAnswerAges(t *testing.T) {
	t.Parallel()
	gh, repo, client := newWorld(t)
	p := pull.Pull{Owner: "acme", Repo: "shop", RepoID: repo.ID()}
	now := time.Now()
	d := people.DirectoryAt(func() time.Time { return now })
	payments := ownership.Claim{Owner: "@acme/payments", Source: ownership.ByDefault}
	ignored := d.Ignored(t.Context(), client, p)
	if why := ignored(payments); why != "" {
		t.Fatal(why)
	}
	gh.DeleteTeam("acme", "payments")
	now = now.Add(9 * time.Minute)
	if why := ignored(payments); why != "" {
		t.Errorf("after nine minutes: %s", why)
	}
	now = now.Add(2 * time.Minute)
	if why := ignored(payments); why == "" {
		t.Error("after eleven minutes the team is still there")
	}
}

// TestWhatIsNotAnsweredCounts has GitHub fail, and refuse: then an owner counts, so that not everybody may decide.
func TestWhatIsNotAnsweredCounts(t *testing.T) {
	t.Parallel()
	gh, repo, client := newWorld(t)
	base := repo.Commit("main", "", "base", map[string]string{"CODEOWNERS": "* @acme/gone\n"})
	p := pull.Pull{Owner: "acme", Repo: "shop", RepoID: repo.ID(), Base: base}
	d := &people.Directory{}
	ignored := d.Ignored(t.Context(), client, p)
	gone := ownership.Claim{Owner: "@acme/gone", Source: ownership.ByCodeowners, Line: 1}
	gh.Fail(fakegithub.Fault{Path: "/repos/acme/shop/codeowners/errors", Status: 500, Body: "{}", Count: -1})
	if why := ignored(gone); why != "" {
		t.Errorf("while GitHub fails: %s", why)
	}
	gh.SetPermissions(map[string]string{"metadata": "read", "contents": "read", "checks": "write", "pull_requests": "write"})
	if why := ignored(ownership.Claim{Owner: "@acme/gone", Source: ownership.ByDefault}); why != "" {
		t.Errorf("without the permission: %s", why)
	}
}

// TestMembershipIsThatOfNow has nested teams, a member who left, a team that is gone, and no permission.
func TestMembershipIsThatOfNow(t *testing.T) {
	t.Parallel()
	gh, _, client := newWorld(t)
	gh.CreateTeam("acme", "card", "carla")
	gh.NestTeam("acme", "card", "payments")
	gh.CreateTeam("acme", "card-fraud", "frida")
	gh.NestTeam("acme", "card-fraud", "card")
	owns := func(login string, owners ...string) ownership.Person {
		t.Helper()
		who, err := people.Owns(t.Context(), client, "acme", ownership.Person{Login: login, Write: true}, owners)
		if err != nil {
			t.Fatal(err)
		}
		return who
	}
	for login, want := range map[string]bool{"olga": true, "carla": true, "frida": true, "ted": false} {
		if who := owns(login, "@acme/payments"); who.Owns != want || (len(who.Teams) == 1) != want || len(who.Unread) > 0 {
			t.Errorf("%s: %+v", login, who)
		}
	}
	if who := owns("olga", "@acme/card"); who.Owns {
		t.Errorf("a member of the upper team is not in the lower: %+v", who)
	}
	gh.CreateTeam("acme", "payments", "mona") // olga left
	if who := owns("olga", "@acme/payments"); who.Owns || len(who.Teams) > 0 {
		t.Errorf("a member who left: %+v", who)
	}
	gh.DeleteTeam("acme", "payments")
	if who := owns("mona", "@acme/payments"); who.Owns {
		t.Errorf("a member of a team that is gone: %+v", who)
	}
}
