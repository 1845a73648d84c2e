package mirror

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// A partial clone lacks objects on purpose: git itself would fetch each when it is needed, from the address in the
// repository's configuration (git-clone(1), --filter). Here they are fetched in one request, into a folder of our
// own: the configuration says only from where, by a protocol that starts no program of the repository's choice.

// Complete fetches the trees of commits that a partial clone on this machine lacks, so that the commits can be
// compared. It does nothing for other repositories, and nothing if the trees cannot be had; who reads them then gets
// [ErrGone].
func (r *Repo) Complete(ctx context.Context, commits ...string) error {
	if err := checkOIDs(commits...); err != nil {
		return err
	}
	if r.local == nil || r.local.promisor == nil || len(commits) == 0 {
		return nil
	}
	return r.steady(ctx, func(ctx context.Context) error {
		lacking := func() (lack []string, err error) {
			out, err := r.read(ctx, strings.Join(commits, "\n")+"\n", "rev-list", "--no-walk", "--objects", "--no-object-names", "--filter=blob:none", "--missing=print", "--stdin")
			for line := range strings.Lines(string(out)) {
				if oid, missing := strings.CutPrefix(strings.TrimSpace(line), "?"); missing {
					lack = append(lack, oid)
				}
			}
			return lack, err
		}
		lack, err := lacking()
		if err != nil || len(lack) == 0 {
			return err
		}
		return r.bring(ctx, lack)
	})
}

// Partial reports whether the repository is a partial clone on this machine.
func (r *Repo) Partial() bool { return r.local != nil && r.local.partial }

// lackingPattern matches git's messages about a missing tree.
var lackingPattern = regexp.MustCompile(`not a tree object|bad tree|could not read|unable to read|bad object|missing`)

// Lacking reports whether err is about an object that is not in the repository.
func Lacking(err error) bool {
	var said *gitError
	return errors.Is(err, ErrGone) || errors.As(err, &said) && lackingPattern.MatchString(said.stderr)
}

// Advice says how to get objects that this repository lacks, as a sentence.
func (r *Repo) Advice() string {
	if r.Partial() {
		return "It is a partial clone, and what it lacks could not be fetched: `git fetch --refetch --no-filter` brings everything."
	}
	return "The repository is damaged: `git fsck` lists what it lacks."
}

// bring fetches objects for a repository on this machine that is a partial clone. It does nothing for others. A
// failure to fetch is none here: the objects stay missing.
func (r *Repo) bring(ctx context.Context, oids []string) error {
	l := r.local
	if l.promisor == nil {
		return nil
	}
	l.fetching.Lock()
	defer l.fetching.Unlock()
	if l.fetched == "" {
		dir, err := os.MkdirTemp("", "secbydesign-git-") // what stays is in the folder of temporary files
		if err != nil {
			return err
		}
		if err := writeBare(dir, r.hash); err != nil {
			return errors.Join(err, os.RemoveAll(dir))
		}
		l.fetched = dir
		l.mu.Lock()
		l.extras = append(l.extras, filepath.Join(dir, "objects"))
		l.mu.Unlock()
	}
	limits := r.git.limits
	ctx, cancel := context.WithTimeout(ctx, limits.FetchTime)
	defer cancel()
	env, config, _ := online(l.promisor, "")
	env = append(env, "GIT_DIR="+l.fetched)
	if l.promisor.Scheme == "ssh" { // the user's own keys and known hosts, without a question
		env = append(env, "HOME="+os.Getenv("HOME"), "SSH_AUTH_SOCK="+os.Getenv("SSH_AUTH_SOCK"), "GIT_SSH_COMMAND=ssh -oBatchMode=yes")
	}
	var secrets []string
	if password, ok := l.promisor.User.Password(); ok {
		secrets = append(secrets, password)
	}
	_, err := r.git.output(ctx, call{
		// Without negotiation, as git itself fetches for a partial clone: what it has says nothing about what it lacks.
		args: []string{"fetch", "--quiet", "--filter=blob:none", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head",
			"--no-auto-maintenance", "--stdin", "origin"},
		dir: l.fetched, env: env, config: append(config, [2]string{"fetch.negotiationAlgorithm", "noop"}),
		in: strings.Join(oids, "\n") + "\n", files: limits.FetchBytes, secrets: secrets,
	})
	var failed *gitError
	if errors.As(err, &failed) {
		return nil
	}
	return err
}

// promise reads from the configuration of a local repository whether it is a partial clone, and from where it gets
// what it lacks; address is nil if that is none that may be used.
func (r *Repo) promise(ctx context.Context) (partial bool, address *url.URL) {
	out, err := r.inside(ctx, "config", "--null", "--get-regexp", `^remote\..*\.(promisor|url)$`)
	if err != nil { // most repositories have no remote at all
		return false, nil
	}
	values := map[string]string{}
	var names []string
	for entry := range strings.SplitSeq(string(out), "\x00") {
		key, value, _ := strings.Cut(entry, "\n")
		if name, ok := strings.CutSuffix(key, ".promisor"); ok && value != "false" {
			names = append(names, name)
		}
		values[key] = value
	}
	for _, name := range names {
		if u := fetchable(values[name+".url"]); u != nil {
			return true, u
		}
	}
	return len(names) > 0, nil
}

// scpLike matches addresses such as git@github.com:acme/shop.git. A host that begins with a hyphen would be an option
// of ssh.
var scpLike = regexp.MustCompile(`^(?:([A-Za-z0-9._-]+)@)?([A-Za-z0-9][A-Za-z0-9.-]*):([^/\\:].*|/[^/].*)$`)

// fetchable returns the address if git may fetch from it without starting a program of the repository's choice.
func fetchable(address string) *url.URL {
	if filepath.IsAbs(address) {
		return &url.URL{Scheme: "file", Path: address}
	}
	if m := scpLike.FindStringSubmatch(address); m != nil && !strings.Contains(address, "://") {
		u := &url.URL{Scheme: "ssh", Host: m[2], Path: "/" + strings.TrimPrefix(m[3], "/")}
		if m[1] != "" {
			u.User = url.User(m[1])
		}
		return u
	}
	u, err := url.Parse(address)
	if err != nil || strings.HasPrefix(u.Host, "-") || strings.ContainsAny(address, "\x00\n") {
		return nil
	}
	switch {
	case u.Scheme == "https" && u.Host != "", u.Scheme == "http" && loopback(u), u.Scheme == "ssh" && u.Host != "" && !strings.HasPrefix(u.User.Username(), "-"),
		u.Scheme == "file" && u.Host == "" && filepath.IsAbs(u.Path):
		return u
	}
	return nil
}
