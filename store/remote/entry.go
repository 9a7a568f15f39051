package remote

import (
	"container/list"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"calotype/store"
)

// Wanted is what somebody wants.
type Wanted struct {
	Source  Source
	Allowed *Allowed          // what he may have; a redirect must be on it, too
	Headers map[string]string // of the client, names in any case; those among Options.Headers are passed on, and belong to the key
}

// passedOn returns the headers that are passed on, with names in canonical form; nil for none.
func (k *Keeper) passedOn(headers map[string]string) (list map[string]string) {
	for name, value := range headers {
		name = http.CanonicalHeaderKey(name)
		if value != "" && slices.ContainsFunc(k.options.Headers, func(known string) bool { return strings.EqualFold(known, name) }) {
			if list == nil {
				list = map[string]string{}
			}
			list[name] = value
		}
	}
	return list
}

// key tells what is wanted from all else.
func (w Wanted) key() string {
	if len(w.Headers) == 0 {
		return w.Source.String()
	}
	var b strings.Builder
	b.WriteString(w.Source.String())
	names := make([]string, 0, len(w.Headers))
	for name := range w.Headers {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		b.WriteString("\n" + name + ": " + w.Headers[name]) // neither has a line break
	}
	return b.String()
}

// hasCredentials tells whether the answer may be for this client alone (RFC 9111, 3.5).
func (w Wanted) hasCredentials() bool {
	return w.Headers["Authorization"] != "" || w.Headers["Cookie"] != ""
}

// nameOf is what the records of a source begin with on the shelf, and the whole name of that without headers.
func nameOf(id store.ID) string { return hex.EncodeToString(id[:]) }

// An entry is what is known of a source.
type entry struct {
	id    store.ID
	key   string
	name  string // of its record
	place *list.Element

	load sync.Once // reads the record

	// What follows is guarded by Keeper.mutex.
	copy    *Copy    // what is kept, fresh or stale
	refusal *refusal // what became of the last fetch, if that was an error
	flight  *flight  // that is under way
}

// A refusal is an error that is believed for a while.
type refusal struct {
	err     error
	until   time.Time
	allowed *Allowed // to whom it applies, if it is an ErrNotAllowed
}

// beliefs are how long errors are believed. Others are not: they say nothing of the source.
var beliefs = []struct {
	err  error
	time time.Duration
}{
	{ErrMissing, 30 * time.Second},
	{ErrUnusable, time.Minute},
	{ErrTooLarge, time.Minute},
	{ErrLoop, 30 * time.Second},
	{ErrNotAllowed, 10 * time.Second},
	{ErrTimeout, 10 * time.Second},
	{ErrOrigin, 10 * time.Second},
	{store.ErrFull, 5 * time.Second}, // so that no origin sends in vain what cannot be kept
}

// believed is how long an error is believed.
func believed(err error) time.Duration {
	for _, b := range beliefs {
		if errors.Is(err, b.err) {
			return b.time
		}
	}
	return 0
}

// maySubstitute tells whether an error is one for which a stale copy may stand in: its origin is not well, or has an error page where the picture
// was, or this machine cannot take more.
func maySubstitute(err error) bool {
	for _, kind := range []error{ErrOrigin, ErrTimeout, ErrResting, ErrBusy, ErrUnusable, ErrTooLarge, store.ErrFull} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// refused returns the error that is still believed, or nil. Keeper.mutex is held.
func (e *entry) refused(now time.Time, allowed *Allowed) error {
	r := e.refusal
	if r == nil || !now.Before(r.until) || r.until.Sub(now) > time.Minute || errors.Is(r.err, ErrNotAllowed) && r.allowed != allowed {
		return nil
	}
	return r.err
}

// enter returns the entry of what is wanted, with what is known from disk.
func (k *Keeper) enter(w Wanted) *entry {
	key := w.key()
	k.mutex.Lock()
	e := k.entries[key]
	if e == nil {
		e = &entry{id: w.Source.ID(), key: key}
		e.name = nameOf(e.id)
		if len(w.Headers) > 0 {
			sum := sha256.Sum256([]byte(key))
			e.name += "-" + hex.EncodeToString(sum[:16])
		}
		e.place = k.recency.PushFront(e)
		k.entries[key] = e
		k.forgetOld()
	} else if e.place != nil {
		k.recency.MoveToFront(e.place)
	}
	k.mutex.Unlock()
	e.load.Do(func() {
		c := k.read(e.name, w)
		k.mutex.Lock()
		defer k.mutex.Unlock()
		if k.entries[key] == e {
			e.copy = c
		}
	})
	return e
}

// forgetOld lets go of entries that were not used for long, which are found on disk again. The mutex is held.
func (k *Keeper) forgetOld() {
	for place := k.recency.Back(); place != nil && len(k.entries) > mostEntries; {
		e := place.Value.(*entry)
		place = place.Prev()
		if e.flight == nil {
			k.forgetEntry(e)
		}
	}
}

// forgetEntry takes an entry out of memory. A fetch for it goes on, for those who wait. The mutex is held.
func (k *Keeper) forgetEntry(e *entry) {
	if k.entries[e.key] == e {
		delete(k.entries, e.key)
		k.recency.Remove(e.place)
	}
}

// Current returns the copy that is kept now of what c is a copy of, if it may be given without asking its origin and has the same bytes.
func (k *Keeper) Current(c *Copy) (*Copy, bool) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	e := k.entries[c.wanted.key()]
	if e == nil || e.copy == nil || e.copy.Digest != c.Digest {
		return nil, false
	}
	if _, fresh := e.copy.Fresh(k.clock.now()); !fresh {
		return nil, false
	}
	k.recency.MoveToFront(e.place)
	k.hits.Add(1)
	return e.copy, true
}

// dropCopy forgets a copy whose bytes are gone.
func (k *Keeper) dropCopy(c *Copy) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if e := k.entries[c.wanted.key()]; e != nil && e.copy != nil && e.copy.item == c.item {
		e.copy = nil
	}
}
