package people_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/installation/installationtest"
	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/people"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// newWorld makes acme/shop at the stand-in, with the teams payments (olga, mona) and docs (ted), and a client for it.
func newWorld(t *testing.T) (*fakegithub.Server, *fakegithub.Repo, *installation.Client) {
	t.Helper()
	gh, app := installationtest.New(t, installation.Options{})
	gh.CreateOrg("acme")
	repo := gh.CreateRepo("acme", "shop", false)
	id := gh.Install("acme")
	gh.CreateTeam("acme", "payments", "olga", "mona")
	gh.CreateTeam("acme", "docs", "ted")
	client, err := app.Client(t.Context(), id, repo.ID(), "acme", "shop")
	if err != nil {
		t.Fatal(err)
	}
	return gh, repo, client
}

var of = pull.Pull{Owner: "acme", Repo: "shop", Number: 1, Author: "Mona"}

// TestWhatEachRoleMayDo has everybody in turn in a private repository, whose pull request is mona's.
func TestWhatEachRoleMayDo(t *testing.T) {
	t.Parallel()
	_, repo, client := newWorld(t)
	for _, c := range []struct {
		login, role string
		want        ownership.Person
		mayRead     bool
	}{
		{"ada", "admin", ownership.Person{Write: true, Lead: true}, true},
		{"lea", "maintain", ownership.Person{Write: true, Lead: true}, true},
		{"hubot", "write", ownership.Person{Write: true}, true},
		{"ted", "triage", ownership.Person{}, true},
		{"rhea", "read", ownership.Person{}, true},
		{"mallory", "none", ownership.Person{}, false},
		{"mona", "write", ownership.Person{Write: true, Author: true}, true},
		{"MONA", "read", ownership.Person{Author: true}, true},
	} {
		repo.SetPermission(c.login, c.role)
		c.want.Login = c.login
		who, mayRead, err := people.Find(t.Context(), client, of, c.login)
		if err != nil || mayRead != c.mayRead || !reflect.DeepEqual(who, c.want) {
			t.Errorf("%s (%s): %+v, %v, %v; want %+v, %v", c.login, c.role, who, mayRead, err, c.want, c.mayRead)
		}
	}
}

// TestALoginThatIsNobody may read nothing, and is no failure. It may be the author, whose account is gone.
func TestALoginThatIsNobody(t *testing.T) {
	t.Parallel()
	_, _, client := newWorld(t)
	for login, author := range map[string]bool{"nobody": false, "mona": true} {
		p := of
		if author {
			p.Author = "mona"
		}
		who, mayRead, err := people.Find(t.Context(), client, p, login)
		if err != nil || mayRead || who.Author != author && login == "mona" || who.Write || who.Lead {
			t.Errorf("%s: %+v, %v, %v", login, who, mayRead, err)
		}
	}
}

// TestARoleThatIsNotAnsweredIsNotGuessed: an error is no answer, whoever asks.
func TestARoleThatIsNotAnsweredIsNotGuessed(t *testing.T) {
	t.Parallel()
	gh, repo, client := newWorld(t)
	repo.SetPermission("hubot", "admin")
	var limited *installation.RateLimited
	for _, c := range []struct {
		name string
		f    fakegithub.Fault
		is   func(error) bool
	}{
		{"GitHub fails", fakegithub.Fault{Status: 500, Body: "{}"}, people.IsAnswer},
		{"the rate limit is used up", fakegithub.PrimaryLimit("", "", 1, time.Now().Add(time.Hour)), func(err error) bool { return errors.As(err, &limited) && !people.IsAnswer(err) }},
	} {
		c.f.Method, c.f.Path = "GET", "/repos/acme/shop/collaborators/*/permission"
		gh.Fail(c.f)
		if who, mayRead, err := people.Find(t.Context(), client, of, "hubot"); !c.is(err) || mayRead || who.Write {
			t.Errorf("%s: %+v, %v, %v", c.name, who, mayRead, err)
		}
	}
}

