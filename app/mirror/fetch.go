package mirror

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/secbydesign/secbydesign/app/tracing"
)

// A Want says what to fetch.
type Want struct {
	// SHAs are commits, given as full object ids.
	SHAs []string

	// Refs are fetched if one of the SHAs is not available by its id, and always if there are no SHAs. They are
	// full names ("refs/pull/7/head"), by which they can be resolved afterwards.
	Refs []string

	// Depth is how many commits of history to fetch for each commit, counting itself. Zero means one.
	Depth int
}

// Fetch ensures that commits are here, with their history to the given depth and with all their trees, but
// without blobs. It costs nothing if they are here already. Each mirror runs one fetch at a time; others wait.
//
// Callers should distinguish [ErrGone], [ErrNotFound], [ErrForbidden] and [ErrTooLarge]. After any other error a
// retry may succeed. For a local repository, Fetch only checks, and returns ErrGone for a missing commit.
func (r *Repo) Fetch(ctx context.Context, w Want) error {
	w.Depth = max(w.Depth, 1)
	err := checkOIDs(w.SHAs...)
	for _, ref := range w.Refs {
		if !validRef(ref) {
			err = errors.Join(err, fmt.Errorf("%q is not the full name of a ref", ref))
		}
	}
	if err != nil {
		return fmt.Errorf("fetch: %w", err)
	}
	if r.remote == nil {
		return r.need(ctx, w.SHAs...)
	}
	if err := r.remote.files.trim(ctx, r.git.limits); err != nil {
		return fmt.Errorf("fetch: %w", err)
	}
	err = r.steady(ctx, func(ctx context.Context) error {
		if err := r.fetchCommits(ctx, w); err != nil {
			return err
		}
		r.remote.remember(w)
		return nil
	})
	if err != nil {
		return fmt.Errorf("fetch: %w", err)
	}
	return nil
}

