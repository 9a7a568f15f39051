package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	checkTime = 2 * time.Second // that a check may take
	keepTime  = time.Second     // that a result is believed
)

var (
	errSlow     = fmt.Errorf("no answer within %v", checkTime)
	errHanging  = errors.New("an earlier check has not returned yet")
	errNoReturn = errors.New("the check ended its goroutine without returning")
)

// A Check tells whether one part of the service can work.
type Check struct {
	Name string
	// Run returns nil if all is well, or what is amiss, which those who probe are told. One that panics fails.
	Run func(context.Context) error
	// Advisory says that what is amiss is told, and makes nobody send requests elsewhere.
	Advisory bool
}

// readiness answers probes.
type readiness struct {
	checks   []*watchedCheck
	draining func() bool

	mutex sync.Mutex
	last  *round // nil before the first
}

// A round is one run of all checks, shared by all who probe meanwhile and for keepTime after.
type round struct {
	done  chan struct{} // closed once the fields below are final
	ended time.Time
	ready bool
	body  string
}

func (r *readiness) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if r.draining() {
		text(w, http.StatusServiceUnavailable, "draining\n")
		return
	}
	current := r.join()
	select {
	case <-current.done:
	case <-request.Context().Done():
		return
	}
	status := http.StatusOK
	if !current.ready {
		status = http.StatusServiceUnavailable
	}
	text(w, status, current.body)
}

// join returns the round that is under way or has just ended; if there is none, it starts one.
func (r *readiness) join() *round {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.last == nil || r.last.stale() {
		r.last = &round{done: make(chan struct{})}
		go r.last.run(r.checks)
	}
	return r.last
}

func (r *round) stale() bool {
	select {
	case <-r.done:
		return time.Since(r.ended) >= keepTime
	default:
		return false
	}
}

// run has a context of its own: that of the probe which came first ends when that probe leaves.
func (r *round) run(checks []*watchedCheck) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), checkTime, errSlow)
	defer cancel()
	failures := make([]error, len(checks))
	var running sync.WaitGroup
	for i, c := range checks {
		running.Go(func() { failures[i] = c.run(ctx) })
	}
	running.Wait()

	var body strings.Builder
	r.ready = true
	for i, c := range checks {
		said := "ok"
		if err := failures[i]; err != nil {
			r.ready = r.ready && c.Advisory
			said = strings.Join(strings.Fields(err.Error()), " ") // one line, whatever the error says
		}
		fmt.Fprintf(&body, "%s: %s\n", c.Name, said)
	}
	r.body, r.ended = body.String(), time.Now()
	close(r.done)
}

// A watchedCheck is a check that may hang, as one that waits for a disk does, without hanging those who asked for it.
type watchedCheck struct {
	Check
	running atomic.Bool
}

func watched(checks []Check) []*watchedCheck {
	list := make([]*watchedCheck, len(checks))
	for i, c := range checks {
		list[i] = &watchedCheck{Check: c}
	}
	return list
}

// run returns what the check says, or that it says nothing before ctx ends.
func (c *watchedCheck) run(ctx context.Context) error {
	if !c.running.CompareAndSwap(false, true) {
		return errHanging
	}
	said := make(chan error, 1)
	go func() {
		// Deferred, for a check may end in a panic or in runtime.Goexit.
		err := errNoReturn
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("the check panicked: %v", p)
			}
			c.running.Store(false)
			said <- err
		}()
		err = c.Run(ctx)
	}()
	select {
	case err := <-said:
		if err != nil && ctx.Err() != nil {
			return context.Cause(ctx) // whichever words the check has for it
		}
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
