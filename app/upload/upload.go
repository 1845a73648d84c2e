// Package upload accepts the results of tools that run elsewhere: a workflow of GitHub Actions sends what CodeQL,
// or any other tool that writes SARIF, found at a commit.
//
// A token that GitHub signs for the job identifies the sender (token.go). The body is unpacked (request.go), its
// findings are placed in the files of the commit (results.go) and stored in the ledger, and the pull requests
// that wait for them are reviewed. The review decides how far to trust them: the workflow of a pull request
// counts as the pull request's own claim, unless it is the same as at the base (recipe.go).
package upload

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-github/v60/github"
	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/queue"
)

// A Handler serves POST …/{owner}/{repo}/… for chi. Its fields must not change once it serves.
type Handler struct {
	Verifier *Verifier         // nil for a server that accepts no results
	App      *installation.App // required, like all fields below
	Mirrors  *mirror.Store
	Ledger   *ledger.Ledger
	Submit   func(ctx context.Context, d ledger.Delivery, reqs []queue.Request, tasks ...queue.Task) error
	Slots    chan struct{} // its capacity is the number of simultaneous uploads
	Read     Reader        // reads the documents

	Taken   []string         // names of the scanners that run here
	Observe func(status int) // called for every request
}

const (
	// The server's own limits are meant for webhooks, so an upload sets these.
	receiveTime = 2 * time.Minute // for the body
	uploadTime  = 5 * time.Minute // for all of it

	patience   = 20 * time.Second // for a slot
	retryAfter = "30"             // seconds
)

// A receipt is the answer to an accepted upload.
type receipt struct {
	Commit   string   `json:"commit"`
	Scanners []string `json:"scanners"`
	Findings int      `json:"findings"`
	Pulls    []int    `json:"pulls,omitempty"` // pull requests that are now reviewed

	// Incomplete says which results are missing.
	Incomplete string `json:"incomplete,omitempty"`
}

// ServeHTTP answers 202 once the results are durable and the reviews that wait for them are requested; 401 for a
// token that GitHub did not make for this server; 403 for a commit or ref that the job may not report on; 404 if
// the App is not installed, or the commit does not exist; 413 above [MaxDocument]; 429 for too many results; 400
// for a body that is not SARIF; and 503 with Retry-After if something that is needed is unavailable. The answer
// is JSON, and "message" says what to do.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(receiveTime)) // may fail: not every connection supports deadlines
	_ = control.SetWriteDeadline(time.Now().Add(uploadTime + time.Minute))
	ctx, cancel := context.WithTimeout(r.Context(), uploadTime)
	defer cancel()

	var answer any
	status := http.StatusAccepted
	done, claims, err := h.take(w, r.WithContext(ctx))
	answer = done
	line := zerolog.Ctx(ctx).Info()
	if err != nil {
		refused := answerTo(err)
		status, answer = refused.status, map[string]string{"message": refused.sentence}
		if status >= http.StatusInternalServerError {
			line = zerolog.Ctx(ctx).Error()
		}
	}
	line.Err(err).Str("repository", claims.Repository).Str("commit", done.Commit).Str("workflow", claims.workflow()).Str("event", claims.Event).
		Strs("scanners", done.Scanners).Int("findings", done.Findings).Int("status", status).Msg("results of a workflow")
	if h.Observe != nil {
		h.Observe(status)
	}
	switch status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", retryAfter)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // may fail if the sender has disconnected
}

// answerTo converts every error to an answer.
func answerTo(err error) *refusal {
	var refused *refusal
	var limited *installation.RateLimited
	switch {
	case errors.As(err, &refused):
		return refused
	case errors.Is(err, ledger.ErrTooMany):
		return refuse(http.StatusTooManyRequests, "There are results of too many analyses: of one commit 20 are kept, and of one repository 1000 an hour are taken.")
	case errors.Is(err, installation.ErrGone):
		return refuse(http.StatusNotFound, "The App is not installed on this repository.")
	case errors.Is(err, installation.ErrSuspended):
		return refuse(http.StatusForbidden, "The App is suspended on this repository.")
	case errors.As(err, &limited):
		return refuse(http.StatusServiceUnavailable, "GitHub takes no more requests just now; try again later.")
	}
	return refuse(http.StatusServiceUnavailable, "The results could not be kept just now; try again later.")
}

