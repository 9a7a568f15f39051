package remote

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"time"

	"calotype/store"
)

const (
	mostTries  = 2 // of one fetch
	firstPause = 50 * time.Millisecond
)

// A flight is one fetch and those who wait for it.
type flight struct {
	wanted  Wanted
	waiting int           // guarded by Keeper.mutex
	done    chan struct{} // closed once the fields below are final
	copy    *Copy
	err     error
}

var errNoReturn = errors.New("a fetch ended its goroutine without returning")

// join returns the fetch of an entry, which it begins if there is none. The caller leaves it. The mutex is held.
func (k *Keeper) join(e *entry, w Wanted) (*flight, error) {
	if k.closed {
		return nil, ErrClosed
	}
	if e.flight == nil {
		k.begin(e, w)
	} else if e.flight.waiting >= mostWaiting {
		return nil, fmt.Errorf("%w: %d wait for this one", ErrBusy, e.flight.waiting)
	} else {
		k.joined.Add(1)
	}
	e.flight.waiting++
	return e.flight, nil
}

// begin begins the fetch of an entry, unless one runs or the keeper is closed. The mutex is held.
func (k *Keeper) begin(e *entry, w Wanted) {
	if e.flight != nil || k.closed {
		return
	}
	f := &flight{wanted: w, done: make(chan struct{}), err: errNoReturn}
	e.flight = f
	have := e.copy
	k.running.Go(func() { k.fly(e, f, have) })
}

func (f *flight) leave(k *Keeper) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	f.waiting--
}

// fly is the goroutine of a fetch. What is kept of the source is asked about, if there is something.
func (k *Keeper) fly(e *entry, f *flight, have *Copy) {
	k.fetching.Add(1)
	defer k.fetching.Add(-1)
	seen := Observation{Source: f.wanted.Source}
	began := time.Now()
	// Deferred, for what reads hostile bytes may panic.
	defer func() {
		if cause := recover(); cause != nil {
			f.err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
		k.land(e, f)
		seen.Outcome, seen.Err, seen.Took = outcomeOf(f, have), f.err, time.Since(began)
		k.options.Observe(seen)
	}()
	f.copy, f.err = k.fetch(e, f.wanted, have, &seen)
}

// land hands what a fetch has come to to those who wait, and to memory, unless the source was forgotten meanwhile.
func (k *Keeper) land(e *entry, f *flight) {
	if f.err != nil && k.work.Err() != nil {
		f.err = fmt.Errorf("%w: %w", ErrClosed, f.err)
	}
	missing := errors.Is(f.err, ErrMissing)
	if missing {
		k.change.Lock()
		defer k.change.Unlock()
		if k.isCurrent(e) {
			k.shelf.forget(e.name)
		}
	}
	k.mutex.Lock()
	defer k.mutex.Unlock()
	e.flight = nil
	switch {
	case f.err == nil:
		e.refusal, e.copy = nil, f.copy
		if f.copy.Private || f.copy.passing {
			e.copy = nil
		}
	case believed(f.err) > 0:
		e.refusal = &refusal{f.err, k.clock.now().Add(believed(f.err)), f.wanted.Allowed}
	}
	if missing {
		e.copy = nil
	}
	close(f.done)
}

// isCurrent tells whether an entry was not forgotten.
func (k *Keeper) isCurrent(e *entry) bool {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	return k.entries[e.key] == e
}

// fetch gets a source, or finds that what is kept is still the same.
func (k *Keeper) fetch(e *entry, w Wanted, have *Copy, seen *Observation) (*Copy, error) {
	sp, err := k.shelf.newSpool()
	if err != nil {
		return nil, err
	}
	defer sp.discard()
	if have != nil && !k.shelf.has(have.item) {
		have = nil
	}
	r, err := k.ask(w, have, sp)
	seen.Bytes = sp.taken
	if err != nil {
		return nil, err
	}
	c := &Copy{wanted: w, from: r.Final, steps: stepsOf(r, have)}
	c.freshness = freshnessOf(c.steps, w.hasCredentials(), k.bounds)
	c.Private = c.freshness.forbidden
	if r.Status == http.StatusNotModified {
		c.Original = have.Original
		return c, k.renew(e, have, c)
	}
	if c.Original, err = k.inspect(sp); err != nil {
		return nil, err
	}
	c.ID, c.Digest, c.Bytes, c.Name = e.id, sp.digest(), sp.length, w.Source.Name()
	c.Created = created(r.Header, r.At)
	if have != nil && have.Digest == c.Digest {
		c.Created = have.Created // it has only been sent once more
	}
	return c, k.keep(e, sp, c)
}

// ask sends a fetch to its host, when that may be asked, and once more if that may help.
func (k *Keeper) ask(w Wanted, have *Copy, sp *spool) (r Response, err error) {
	ctx, cancel := context.WithTimeoutCause(k.work, k.options.Timeout, &failure{kind: ErrTimeout})
	defer cancel()
	leave, err := k.breakers.enter(ctx, w.Source.Scheme()+"://"+w.Source.Host())
	if err != nil {
		return r, ended(ctx, err)
	}
	health := unknown
	defer func() { leave(health) }()
	for try := 1; ; try++ {
		r, err = k.try(ctx, w, have, sp)
		if sp.err != nil {
			return r, sp.err
		}
		if err == nil && r.Status == http.StatusNotModified && have.isAnother(r.Header) {
			have, err = nil, &failure{kind: ErrOrigin, what: "it says that another file has not changed", passing: true}
		}
		err = ended(ctx, err)
		health = verdictOf(r, err)
		// Redirects are requests, too.
		if err == nil || try == mostTries || !passes(err) || len(r.Redirects) > 0 || !pause(ctx) {
			return r, err
		}
		if err := sp.reset(); err != nil {
			return r, err
		}
	}
}

// pause lets some time pass before a fetch is tried again, for each another. It tells whether there is time for that.
func pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(firstPause + rand.N(2*firstPause)):
		return true
	}
}

