// Package disk keeps entries in a folder, within a budget of bytes, so that what was made once outlives the process. It is a second
// tier: slower than memory, and like memory it may have lost any entry. What it returns is what was put, or nothing.
package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// ErrInUse is returned by Open for a folder that another process has open.
var ErrInUse = errors.New("in use by another process")

// Options configure a Cache.
type Options struct {
	// Bytes bounds what the folder takes of the disk, LeastBytes at least. A file counts in whole blocks of 4 KiB, and a part is set
	// aside for the folders in it.
	Bytes int64
	// Held names what is in memory: nobody asks the disk for that, and it is to stay there all the same, for the next start.
	// It is called from time to time; nil names nothing.
	Held iter.Seq[Name]
	// Log takes what an operator should hear of; nil means that nobody does.
	Log func(message string, err error)
}

// LeastBytes is the smallest budget.
const LeastBytes = 16 << 20

const (
	blockBytes     = 4 << 10
	leastMean      = 16 << 10 // bytes: there is room for as many entries as have this mean size
	largestShare   = 16       // an entry has this part of the budget at most
	largestEntry   = 8 << 20  // bytes, since it is read as a whole, for anybody who asks
	foldersShare   = 64       // the part of the budget for folders
	readersAtOnce  = 32
	longestRead    = 2 * time.Second
	longestClosing = 5 * time.Second
)

// Memory returns what a cache of so many bytes on disk takes of the memory at most, in bytes, beside what Get returns.
func Memory(maxBytes int64) int64 { return mostEntries(maxBytes)*entryMemory + queueBytes }

func mostEntries(maxBytes int64) int64 { return maxBytes / leastMean }

// A Cache keeps entries in a folder. All methods may be called concurrently, and of a nil Cache too, which keeps nothing. None of
// them returns an error: a folder that fails is left alone for a while, and until then there is nothing in it.
type Cache struct {
	root    *os.Root
	lock    *os.File
	options Options

	blocks  int64 // the most blocks of all entries together
	entries int   // the most entries
	largest int64 // the most bytes of a file

	mutex   sync.Mutex // held for no system call
	index   index
	scanned bool                // the index knows all that is there
	removed map[uint64]struct{} // groups that were removed before it did
	waiting int64               // bytes in the queue
	closed  bool

	// change is held while files come and go, so that the index agrees with the folder when it is not.
	change  sync.Mutex
	sweep   int64 // blocks to be freed until Held is called again
	queue   chan job
	done    chan struct{} // closed when the writer has ended
	readers chan struct{} // one element for each reader

	reading, writing fuse

	hits, misses, written, dropped, damaged, evicted atomic.Uint64
}

// Open returns the cache in a folder, which it makes if it is missing. One process can have a folder open at a time; to
// another the error is ErrInUse. What is in it is found out in the background: until then entries are found, and none are written.
func Open(dir string, o Options) (*Cache, error) {
	c, err := newCache(dir, o)
	if err != nil {
		return nil, fmt.Errorf("cache in folder %s: %w", dir, err)
	}
	go c.run()
	return c, nil
}

// newCache is Open without the writer.
func newCache(dir string, o Options) (*Cache, error) {
	c := &Cache{
		options: o,
		blocks:  (o.Bytes-o.Bytes/foldersShare)/blockBytes - folders - 2,
		entries: int(mostEntries(o.Bytes)),
		largest: min(o.Bytes/largestShare, largestEntry),
		index:   newIndex(), removed: map[uint64]struct{}{},
		queue: make(chan job, queueLength), done: make(chan struct{}), readers: make(chan struct{}, readersAtOnce),
	}
	if c.options.Log == nil {
		c.options.Log = func(string, error) {}
	}
	c.reading.log, c.writing.log = c.options.Log, c.options.Log
	return c, c.openFolder(dir)
}

// Has tells whether Get may find an entry under key, without looking at the disk. A no is counted as a miss.
func (c *Cache) Has(key Key) bool {
	if c == nil {
		return false
	}
	has := c.has(key)
	if !has {
		c.misses.Add(1)
	}
	return has
}

func (c *Cache) has(key Key) bool {
	if !key.fits() || c.reading.blown() {
		return false
	}
	name := key.Name()
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.scanned {
		return c.index.has(name)
	}
	if len(c.removed) > 0 {
		for _, g := range key.Groups {
			if _, gone := c.removed[hashOf(g)]; gone {
				return false
			}
		}
	}
	return !c.closed
}

