package purge

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"calotype/store"
)

// A Ledger keeps what deletions have left to tell to each hook, under its name, over crashes and restarts.
type Ledger interface {
	// Tasks returns at most limit removals that a hook has not been told of.
	Tasks(ctx context.Context, hook string, limit int) ([]store.Removal, error)
	// CountTasks returns how many these are in all.
	CountTasks(ctx context.Context, hook string) (int, error)
	// Done notes that a hook has been told of removals.
	Done(ctx context.Context, hook string, ids ...store.ID) error
}

// What became of a purge, as metrics and answers tell it.
const (
	Accepted = "accepted" // by the cache
	Failed   = "failed"   // by the network, or since the cache could not; it is tried again
	Refused  = "refused"  // and would be again
)

// Outcomes are all of them.
var Outcomes = []string{Accepted, Failed, Refused}

// An Answer tells what a hook said of a purge.
type Answer struct {
	Hook    string `json:"hook"`
	Outcome string `json:"outcome"`
	Error   string `json:"error,omitempty"`
}

// restAfterFailure is the time until a hook that has refused a deletion is told of it again, if nothing else is deleted
// before.
const restAfterFailure = 15 * time.Minute

// restOfOthers is the time until the ledger is looked into for what another process, which has ended since, has left to be told.
const restOfOthers = time.Minute

// A Queue tells hooks what the ledger has for them. Each hook has its own goroutine, and is not kept waiting by another. Nothing
// waits in memory: what is to be told is read from the ledger when its turn comes.
type Queue struct {
	ledger  Ledger
	delay   time.Duration
	observe func(hook, outcome string)
	log     *slog.Logger
	hooks   []*Hook
	wake    []chan struct{} // of each hook: there is something new in the ledger
	pending []atomic.Int64
	names   []string

	// deleting is read-locked while something is deleted, and locked while the ledger is read: what is read there has been
	// forgotten by the service itself.
	deleting sync.RWMutex

	late lateness

	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// Start returns a queue that begins with what the ledger has from before. What is in the ledger, and what Purge is asked, is told after
// a delay, in which other processes can forget it that use the same ledger. observe is told of every call that was made.
func Start(hooks []*Hook, ledger Ledger, delay time.Duration, observe func(hook, outcome string), log *slog.Logger) *Queue {
	q := &Queue{ledger: ledger, delay: delay, observe: observe, log: log, hooks: hooks, pending: make([]atomic.Int64, len(hooks))}
	q.ctx, q.cancel = context.WithCancel(context.Background())
	for _, h := range hooks {
		q.names = append(q.names, h.Name)
		q.wake = append(q.wake, make(chan struct{}, 1))
	}
	for i := range hooks {
		q.running.Go(func() { q.run(i) })
	}
	return q
}

// Close ends the calls under way and waits for that. What has not been told stays in the ledger. Without a queue there is nothing to do.
func (q *Queue) Close() {
	if q == nil {
		return
	}
	q.cancel()
	q.running.Wait()
}

// Names returns the names under which the ledger keeps what is left to tell.
func (q *Queue) Names() []string { return q.names }

// Hold keeps what is written to the ledger from now on from being told until release is called. A cache that is told to forget
// too early fetches again what the service itself has not forgotten yet.
func (q *Queue) Hold() (release func()) {
	q.deleting.RLock()
	return q.deleting.RUnlock
}

// Wake has the ledger looked into. It does not wait.
func (q *Queue) Wake() {
	for _, wake := range q.wake {
		select {
		case wake <- struct{}{}:
		default: // it will look anyway
		}
	}
}

// Pending returns how many removals each hook has not been told of, as far as it is known.
func (q *Queue) Pending() map[string]int {
	all := make(map[string]int, len(q.hooks))
	for i, h := range q.hooks {
		all[h.Name] = int(q.pending[i].Load())
	}
	return all
}

// Purge tells all hooks what to forget, after the delay, and returns what they said. It repeats what failed until ctx ends.
func (q *Queue) Purge(ctx context.Context, what What) []Answer {
	if len(q.hooks) > 0 {
		q.rest(ctx)
	}
	answers := make([]Answer, len(q.hooks))
	var told sync.WaitGroup
	for i, h := range q.hooks {
		told.Go(func() {
			answers[i] = Answer{Hook: h.Name, Outcome: Accepted}
			if err := q.send(ctx, h, what); err != nil {
				answers[i].Outcome, answers[i].Error = outcomeOf(err), err.Error()
			}
		})
	}
	told.Wait()
	return answers
}

// rest waits for the delay, or until ctx ends.
func (q *Queue) rest(ctx context.Context) {
	select {
	case <-time.After(q.delay):
	case <-ctx.Done():
	}
}

func outcomeOf(err error) string {
	if errors.Is(err, ErrRefused) {
		return Refused
	}
	return Failed
}

// send tells a hook what to forget, and counts and logs what comes of it.
func (q *Queue) send(ctx context.Context, h *Hook, what What) error {
	err := h.send(ctx, what, func(err error) {
		if ctx.Err() != nil && q.ctx.Err() != nil {
			return // the service stops
		}
		q.observe(h.Name, outcomeOf(err))
		q.log.Warn("a purge did not succeed", "hook", h.Name, "outcome", outcomeOf(err), "error", err)
	})
	if err == nil {
		q.observe(h.Name, Accepted)
	}
	return err
}

// run tells one hook whatever is in the ledger for it, until the queue is closed.
func (q *Queue) run(i int) {
	for q.ctx.Err() == nil {
		err := q.empty(i)
		var rest <-chan time.Time
		switch {
		case err != nil:
			rest = time.After(restAfterFailure)
		case q.delay > 0:
			rest = time.After(restOfOthers)
		}
		select {
		case <-q.ctx.Done():
		case <-q.wake[i]:
		case <-rest:
		}
	}
}

// empty tells one hook what is in the ledger now. After an error it has told some of it.
func (q *Queue) empty(i int) error {
	h := q.hooks[i]
	for {
		n, err := q.ledger.CountTasks(q.ctx, h.Name)
		if err == nil {
			q.pending[i].Store(int64(n))
		}
		var what What
		var ids []store.ID
		q.deleting.Lock()
		removals, listErr := q.ledger.Tasks(q.ctx, h.Name, h.batch)
		q.deleting.Unlock()
		for _, r := range removals {
			ids = append(ids, r.ID)
			what.IDs = append(what.IDs, r.ID.String())
		}
		if err = errors.Join(err, listErr); err == nil && len(ids) == 0 {
			return nil
		}
		if err == nil {
			q.rest(q.ctx)
			if err := q.send(q.ctx, h, what); err != nil {
				return err // logged
			}
			err = q.ledger.Done(q.ctx, h.Name, ids...)
		}
		if err != nil {
			if q.ctx.Err() == nil {
				q.log.Error("what is to be purged cannot be read or noted", "hook", h.Name, "error", err)
			}
			return err
		}
	}
}