// ended makes the end of a context the error that it has for its cause.
func ended(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		if cause, ok := errors.AsType[*failure](context.Cause(ctx)); ok {
			return cause
		}
	}
	return err
}

// verdictOf is what a try tells of the health of its host. A single file that cannot be had says little.
func verdictOf(r Response, err error) verdict {
	switch {
	case err == nil, errors.Is(err, ErrMissing), errors.Is(err, ErrTooLarge):
		return well
	case errors.Is(err, ErrTimeout):
		return failing
	case !errors.Is(err, ErrOrigin):
		return unknown
	case r.Status == 0 || r.Status >= http.StatusBadGateway && r.Status <= http.StatusGatewayTimeout || r.Status == http.StatusTooManyRequests:
		return failing
	}
	return unknown
}

// try makes one try of a fetch. If have is not nil the answer may be 304.
func (k *Keeper) try(ctx context.Context, w Wanted, have *Copy, sp *spool) (r Response, err error) {
	request := Request{Source: w.Source, Allowed: w.Allowed, Headers: w.Headers}
	if have != nil {
		request.From = have.from
		request.ETag, request.LastModified = have.validators()
	}
	switch w.Source.Kind() {
	case KindBucket:
		r, err = k.fetchObject(ctx, request, sp)
	case KindLocal:
		r, err = k.fetchFile(ctx, request, sp)
	default:
		r, err = k.fetcher.Fetch(ctx, request, sp)
	}
	ahead := k.clock.ahead()
	r.Asked, r.At = r.Asked.Add(ahead), r.At.Add(ahead)
	for i := range r.Redirects {
		r.Redirects[i].Asked, r.Redirects[i].At = r.Redirects[i].Asked.Add(ahead), r.Redirects[i].At.Add(ahead)
	}
	return r, err
}

// inspect finds out what a spool is.
func (k *Keeper) inspect(sp *spool) (store.Original, error) {
	file, err := sp.reader()
	if err != nil {
		return store.Original{}, err
	}
	defer file.Close()
	return k.options.Inspect(k.work, file)
}

// keep puts what was fetched where it is found, or where only those find it who have the copy.
func (k *Keeper) keep(e *entry, sp *spool, c *Copy) (err error) {
	k.change.Lock()
	defer k.change.Unlock()
	switch {
	case !k.isCurrent(e):
		c.passing = true
	case c.Private:
		k.shelf.forget(e.name)
	default:
		c.item, err = k.shelf.keep(sp, e.name, c.record())
		if c.item != nil && err != nil {
			c.passing, err = true, nil // there is a use for it at least
		}
		return err
	}
	c.item, err = k.shelf.keepLoose(sp, e.name)
	return err
}

// renew makes c the copy that is kept instead of another with the same bytes.
func (k *Keeper) renew(e *entry, have, c *Copy) error {
	k.change.Lock()
	defer k.change.Unlock()
	c.item = have.item
	switch {
	case !k.isCurrent(e):
		c.passing = true
	case c.Private:
		k.shelf.forget(e.name)
	default:
		// Without its record the next start has an older one, which is asked about again.
		_ = k.shelf.rewrite(c.item, c.record())
	}
	return nil
}

// A clock tells the time.
type clock struct{ skew func() time.Duration }

func (c clock) ahead() time.Duration {
	if c.skew == nil {
		return 0
	}
	return c.skew()
}

func (c clock) now() time.Time { return time.Now().Add(c.ahead()) }
