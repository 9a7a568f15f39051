package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"
)

// A Pool keeps processes ready and replaces those that end. Its methods may be called concurrently.
type Pool struct {
	options Options
	closing context.Context
	close   context.CancelFunc
	starts  chan chan started // to the thread that starts processes
	turns   chan struct{}     // full while as many come up as may at once

	confinement *confinement
	courtesy    *courtesy

	mutex    sync.Mutex
	changed  chan struct{} // closed and replaced whenever a worker becomes ready or cannot be started
	ready    []*process    // the one used last is taken first: its memory is warm
	all      map[*process]struct{}
	first    []byte // what the first process has said of itself, once it has been accepted
	busy     int
	coming   int   // being started
	failed   error // why the last start failed; nil after one that did not
	failures int   // in a row
	stats    Stats
	running  sync.WaitGroup
}

// maxFailures is after how many failed starts in a row nobody waits for another: one may have been killed from outside.
const maxFailures = 3

type started struct {
	worker *process
	err    error
}

// NewPool starts processes and returns when the first is ready, with what that says.
func NewPool(o Options) (*Pool, Greeting, error) {
	if _, child := os.LookupEnv(childVariable); child {
		return nil, Greeting{}, errors.New("worker: this process is a worker itself: Child.Run was not called")
	}
	if o.Jobs <= 0 {
		o.Jobs = 1000
	}
	if o.Keep <= 0 {
		o.Keep = 64 << 20
	}
	if o.Log == nil {
		o.Log = func(string, error) {}
	}
	p := &Pool{
		options: o, starts: make(chan chan started), changed: make(chan struct{}),
		// Half as many as work: side by side they would all be late, and somebody may wait for the first.
		turns: make(chan struct{}, max(1, o.Size/2)), confinement: newConfinement(), courtesy: newCourtesy(),
		all: map[*process]struct{}{}, stats: Stats{Ended: map[End]uint64{}},
	}
	p.closing, p.close = context.WithCancel(context.Background())
	p.running.Add(1)
	go p.startAll()
	p.mutex.Lock()
	p.refill()
	p.mutex.Unlock()
	first, err := p.take(context.Background(), false)
	if err != nil {
		p.Close()
		return nil, Greeting{}, err
	}
	p.put(first, "")
	return p, first.greeted, nil
}

// Do has a worker do the job, waiting for one that is ready. The reply is the caller's. If ctx ends before, the worker is
// killed and the error wraps the context's cause.
func (p *Pool) Do(ctx context.Context, job Job) ([]byte, Report, error) {
	if len(job.Request) > MaxMessage || len(job.Files) > maxFiles {
		return nil, Report{}, fmt.Errorf("worker: a request of %d bytes with %d files", len(job.Request), len(job.Files))
	}
	worker, err := p.take(ctx, job.Patient)
	if err != nil {
		return nil, Report{}, err
	}
	release, restore := func() {}, func() {}
	if job.Confined {
		release = p.confinement.keep(worker.command.Process.Pid)
	}
	if job.Yielding {
		restore = yield(worker.command.Process.Pid)
	}
	end := p.courtesy.begin(worker.command.Process, job.Yielding)
	reply, report, failed := worker.do(ctx, job)
	end()
	release()
	restore()
	if failed != nil {
		p.put(worker, failed.why)
		if p.closing.Err() != nil {
			failed.err = ErrClosed
		}
		return nil, failed.report, failed.err
	}
	reply = slices.Clone(reply)
	if job.Accept != nil {
		err = job.Accept(reply)
	}
	p.put(worker, p.worn(worker, err))
	return reply, report, err
}

// worn says why a worker is not to do another job; it is empty if it may.
func (p *Pool) worn(worker *process, refused error) End {
	if refused != nil {
		return EndedRefused
	}
	if worker.jobs >= p.options.Jobs {
		return EndedRecycled
	}
	if resident, allocated, known := held(worker.command.Process.Pid); known &&
		max(resident-worker.base, allocated-worker.allocated) > p.options.Keep {
		return EndedMemory
	}
	return ""
}

// take waits for a worker that is ready, or if the job is patient until there are two.
func (p *Pool) take(ctx context.Context, patient bool) (*process, error) {
	enough := 1
	if patient {
		enough = min(2, p.options.Size+p.options.Spare)
	}
	for {
		p.mutex.Lock()
		if n := len(p.ready); n >= enough {
			worker := p.ready[n-1]
			p.ready = p.ready[:n-1]
			p.busy++
			p.mutex.Unlock()
			return worker, nil
		}
		changed, failed := p.changed, p.failed
		hopeless := len(p.all) == 0 && p.failures > maxFailures
		p.mutex.Unlock()
		if hopeless {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, failed)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-p.closing.Done():
			return nil, ErrClosed
		}
	}
}

