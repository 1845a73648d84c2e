package fakegithub

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A Repo is one repository. Server.mu owns its fields.
type Repo struct {
	s       *Server
	id      int64
	owner   *account
	name    string
	public  bool
	deleted bool
	dir     string
	parent  *Repo // of a fork
	created time.Time

	pulls       []*Pull // by number
	issues      []*Issue
	permissions map[string]string
	diffs       map[string]*diff
	maps        map[string]lineMap
	known       map[string]bool   // commits seen to exist
	answers     map[string]string // see fixed
}

// A Pull is one pull request.
type Pull struct {
	ID               int64
	NodeID           string
	Number           int
	Title, Body      string
	Author           string
	Assignees        []string
	Draft            bool
	State            string // open or closed
	Merged           bool
	BaseRef, BaseSHA string // the SHA may be older than the branch's tip, as on GitHub
	HeadRef, HeadSHA string
	MergeSHA         string // of a merged one; empty while it is not, and after [Server.ClosePull]
	CreatedAt        time.Time
	UpdatedAt        time.Time
	ClosedAt         time.Time

	talk
	head     *Repo // nil when the fork is gone
	reviews  []*Review
	comments []*ReviewComment // of all reviews, in order
	timeline []timelineEvent
}

type timelineEvent struct {
	id   int64
	at   time.Time
	kind string // commits, forced, ready, draft, closed, reopened, base
	who  string
	shas []string
	text string
}

// CreateOrg makes an organisation.
func (s *Server) CreateOrg(login string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.account(login, "Organization")
}

// CreateRepo makes an empty repository with the default branch main. If its owner does not exist
// yet, CreateRepo makes it an organisation. An installation with all of the owner's repositories gets
// an event. CreateRepo panics if git fails: only tests and the demo call it.
func (s *Server) CreateRepo(owner, name string, public bool) (r *Repo) {
	s.act(func() []outgoing {
		r = s.createRepo(s.account(owner, "Organization"), name, public, nil)
		return s.coverEvent(r)
	})
	return r
}

func (s *Server) createRepo(owner *account, name string, public bool, parent *Repo) *Repo {
	r := &Repo{
		s: s, id: int64(100_000 + s.made), owner: owner, name: name, public: public, parent: parent,
		dir: filepath.Join(s.opts.Dir, owner.login, name+".git"), created: s.now(),
		permissions: map[string]string{}, diffs: map[string]*diff{}, maps: map[string]lineMap{}, known: map[string]bool{},
		answers: map[string]string{},
	}
	s.made++
	if _, err := os.Stat(r.dir); err == nil { // the folder of a repository that had this name before
		r.dir = filepath.Join(s.opts.Dir, owner.login, fmt.Sprintf("%s-%d.git", name, r.id))
	}
	must(initRepo(r.dir))
	delete(s.moved, r.key())
	s.repos[r.key()] = r
	return r
}

// must panics if err is not nil. It is for the methods with which tests and the demo set up a world: if git
// fails there, the machine is broken, and the caller could do nothing about it.
func must(err error) {
	if err != nil {
		panic("fakegithub: " + err.Error())
	}
}

// Repo returns a repository, or nil if it does not exist.
func (s *Server) Repo(owner, name string) *Repo {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.repos[strings.ToLower(owner+"/"+name)]
}

// Remove deletes the repository: it answers 404 from now on.
func (r *Repo) Remove() {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	delete(r.s.repos, r.key())
	r.deleted = true
	for _, other := range r.s.repos {
		for _, p := range other.pulls {
			if p.head == r {
				p.head = nil
			}
		}
	}
}

func (s *Server) repoByID(id int64) *Repo {
	for _, r := range s.repos {
		if r.id == id {
			return r
		}
	}
	return nil
}

// ID returns the repository's id, which stays when the name changes.
func (r *Repo) ID() int64 { return r.id }

// FullName is "owner/name".
func (r *Repo) FullName() string { return r.owner.login + "/" + r.name }

func (r *Repo) key() string { return strings.ToLower(r.FullName()) }

// GitDir is the folder of the bare repository. Commits that git pushes into it are there at once;
// pull requests follow with [Repo.SyncPull].
func (r *Repo) GitDir() string { return r.dir }

// SetPermission sets a person's role: admin, maintain, write, triage, read or none. Without a role a
// person may read public repositories.
func (r *Repo) SetPermission(login, role string) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	r.s.user(login)
	r.permissions[strings.ToLower(login)] = role
}

// Commit puts one commit on a branch and returns its id. An empty parent is the branch's
// tip, or no parent if there is no such branch; another parent moves the branch there
// first, as a forced push does. Files are contents by path; see [Delete], [Exec] and
// [Symlink]. Commit sends no event, see [Repo.SyncPull] and [Repo.AnnouncePush].
func (r *Repo) Commit(branch, parent, msg string, files map[string]string) string {
	return r.CommitAs("octocat", branch, parent, msg, files)
}