// Get returns the entry under key, if it is there and whole. It reads the disk, and waits for two seconds at most.
func (c *Cache) Get(ctx context.Context, key Key) (Entry, bool) {
	if c == nil || !c.Has(key) {
		return Entry{}, false
	}
	name, path := key.Name(), key.path()
	e, err := c.read(ctx, path, key.Text)
	switch {
	case err == nil:
		c.hits.Add(1)
		c.reading.mend()
		c.use(name, path)
		return e, true
	case errors.Is(err, fs.ErrNotExist):
		c.mutex.Lock()
		known := c.index.has(name)
		c.mutex.Unlock()
		if known {
			c.enqueue(job{name: name, path: path}) // somebody has removed the file
		}
	case errors.Is(err, errDamaged):
		c.damaged.Add(1)
		c.enqueue(job{name: name, path: path})
	case isFailure(err):
		c.reading.blow(err)
	}
	c.misses.Add(1)
	return Entry{}, false
}

// use notes that an entry was asked for: in the index, and for the next start in the time of its file, but that only once in a
// while.
func (c *Cache) use(name Name, path string) {
	c.mutex.Lock()
	news := c.index.mark(name)
	c.mutex.Unlock()
	if news {
		_ = c.root.Chtimes(path, time.Time{}, time.Now()) // without it the file is taken for an old one
	}
}

// Remove removes all entries of a group. Once it returns, Get does not find them.
func (c *Cache) Remove(group string) {
	if c == nil {
		return
	}
	hash := hashOf(group)
	c.change.Lock()
	defer c.change.Unlock()
	c.mutex.Lock()
	if !c.scanned {
		c.removed[hash] = struct{}{} // the scan removes what it finds
	}
	names := c.index.ofGroup(hash)
	c.mutex.Unlock()
	for _, n := range names {
		c.drop(n)
	}
}

// RemoveMatching removes all entries of a group, or of all groups if it is "", whose key has a text that match says yes to, and returns how
// many those were. It reads a part of every file of the group, and while the folder is not known yet finds only what is.
func (c *Cache) RemoveMatching(ctx context.Context, group string, match func(text string) bool) (removed int) {
	if c == nil {
		return 0
	}
	var names []Name
	c.mutex.Lock()
	if group == "" {
		names = c.index.names()
	} else {
		names = c.index.ofGroup(hashOf(group))
	}
	c.mutex.Unlock()
	for _, n := range names {
		if ctx.Err() != nil {
			return removed
		}
		c.change.Lock()
		if text, known := c.textOf(n); known && match(text) {
			c.drop(n)
			removed++
		}
		c.change.Unlock()
	}
	return removed
}

// RemoveAll removes all entries, once it is known what is in the folder.
func (c *Cache) RemoveAll(ctx context.Context) {
	if c == nil {
		return
	}
	const pause = 20 * time.Millisecond
	for c.Stats().Scanning && !c.isClosed() {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
	c.mutex.Lock()
	names := c.index.names()
	c.mutex.Unlock()
	for _, n := range names {
		if ctx.Err() != nil || c.isClosed() {
			return
		}
		c.change.Lock()
		c.drop(n)
		c.change.Unlock()
	}
}

// Stats is a snapshot; its numbers may be a few operations apart.
type Stats struct {
	Hits, Misses uint64
	Written      uint64 // entries
	Dropped      uint64 // entries that were not written, for too much waited to be, or the folder failed
	Damaged      uint64 // files that were not what was written, and were removed
	Evicted      uint64 // entries that made room for others
	Failures     uint64 // of the folder
	Bytes        int64  // of the disk, in whole blocks, but for folders
	Entries      int64
	Failing      bool // the folder is left alone for a while
	Scanning     bool // what is in the folder is being found out; the two above do not count it yet
}

// Stats returns what has happened since Open and what is kept now.
func (c *Cache) Stats() Stats {
	if c == nil {
		return Stats{}
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return Stats{
		Hits: c.hits.Load(), Misses: c.misses.Load(), Written: c.written.Load(), Dropped: c.dropped.Load(),
		Damaged: c.damaged.Load(), Evicted: c.evicted.Load(), Failures: c.reading.times.Load() + c.writing.times.Load(),
		Bytes: c.index.blocks * blockBytes, Entries: int64(c.index.entries),
		Failing: c.reading.blown() || c.writing.blown(), Scanning: !c.scanned,
	}
}

// Close writes what waits to be written and lets the folder go. A disk that does not answer is waited for five seconds.
func (c *Cache) Close() {
	if c == nil {
		return
	}
	c.mutex.Lock()
	if !c.closed {
		c.closed = true
		close(c.queue)
	}
	c.mutex.Unlock()
	select {
	case <-c.done:
		c.root.Close()
		unlock(c.lock)
	case <-time.After(longestClosing):
		// The end of the process lets go of what is still held.
	}
}
