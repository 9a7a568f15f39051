package admission

import (
	"cmp"
	"slices"
	"time"
)

// A reservation sees to it that a job that needs much memory is not passed for ever by others that need little. Its
// job is the first one found that could start but for its memory. Once that has waited for a quarter of the longest
// wait, the reservation is firm, and stays so until the job starts or leaves: the job starts as soon as it fits, and
// what starts before it must fit beside it, or be predicted to end before it could start anyway. So it waits at most
// for those that ran at that time.
type reservation struct {
	job    *Ticket
	firm   bool
	start  time.Duration // when, as predicted once it became firm, enough memory is free
	beside int64         // bytes held by the jobs that started since and fit beside it
}

// lacksMemory notes that t could start now but for its memory.
func (q *Queue) lacksMemory(t *Ticket) {
	r := &q.reservation
	if r.job == nil || !q.allowed(&r.job.task) {
		*r = reservation{job: t}
	}
}

// reserve makes the reservation firm if it is time, and tells whether it did.
func (q *Queue) reserve(now time.Duration) bool {
	r := &q.reservation
	// If other rules keep the job from running, holding memory for it would only keep others from running too.
	if r.job == nil || r.firm || now-r.job.arrived <= q.options.Wait/4 || !q.allowed(&r.job.task) {
		return false
	}
	r.firm = true
	r.start = q.predictedFree(&r.job.task, now)
	return true
}

// most is how much memory k could have if nothing else ran.
func (q *Queue) most(k *task) int64 {
	if k.expensive {
		return q.options.Memory - q.options.Spare
	}
	return q.options.Memory
}

// free is how much memory k can have now.
func (q *Queue) free(k *task) int64 {
	free := q.options.Memory - q.memory
	if k.expensive {
		free = min(free, q.most(k)-q.memoryExpensive)
	}
	return free
}

// predictedFree returns when there is memory for k, if nothing is started.
func (q *Queue) predictedFree(k *task, now time.Duration) time.Duration {
	end := func(t *Ticket) time.Duration { return max(now, t.started+q.pace.predict(t.Cost)) }
	byEnd := slices.Clone(q.running)
	slices.SortFunc(byEnd, func(a, b *Ticket) int { return cmp.Compare(end(a), end(b)) })
	at, free := now, q.free(k)
	for _, t := range byEnd {
		if free >= k.Memory {
			break
		}
		at = end(t)
		free += t.Memory
	}
	return at
}

// fits tells whether the memory that k needs is free for it.
func (q *Queue) fits(k *task, now time.Duration) bool {
	limit, r := q.options.Memory, &q.reservation
	switch {
	case limit == 0:
		return true
	case k.Memory > q.free(k): // a difference, for the sum may be out of range
		return false
	}
	return !r.firm || k == &r.job.task || q.fitsBeside(k) || now+q.pace.predict(k.Cost) <= r.start
}

// fitsBeside tells whether k and the job of the firm reservation may run together.
func (q *Queue) fitsBeside(k *task) bool {
	r := &q.reservation
	return k.Memory <= q.options.Memory-r.job.Memory-r.beside
}

// passes tells whether k may start before the job of the reservation as far as their lane is concerned. Another
// expensive job would hold the slot of one that waits for its memory, or its client's or its original's.
func (r *reservation) passes(k *task) bool {
	return !r.firm || k == &r.job.task || !k.expensive || !r.job.expensive
}

// accountBeside takes account of a job that starts.
func (q *Queue) accountBeside(t *Ticket) {
	r := &q.reservation
	if r.job == t {
		*r = reservation{}
	} else if r.firm && q.fitsBeside(&t.task) {
		t.beside = r.job
		r.beside += t.Memory
	}
}

func (r *reservation) ended(t *Ticket) {
	if t.beside != nil && t.beside == r.job {
		r.beside -= t.Memory
	}
}

// cancel ends the reservation if it is for t, and tells whether that may let others start.
func (r *reservation) cancel(t *Ticket) bool {
	if r.job != t {
		return false
	}
	firm := r.firm
	*r = reservation{}
	return firm
}
