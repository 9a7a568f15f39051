package purge

import (
	"context"
	"slices"
	"sync"
	"time"
)

// What is told again goes in parts of so many images, each for so long.
const (
	latePart = 30
	lateTime = time.Minute
)

// lateness is what is to be told again.
type lateness struct {
	mutex   sync.Mutex
	what    What
	telling bool
}

// Repeat tells all hooks again, soon, what another process has told them while this one had not forgotten it yet: caches may have fetched
// it from here since then. It does not wait, and gives up where a cache does not answer. A queue that is closed repeats nothing.
func (q *Queue) Repeat(what What) {
	if len(q.hooks) == 0 {
		return
	}
	q.late.mutex.Lock()
	defer q.late.mutex.Unlock()
	q.late.what.IDs = append(q.late.what.IDs, what.IDs...)
	for _, tag := range what.Tags {
		q.late.what.Tags = append(q.late.what.Tags, Tag(what.Tenant, tag)) // what is left may be of several tenants
	}
	q.late.what.Paths = append(q.late.what.Paths, what.Paths...)
	if !q.late.telling {
		q.late.telling = true
		q.running.Go(q.repeat)
	}
}

// repeat tells until nothing is left to be told again.
func (q *Queue) repeat() {
	for {
		q.late.mutex.Lock()
		what := q.late.what
		q.late.what = What{}
		q.late.telling = len(what.IDs)+len(what.Tags)+len(what.Paths) > 0 && q.ctx.Err() == nil
		telling := q.late.telling
		q.late.mutex.Unlock()
		if !telling {
			return
		}
		for _, ids := range slices.Collect(slices.Chunk(unique(what.IDs), latePart)) {
			q.purgeFor(lateTime, What{IDs: ids})
		}
		if len(what.Tags)+len(what.Paths) > 0 {
			q.purgeFor(lateTime, What{Tags: unique(what.Tags), Paths: unique(what.Paths)})
		}
	}
}

// purgeFor is Purge for a time.
func (q *Queue) purgeFor(limit time.Duration, what What) {
	ctx, cancel := context.WithTimeout(q.ctx, limit)
	defer cancel()
	q.Purge(ctx, what)
}