// take does everything except answering. With an error, it also returns the parts of the receipt and the claims
// known so far.
func (h *Handler) take(w http.ResponseWriter, r *http.Request) (done receipt, claims Claims, err error) {
	ctx := r.Context()
	if claims, err = h.authenticate(r); err != nil {
		return done, claims, err
	}
	if name := chi.URLParam(r, "owner") + "/" + chi.URLParam(r, "repo"); !strings.EqualFold(name, claims.Repository) {
		return done, claims, refuse(http.StatusForbidden, "The token is that of a job in %s, and its results go to the address of that repository.", claims.Repository)
	}
	// Every job on GitHub can obtain a token for this server. Only jobs of repositories with the App may send a
	// body.
	owner, name, _ := strings.Cut(claims.Repository, "/")
	installed, err := h.find(ctx, owner, name)
	if err != nil {
		return done, claims, err
	}
	if err := h.same(ctx, installed, owner, name, claims.id()); err != nil {
		return done, claims, err
	}
	leave, err := h.enter(ctx)
	if err != nil {
		return done, claims, err
	}
	defer leave()
	document, err := os.CreateTemp("", "secbydesign-sarif-")
	if err != nil {
		return done, claims, err
	}
	defer os.Remove(document.Name())
	defer func() { _ = document.Close() }()
	at, err := read(w, r, document)
	if err != nil {
		return done, claims, err
	}
	done.Commit = at.Commit
	number, err := claims.speaksOf(at)
	if err != nil {
		return done, claims, err
	}
	return h.keep(ctx, claims, installed, at, number, document)
}

// authenticate verifies the token before any other part of the request is read.
func (h *Handler) authenticate(r *http.Request) (Claims, error) {
	if h.Verifier == nil {
		return Claims{}, refuse(http.StatusNotFound, "This server accepts no results: its operator has not set SECBYDESIGN_PUBLIC_URL.")
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") || token == "" || len(token) > 16<<10 {
		return Claims{}, refuse(http.StatusUnauthorized, "Send the job's OIDC token: Authorization: Bearer TOKEN. The job needs the permission id-token: write.")
	}
	claims, err := h.Verifier.verify(r.Context(), strings.TrimSpace(token))
	switch {
	case errors.Is(err, errAway):
		return Claims{}, refuse(http.StatusServiceUnavailable, "The token cannot be verified now, since GitHub's keys cannot be read; try again later.").because(err)
	case err != nil:
		return Claims{}, refuse(http.StatusUnauthorized, "The token was rejected: it has to be the OIDC token of a job, of %s, not yet expired, with the audience %s.",
			h.Verifier.issuer, h.Verifier.audience).because(err)
	}
	return claims, nil
}

// enter waits for a slot. There are few slots, because a document is stored on disk and read twice.
func (h *Handler) enter(ctx context.Context) (leave func(), err error) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case h.Slots <- struct{}{}:
		return func() { <-h.Slots }, nil
	case <-timer.C:
	case <-ctx.Done():
	}
	return nil, refuse(http.StatusServiceUnavailable, "Other results are being read; try again later.")
}

