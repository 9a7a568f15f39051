package transform

import (
	"sync"
	"time"
)

// Numbers of the quarantine.
const (
	quarantineTime = 10 * time.Minute
	mostPoisoned   = 10_000 // entries of some 200 bytes
)

// A quarantine remembers for a while what a decoder did not survive, so that it costs one worker, and not one for each request.
// The zero value is empty.
type quarantine struct {
	mutex sync.Mutex
	known map[string]poison
}

type poison struct {
	err   error
	until time.Time
}

// check returns why one of the keys is refused; nil if none is.
func (q *quarantine) check(keys ...string) error {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	for _, key := range keys {
		p, found := q.known[key]
		if found && time.Now().Before(p.until) {
			return p.err
		}
		delete(q.known, key)
	}
	return nil
}

// add remembers why a key is to be refused. The key "" stands for nothing.
func (q *quarantine) add(key string, err error) {
	if key == "" {
		return
	}
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if q.known == nil {
		q.known = map[string]poison{}
	}
	now := time.Now()
	if len(q.known) >= mostPoisoned {
		q.shrink(now)
	}
	q.known[key] = poison{err, now.Add(quarantineTime)}
}

// shrink makes room: for all that is over, or else for any one. The mutex is held.
func (q *quarantine) shrink(now time.Time) {
	for key, p := range q.known {
		if now.After(p.until) {
			delete(q.known, key)
		}
	}
	for key := range q.known {
		if len(q.known) <= mostPoisoned*9/10 { // room for many, since this takes a while
			return
		}
		delete(q.known, key)
	}
}

// len returns how many entries there are, those that are over included.
func (q *quarantine) len() int {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	return len(q.known)
}
