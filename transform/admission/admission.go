// Package admission decides which job runs when: how many run at once, who is next, and who is refused because the
// wait would be too long. It knows what a job is predicted to cost, who asks for it and what it is made of, and
// nothing else about it.
//
// A job is cheap or expensive. Cheap jobs go first, and expensive ones never hold all slots, so a cheap job always
// finds one soon; a quick one, that takes hardly longer than to wait for a slot, finds one at once unless others of its
// kind wait. Within a class the client that has received the least is next. No client and no original can fill
// the slots with expensive jobs.
package admission

import (
	"errors"
	"sync"
	"time"
)

// The reasons why a job is refused at once.
var (
	ErrFull     = errors.New("admission: the predicted wait is too long")
	ErrTooLarge = errors.New("admission: the job needs more memory than all jobs may have")
	ErrDraining = errors.New("admission: no more jobs are let in")
)

const (
	defaultWaiting   = 10_000
	defaultWait      = 5 * time.Second
	defaultExpensive = 250 * time.Millisecond
	defaultQuick     = 10 * time.Millisecond

	// The bounds of what a job may be predicted to cost keep sums within range and the fair order moving.
	leastCost = 100 * time.Microsecond
	mostCost  = time.Hour
)

// A Job is what is known of a piece of work before it runs.
type Job struct {
	Cost     time.Duration // predicted time on one worker; taken as at least 100 µs and at most an hour
	Memory   int64         // bytes that it is predicted to need while it runs; below 0 is taken as 0
	Client   string        // who asks; "" is nobody in particular and is never held to a share
	Original string        // what it is made of; "" is nothing in particular, likewise
	Suspect  bool          // counts as expensive, whatever its predicted cost
}

// Options are the bounds of a Queue.
type Options struct {
	Slots     int           // jobs that run at once; below 1 is taken as 1
	Extra     int           // slots more, for quick jobs, and while as many cheap jobs have overrun their prediction
	Memory    int64         // bytes that all running jobs may need together; 0 or below is no limit
	Spare     int64         // bytes of Memory that expensive jobs leave to the others; below 0 is taken as 0
	Waiting   int           // jobs that wait at most, however cheap they are; 0 or below means 10,000
	Wait      time.Duration // longest predicted wait of a job that is let in; 0 or below means 5 s
	Expensive time.Duration // jobs predicted above this are expensive; 0 or below means 250 ms
	Quick     time.Duration // cheap jobs predicted at this or below are quick; 0 means 10 ms, below 0 that none is
}

// A Queue lets jobs run within its Options. It has no goroutine of its own. All methods may be called concurrently.
type Queue struct {
	options        Options
	expensiveSlots int       // that expensive jobs may hold together
	shareSlots     int       // that expensive jobs of one client may hold, or those of one original
	begin          time.Time // the zero of all times below

	mu        sync.Mutex
	draining  bool
	cheap     lane
	expensive lane
	running   []*Ticket

	runningExpensive   int    // those that have overrun included
	overran            int    // cheap jobs that run and have overrun
	quickWaiting       int    // quick jobs that wait
	clients, originals shares // of the expensive jobs that run or wait

	owed            time.Duration // predicted time of cheap jobs that start before an expensive one overtakes them again
	memory          int64         // of the jobs that run
	memoryExpensive int64         // of the expensive ones among them
	reservation     reservation
	pace            pace

	admitted, refused, gaveUp uint64
}

// New returns an empty queue.
func New(o Options) *Queue {
	o.Slots, o.Extra = max(1, o.Slots), max(0, o.Extra)
	o.Memory = max(0, o.Memory)
	o.Spare = min(max(0, o.Spare), o.Memory)
	if o.Waiting <= 0 {
		o.Waiting = defaultWaiting
	}
	if o.Wait <= 0 {
		o.Wait = defaultWait
	}
	if o.Expensive <= 0 {
		o.Expensive = defaultExpensive
	}
	if o.Quick == 0 {
		o.Quick = defaultQuick
	}
	return &Queue{
		options:        o,
		expensiveSlots: max(1, o.Slots-1),
		shareSlots:     max(1, o.Slots/2),
		begin:          time.Now(),
		cheap:          newLane(),
		expensive:      newLane(),
		clients:        shares{},
		originals:      shares{},
		pace:           newPace(),
	}
}

// Drain makes Admit refuse all newcomers with ErrDraining from now on. Jobs that already wait still run.
func (q *Queue) Drain() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.draining = true
}

// Stats is a snapshot of a Queue.
type Stats struct {
	Running int           // jobs that hold a ticket
	Waiting int           // jobs that wait for one
	Oldest  time.Duration // how long the oldest waiting job has waited; 0 if none waits
	Memory  int64         // bytes that the running jobs are predicted to need

	Admitted uint64 // tickets given out since New
	Refused  uint64 // jobs turned away at arrival
	GaveUp   uint64 // jobs whose ctx ended before they could run
}

// Stats returns what runs and waits now, and what has happened since New.
func (q *Queue) Stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := Stats{
		Running:  len(q.running),
		Waiting:  q.waiting(),
		Memory:   q.memory,
		Admitted: q.admitted,
		Refused:  q.refused,
		GaveUp:   q.gaveUp,
	}
	now := q.now()
	for _, l := range []*lane{&q.cheap, &q.expensive} {
		if t := l.all.first; t != nil {
			s.Oldest = max(s.Oldest, now-t.arrived)
		}
	}
	return s
}

func (q *Queue) now() time.Duration { return time.Since(q.begin) }

func (q *Queue) waiting() int { return q.cheap.all.count + q.expensive.all.count }

// lane returns where a job waits.
func (q *Queue) lane(expensive bool) *lane {
	if expensive {
		return &q.expensive
	}
	return &q.cheap
}
