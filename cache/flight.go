package cache

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
)

// An Outcome says how Load came by its answer.
type Outcome uint8

const (
	Hit    Outcome = iota // the value was in memory
	Miss                  // this call started the load
	Joined                // this call waited for a load that another had started
)

// String returns "hit", "miss" or "joined".
func (o Outcome) String() string {
	return [...]string{"hit", "miss", "joined"}[o]
}

// A PanicError is the error of a load that panicked. If the panic's value is an error, it is wrapped.
type PanicError struct {
	Value any    // what the load panicked with
	Stack []byte // of the load's goroutine, for a log
}

func (e *PanicError) Error() string { return fmt.Sprintf("cache: load panicked: %v", e.Value) }

func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

var errNoReturn = errors.New("cache: load ended its goroutine without returning")

// A flight is one load and those who wait for it.
type flight[V any] struct {
	cancel  context.CancelFunc
	waiting int           // callers of Load that have not left; guarded by Cache.mu
	done    chan struct{} // closed, with Cache.mu held, once the fields below are final
	value   V
	size    int64
	err     error
}

func (f *flight[V]) finished() bool {
	select {
	case <-f.done:
		return true
	default:
		return false
	}
}

// Load returns the value under key, which cannot be an alias. If the value is missing, load runs once for all
// concurrent callers, in a goroutine of its own and under a context that belongs to the cache; that context is
// cancelled when every caller has left, because its ctx was done, or when the cache is closed, and load must then
// return soon. All who waited get what load returned, whether or not it is kept.
//
// An error is handed to all who waited and is not kept: the next call tries again. A load that panics returns a
// *PanicError. A caller that leaves gets the error of its ctx. Unless the value was in memory, the outcome is Miss or
// Joined also beside an error. load must not call Load with its own key.
func (c *Cache[V]) Load(ctx context.Context, key string, load func(context.Context) (V, error)) (v V, outcome Outcome, err error) {
	c.mu.Lock()
	f := c.flights[key]
	if f == nil {
		// Only with the lock held is a missing flight proof that a value just loaded is visible here.
		v, ok := c.values.find(key)
		if ok {
			c.mu.Unlock()
			c.hits.Add(1)
			return v, Hit, nil
		}
		if err := c.refusal(ctx); err != nil {
			c.mu.Unlock()
			return v, Miss, err
		}
		f, outcome = c.start(key, load), Miss
		c.misses.Add(1)
	} else if f.finished() {
		c.mu.Unlock()
		c.hits.Add(1)
		return f.value, Hit, nil
	} else {
		outcome = Joined
		c.joined.Add(1)
	}
	f.waiting++
	c.mu.Unlock()

	select {
	case <-f.done:
		return f.value, outcome, f.err
	case <-ctx.Done():
		c.leave(key, f)
		return v, outcome, ctx.Err()
	}
}

// Loading tells whether a load of key is under way, which a call of Load would join.
func (c *Cache[V]) Loading(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.flights[key] != nil
}

// refusal returns why no load may start for a caller with ctx. c.mu is held.
func (c *Cache[V]) refusal(ctx context.Context) error {
	if c.closed {
		return ErrClosed
	}
	return ctx.Err()
}

// start begins a flight. c.mu is held.
func (c *Cache[V]) start(key string, load func(context.Context) (V, error)) *flight[V] {
	ctx, cancel := context.WithCancel(c.ctx)
	f := &flight[V]{cancel: cancel, done: make(chan struct{}), err: errNoReturn}
	c.flights[key] = f
	c.running.Add(1)
	go func() {
		// Deferred, for a load may end in a panic or in runtime.Goexit.
		defer c.running.Done()
		defer cancel()
		defer c.land(key, f)
		defer func() {
			if p := recover(); p != nil {
				f.err = &PanicError{Value: p, Stack: debug.Stack()}
			}
		}()
		if f.value, f.err = load(ctx); f.err == nil {
			f.size = c.size(f.value)
		}
	}()
	return f
}

// land hands the result of f to those who wait, and to memory if f is still the flight of its key: one that Remove
// or its last caller has taken from the map is not kept.
func (c *Cache[V]) land(key string, f *flight[V]) {
	if f.err != nil && c.ctx.Err() != nil {
		f.err = fmt.Errorf("%w: %w", ErrClosed, f.err)
	}
	c.mu.Lock()
	current := c.flights[key] == f
	kept := current && f.err == nil && c.values.set(key, f.value, f.size)
	if current && !kept {
		delete(c.flights, key)
	}
	close(f.done)
	c.mu.Unlock()
	if !kept {
		return
	}
	// Until ristretto has taken the value in, or refused it, the flight is the only place to find it.
	c.values.wait()
	c.mu.Lock()
	if c.flights[key] == f {
		delete(c.flights, key)
	}
	c.mu.Unlock()
}

// leave takes one caller off f; the last one cancels it, and later callers start anew.
func (c *Cache[V]) leave(key string, f *flight[V]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.waiting--
	if f.waiting > 0 || f.finished() {
		return
	}
	f.cancel()
	if c.flights[key] == f {
		delete(c.flights, key)
	}
}