// CommitAs is [Repo.Commit] by somebody. Co-authors are trailers of the message, as git has them: see [CoAuthor].
func (r *Repo) CommitAs(login, branch, parent, msg string, files map[string]string) string {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	r.s.user(login)
	if parent == "" {
		parent = r.tip(branch)
	}
	sha, err := r.s.git.commit(r.dir, branch, parent, msg, login, login, r.s.now(), files)
	must(err)
	return sha
}

// CommitFrom is [Repo.Commit] by an author and a committer. A name that no account has is that of an e-mail address
// which GitHub knows nothing about: the commit has no user then. GitHub's own pages commit as web-flow.
// https://docs.github.com/en/rest/commits/commits#get-a-commit
func (r *Repo) CommitFrom(author, committer, branch, parent, msg string, files map[string]string) string {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	if parent == "" {
		parent = r.tip(branch)
	}
	sha, err := r.s.git.commit(r.dir, branch, parent, msg, author, committer, r.s.now(), files)
	must(err)
	return sha
}

// CoAuthor is the trailer of a commit message that names another author.
func CoAuthor(login string) string {
	return fmt.Sprintf("Co-authored-by: %s <%s@users.noreply.example>", login, login)
}

// Push runs git push of one refspec, such as "+HEAD:feature", from a repository on disk.
func (r *Repo) Push(localDir, refspec string) error {
	_, err := r.s.git.run("", "", "-C", localDir, "push", "--quiet", r.dir, refspec)
	return err
}

// Tip returns the commit at the end of a branch, or "" if there is no such branch.
func (r *Repo) Tip(branch string) string {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return r.tip(branch)
}

func (r *Repo) tip(branch string) string {
	// A process for each reading of a branch would take most of the time of a test with many.
	if text, err := os.ReadFile(filepath.Join(r.dir, "refs/heads", filepath.Clean("/"+branch))); err == nil && isSHA(strings.TrimSpace(string(text))) {
		return strings.TrimSpace(string(text))
	}
	out, err := r.git("rev-parse", "--verify", "--quiet", "--end-of-options", "refs/heads/"+branch+"^{commit}")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(out)
}

func (r *Repo) git(args ...string) (string, error) { return r.s.git.run(r.dir, "", args...) }

// fixed is git for arguments that name commits by their ids only, so that the answer never changes. It remembers answers.
func (r *Repo) fixed(args ...string) (string, error) {
	key := strings.Join(args, "\x00")
	if out, ok := r.answers[key]; ok {
		return out, nil
	}
	out, err := r.git(args...)
	if err == nil && len(out) < 64<<10 {
		if len(r.answers) >= 4096 {
			clear(r.answers)
		}
		r.answers[key] = out
	}
	return out, err
}

// has reports whether the repository holds a commit.
func (r *Repo) has(sha string) bool {
	if r.known[sha] {
		return true
	}
	if !isSHA(sha) {
		return false
	}
	if _, err := r.git("cat-file", "-e", sha+"^{commit}"); err != nil {
		return false
	}
	r.known[sha] = true
	return true
}

func isSHA(s string) bool {
	return len(s) == 40 && strings.Trim(s, "0123456789abcdef") == ""
}

// resolve returns the commit of a branch, a full reference or an id.
func (r *Repo) resolve(ref string) string {
	if isSHA(ref) {
		if r.has(ref) {
			return ref
		}
		return ""
	}
	for _, try := range []string{"refs/heads/" + ref, "refs/" + ref, "refs/tags/" + ref, ref} {
		if strings.HasPrefix(try, "-") {
			continue
		}
		if out, err := r.git("rev-parse", "--verify", "--quiet", "--end-of-options", try+"^{commit}"); err == nil {
			return strings.TrimSpace(out)
		}
	}
	return ""
}

func (r *Repo) mergeBase(a, b string) string {
	out, err := r.fixed("merge-base", a, b)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(out)
}

func (r *Repo) revList(ids ...string) []string {
	out, err := r.fixed(append([]string{"rev-list", "--reverse"}, ids...)...)
	if err != nil {
		return nil
	}
	return strings.Fields(out)
}

// A commit holds the fields that the API shows of a commit.
type commit struct {
	sha, tree, parents, author, email, date, committer, message string
}

func (r *Repo) commits(shas []string) []commit {
	if len(shas) == 0 {
		return nil
	}
	args := append([]string{"show", "--no-patch", "--format=%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%B%x01"}, shas...)
	out, err := r.fixed(args...)
	if err != nil {
		return nil
	}
	var list []commit
	for rec := range strings.SplitSeq(out, "\x01") {
		f := strings.Split(strings.TrimLeft(rec, "\n"), "\x00")
		if len(f) == 8 {
			list = append(list, commit{f[0], f[1], f[2], f[3], f[4], f[5], f[6], strings.TrimRight(f[7], "\n")})
		}
	}
	return list
}

