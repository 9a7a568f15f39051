// Package cache keeps results in memory within a byte budget, and makes a missing one once for all who wait for it.
package cache

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
)

// ErrClosed is returned by Load once the cache is closed.
var ErrClosed = errors.New("cache: closed")

// The average sizes that the frequency counters are dimensioned for. They bound nothing.
const (
	typicalValue = 8 << 10
	typicalAlias = 512
)

// aliasShare is the fraction of the budget, 1/aliasShare, that aliases may fill.
const aliasShare = 32

// A Cache keeps values under keys that describe them completely: nothing expires. Values are shared and must not be
// changed. Which values stay is ristretto's choice (TinyLFU admission, sampled LFU eviction): any value may be gone,
// or never kept at all. All methods may be called concurrently.
type Cache[V any] struct {
	size    func(V) int64
	values  *table[V]
	aliases *table[string] // the key that an alias stands for, so that an evicted value is freed whatever its aliases

	ctx   context.Context // of every load
	close context.CancelFunc

	mu      sync.Mutex
	closed  bool
	flights map[string]*flight[V] // loads under way, and finished ones that ristretto has not taken in yet
	running sync.WaitGroup        // the goroutines of all flights, also of those no longer in the map

	hits, misses, joined atomic.Uint64
}

// New returns a cache of at most maxBytes bytes, aliases included. An entry costs size of its value (counted as 0 if
// negative), its key and a fixed overhead; one that costs more than 1/16 of the budget is handed out but not kept.
// With maxBytes 0 nothing is kept and loads are still shared. size must be quick and always the same for a value.
func New[V any](maxBytes int64, size func(V) int64) (*Cache[V], error) {
	if maxBytes < 0 {
		return nil, fmt.Errorf("cache: budget of %d bytes is negative", maxBytes)
	}
	forAliases := maxBytes / aliasShare
	values, err := newTable[V](maxBytes-forAliases, maxBytes/16, typicalValue)
	if err != nil {
		return nil, err
	}
	aliases, err := newTable[string](forAliases, forAliases/16, typicalAlias)
	if err != nil {
		values.close()
		return nil, err
	}
	c := &Cache[V]{size: size, values: values, aliases: aliases, flights: map[string]*flight[V]{}}
	c.ctx, c.close = context.WithCancel(context.Background())
	return c, nil
}

// Lookup returns the value under key, or under the key that key is an alias of, if it is in memory. It does not
// allocate and neither keeps nor changes key. A value just loaded may take a moment to be seen here; Load sees it
// at once. A miss is not counted in Stats: the Load that follows it is.
func (c *Cache[V]) Lookup(key []byte) (V, bool) {
	var v V
	// Aliases first: the frequency counters of values then see only true keys.
	original, ok := c.aliases.lookup(key)
	if ok {
		v, ok = c.values.find(original)
	} else {
		v, ok = c.values.lookup(key)
	}
	if ok {
		c.hits.Add(1)
	}
	return v, ok
}

// Fits tells whether a value is small enough to be kept under key. Whether it is kept is ristretto's choice.
func (c *Cache[V]) Fits(key string, v V) bool { return c.values.fits(key, c.size(v)) }

// Alias makes a further spelling of key known: Lookup(alias) then answers like Lookup(key). The spelling must mean the
// key for ever and for everyone: one whose answer depends on the time or on the asker is no alias. Aliases have a small
// budget of their own and may be forgotten. It does not keep the slice alias.
func (c *Cache[V]) Alias(alias []byte, key string) {
	if string(alias) == key {
		return
	}
	if known, ok := c.aliases.lookup(alias); ok && known == key {
		return
	}
	c.aliases.set(string(alias), key, int64(len(key)))
}

// Remove forgets the value under key. Once it returns, Lookup and Load no longer see the value, and a load that was
// under way does not bring it back: it still answers those who were waiting for it, and nobody else.
func (c *Cache[V]) Remove(key string) {
	c.mu.Lock()
	delete(c.flights, key)
	c.mu.Unlock()
	c.values.remove(key)
}

// Purge forgets every value under a key that match tells, and the aliases of these keys, and returns how many values it
// found. It holds for all loads that began before it: once it returns, none of their values is seen by a later Lookup or
// Load, whether it was kept, finished and about to be, or still under way. A load under way still answers those who were
// waiting for it, and nobody else. What a load that begins during Purge brings may be forgotten or kept.
//
// It walks over all that is kept, and readers go on meanwhile. match is called with locks held: it must be quick and
// not use the cache.
func (c *Cache[V]) Purge(match func(key string) bool) int {
	c.mu.Lock()
	found := map[string]bool{}
	for key, f := range c.flights {
		if match(key) {
			if f.finished() { // and is on its way into memory, or there
				found[key] = true
			}
			delete(c.flights, key)
		}
	}
	c.mu.Unlock()
	// What landed before is at least queued by now, and what lands from now on has lost its flight.
	kept := c.values.purge(func(key string, _ V) bool { return match(key) })
	for _, key := range kept {
		found[key] = true
	}
	c.aliases.purge(func(_, key string) bool { return match(key) })
	return len(found)
}

// All returns the values that are in memory, in no order. It may be called while values come and go; to ask it counts as no use.
func (c *Cache[V]) All() iter.Seq[V] { return c.values.all }

// Stats is a snapshot; its numbers may be a few operations apart.
type Stats struct {
	Hits    uint64 // values answered from memory, by Lookup or Load
	Misses  uint64 // loads started
	Joined  uint64 // calls of Load that waited for a load started by another
	Bytes   int64  // cost of what is kept, aliases included, and of what waits to be
	Entries int64  // values kept or waiting to be
}

// Stats returns what has happened since New and what is kept now.
func (c *Cache[V]) Stats() Stats {
	return Stats{
		Hits:    c.hits.Load(),
		Misses:  c.misses.Load(),
		Joined:  c.joined.Load(),
		Bytes:   c.values.bytes.Load() + c.aliases.bytes.Load(),
		Entries: c.values.entries.Load(),
	}
}

// Close cancels the loads under way, waits until they have returned and frees everything. After it Lookup finds
// nothing and Load returns ErrClosed. Further calls do nothing.
func (c *Cache[V]) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.close()
	c.running.Wait()
	c.values.close()
	c.aliases.close()
}