// put gives a worker back: to be taken again, or, if why is not empty, to be ended for that reason.
func (p *Pool) put(worker *process, why End) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.busy--
	if _, alive := p.all[worker]; !alive {
		return
	}
	if why == "" {
		p.ready = append(p.ready, worker)
		p.tell()
		return
	}
	// It no longer counts, so that its successor starts before it has gone.
	p.forget(worker, why)
	worker.kill(why)
}

// forget takes a worker that has ended, or is about to, out of the pool. The mutex is held.
func (p *Pool) forget(worker *process, why End) {
	delete(p.all, worker)
	p.ready = slices.DeleteFunc(p.ready, func(r *process) bool { return r == worker })
	p.stats.Ended[why]++
	p.refill()
}

// tell wakes those who wait for a worker. The mutex is held.
func (p *Pool) tell() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// refill starts as many processes as are missing. The mutex is held.
func (p *Pool) refill() {
	for len(p.all)+p.coming < p.options.Size+p.options.Spare && p.closing.Err() == nil {
		p.coming++
		p.running.Add(1)
		go p.bring()
	}
}

// bring starts one worker and hands it to the pool. Where none can be started it tries again, more and more seldom.
func (p *Pool) bring() {
	defer p.running.Done()
	const most = 5 * time.Second
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, most) {
		worker, err := p.startOne()
		p.mutex.Lock()
		if p.closing.Err() != nil {
			p.coming--
			p.mutex.Unlock()
			if worker != nil {
				worker.close()
			}
			return
		}
		if p.failed = err; err != nil {
			p.failures++
		} else {
			p.failures = 0
		}
		p.tell()
		if err == nil {
			p.coming--
			p.stats.Started++
			if p.first == nil {
				p.first = worker.greeted.Hello
			}
			p.all[worker] = struct{}{}
			p.ready = append([]*process{worker}, p.ready...)
			p.running.Add(1)
			go p.attend(worker)
			p.mutex.Unlock()
			return
		}
		p.stats.Ended[EndedFailed]++
		p.mutex.Unlock()
		p.options.Log("a worker does not start", err)
		select {
		case <-time.After(pause):
		case <-p.closing.Done():
		}
	}
}

// startOne returns a worker that is ready.
func (p *Pool) startOne() (*process, error) {
	p.turns <- struct{}{}
	defer func() { <-p.turns }()
	answer := make(chan started, 1)
	select {
	case p.starts <- answer:
	case <-p.closing.Done():
		return nil, ErrClosed
	}
	s := <-answer
	if s.err != nil {
		return nil, s.err
	}
	go func() {
		s.worker.command.Wait()
		close(s.worker.dead)
	}()
	stop := context.AfterFunc(p.closing, func() { s.worker.kill(EndedFailed) })
	defer stop()
	err := s.worker.greet()
	if err == nil && p.options.Accept != nil {
		err = p.options.Accept(s.worker.greeted.Hello)
	}
	if err != nil {
		s.worker.kill(EndedFailed)
		s.worker.conn.Close()
		return nil, err
	}
	return s.worker, nil
}

// startAll starts processes, on a thread of its own: the kernel kills a worker when the thread that started it ends, and Go
// ends other threads as it likes.
func (p *Pool) startAll() {
	defer p.running.Done()
	runtime.LockOSThread()
	for {
		select {
		case answer := <-p.starts:
			p.mutex.Lock()
			first := p.first
			p.mutex.Unlock()
			worker, err := start(p.options, first)
			answer <- started{worker, err}
		case <-p.closing.Done():
			return
		}
	}
}

// attend waits for the end of a worker. One that ends with nothing to do is replaced here.
func (p *Pool) attend(worker *process) {
	defer p.running.Done()
	<-worker.dead
	worker.conn.Close()
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if i := slices.Index(p.ready, worker); i >= 0 {
		why, how := worker.cause()
		if p.closing.Err() == nil {
			p.options.Log("a worker ended while it had nothing to do", fmt.Errorf("%s: %s%s", why, how, worker.said.last()))
		}
		p.forget(worker, why)
	}
}

// Stats returns what is so now, and what has happened since NewPool.
func (p *Pool) Stats() Stats {
	p.mutex.Lock()
	s := p.stats
	s.Ready, s.Busy, s.Starting = len(p.ready), p.busy, p.coming
	s.Ended = map[End]uint64{}
	for _, end := range Ends {
		s.Ended[end] = p.stats.Ended[end]
	}
	var ids []int
	for worker := range p.all {
		ids = append(ids, worker.command.Process.Pid)
	}
	p.mutex.Unlock()
	for _, id := range ids {
		if _, resident, known := usage(id); known {
			s.Memory += resident
		}
	}
	return s
}

// Close ends all processes, also those that have a job to do, and waits until they have ended.
func (p *Pool) Close() {
	p.close()
	p.mutex.Lock()
	var all []*process
	for worker := range p.all {
		all = append(all, worker)
	}
	p.mutex.Unlock()
	for _, worker := range all {
		worker.kill(EndedRecycled)
	}
	p.running.Wait()
}
