package token

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"time"
)

// ErrAttempts is wrapped by every *Exceeded.
var ErrAttempts = errors.New("too many wrong tokens")

// Exceeded tells a client that has sent too many wrong tokens when it may try again.
type Exceeded struct{ Retry time.Duration }

func (e *Exceeded) Error() string {
	return fmt.Sprintf("%v: the next may come in %.0f seconds", ErrAttempts, math.Ceil(e.Retry.Seconds()))
}

func (e *Exceeded) Unwrap() error { return ErrAttempts }

// maxClients bounds the memory of Attempts. Who comes from more addresses than that is not stopped by counting.
const maxClients = 10_000

// Attempts count the wrong tokens of each client. All methods may be called concurrently.
type Attempts struct {
	most   int
	window time.Duration

	mutex sync.Mutex
	began time.Time // the running window, the same for all
	wrong map[string]int
	total uint64
}

// NewAttempts allows a client so many wrong tokens in a window.
func NewAttempts(most int, window time.Duration) *Attempts {
	return &Attempts{most: most, window: window, wrong: map[string]int{}}
}

// Allow returns an *Exceeded if a client has to wait before its next token is looked at, be it right or wrong. A client "",
// which stands for many, is always allowed.
func (a *Attempts) Allow(client string) error {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	left := a.turn()
	if a.wrong[client] < a.most {
		return nil
	}
	return &Exceeded{Retry: left}
}

// Count remembers that a client has sent a wrong token.
func (a *Attempts) Count(client string) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.turn()
	a.total++
	if client == "" {
		return
	}
	if len(a.wrong) >= maxClients {
		clear(a.wrong)
	}
	a.wrong[client]++
}

// Total returns how many wrong tokens were counted in all.
func (a *Attempts) Total() uint64 {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return a.total
}

// turn begins a new window if the running one is over, and returns how much of it is left. a.mutex is held.
func (a *Attempts) turn() (left time.Duration) {
	now := time.Now()
	age := now.Sub(a.began)
	if age >= a.window {
		a.began, age = now, 0
		clear(a.wrong)
	}
	return a.window - age
}