// speaksOf returns an error if the job may not report on the requested commit. number is the pull request that
// the job belongs to, or 0 for none. On a branch, a job reports on the commit that it runs on. For a pull
// request, that commit is a merge that exists only at GitHub, so the workflow names the head.
//
// Workflows that anybody can start, and that run with the rights of the base, may not report: the person who
// starts one chooses what it scans.
func (c Claims) speaksOf(at request) (number int, err error) {
	switch c.Event {
	case "push", "schedule", "workflow_dispatch", "merge_group":
		if !strings.HasPrefix(c.Ref, "refs/heads/") {
			return 0, refuse(http.StatusForbidden, "The job runs on %s, and only the results of branches and pull requests are of use.", c.Ref)
		}
		if at.Commit != c.SHA {
			return 0, refuse(http.StatusForbidden, "The job runs on commit %s, so it says nothing about %s.", c.SHA, at.Commit)
		}
	case "pull_request":
		rest, _ := strings.CutPrefix(c.Ref, "refs/pull/")
		digits, _ := strings.CutSuffix(rest, "/merge")
		if number, err = strconv.Atoi(digits); err != nil || number <= 0 {
			return 0, refuse(http.StatusForbidden, "The job runs on %s, which is no pull request.", c.Ref)
		}
		if at.Commit == c.SHA {
			return 0, refuse(http.StatusBadRequest, "The commit %s is a merge that only GitHub has, and its lines are not those of the pull request. "+
				"Check out the head, and send its commit: ref: ${{ github.event.pull_request.head.sha }}.", c.SHA)
		}
	default:
		return 0, refuse(http.StatusForbidden, "The job was started by %s. Results are taken from push, schedule, workflow_dispatch, merge_group and pull_request.", strconv.QuoteToASCII(c.Event))
	}
	head := fmt.Sprintf("refs/pull/%d/head", number)
	if at.Ref != "" && at.Ref != c.Ref && (number == 0 || at.Ref != head) {
		return 0, refuse(http.StatusForbidden, "The job runs on %s, so it says nothing about %s.", c.Ref, strconv.QuoteToASCII(at.Ref))
	}
	return number, nil
}

// keep places the findings in the files of the commit, stores them, and requests the reviews that wait for them.
func (h *Handler) keep(ctx context.Context, claims Claims, installed int64, at request, number int, document *os.File) (receipt, Claims, error) {
	done := receipt{Commit: at.Commit, Scanners: []string{}}
	owner, name, _ := strings.Cut(claims.Repository, "/")
	id := claims.id()
	repo, err := h.open(ctx, installed, id, owner, name)
	if err != nil {
		return done, claims, err
	}
	want := mirror.Want{SHAs: []string{at.Commit}}
	if number > 0 {
		want.Refs = []string{fmt.Sprintf("refs/pull/%d/head", number)}
	}
	err = repo.Fetch(ctx, want)
	if errors.Is(err, mirror.ErrGone) {
		err = refuse(http.StatusNotFound, "The commit %s is not in %s.", at.Commit, claims.Repository).because(err)
	}
	if err != nil {
		return done, claims, err
	}
	list, err := resolvePlaces(ctx, repo, at, document, h.Taken, h.Read)
	if err != nil {
		return done, claims, err
	}
	recipe, files, err := h.recipe(ctx, repo, claims)
	if err != nil {
		return done, claims, err
	}
	var rows []ledger.Upload
	for _, p := range list {
		p.results.Recipe, p.results.Files = recipe, files
		data, err := json.Marshal(p.results)
		if err != nil {
			return done, claims, err
		}
		rows = append(rows, ledger.Upload{
			RepoID: id, Owner: owner, Repo: name, SHA: at.Commit, Scanner: p.scanner, Category: p.category, Number: number,
			// Results from another recipe are stored separately: neither replaces the other.
			Workflow: claims.workflow() + " " + recipe, Ref: claims.Ref, Data: data,
		})
		done.Findings += len(p.results.Findings)
		done.Scanners = append(done.Scanners, p.scanner)
		done.Incomplete = strings.TrimSpace(done.Incomplete + " " + p.results.Missing)
		if p.failed != nil {
			zerolog.Ctx(ctx).Warn().Err(p.failed).Str("repository", claims.Repository).Msg("results of a workflow are not complete")
		}
	}
	slices.Sort(done.Scanners)
	done.Scanners = slices.Compact(done.Scanners)
	if err := h.Ledger.SaveUploads(ctx, rows); err != nil {
		return done, claims, err
	}
	done.Pulls, err = h.review(ctx, queue.Request{
		Key: queue.Key{Installation: installed, Owner: owner, Repo: name, Number: number}, RepoID: id,
		Reason: "results of " + strings.Join(done.Scanners, ", "), Force: true,
	}, at.Commit)
	return done, claims, err
}

