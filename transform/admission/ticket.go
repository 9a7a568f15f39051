package admission

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// A Ticket lets its job run until it is released.
type Ticket struct {
	task
	queue            *Queue
	arrived, started time.Duration
	state            state
	ready            chan struct{} // closed when the job is started; nil if it never waited
	place            int           // in Queue.running
	overran          bool
	beside           *Ticket // the job that memory was set aside for when this one started, if any

	flow  *flow // while it waits
	links [2]link
}

type state uint8

const (
	waiting state = iota
	running
	ended
)

// A task is a job and what the queue needs to know to tell whether it may start.
type task struct {
	Job
	load             load
	expensive, quick bool
	client, original *share // of expensive jobs only; nil for an empty key, or one that nobody else has
}

// task returns the task of a newcomer, which does not hold its shares yet.
func (q *Queue) task(j Job) task {
	j.Cost = min(max(j.Cost, leastCost), mostCost)
	j.Memory = max(0, j.Memory)
	k := task{Job: j, load: load{slot: j.Cost}, expensive: j.Suspect || j.Cost > q.options.Expensive}
	k.quick = !k.expensive && j.Cost <= q.options.Quick
	if limit := q.options.Memory; limit > 0 {
		k.load.memory = time.Duration(float64(j.Cost) * float64(j.Memory) / float64(limit))
	}
	if k.expensive {
		k.client, k.original = q.clients[j.Client], q.originals[j.Original]
	}
	return k
}

// Admit waits until the job may run. The ticket must then be released once the job has ended. A job that would wait
// too long, or could never run, is refused at once with ErrFull, ErrTooLarge or ErrDraining. If ctx ends before the
// job may run, or has ended already, the job takes no slot and the error wraps context.Cause(ctx).
func (q *Queue) Admit(ctx context.Context, job Job) (*Ticket, error) {
	t, err := q.arrive(ctx, job)
	if err != nil || t.ready == nil {
		return t, err
	}
	select {
	case <-t.ready:
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		q.abandon(t)
		return nil, gaveUp(ctx)
	}
	return t, nil
}

// arrive starts the job, lines it up or refuses it.
func (q *Queue) arrive(ctx context.Context, job Job) (*Ticket, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if ctx.Err() != nil {
		q.gaveUp++
		return nil, gaveUp(ctx)
	}
	now, k := q.now(), q.task(job)
	free, err := q.receive(&k, now)
	if err != nil {
		return nil, err
	}
	t := &Ticket{task: k, queue: q, arrived: now}
	if k.expensive {
		t.client, t.original = q.clients.hold(job.Client), q.originals.hold(job.Original)
	}
	if free {
		q.lane(t.expensive).serve(t.Client, t.Cost)
		q.start(t, now)
		return t, nil
	}
	t.ready = make(chan struct{})
	q.lane(t.expensive).add(t)
	if t.quick {
		q.quickWaiting++
	}
	t.client.wait(t.Cost)
	t.original.wait(t.Cost)
	if len(q.running) < q.slots() && q.allowed(&t.task) {
		q.lacksMemory(t)
	}
	return t, nil
}

// Refuses returns why Admit would refuse the job at once, and counts that as a refusal; nil if it would not. Who is to be refused is
// spared what it takes to wait.
func (q *Queue) Refuses(job Job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	k := q.task(job)
	_, err := q.receive(&k, q.now())
	return err
}

// receive tells whether a newcomer can start at once, or why it is not let in.
func (q *Queue) receive(k *task, now time.Duration) (free bool, err error) {
	q.reserve(now)
	// Nothing that waits can start, or it would have been started. So a newcomer that can passes nobody who could.
	free = q.startable(k, now)
	if err := q.refusal(k, free, now); err != nil {
		q.refused++
		return false, err
	}
	return free, nil
}

// refusal returns why the job is not let in, or nil. free tells whether it can start at once.
func (q *Queue) refusal(k *task, free bool, now time.Duration) error {
	switch {
	case q.draining:
		return ErrDraining
	case q.options.Memory > 0 && k.Memory > q.most(k):
		return fmt.Errorf("%w: %d bytes of %d", ErrTooLarge, k.Memory, q.most(k))
	case free:
		return nil
	case q.waiting() >= q.options.Waiting || q.predictedWait(k, now) > q.options.Wait:
		return ErrFull
	}
	return nil
}

func gaveUp(ctx context.Context) error {
	return fmt.Errorf("admission: gave up waiting: %w", context.Cause(ctx))
}

// abandon takes t out, whether it waits or was started at the moment at which its ctx ended.
func (q *Queue) abandon(t *Ticket) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.gaveUp++
	if t.state == running {
		q.admitted--
		q.stop(t)
		return
	}
	q.leave(t)
	t.state = ended
	q.clients.drop(t.client)
	q.originals.drop(t.original)
	if q.reservation.cancel(t) {
		q.dispatch(q.now())
	}
}

// leave takes t out of the line.
func (q *Queue) leave(t *Ticket) {
	q.lane(t.expensive).remove(t)
	if t.quick {
		q.quickWaiting--
	}
	t.client.wait(-t.Cost)
	t.original.wait(-t.Cost)
	if q.cheap.all.count == 0 {
		q.owed = 0
	}
}

// start lets t run. It stands in no line any more.
func (q *Queue) start(t *Ticket, now time.Duration) {
	t.state, t.started = running, now
	t.place = len(q.running)
	q.running = append(q.running, t)
	q.memory += t.Memory
	q.accountBeside(t)
	if t.expensive {
		q.memoryExpensive += t.Memory
		q.runningExpensive++
		t.client.run(1)
		t.original.run(1)
	}
	q.admitted++
}

// stop frees what t holds and starts who is next.
func (q *Queue) stop(t *Ticket) {
	t.state = ended
	last := len(q.running) - 1
	q.running[t.place] = q.running[last]
	q.running[t.place].place = t.place
	q.running = slices.Delete(q.running, last, last+1)
	q.memory -= t.Memory
	q.reservation.ended(t)
	if t.expensive {
		q.memoryExpensive -= t.Memory
		q.runningExpensive--
		t.client.run(-1)
		t.original.run(-1)
		q.clients.drop(t.client)
		q.originals.drop(t.original)
	}
	if t.overran {
		q.overran--
		q.runningExpensive--
	}
	q.dispatch(q.now())
	if len(q.running) == 0 {
		// Then nobody waits either, and nobody is owed anything.
		q.cheap.forget()
		q.expensive.forget()
	}
}

// Release frees the slot and the memory of the job and starts who is next. The time since Admit returned is taken as
// what the job has cost. Further calls do nothing.
func (t *Ticket) Release() {
	q := t.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if t.state != running {
		return
	}
	q.pace.learn(t.Cost, q.now()-t.started)
	q.stop(t)
}

// Overrun tells that the job takes far longer than was predicted. A cheap job is from then on held for an expensive one, and
// gives one of Options.Extra slots to the cheap jobs that wait.
func (t *Ticket) Overrun() {
	q := t.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if t.state != running || t.expensive || t.overran {
		return
	}
	t.overran = true
	q.overran++
	q.runningExpensive++
	q.dispatch(q.now())
}

// Waited returns how long the job has waited for its ticket.
func (t *Ticket) Waited() time.Duration { return t.started - t.arrived }

// Quick tells whether the job was predicted to take hardly longer than to wait for others.
func (t *Ticket) Quick() bool { return t.quick }
