package admission

import "time"

// maxPassed is how many jobs that lack memory a search passes before it gives up.
const maxPassed = 1000

// slots is how many jobs may run now.
func (q *Queue) slots() int { return q.options.Slots + min(q.overran, q.options.Extra) }

// dispatch starts waiting jobs until nothing that waits can start.
func (q *Queue) dispatch(now time.Duration) {
	for len(q.running) < q.slots() {
		t := q.next(now)
		if t == nil {
			return
		}
		if t.expensive {
			q.owed = max(q.owed, t.Cost)
		} else {
			q.owed = max(0, q.owed-t.Cost)
		}
		// Served before it leaves, for a client without jobs is not remembered unless it is ahead of the clock.
		q.lane(t.expensive).serve(t.Client, t.Cost)
		q.leave(t)
		q.start(t, now)
		close(t.ready)
	}
}

// next returns the waiting job that starts next, or nil if none can. A slot is free.
func (q *Queue) next(now time.Duration) *Ticket {
	for {
		q.reserve(now)
		if r := &q.reservation; r.firm && q.fits(&r.job.task, now) {
			return r.job
		}
		t, lacking := q.choose(now)
		if lacking == nil {
			return t
		}
		q.lacksMemory(lacking)
		if !q.reserve(now) {
			return t
		}
	}
}

// choose returns the job whose turn it is among those that can start, and the job whose turn it would be before
// that one but for its memory; either may be nil.
func (q *Queue) choose(now time.Duration) (next, lacking *Ticket) {
	cheap := search{queue: q, now: now}
	cheap.run(&q.cheap)
	switch {
	case q.runningExpensive >= q.expensiveSlots, q.reservation.firm && q.reservation.job.expensive:
		return cheap.found, cheap.lacking
	case cheap.found == nil:
		all := search{queue: q, now: now, arrivedBefore: now + 1}
		all.run(&q.expensive)
		if cheap.lacking != nil {
			return all.found, cheap.lacking
		}
		return all.found, all.lacking
	}
	// An expensive job that has waited for long may overtake cheap ones, but then these go first until they have been
	// served as much: so neither class starves the other.
	if q.owed > 0 {
		return cheap.found, cheap.lacking
	}
	overdue := search{queue: q, now: now, arrivedBefore: now - q.options.Wait/2}
	overdue.run(&q.expensive)
	next, lacking = cheap.found, cheap.lacking
	if overdue.lacking != nil {
		lacking = overdue.lacking
	}
	if overdue.found != nil {
		next = overdue.found
	}
	return next, lacking
}

// startable tells whether a newcomer can start now.
func (q *Queue) startable(k *task, now time.Duration) bool {
	return (len(q.running) < q.slots() || q.express(k)) && q.allowed(k) && q.fits(k, now)
}

// express tells whether a newcomer may have an extra slot. Where quick jobs are what there is too much of, they wait like others,
// in fair order, and no more run at once than there are slots.
func (q *Queue) express(k *task) bool {
	return k.quick && q.quickWaiting == 0 && len(q.running) < q.options.Slots+q.options.Extra
}

// allowed tells whether the rules for expensive jobs let k start now; slots and memory are not looked at.
func (q *Queue) allowed(k *task) bool {
	return !k.expensive || q.runningExpensive < q.expensiveSlots &&
		!k.client.full(q.shareSlots) && !k.original.full(q.shareSlots) && q.reservation.passes(k)
}

// A search finds the first job of a lane, in fair order, that can start. Mostly that is the very first. It looks
// further where the first lack memory, or their client or original has its share.
type search struct {
	queue         *Queue
	now           time.Duration
	arrivedBefore time.Duration
	passed        int     // jobs that lack memory
	found         *Ticket // can start
	lacking       *Ticket // the first one before found that could but for its memory
}

func (s *search) run(l *lane) {
	s.visit(l.waiting, 0)
	if s.found != nil && s.lacking != nil && s.found.flow.before(s.lacking.flow) {
		s.lacking = nil
	}
}

// visit looks at the flow at i of a heap, and at those below it if none of its jobs can start.
func (s *search) visit(h flows, i int) {
	if i >= len(h) || s.passed > maxPassed || s.found != nil && s.found.flow.before(h[i]) {
		return
	}
	if t := s.look(h[i]); t != nil {
		s.found = t
		return
	}
	s.visit(h, 2*i+1)
	s.visit(h, 2*i+2)
}

// look returns the first job of f that can start.
func (s *search) look(f *flow) *Ticket {
	q := s.queue
	for t := f.jobs.first; t != nil; t = f.jobs.next(t) {
		switch {
		case t.expensive && (t.arrived >= s.arrivedBefore || t.client.full(q.shareSlots)):
			return nil // and so it is for all behind it
		case !q.allowed(&t.task):
			continue
		case q.fits(&t.task, s.now):
			return t
		}
		if s.lacking == nil || f.before(s.lacking.flow) {
			s.lacking = t
		}
		if s.passed++; s.passed > maxPassed {
			return nil
		}
	}
	return nil
}