// find returns the installation of the App on a repository.
func (h *Handler) find(ctx context.Context, owner, name string) (int64, error) {
	found, _, err := h.App.REST().Apps.FindRepositoryInstallation(ctx, owner, name)
	var answered *github.ErrorResponse
	if errors.As(err, &answered) && answered.Response != nil && answered.Response.StatusCode == http.StatusNotFound {
		return 0, installation.ErrGone
	}
	if err != nil {
		return 0, fmt.Errorf("find the installation: %w", err)
	}
	return found.GetID(), nil
}

// same refuses a job of a repository that only had the name in the past: after a rename, a transfer or a deletion
// anybody can take a free name, and a token is valid for some minutes.
func (h *Handler) same(ctx context.Context, installed int64, owner, name string, id int64) error {
	gh, err := h.App.Client(ctx, installed, 0, owner, name) // by the name
	if err != nil {
		return err
	}
	found, _, err := gh.REST.Repositories.Get(ctx, owner, name)
	if err != nil {
		return fmt.Errorf("read the repository: %w", err)
	}
	if found.GetID() != id {
		return refuse(http.StatusForbidden, "The token's repository_id, %d, is that of a repository that has had the name %s/%s: run the workflow in the repository that has it now.", id, owner, name)
	}
	return nil
}

// open opens the repository with the access of the installation.
func (h *Handler) open(ctx context.Context, installed, id int64, owner, name string) (*mirror.Repo, error) {
	gh, err := h.App.Client(ctx, installed, id, owner, name)
	if err != nil {
		return nil, err
	}
	return h.Mirrors.Open(ctx, gh.Mirror(), mirror.Remote{URL: h.App.GitURL(owner, name), Token: gh.GitToken})
}

// recipe returns the recipe of the commit from which the job's workflow was taken, and the workflow files that it
// covers. It is empty if it cannot be determined.
func (h *Handler) recipe(ctx context.Context, repo *mirror.Repo, c Claims) (recipe string, files []string, err error) {
	files, ok := c.workflows()
	from := c.WorkflowSHA
	if len(files) == 0 {
		from = c.SHA // its own workflow is from another repository
	}
	if !ok || !commit.MatchString(from) {
		return "", nil, nil
	}
	err = repo.Fetch(ctx, mirror.Want{SHAs: []string{from}, Refs: []string{c.Ref}})
	if errors.Is(err, mirror.ErrGone) {
		return "", nil, nil
	}
	if err != nil {
		return "", nil, err
	}
	recipe, err = Recipe(ctx, repo, from, files)
	return recipe, files, err
}

// review requests the reviews that depend on a commit, and the review of the pull request whose workflow sent the
// results if no webhook has mentioned it yet.
func (h *Handler) review(ctx context.Context, like queue.Request, sha string) ([]int, error) {
	repo := ledger.Repo{ID: like.RepoID, Owner: like.Owner, Name: like.Repo}
	numbers, err := h.Ledger.Awaiting(ctx, repo, sha)
	if err != nil {
		return nil, err
	}
	if like.Number > 0 && !slices.Contains(numbers, like.Number) {
		_, err := h.Ledger.Pull(ctx, repo, like.Number)
		if errors.Is(err, ledger.ErrUnknownPull) {
			numbers, err = append(numbers, like.Number), nil
		}
		if err != nil {
			return nil, err
		}
	}
	reqs := make([]queue.Request, len(numbers))
	for i, n := range numbers {
		reqs[i] = like
		reqs[i].Number = n
	}
	return numbers, h.Submit(ctx, ledger.Delivery{}, reqs)
}
