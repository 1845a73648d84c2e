package app

import (
	"context"
	"fmt"
	"maps"
	"os"

	"github.com/secbydesign/secbydesign/app/confined"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/scanners/catalog"
)

// ContentTasks returns what a process without credentials can do, by the names of the tasks.
func ContentTasks() map[string]confined.Task {
	tasks := confined.Tasks(catalog.All)
	maps.Copy(tasks, readingTasks())
	return tasks
}

// NewContent returns the pool of processes that read the content of pull requests. The error is for the operator, and
// says that none can be started. observe is called with the reason each time that one has ended; it may be nil.
func NewContent(ctx context.Context, c Config, observe func(reason string)) (*confined.Pool, error) {
	pool := newPool(c, c.Workers+uploads, observe)
	if err := pool.Check(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}

// NewComments returns the pool of the process that reads comments with commands. It is apart from the pool of [NewContent],
// since reviews may keep all of those busy while GitHub waits for the answer to a delivery.
func NewComments(c Config, observe func(reason string)) *confined.Pool { return newPool(c, 1, observe) }

// newPool returns a pool of at most that many processes, of which none is started.
func newPool(c Config, most int, observe func(reason string)) *confined.Pool {
	o := confined.Options{Tools: catalog.NewTools(c.Catalog.Sandbox), Max: most, Build: Version(), Observe: observe}
	if dir := c.Catalog.OSV.Dir; dir != "" {
		o.Reads = []string{dir}
		if cache := c.Catalog.OSV.Cache; cache != "" {
			if err := os.MkdirAll(cache, 0o700); err == nil { // without it, each process makes its indexes itself
				o.Reads = append(o.Reads, cache)
			}
		}
	}
	return confined.New(o)
}

// reviewOwned and taskOwned run work as the owner of the processes that it uses.

func reviewOwned(run queue.Work) queue.Work {
	return func(ctx context.Context, r queue.Request) error { return run(owned(ctx, r.Key), r) }
}

func taskOwned(run queue.Run) queue.Run {
	return func(ctx context.Context, t queue.Task) error {
		return run(owned(ctx, queue.Key{Installation: t.Installation, Owner: t.Owner, Repo: t.Repo, Number: t.Number}), t)
	}
}

// owned names a pull request, or another thing of a repository, as the owner of the processes that are used with ctx.
func owned(ctx context.Context, k queue.Key) context.Context {
	return confined.For(ctx, fmt.Sprintf("%d/%s/%s#%d", k.Installation, k.Owner, k.Repo, k.Number))
}