func (r *Repo) pull(n int) *Pull {
	i, ok := slices.BinarySearchFunc(r.pulls, n, func(p *Pull, n int) int { return p.Number - n })
	if !ok {
		return nil
	}
	return r.pulls[i]
}

// mergeBase returns the commit where the pull request's diff begins. It uses the base branch, not base.sha.
func (p *Pull) mergeBase() string { return p.mergeBaseWith(p.HeadSHA) }

func (p *Pull) mergeBaseWith(head string) string {
	base := p.baseTip()
	return p.repo.mergeBase(base, head)
}

// baseTip returns the tip of the base branch, of a merged pull request the one that it was merged into.
func (p *Pull) baseTip() string {
	if tip := p.repo.tip(p.BaseRef); tip != "" && !p.Merged {
		return tip
	}
	return p.BaseSHA
}

// commitIDs returns the commits of the pull request, oldest first.
func (p *Pull) commitIDs() []string {
	base := p.baseTip()
	return p.repo.revList(p.HeadSHA, "^"+base)
}

// OpenPull opens a pull request from a branch of the same repository, and delivers
// pull_request.opened.
func (r *Repo) OpenPull(title, body, base, head, author string, draft bool) int {
	return r.open(r, title, body, base, head, author, draft)
}

// Fork makes a copy of the repository in a person's own account. An installation with all of
// their repositories gets an event.
func (r *Repo) Fork(login string) (f *Repo) {
	r.s.act(func() []outgoing {
		f = r.s.createRepo(r.s.user(login), r.name, r.public, r)
		_, err := f.git("fetch", "--quiet", r.dir, "+refs/heads/*:refs/heads/*")
		must(err)
		return r.s.coverEvent(f)
	})
	return f
}

// ForkPull opens a pull request from a branch of a fork. The base repository gets the
// commits only under refs/pull/N/head.
func (r *Repo) ForkPull(fork *Repo, title, body, base, head, author string, draft bool) int {
	return r.open(fork, title, body, base, head, author, draft)
}

func (r *Repo) open(from *Repo, title, body, base, head, author string, draft bool) int {
	s := r.s
	number := 0
	s.act(func() []outgoing {
		s.user(author)
		id := s.id()
		p := &Pull{
			ID: id, NodeID: fmt.Sprintf("PR_%d", id), Number: r.nextNumber(), Title: title, Body: body, Author: author,
			Draft: draft, State: "open", BaseRef: base, BaseSHA: r.tip(base), HeadRef: head,
			CreatedAt: s.now(), UpdatedAt: s.now(), head: from,
		}
		p.talk = talk{repo: r, pull: p}
		must(p.fetchHead())
		r.pulls = append(r.pulls, p)
		s.nodes[p.NodeID] = p
		p.timeline = append(p.timeline, timelineEvent{id: s.id(), at: s.now(), kind: "commits", who: author, shas: p.commitIDs()})
		number = p.Number
		return s.pullEvent(p, "opened", author, nil)
	})
	return number
}

// fetchHead copies the head branch to refs/pull/N/head.
func (p *Pull) fetchHead() error {
	tip := p.head.tip(p.HeadRef)
	if tip == "" || p.BaseSHA == "" {
		return fmt.Errorf("pull request of %s: no branch %s or %s", p.repo.FullName(), p.HeadRef, p.BaseRef)
	}
	ref := fmt.Sprintf("refs/pull/%d/head", p.Number)
	var err error
	if p.head == p.repo {
		_, err = p.repo.git("update-ref", ref, tip)
	} else {
		_, err = p.repo.git("fetch", "--quiet", p.head.dir, "+refs/heads/"+p.HeadRef+":"+ref)
	}
	p.HeadSHA = tip
	return err
}

// MovePull makes the pull request follow its head branch without an event, as in the time between a
// push and its delivery. Comments move or become outdated.
func (r *Repo) MovePull(n int) { r.move(n, false) }

// SyncPull does the same as [Repo.MovePull] and delivers pull_request.synchronize. It sends
// nothing if the branch did not move.
func (r *Repo) SyncPull(n int) { r.move(n, true) }

func (r *Repo) move(n int, deliver bool) {
	s := r.s
	s.act(func() []outgoing {
		p := s.mustPull(r.owner.login, r.name, n)
		before, oldBase := p.HeadSHA, p.mergeBase()
		must(p.fetchHead())
		if before == p.HeadSHA {
			return nil
		}
		p.BaseSHA = r.tip(p.BaseRef)
		p.UpdatedAt = s.now()
		p.moveComments(before, oldBase)
		event := timelineEvent{id: s.id(), at: s.now(), kind: "commits", who: p.Author, shas: r.revList(p.HeadSHA, "^"+before, "^"+p.BaseSHA)}
		if r.mergeBase(before, p.HeadSHA) != before {
			event.kind, event.text = "forced", before
		}
		p.timeline = append(p.timeline, event)
		if !deliver {
			return nil
		}
		return s.pullEvent(p, "synchronize", p.Author, object{"before": before, "after": p.HeadSHA})
	})
}
