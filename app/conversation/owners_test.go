package conversation_test

import (
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/record"
)

// TestAMissingPermissionIsNamed has a member of the owning team decide while the App may not read who is in it.
func TestAMissingPermissionIsNamed(t *testing.T) {
	t.Parallel()
	s := newStage(t, "/pay/ @acme/payments\n", high, medium)
	s.gh.SetPermissions(map[string]string{"metadata": "read", "contents": "read", "checks": "write", "pull_requests": "write"})
	const hint = "I cannot see who is in @&#8203;acme/payments: an owner of the organisation has to grant the App Organization permissions → Members: read."
	reply := s.says("olga", "accept "+high.ID()+" until=30d"+because)
	if !strings.Contains(reply, "waits as `A-") || strings.Count(reply, hint) != 1 {
		t.Errorf("olga is answered\n%s", reply)
	}
	id := s.decided()[0].ID
	if reply := s.says("hubot", "confirm "+id); !strings.Contains(reply, "this must be confirmed by one more of those who own the file") || !strings.Contains(reply, hint) {
		t.Errorf("hubot is answered\n%s", reply)
	}
	s.said("hubot", "accept "+high.ID()+" until=90d"+because, hint)
	if reply := s.says("hubot", "accept "+medium.ID()+" until=300d"+because); !strings.Contains(reply, "at most 90 days") || strings.Contains(reply, "Members: read") {
		t.Errorf("a file that no team owns:\n%s", reply)
	}
	s.said("lea", "confirm "+id, "Confirmed")
}

// TestWhoIsInATeamIsReadForEachDecision has somebody join by a nested team, leave, and the team go.
func TestWhoIsInATeamIsReadForEachDecision(t *testing.T) {
	t.Parallel()
	other := high
	other.Fingerprint, other.Rule = strings.Repeat("c", 26)+":1", "osv/CVE-2"
	third := high
	third.Fingerprint, third.Rule = strings.Repeat("d", 26)+":1", "osv/CVE-3"
	s := newStage(t, "/pay/ @acme/payments\n", high, other, third)
	s.gh.CreateTeam("acme", "card", "hubot")
	s.gh.NestTeam("acme", "card", "payments")
	s.said("hubot", "accept "+high.ID()+" until=30d"+because, "is accepted until")
	s.gh.CreateTeam("acme", "card")
	s.said("hubot", "accept "+other.ID()+" until=30d"+because, "must be confirmed by one more of those who own the file (`@acme/payments`)")
	s.gh.DeleteTeam("acme", "payments")
	s.said("hubot", "accept "+third.ID()+" until=30d"+because, "is accepted until")
	if n := len(s.decided()); n != 3 {
		t.Errorf("%d decisions", n)
	}
}

// TestWhyNamesTheOwnersOfNow, the line that says so, and why nobody is one.
func TestWhyNamesTheOwnersOfNow(t *testing.T) {
	t.Parallel()
	s := newStage(t, "/a.py @acme/gone @olga\n/pay/ @acme/gone\n")
	s.review(record.Review{Findings: []record.Finding{medium, high}})
	for id, want := range map[string]string{
		medium.ID(): "The file is owned by `@olga`. .github/CODEOWNERS:1 says so.",
		high.ID():   "Nobody owns the file: .github/CODEOWNERS\\:2: @&#8203;acme/gone does not exist, or cannot write to this repository, so GitHub ignores it.",
	} {
		if got := s.says("ted", "why "+id); !strings.Contains(got, want) {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}
