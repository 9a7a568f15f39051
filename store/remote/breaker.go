package remote

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// A host that fails is left alone for a while, so that nobody waits for it in vain, and it is not asked by all at once when it comes back.
const (
	failuresToRest = 5 // without a success in between
	firstRest      = 5 * time.Second
	longestRest    = time.Minute

	fetchesOfHost = 16 // at once; others wait
	fetchesInAll  = 128
	mostHosts     = 4096 // that are remembered for their failures
)

// Resting is the error of a fetch that was not tried. It is an ErrResting.
type Resting struct {
	Retry time.Duration // after which it may be tried
}

func (r *Resting) Error() string {
	return fmt.Sprintf("%v: it may be asked again in %v", ErrResting, r.Retry.Round(time.Second))
}

func (r *Resting) Unwrap() error { return ErrResting }

// breakers bound how many fetches run at once, and keep them from hosts that fail.
type breakers struct {
	clock *clock
	slots chan struct{} // an element for each fetch that runs

	mutex sync.Mutex
	hosts map[string]*breaker
}

// A breaker is what is known of a host.
type breaker struct {
	slots    chan struct{}
	users    int           // fetches that run or wait for a slot
	failures int           // since the last success
	rest     time.Duration // the last one
	until    time.Time     // the end of the rest
	probing  bool          // one fetch finds out whether the host is well again
}

func newBreakers(c *clock) *breakers {
	return &breakers{clock: c, slots: make(chan struct{}, fetchesInAll), hosts: map[string]*breaker{}}
}

// A verdict is what a fetch tells of the health of a host.
type verdict int

const (
	unknown verdict = iota // nothing
	well
	failing
)

// enter waits until a fetch from a host may run. Its caller calls leave in the end. The error is a *Resting, or that of the context.
func (b *breakers) enter(ctx context.Context, host string) (leave func(verdict), err error) {
	h, probe, err := b.ask(host)
	if err != nil {
		return nil, err
	}
	for i, slots := range []chan struct{}{h.slots, b.slots} {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			if i == 1 {
				<-h.slots
			}
			b.settle(host, h, probe, unknown)
			return nil, ctx.Err()
		}
	}
	return func(v verdict) {
		<-b.slots
		<-h.slots
		b.settle(host, h, probe, v)
	}, nil
}

// ask tells whether a host may be asked, and whether the fetch is the probe.
func (b *breakers) ask(host string) (h *breaker, probe bool, err error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	h = b.hosts[host]
	if h == nil {
		b.forgetOld()
		h = &breaker{slots: make(chan struct{}, fetchesOfHost)}
		b.hosts[host] = h
	}
	if h.failures >= failuresToRest {
		now := b.clock.now()
		if left := h.until.Sub(now); left > 0 {
			return nil, false, &Resting{left}
		}
		if h.probing {
			return nil, false, &Resting{time.Second}
		}
		h.probing, probe = true, true
	}
	h.users++
	return h, probe, nil
}

// settle takes the verdict of a fetch that has ended.
func (b *breakers) settle(host string, h *breaker, probe bool, v verdict) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	h.users--
	if probe {
		h.probing = false
	}
	switch v {
	case well:
		h.failures, h.rest = 0, 0
	case failing:
		h.failures++
		// Those that had begun before the rest say nothing of what comes after it.
		if h.failures == failuresToRest || probe {
			h.rest = min(max(firstRest, 2*h.rest), longestRest)
			h.until = b.clock.now().Add(h.rest)
		}
	}
	if h.users == 0 && h.failures == 0 && b.hosts[host] == h {
		delete(b.hosts, host)
	}
}

// forgetOld makes room where failures of too many hosts are remembered. The mutex is held.
func (b *breakers) forgetOld() {
	if len(b.hosts) < mostHosts {
		return
	}
	now := b.clock.now()
	for name, h := range b.hosts {
		if h.users == 0 && now.After(h.until) {
			delete(b.hosts, name)
		}
	}
}

// resting is how many hosts are left alone now.
func (b *breakers) resting() (n int) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	now := b.clock.now()
	for _, h := range b.hosts {
		if h.failures >= failuresToRest && now.Before(h.until) {
			n++
		}
	}
	return n
}
