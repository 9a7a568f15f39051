package admission

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const (
	ms = time.Millisecond
	mb = int64(1) << 20
)

// A stage is a queue and the jobs of a test, by name. It needs a synctest bubble. Each of its methods returns once
// everything that follows from it has happened.
type stage struct {
	*testing.T
	queue   *Queue
	actors  map[string]*actor
	running []string // names of the jobs that run, in the order in which they started
	started []string // names of the jobs that have started since order was last called
}

type actor struct {
	ticket *Ticket
	err    error
	leave  context.CancelCauseFunc
}

// on runs test in a synctest bubble.
func on(t *testing.T, o Options, test func(s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &stage{T: t, queue: New(o), actors: map[string]*actor{}}
		test(s)
		s.finish()
		checkEmpty(t, s.queue)
	})
}

// ask makes a job ask for admission.
func (s *stage) ask(name string, job Job) {
	s.Helper()
	if s.actors[name] != nil {
		s.Fatalf("there is a job %s already", name)
	}
	ctx, leave := context.WithCancelCause(s.Context())
	a := &actor{leave: leave}
	s.actors[name] = a
	go func() { a.ticket, a.err = s.queue.Admit(ctx, job) }()
	s.settle()
}

// settle waits until nothing more happens, and notes what has started.
func (s *stage) settle() {
	s.Helper()
	synctest.Wait()
	check(s.T, s.queue)
	for _, t := range s.queue.running { // jobs are added at the end
		for name, a := range s.actors {
			if a.ticket == t && !slices.Contains(s.running, name) {
				s.running = append(s.running, name)
				s.started = append(s.started, name)
			}
		}
	}
}

// end releases running jobs, one after the other.
func (s *stage) end(names ...string) {
	s.Helper()
	for _, name := range names {
		if !slices.Contains(s.running, name) {
			s.Fatalf("%s does not run", name)
		}
		s.actors[name].ticket.Release()
		delete(s.actors, name)
		s.running = slices.DeleteFunc(s.running, func(n string) bool { return n == name })
		s.settle()
	}
}

var errLeft = errors.New("the asker left")

// leave ends the ctx of a job.
func (s *stage) leave(name string) {
	s.Helper()
	s.actors[name].leave(errLeft)
	s.settle()
}

// want checks that jobs are in a state: "runs", "waits" or the error with which they were turned away.
func (s *stage) want(state string, names ...string) {
	s.Helper()
	for _, name := range names {
		a, got := s.actors[name], "waits"
		switch {
		case a == nil:
			got = "ended"
		case a.err != nil:
			got = a.err.Error()
		case a.ticket != nil:
			got = "runs"
		}
		if got != state {
			s.Errorf("%s: %s, want %s", name, got, state)
		}
	}
}

// waited returns how long a running job has waited.
func (s *stage) waited(name string) time.Duration {
	s.Helper()
	if !slices.Contains(s.running, name) {
		s.Fatalf("%s does not run", name)
	}
	return s.actors[name].ticket.Waited()
}

// order returns the names of the jobs that have started since it was last called, and ends none.
func (s *stage) order() string {
	names := strings.Join(s.started, " ")
	s.started = nil
	return names
}

// finish ends what runs, oldest first and each after its predicted time, until nothing runs. It returns the names of
// the jobs that started meanwhile, in that order.
func (s *stage) finish() string {
	s.Helper()
	s.started = nil
	for len(s.running) > 0 {
		name := s.running[0]
		t := s.actors[name].ticket
		time.Sleep(t.started + t.Cost - s.queue.now())
		s.end(name)
	}
	return s.order()
}

// check checks what must hold of a queue at every moment.
func check(t *testing.T, q *Queue) {
	t.Helper()
	q.mu.Lock()
	defer q.mu.Unlock()
	var memory int64
	expensive, byClient, byOriginal := 0, map[string]int{}, map[string]int{}
	for i, ticket := range q.running {
		memory += ticket.Memory
		if ticket.place != i || ticket.state != running {
			t.Errorf("a job runs at place %d in state %d, want %d and %d", ticket.place, ticket.state, i, running)
		}
		if ticket.expensive {
			expensive++
			byClient[ticket.Client]++
			byOriginal[ticket.Original]++
		}
	}
	slots := q.options.Slots
	if len(q.running) > slots+q.options.Extra {
		t.Errorf("%d jobs run on %d slots and %d more", len(q.running), slots, q.options.Extra)
	}
	if beyond := slices.DeleteFunc(slices.Clone(q.running), func(t *Ticket) bool { return t.quick }); len(beyond) > slots {
		t.Errorf("%d jobs that are not quick run on %d slots", len(beyond), slots)
	}
	if memory != q.memory || q.options.Memory > 0 && memory > q.options.Memory {
		t.Errorf("the running jobs need %d bytes; counted %d, allowed %d", memory, q.memory, q.options.Memory)
	}
	if expensive != q.runningExpensive || expensive > max(1, slots-1) {
		t.Errorf("%d expensive jobs run on %d slots; counted %d", expensive, slots, q.runningExpensive)
	}
	for of, counts := range map[string]map[string]int{"client": byClient, "original": byOriginal} {
		for key, n := range counts {
			if key != "" && n > max(1, slots/2) {
				t.Errorf("%d expensive jobs of %s %q run on %d slots", n, of, key, slots)
			}
		}
	}
	quick := 0
	for _, l := range []*lane{&q.cheap, &q.expensive} {
		var sum load
		n := 0
		for ticket := l.all.first; ticket != nil; ticket = l.all.next(ticket) {
			sum.add(ticket.load)
			n++
			if ticket.quick {
				quick++
			}
			if n < maxPassed && len(q.running) < slots && q.allowed(&ticket.task) && q.fits(&ticket.task, q.now()) {
				t.Errorf("%+v waits and could start", ticket.Job)
			}
		}
		if n != l.all.count || sum != l.load || l.all.count == 0 && len(l.waiting) > 0 {
			t.Errorf("%d jobs of %v wait; counted %d of %v of %d clients", n, sum, l.all.count, l.load, len(l.waiting))
		}
		if len(l.flows) != len(l.waiting)+len(l.resting) {
			t.Errorf("%d clients known; %d wait and %d rest", len(l.flows), len(l.waiting), len(l.resting))
		}
	}
	if quick != q.quickWaiting {
		t.Errorf("%d quick jobs wait; counted %d", quick, q.quickWaiting)
	}
}

// checkEmpty checks that a queue without jobs keeps nothing of those that it had.
func checkEmpty(t *testing.T, q *Queue) {
	t.Helper()
	check(t, q)
	s := q.Stats()
	s.Admitted, s.Refused, s.GaveUp = 0, 0, 0
	if s != (Stats{}) {
		t.Errorf("after all jobs: %+v", s)
	}
	if len(q.clients) > 0 || len(q.originals) > 0 || len(q.cheap.flows) > 0 || len(q.expensive.flows) > 0 {
		t.Errorf("after all jobs %d shares of clients, %d of originals, %d and %d flows are kept",
			len(q.clients), len(q.originals), len(q.cheap.flows), len(q.expensive.flows))
	}
	if q.reservation != (reservation{}) || q.owed != 0 {
		t.Errorf("after all jobs: reservation %+v, owed %v", q.reservation, q.owed)
	}
}
