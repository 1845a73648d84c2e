package app_test

import "testing"

// TestDecideAfterTheMerge holds that the commands of a digest work: it sends people to pull requests that are merged.
func TestDecideAfterTheMerge(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.people()
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1)})
	s.becomes(n, "neutral", "1 new finding")
	id := s.id(n)
	s.repo.MergePull(n, "mona")
	reply := s.said(n, "hubot", "/secbydesign accept "+id+" until=30d"+because, "is accepted until")
	s.said(n, "hubot", "/secbydesign revoke "+decisionIn(reply), "is revoked")
	s.said(n, "hubot", "/secbydesign fp "+id+" because [explain in at least 30 characters why this is no problem here]", "is marked as a false positive")
}
