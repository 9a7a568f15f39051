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

// A Quota bounds the different prints of a tenant. A nil *Quota allows everything.
type Quota struct {
	book                   *Book
	tenant                 string
	perOriginal, perClient int // 0 or less: nothing is counted
}

// A Book counts different prints for all quotas that are kept in it. Time goes in halves of the window, the same for all, and what was counted in the running
// half and in the one before it counts. So at most the limit is made in any half of a window, and in the long run in a
// window; a print is remembered for half a window at least and for a whole one at most.
//
// Originals, clients and prints are known by hashes of 64 bits, salted in each process: that two are taken for one is less
// likely than one in a million at the most entries that are kept. Memory is bounded by maxEntries. All methods may be called
// concurrently.
type Book struct {
	window, half time.Duration
	seed         maphash.Seed
	most         int // maxEntries, but in tests

	mutex     sync.Mutex
	began     time.Time // the running half
	originals ledger
	clients   ledger
	refused   uint64
}

// NewBook returns a book for quotas within a window.
func NewBook(window time.Duration) *Book {
	return &Book{
		window: window, half: max(window/2, 1), seed: maphash.MakeSeed(), most: maxEntries,
		originals: newLedger("this original"), clients: newLedger("this client"),
	}
}

// Quota returns a quota of so many different prints of an original and for a client of a tenant in the window of the book. A limit of 0 or
// less is none. It returns nil, which allows everything, if there is no limit or the window is not above 0. What was counted for the tenant
// before counts on, whatever the limits were then.
func (b *Book) Quota(tenant string, perOriginal, perClient int) *Quota {
	if perOriginal <= 0 && perClient <= 0 || b.window <= 0 {
		return nil
	}
	return &Quota{book: b, tenant: tenant, perOriginal: perOriginal, perClient: perClient}
}

// New returns a quota in a book of its own.
func New(perOriginal, perClient int, window time.Duration) *Quota {
	return NewBook(window).Quota("", perOriginal, perClient)
}

// A claim is one print in one ledger.
type claim struct {
	*ledger
	limit      int
	key, print uint64
}

// Take counts a print for its original and for the client who asks for it, and returns an *Exceeded if either has had its
// limit. The print need only be different from others of the same original. One that is remembered costs nothing and is
// allowed beyond the limit too; one that is refused counts for neither. A client "" is not counted.
func (q *Quota) Take(original, client, print string) error {
	if q == nil {
		return nil
	}
	b := q.book
	var both [2]claim
	claims := both[:0]
	source := maphash.Comparable(b.seed, [2]string{q.tenant, original})
	made := b.pair(source, maphash.String(b.seed, print))
	if q.perOriginal > 0 {
		claims = append(claims, claim{&b.originals, q.perOriginal, source, made})
	}
	if q.perClient > 0 && client != "" {
		asker := maphash.Comparable(b.seed, [2]string{q.tenant, client})
		claims = append(claims, claim{&b.clients, q.perClient, asker, b.pair(asker, made)})
	}

	b.mutex.Lock()
	defer b.mutex.Unlock()
	left := b.turn()
	var refusal *Exceeded
	for _, c := range claims {
		retry, allowed := c.allows(c.key, c.print, c.limit, left, b.half)
		if !allowed && (refusal == nil || retry > refusal.Retry) {
			refusal = &Exceeded{What: c.what, Limit: c.limit, Window: b.window, Retry: min(retry, b.window)}
		}
	}
	if refusal != nil {
		b.refused++
		return refusal
	}
	for _, c := range claims {
		c.count(c.key, c.print)
	}
	return nil
}

func (b *Book) pair(x, y uint64) uint64 { return maphash.Comparable(b.seed, [2]uint64{x, y}) }

// turn forgets what is out of date, begins a new half if the running one is over, and returns how much of it is left. A half
// is also over when it has its share of entries: then the oldest are forgotten before their time. b.mutex is held.
func (b *Book) turn() (left time.Duration) {
	const added = 4 // entries that one print adds at most
	now := time.Now()
	age := now.Sub(b.began)
	switch {
	case age >= 2*b.half:
		b.originals.forget()
		b.clients.forget()
		b.began = now
	case age >= b.half:
		b.originals.shift()
		b.clients.shift()
		b.began = b.began.Add(b.half)
	case b.originals.running.entries()+b.clients.running.entries()+added > b.most/2:
		b.originals.shift()
		b.clients.shift()
		b.began = now
	}
	return b.half - now.Sub(b.began)
}

// Stats is what a book remembers, and what was refused by it since NewBook.
type Stats struct {
	Originals int    // counted now
	Clients   int    // counted now
	Entries   int    // keys and prints in memory, at most 2,000,000
	Refused   uint64 // calls of Take
}

// Stats returns a snapshot. It forgets what is out of date.
func (b *Book) Stats() Stats {
	if b == nil {
		return Stats{}
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.turn()
	return Stats{
		Originals: b.originals.keys(), Clients: b.clients.keys(),
		Entries: b.originals.entries() + b.clients.entries(), Refused: b.refused,
	}
}

// Stats are those of the book of a quota.
func (q *Quota) Stats() Stats {
	if q == nil {
		return Stats{}
	}
	return q.book.Stats()
}
