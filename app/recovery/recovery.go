// Package recovery finds what GitHub could not hand over. GitHub never repeats a delivery by itself, so after an outage
// the program asks: at each start and every hour, one process at a time.
//
//   - run.go: one process of all that share the ledger is chosen, without comparing clocks.
//   - deliveries.go: the App's log of deliveries is read back to the last reading, and what matters in it is done.
//   - sort.go: a pure function decides what matters, before anything of it is fetched.
//   - returned.go: an App that was suspended, removed or without permissions reviews what it missed.
//   - pulls.go: open pull requests whose head has no verdict are reviewed, whether the log knows of them or not.
//
// What is done about a lost delivery depends on what the cheapest question to GitHub is that answers it. The log lists a
// hundred deliveries in one request, by event, action, repository and installation. For most of them that shows that
// they need nothing. Events about a pull request are not fetched, however many there are: the list of open pull requests
// shows the same, fifty repositories in one request, and one list for each repository shows what was closed. Only
// comments, buttons and changes of installations have to be read. Their payload is read from the log, for one request,
// and not asked to be delivered again, which costs as much: so they are read in their order, and also while GitHub still
// cannot reach the webhook. Both need no signature, since GitHub's own answer carries them.
//
// All of it can be repeated: a delivery is recorded by its GUID, in one transaction with what it asks for, and reviews
// and tasks that were asked for twice are done once.
package recovery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/webhook"
)

// A Recoverer finds lost deliveries. Its fields must not change after its first use.
type Recoverer struct {
	App    *installation.App // required
	Ledger *ledger.Ledger    // required

	// Want returns what a delivery asks for, and records nothing. Required.
	Want func(context.Context, webhook.Delivery) (Wanted, error)

	// Submit is [queue.Queue.SubmitAll]. Required.
	Submit func(context.Context, []ledger.Delivery, []queue.Request, []queue.Task, []ledger.Event) error

	// Missed is the kind of the tasks that find out which pull requests of a repository were closed. Required.
	Missed string

	// Recovered is called with a number of deliveries and what was done about them, see [Outcomes], and Pulls with the
	// number of pull requests whose head had no verdict. Nil for nobody who counts.
	Recovered func(outcome string, n int)
	Pulls     func(n int)

	// Every is the time between two runs; 0 means an hour.
	Every time.Duration

	poll, silence time.Duration // for tests; 0 means [pollPause] and [deadAfter]
}

// Wanted is what a delivery asks for.
type Wanted struct {
	Reviews []queue.Request
	Tasks   []queue.Task
	Events  []ledger.Event
}

// What is done about a lost delivery.
const (
	Read        = "read"        // its payload was read, and what it asks for is done
	Unneeded    = "unneeded"    // its payload was read, and needs nothing
	Collapsed   = "collapsed"   // answered together with others, by what GitHub shows now
	Redelivered = "redelivered" // GitHub was asked to send it again
	Gone        = "gone"        // GitHub does not have its payload any more
)

// Outcomes lists what can be done about a lost delivery.
func Outcomes() []string { return []string{Read, Unneeded, Collapsed, Redelivered, Gone} }

func (r *Recoverer) recovered(outcome string, n int) {
	if r.Recovered != nil && n > 0 {
		r.Recovered(outcome, n)
	}
}

// InOrder is the kind of a task that does other tasks of one pull request or issue, one after the other, see [Parts].
const InOrder = "in order"

// inOrder puts several tasks of one pull request or issue into one: somebody who accepted a finding and then revoked
// that meant it in this order.
func inOrder(tasks []queue.Task) []queue.Task {
	type subject struct {
		repo        int64
		owner, name string
		number      int
	}
	var out []queue.Task
	at := map[subject]int{}
	parts := map[int][]queue.Task{}
	for _, t := range tasks {
		key := subject{t.RepoID, t.Owner, t.Repo, t.Number}
		i, ok := at[key]
		if t.Number == 0 || !ok {
			i = len(out)
			at[key] = i
			out = append(out, t)
		}
		if t.Number != 0 {
			parts[i] = append(parts[i], t)
		}
	}
	for i, list := range parts {
		if len(list) == 1 {
			continue
		}
		data, err := json.Marshal(list)
		if err != nil {
			panic(err) // JSON of tasks can always be encoded again
		}
		first, last := list[0], list[len(list)-1]
		out[i] = queue.Task{
			Installation: first.Installation, RepoID: first.RepoID, Owner: first.Owner, Repo: first.Repo, Number: first.Number,
			Kind: InOrder, ID: first.Kind + "-" + first.ID + "-" + last.Kind + "-" + last.ID, Data: data,
		}
	}
	return out
}

// Parts returns the tasks of a task of the kind [InOrder], with its repository as it is now. It returns an error if the
// data of the task is not a list of tasks.
func Parts(t queue.Task) (parts []queue.Task, err error) {
	if err := json.Unmarshal(t.Data, &parts); err != nil {
		return nil, fmt.Errorf("read the parts of a task: %w", err)
	}
	for i := range parts { // it may have moved since
		parts[i].Installation, parts[i].Owner, parts[i].Repo, parts[i].Attempt = t.Installation, t.Owner, t.Repo, t.Attempt
	}
	return parts, nil
}

// reserve is the part of a rate limit that is left to others: a fifth. Pushes that come while a backlog is read are
// reviewed in the same hour.
const reserve = 5

// spare returns how many more requests may be made; ok is false if GitHub does not limit them. The error is an
// [*installation.RateLimited] if only the reserve is left.
func spare(resp *github.Response) (n int, ok bool, err error) {
	if resp == nil || resp.Rate.Limit == 0 {
		return 0, false, nil
	}
	n = resp.Rate.Remaining - resp.Rate.Limit/reserve
	if n <= 0 {
		return 0, true, &installation.RateLimited{Until: until(resp)}
	}
	return n, true, nil
}

// until returns when a rate limit is reset, by the clock of this machine: at most after an hour.
func until(resp *github.Response) time.Time {
	wait := time.Hour
	if date := dateOf(resp); !date.IsZero() && !resp.Rate.Reset.IsZero() {
		wait = min(max(resp.Rate.Reset.Sub(date), time.Second), time.Hour)
	}
	return time.Now().Add(wait)
}

// dateOf returns the time of an answer by GitHub's clock; zero if it is not known.
func dateOf(resp *github.Response) time.Time {
	if resp == nil || resp.Response == nil {
		return time.Time{}
	}
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return date
}

// status returns the status of GitHub's answer; 0 if there was none.
func status(resp *github.Response) int {
	if resp == nil || resp.Response == nil {
		return 0
	}
	return resp.StatusCode
}

// limited returns the rate limit that err is about, or nil.
func limited(err error) *installation.RateLimited {
	var limit *installation.RateLimited
	if errors.As(err, &limit) {
		return limit
	}
	return nil
}