func TestIsAnswer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"none":                    {nil, false},
		"a failure on the way":    {errors.New("connection reset"), false},
		"what GitHub answers":     {&github.ErrorResponse{}, true},
		"what GitHub answers, in": {fmt.Errorf("read: %w", &github.ErrorResponse{}), true},
	} {
		if got := people.IsAnswer(c.err); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestOwns says who of the owners of a file somebody is: they themselves, or by a team.
func TestOwns(t *testing.T) {
	t.Parallel()
	_, _, client := newWorld(t)
	for _, c := range []struct {
		name   string
		login  string
		owners string
		owns   bool
		teams  string
	}{
		{"nobody owns it", "hubot", "", true, ""},
		{"they own it", "hubot", "@hubot", true, ""},
		{"they own it, in other letters", "hubot", "@HuBot", true, ""},
		{"they and another own it", "hubot", "@olga @hubot", true, ""},
		{"they and another own it, in another order", "hubot", "@hubot @olga", true, ""},
		{"another owns it", "hubot", "@olga", false, ""},
		{"their name is that of an organisation", "acme", "@acme/payments", false, ""},
		{"their team owns it", "olga", "@acme/payments", true, "@acme/payments"},
		{"their team owns it, in other letters", "olga", "@Acme/Payments", true, "@acme/payments"},
		{"their team and another own it", "olga", "@acme/docs @acme/payments", true, "@acme/payments"},
		{"another team owns it", "olga", "@acme/docs", false, ""},
		{"a team that nobody knows owns it", "olga", "@acme/gone", false, ""},
		{"a team of another organisation owns it", "olga", "@makers/payments", false, ""},
		{"they and their team own it", "olga", "@olga @acme/payments", true, "@acme/payments"},
		{"their team and they own it", "olga", "@acme/payments @olga", true, "@acme/payments"},
		{"their team and then another person own it", "olga", "@acme/payments @ted", true, "@acme/payments"},
	} {
		// What was known of another file does not count for this one.
		before := ownership.Person{Login: c.login, Write: true, Owns: true, Teams: []string{"@acme/old"}}
		who, err := people.Owns(t.Context(), client, "acme", before, strings.Fields(c.owners))
		if err != nil || who.Owns != c.owns || strings.Join(who.Teams, " ") != c.teams || !who.Write || who.Login != c.login {
			t.Errorf("%s: %+v, %v; want %v, %q", c.name, who, err, c.owns, c.teams)
		}
	}
}

// TestAMembershipThatIsNotAccepted counts when it is: who was invited is no member yet.
func TestAMembershipThatIsNotAccepted(t *testing.T) {
	t.Parallel()
	gh, _, client := newWorld(t)
	gh.Fail(fakegithub.Fault{Path: "/orgs/acme/teams/payments/memberships/olga", Status: 200, Body: `{"state":"pending","role":"member"}`, Header: map[string]string{"Content-Type": "application/json"}})
	for _, want := range []bool{false, true} {
		who, err := people.Owns(t.Context(), client, "acme", ownership.Person{Login: "olga"}, []string{"@acme/payments"})
		if err != nil || who.Owns != want || len(who.Teams) > 0 != want {
			t.Errorf("%+v, %v; want %v", who, err, want)
		}
	}
}

// TestTeamsThatAreNotKnown: without the permission nobody is a member, and what fails is not guessed.
func TestTeamsThatAreNotKnown(t *testing.T) {
	t.Parallel()
	owners := []string{"@acme/payments", "@olga"}
	t.Run("the App may not see members", func(t *testing.T) {
		t.Parallel()
		gh, _, client := newWorld(t)
		gh.SetPermissions(map[string]string{"metadata": "read", "contents": "read", "checks": "write", "pull_requests": "write"})
		for login, want := range map[string]bool{"mona": false, "olga": true} {
			who, err := people.Owns(t.Context(), client, "acme", ownership.Person{Login: login}, owners)
			if err != nil || who.Owns != want || len(who.Teams) != 0 || !slices.Equal(who.Unread, owners[:1]) {
				t.Errorf("%s: %+v, %v; want %v", login, who, err, want)
			}
		}
	})
	for name, path := range map[string]string{
		"GitHub does not say what the App may do": "/app/installations/*",
		"GitHub does not say who is in the team":  "/orgs/acme/teams/payments/memberships/*",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gh, _, client := newWorld(t)
			gh.Fail(fakegithub.Fault{Method: "GET", Path: path, Count: -1, Status: 500, Body: "{}"})
			if who, err := people.Owns(t.Context(), client, "acme", ownership.Person{Login: "mona"}, owners); !people.IsAnswer(err) || who.Owns {
				t.Errorf("%+v, %v", who, err)
			}
		})
	}
}
