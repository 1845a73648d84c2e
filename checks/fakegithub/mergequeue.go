package fakegithub

import (
	"fmt"
	"strings"
)

// A MergeGroup is the state that a merge queue asks checks for: the base with the changes of some
// pull requests merged into it, one after the other.
type MergeGroup struct {
	Ref              string // refs/heads/gh-readonly-queue/main/pr-N-SHA, named for the last of them
	HeadSHA, BaseSHA string
	Numbers          []int
}

// Enqueue puts pull requests into the merge queue of their base branch as one group, and
// delivers merge_group.checks_requested to an App that has merge_queues: read, and
// check_suite.requested, which every App that writes checks gets for a new commit. It panics
// if the pull requests cannot be merged.
func (r *Repo) Enqueue(login string, numbers ...int) (group MergeGroup) {
	s := r.s
	s.act(func() []outgoing {
		first := s.mustPull(r.owner.login, r.name, numbers[0])
		base := r.tip(first.BaseRef)
		group = MergeGroup{BaseSHA: base, HeadSHA: base, Numbers: numbers}
		for _, n := range numbers {
			p := s.mustPull(r.owner.login, r.name, n)
			sha, err := r.merge(group.HeadSHA, p.HeadSHA, fmt.Sprintf("Merge pull request #%d from %s", n, p.HeadRef))
			must(err)
			group.Ref = fmt.Sprintf("refs/heads/gh-readonly-queue/%s/pr-%d-%s", p.BaseRef, n, group.HeadSHA)
			group.HeadSHA = sha
			_, err = r.git("update-ref", group.Ref, group.HeadSHA)
			must(err)
		}
		out := s.suiteEvent(s.suite(r, group.HeadSHA), "requested", login)
		return append(out, s.groupEvent(r, group, "checks_requested", login, nil)...)
	})
	return group
}

// Dequeue removes the group from the queue. reason is merged, invalidated or dequeued. Dequeue does
// not really merge anything.
func (r *Repo) Dequeue(group MergeGroup, reason, login string) {
	r.s.act(func() []outgoing {
		_, err := r.git("update-ref", "-d", group.Ref)
		must(err)
		return r.s.groupEvent(r, group, "destroyed", login, object{"reason": reason})
	})
}

func (s *Server) groupEvent(r *Repo, g MergeGroup, action, sender string, extra object) []outgoing {
	if levels[s.opts.Permissions["merge_queues"]] < levels["read"] {
		return nil
	}
	list := r.commits([]string{g.HeadSHA})
	if len(list) != 1 {
		panic("fakegithub: the merge group's head is gone")
	}
	c := list[0]
	who := object{"name": c.author, "email": c.email}
	branch := strings.TrimPrefix(g.Ref, "refs/heads/gh-readonly-queue/")
	return s.event(r, "merge_group", sender, with(object{
		"action": action,
		"merge_group": object{
			"head_sha": g.HeadSHA, "head_ref": g.Ref, "base_sha": g.BaseSHA, "base_ref": "refs/heads/" + branch[:strings.LastIndex(branch, "/pr-")],
			"head_commit": object{"id": c.sha, "tree_id": c.tree, "message": c.message, "timestamp": c.date, "author": who, "committer": who},
		},
	}, extra))
}
