// Package quota bounds how many different prints are made of one original, and for one client, within a time: whoever asks
// for every size there is must not fill the machine. It knows no images and no HTTP.
package quota

import (
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"
)

// ErrExceeded is wrapped by every *Exceeded.
var ErrExceeded = errors.New("too many different prints")

// Exceeded tells which limit refused a print.
type Exceeded struct {
	What   string        // "this original" or "this client"
	Limit  int           // different prints within Window
	Window time.Duration // as given to New
	Retry  time.Duration // until a further print is allowed if none is taken meanwhile; above 0, at most Window
}

func (e *Exceeded) Error() string {
	return fmt.Sprintf("%v: %s has had %d within %v", ErrExceeded, e.What, e.Limit, e.Window)
}

func (e *Exceeded) Unwrap() error { return ErrExceeded }

// A Quota counts different prints. Time goes in halves of the window, the same for all, and what was counted in the running
// half and in the one before it counts. So at most the limit is made in any half of a window, and in the long run in a
// window; a print is remembered for half a window at least and for a whole one at most.
//
// Originals, clients and prints are known by hashes of 64 bits, salted in each process: that two are taken for one is less
// likely than one in a million at the most entries that are kept. Memory is bounded by maxEntries. All methods may be called
// concurrently, and a nil *Quota allows everything.
type Quota struct {
	window, half time.Duration
	seed         maphash.Seed
	most         int // maxEntries, but in tests

	mutex     sync.Mutex
	began     time.Time // the running half
	originals ledger
	clients   ledger
	refused   uint64
}

// New returns a quota of so many different prints of an original and for a client in a window. A limit of 0 or less is none.
// It returns nil, which allows everything, if there is no limit or window is not above 0.
func New(perOriginal, perClient int, window time.Duration) *Quota {
	if perOriginal <= 0 && perClient <= 0 || window <= 0 {
		return nil
	}
	return &Quota{
		window: window, half: max(window/2, 1), seed: maphash.MakeSeed(), most: maxEntries,
		originals: newLedger("this original", perOriginal), clients: newLedger("this client", perClient),
	}
}

// A claim is one print in one ledger.
type claim struct {
	*ledger
	key, print uint64
}

// Take counts a print for its original and for the client who asks for it, and returns an *Exceeded if either has had its
// limit. The print need only be different from others of the same original. One that is remembered costs nothing and is
// allowed beyond the limit too; one that is refused counts for neither. A client "" is not counted.
func (q *Quota) Take(original, client, print string) error {
	if q == nil {
		return nil
	}
	var both [2]claim
	claims := both[:0]
	source := maphash.String(q.seed, original)
	made := q.pair(source, maphash.String(q.seed, print))
	if q.originals.limit > 0 {
		claims = append(claims, claim{&q.originals, source, made})
	}
	if q.clients.limit > 0 && client != "" {
		asker := maphash.String(q.seed, client)
		claims = append(claims, claim{&q.clients, asker, q.pair(asker, made)})
	}

	q.mutex.Lock()
	defer q.mutex.Unlock()
	left := q.turn()
	var refusal *Exceeded
	for _, c := range claims {
		retry, allowed := c.allows(c.key, c.print, left, q.half)
		if !allowed && (refusal == nil || retry > refusal.Retry) {
			refusal = &Exceeded{What: c.what, Limit: c.limit, Window: q.window, Retry: min(retry, q.window)}
		}
	}
	if refusal != nil {
		q.refused++
		return refusal
	}
	for _, c := range claims {
		c.count(c.key, c.print)
	}
	return nil
}

func (q *Quota) pair(a, b uint64) uint64 { return maphash.Comparable(q.seed, [2]uint64{a, b}) }

// turn forgets what is out of date, begins a new half if the running one is over, and returns how much of it is left. A half
// is also over when it has its share of entries: then the oldest are forgotten before their time. q.mutex is held.
func (q *Quota) turn() (left time.Duration) {
	const added = 4 // entries that one print adds at most
	now := time.Now()
	age := now.Sub(q.began)
	switch {
	case age >= 2*q.half:
		q.originals.forget()
		q.clients.forget()
		q.began = now
	case age >= q.half:
		q.originals.shift()
		q.clients.shift()
		q.began = q.began.Add(q.half)
	case q.originals.running.entries()+q.clients.running.entries()+added > q.most/2:
		q.originals.shift()
		q.clients.shift()
		q.began = now
	}
	return q.half - now.Sub(q.began)
}

// Stats is what a quota remembers, and what it has refused since New.
type Stats struct {
	Originals int    // counted now
	Clients   int    // counted now
	Entries   int    // keys and prints in memory, at most 2,000,000
	Refused   uint64 // calls of Take
}

// Stats returns a snapshot. It forgets what is out of date.
func (q *Quota) Stats() Stats {
	if q == nil {
		return Stats{}
	}
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.turn()
	return Stats{
		Originals: q.originals.keys(), Clients: q.clients.keys(),
		Entries: q.originals.entries() + q.clients.entries(), Refused: q.refused,
	}
}