// validRef reports whether ref is plainly a name and so safe in a refspec. It is stricter than git (see
// git-check-ref-format).
func validRef(ref string) bool {
	if !strings.HasPrefix(ref, "refs/") || strings.HasSuffix(ref, "/") || strings.HasSuffix(ref, ".lock") ||
		strings.Contains(ref, "..") || strings.Contains(ref, "//") || strings.Contains(ref, "/.") || strings.Contains(ref, "@{") {
		return false
	}
	return !strings.ContainsFunc(ref, func(c rune) bool {
		return c <= ' ' || c == 0x7f || strings.ContainsRune(`~^:?*[\`, c)
	})
}

func (r *Repo) fetchCommits(ctx context.Context, w Want) error {
	missing := func() ([]string, error) { return r.missingCommits(ctx, w.SHAs, w.Depth) }
	if len(w.SHAs) > 0 {
		if lack, err := missing(); err != nil || len(lack) == 0 {
			return err
		}
	}
	unlock, err := lock(ctx, string(r.remote.files)+".fetch", alone)
	if err != nil {
		return err
	}
	defer unlock()
	lack, err := missing() // another holder of the lock may have fetched it
	if err != nil || len(w.SHAs) > 0 && len(lack) == 0 {
		return err
	}
	depth := "--depth=" + strconv.Itoa(w.Depth)
	var byID error
	if len(lack) > 0 {
		byID = r.runFetch(ctx, lack, depth)
		if !errors.Is(byID, ErrGone) || len(w.Refs) == 0 {
			return byID
		}
	}
	specs := make([]string, len(w.Refs))
	for i, ref := range w.Refs {
		specs[i] = "+" + ref + ":" + ref
	}
	if len(specs) == 0 {
		return nil
	}
	if err := r.runFetch(ctx, specs, depth); err != nil {
		return err
	}
	lack, err = missing()
	if err == nil && len(lack) > 0 {
		return byID
	}
	return err
}

// fetchBlobs fetches all lacking blobs in one request. It returns nil if none are lacking. For a repository on this
// machine some may be lacking after it.
func (r *Repo) fetchBlobs(ctx context.Context, lacking func() ([]string, error)) error {
	lack, err := lacking()
	if err != nil || len(lack) == 0 {
		return err
	}
	if r.remote == nil {
		return r.bring(ctx, lack)
	}
	unlock, err := lock(ctx, string(r.remote.files)+".fetch", alone)
	if err != nil {
		return err
	}
	defer unlock()
	if lack, err = lacking(); err != nil || len(lack) == 0 {
		return err
	}
	return r.runFetch(ctx, lack)
}

// runFetch runs git fetch for ids or refspecs. The caller must hold the fetch lock.
func (r *Repo) runFetch(ctx context.Context, specs []string, options ...string) error {
	began := time.Now()
	ctx, span := tracing.Start(ctx, "git fetch", trace.WithSpanKind(trace.SpanKindClient))
	err := r.startFetch(ctx, specs, options...)
	if r.remote.observe != nil {
		r.remote.observe(ctx, time.Since(began), err)
	}
	tracing.End(ctx, span, err)
	return err
}

func (r *Repo) startFetch(ctx context.Context, specs []string, options ...string) error {
	r.remote.files.sweep()
	token := ""
	if r.remote.Token != nil {
		var err error
		if token, err = r.remote.Token(ctx); err != nil {
			return fmt.Errorf("token: %w", err)
		}
	}
	l := r.git.limits
	ctx, cancel := context.WithTimeoutCause(ctx, l.FetchTime,
		fmt.Errorf("%w: fetching took more than %s", context.DeadlineExceeded, l.FetchTime))
	defer cancel()
	env, config, secrets := online(r.remote.url, token)
	dir := r.remote.files.dir()
	args := append([]string{"fetch", "--quiet", "--filter=blob:none", "--no-tags", "--no-recurse-submodules",
		"--no-write-fetch-head", "--no-auto-maintenance", "--stdin"}, options...)
	_, err := r.git.output(ctx, call{
		args:    append(args, "origin"),
		dir:     dir,
		env:     append(env, "GIT_DIR="+dir),
		config:  config,
		in:      strings.Join(specs, "\n") + "\n",
		files:   l.FetchBytes,
		secrets: secrets,
	})
	if err != nil {
		// Git itself only reports that something went wrong with the pack.
		if r.remote.files.unfinished() >= l.FetchBytes {
			err = fmt.Errorf("%w of %d bytes: %w", ErrTooLarge, l.FetchBytes, err)
		}
		r.remote.files.sweep()
	}
	return fetchError(err)
}

// fetchErrors maps messages of git and GitHub, in the C locale, to errors. GitHub answers 404 if a token has no
// access, 401 for a bad token, and 403 for a suspended installation.
var fetchErrors = []struct {
	pattern *regexp.Regexp
	means   error
}{
	{regexp.MustCompile(`not our ref|unadvertised object|find remote ref`), ErrGone},
	{regexp.MustCompile(`repository '.*' not found|returned error: 4(?:04|10)`), ErrNotFound},
	// Redirects are not followed, so a moved repository is not found at its old address.
	{regexp.MustCompile(`returned error: 30\d`), ErrNotFound},
	{regexp.MustCompile(`Authentication failed|could not read (?:Username|Password)|returned error: 40[13]`), ErrForbidden},
}

func fetchError(err error) error {
	var said *gitError
	if !errors.As(err, &said) {
		return err
	}
	for _, e := range fetchErrors {
		if e.pattern.MatchString(said.stderr) {
			return fmt.Errorf("%w: %w", e.means, err)
		}
	}
	return err
}

// missingCommits returns those commits that are not here with all their history to the given depth. It follows
// the commits' own parents and not git's shallow boundaries, which another fetch may have moved: git ignores
// objects beyond them.
func (r *Repo) missingCommits(ctx context.Context, shas []string, depth int) (missing []string, err error) {
	err = r.objects(ctx, func(o *objects) error {
		for _, sha := range shas {
			whole, err := o.wholeTo(sha, depth)
			if err != nil {
				return err
			}
			if !whole {
				missing = append(missing, sha)
			}
		}
		return nil
	})
	return missing, err
}

func (o *objects) wholeTo(sha string, depth int) (bool, error) {
	seen := map[string]bool{sha: true}
	level := []string{sha}
	for depth > 1 && len(level) > 0 {
		var below []string
		for _, c := range level {
			parents, err := o.parents(c)
			if errors.Is(err, ErrGone) {
				return false, nil
			}
			if err != nil {
				return false, err
			}
			for _, p := range parents {
				if !seen[p] {
					seen[p] = true
					below = append(below, p)
				}
			}
		}
		level = below
		depth--
	}
	// The parents of the last level are not needed.
	missing := slices.ContainsFunc(level, func(c string) bool { return !o.has(c) })
	return !missing, o.err
}
