package cache

import (
	"fmt"
	"hash/maphash"
	"sync"
	"sync/atomic"

	"github.com/dgraph-io/ristretto/v2"
)

// overhead is about what an entry occupies beside its key and value: the entry and its slots in ristretto's two maps.
const overhead = 256

// A table is a bounded map: ristretto, with the whole key beside each value, for ristretto compares only hashes.
type table[V any] struct {
	seed    maphash.Seed // differs in every table, so that nobody outside can make keys collide
	largest int64        // cost of one entry
	kept    *ristretto.Cache[uint64, *entry[V]]

	// open is read-locked while ristretto is used and write-locked while it is closed: its Close must not run
	// beside its other methods.
	open sync.RWMutex

	bytes, entries atomic.Int64 // what ristretto holds, its queue included
}

type entry[V any] struct {
	key   string
	value V
	cost  int64
}

// newTable returns a table of at most maxBytes, in entries of at most largest bytes and about typical bytes.
func newTable[V any](maxBytes, largest, typical int64) (*table[V], error) {
	t := &table[V]{seed: maphash.MakeSeed(), largest: largest}
	var err error
	t.kept, err = ristretto.NewCache(&ristretto.Config[uint64, *entry[V]]{
		NumCounters:        max(1000, 10*(maxBytes/typical)), // ristretto advises ten for each entry
		MaxCost:            max(1, maxBytes),
		BufferItems:        64,
		IgnoreInternalCost: true, // it is part of overhead
		KeyToHash:          func(hash uint64) (uint64, uint64) { return hash, 0 },
		OnExit: func(e *entry[V]) {
			if e != nil { // nil when a missing key was deleted
				t.bytes.Add(-e.cost)
				t.entries.Add(-1)
			}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	return t, nil
}

func (t *table[V]) lookup(key []byte) (v V, ok bool) {
	e := t.get(maphash.Bytes(t.seed, key))
	if e == nil || e.key != string(key) {
		return v, false
	}
	return e.value, true
}

// find is lookup for a string, which becomes a []byte only by a copy.
func (t *table[V]) find(key string) (v V, ok bool) {
	e := t.get(maphash.String(t.seed, key))
	if e == nil || e.key != key {
		return v, false
	}
	return e.value, true
}

// get returns the entry under hash, perhaps of another key, or nil.
func (t *table[V]) get(hash uint64) *entry[V] {
	t.open.RLock()
	defer t.open.RUnlock()
	e, _ := t.kept.Get(hash)
	return e
}

// all gives every value to yield, until that has had enough.
func (t *table[V]) all(yield func(V) bool) {
	t.open.RLock()
	defer t.open.RUnlock()
	t.kept.IterValues(func(e *entry[V]) (stop bool) { return !yield(e.value) })
}

// cost is what a value of size bytes under key takes of the budget.
func cost(key string, size int64) int64 { return max(0, size) + int64(len(key)) + overhead }

// fits tells whether a value of size bytes may be kept under key.
func (t *table[V]) fits(key string, size int64) bool {
	return size <= t.largest && cost(key, size) <= t.largest
}

// set offers a value of size bytes to ristretto and reports whether it was queued; it may yet be refused. It never waits.
func (t *table[V]) set(key string, value V, size int64) bool {
	if !t.fits(key, size) {
		return false
	}
	cost := cost(key, size)
	t.open.RLock()
	defer t.open.RUnlock()
	// Counted first: ristretto may refuse the entry before Set returns.
	t.bytes.Add(cost)
	t.entries.Add(1)
	if !t.kept.Set(maphash.String(t.seed, key), &entry[V]{key, value, cost}, cost) {
		t.bytes.Add(-cost)
		t.entries.Add(-1)
		return false
	}
	return true
}

// remove returns once the entry is gone, also one that was still queued.
func (t *table[V]) remove(key string) {
	t.open.RLock()
	defer t.open.RUnlock()
	t.kept.Del(maphash.String(t.seed, key))
	t.kept.Wait()
}

// purge removes all entries that match tells, also those that were still queued when it was called, and returns their
// keys.
func (t *table[V]) purge(match func(key string, value V) bool) []string {
	t.open.RLock()
	defer t.open.RUnlock()
	t.kept.Wait() // a walk does not see what is queued
	var found []string
	t.kept.IterValues(func(e *entry[V]) (stop bool) {
		if e != nil && match(e.key, e.value) {
			found = append(found, e.key)
		}
		return false
	})
	for _, key := range found {
		t.kept.Del(maphash.String(t.seed, key))
	}
	if len(found) > 0 {
		t.kept.Wait()
	}
	return found
}

// wait returns once ristretto has taken in or refused everything offered before.
func (t *table[V]) wait() {
	t.open.RLock()
	defer t.open.RUnlock()
	t.kept.Wait()
}

func (t *table[V]) close() {
	t.open.Lock()
	defer t.open.Unlock()
	t.kept.Close()
}
