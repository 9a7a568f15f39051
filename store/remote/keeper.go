package remote

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"calotype/store"
)

// Errors of a Keeper, beside those of a fetch.
var (
	ErrUnusable = errors.New("the source is no image that can be used")  // what Options.Inspect says of it is wrapped
	ErrBusy     = errors.New("too many sources are being fetched")       // ask again
	ErrChanged  = errors.New("the source has changed while it was used") // ask again
	ErrClosed   = errors.New("sources are not fetched any more")         // the Keeper is closed
)

const (
	mostEntries = 2048    // that are in memory
	entryMemory = 4 << 10 // bytes that one takes, most of the time
	mostWaiting = 1024    // for one fetch

	// patience is how long somebody waits for an origin if there is a stale copy to stand in. To him an origin that is slow has failed; others
	// get what comes of it.
	patience = time.Second
)

// A Keeper gets originals that live elsewhere, and keeps them as RFC 9111 lets a shared cache: it asks again when they are stale, gives stale
// ones while their origin fails, remembers for seconds what there is not, and leaves alone a host that fails. All who want
// one source wait for one fetch, which none of them ends by leaving. Its methods may be called concurrently.
type Keeper struct {
	options  Options
	bounds   bounds
	shelf    *shelf
	breakers *breakers
	fetcher  *Fetcher
	buckets  *buckets
	root     *os.Root // of local sources; nil if there are none
	clock    clock

	work    context.Context // of all fetches
	stop    context.CancelFunc
	running sync.WaitGroup

	mutex   sync.Mutex // held for no system call
	closed  bool
	entries map[string]*entry // by key
	recency list.List         // of the entries, the last used first

	change sync.Mutex // held while the files of an entry come or go, so that what was forgotten does not come back

	fetching                      atomic.Int64
	hits, stale, negative, joined atomic.Uint64
}

// Open returns a keeper, and takes the folder Options.Dir for this process: to another the error is store.ErrInUse.
func Open(o Options) (_ *Keeper, err error) {
	if err := o.settle(); err != nil {
		return nil, err
	}
	k := &Keeper{
		options: o, bounds: bounds{o.Floor, o.Cap},
		buckets: newBuckets(o.Buckets), entries: map[string]*entry{},
	}
	k.breakers = newBreakers(&k.clock)
	k.work, k.stop = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			err = errors.Join(err, k.Close())
		}
	}()
	if k.fetcher, err = NewFetcher(o); err != nil {
		return nil, err
	}
	if o.Root != "" {
		if k.root, err = os.OpenRoot(o.Root); err != nil {
			return nil, err
		}
	}
	if k.shelf, err = openShelf(o.Dir, o.Bytes); err != nil {
		return nil, fmt.Errorf("sources in folder %s: %w", o.Dir, err)
	}
	k.shelf.room = o.Room
	return k, nil
}

// settle fills in what is usual and refuses what cannot be meant.
func (o *Options) settle() error {
	if o.MaxBytes == 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Cap == 0 {
		o.Cap = DefaultCap
	}
	if o.Observe == nil {
		o.Observe = func(Observation) {}
	}
	switch {
	case o.Inspect == nil:
		return errors.New("nothing says what is an original")
	case o.Floor < 0 || o.Floor > o.Cap:
		return fmt.Errorf("a source cannot stay fresh for %v at least and %v at most", o.Floor, o.Cap)
	case o.Bytes < 2*o.MaxBytes:
		return fmt.Errorf("%d bytes for sources are less than two of %d", o.Bytes, o.MaxBytes)
	}
	return nil
}

// Close ends all fetches. No other method may be called later; files that Open returned stay open.
func (k *Keeper) Close() (err error) {
	k.mutex.Lock()
	k.closed = true
	k.mutex.Unlock()
	k.stop()
	k.running.Wait()
	err = k.buckets.Close()
	if k.fetcher != nil {
		err = errors.Join(err, k.fetcher.Close())
	}
	if k.root != nil {
		err = errors.Join(err, k.root.Close())
	}
	if k.shelf != nil {
		err = errors.Join(err, k.shelf.close())
	}
	return err
}

// Get returns a source, from what is kept or from its origin. Errors are those of this package, of the disk, or of ctx, which bounds the waiting
// of this caller alone.
func (k *Keeper) Get(ctx context.Context, w Wanted) (*Copy, error) {
	if !w.Allowed.Allows(w.Source) {
		return nil, &failure{kind: ErrNotAllowed}
	}
	w.Headers = k.passedOn(w.Headers)
	e := k.enter(w)
	for {
		c, f, err := k.look(e, w)
		if f != nil {
			c, err = k.wait(ctx, f, c)
			if errors.Is(err, ErrNotAllowed) && f.wanted.Allowed != w.Allowed {
				continue // to him who began the fetch
			}
		}
		if err != nil {
			return nil, err
		}
		if !w.Allowed.Allows(c.from) {
			return nil, &failure{kind: ErrNotAllowed, what: "it leads to a place that is not"}
		}
		return c, nil
	}
}

// look returns what there is to be had at once, or a fetch to wait for, with the stale copy that may stand in if it fails.
func (k *Keeper) look(e *entry, w Wanted) (*Copy, *flight, error) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	now, c := k.clock.now(), e.copy
	refused := e.refused(now, w.Allowed)
	if c == nil {
		if refused != nil {
			k.negative.Add(1)
			return nil, nil, refused
		}
		f, err := k.join(e, w)
		return nil, f, err
	}
	if left, _ := c.Fresh(now); left > 0 {
		k.hits.Add(1)
		return c, nil, nil
	}
	whileAsking, onError := c.freshness.stale(now)
	standIn := (*Copy)(nil)
	if onError {
		standIn = c
	}
	switch {
	case refused != nil:
		c, err := k.instead(standIn, refused)
		if err != nil {
			k.negative.Add(1)
		}
		return c, nil, err
	case whileAsking:
		k.begin(e, w)
		k.stale.Add(1)
		return c.asStale(), nil, nil
	}
	f, err := k.join(e, w)
	if err != nil {
		c, err := k.instead(standIn, err)
		return c, nil, err
	}
	return standIn, f, nil
}

// instead returns what one gets who would have got an error, if there is a copy to stand in.
func (k *Keeper) instead(standIn *Copy, err error) (*Copy, error) {
	if standIn == nil || !maySubstitute(err) {
		return nil, err
	}
	k.stale.Add(1)
	return standIn.asStale(), nil
}

// wait waits for a fetch, or for as long as it is worth while there is a copy to stand in.
func (k *Keeper) wait(ctx context.Context, f *flight, standIn *Copy) (*Copy, error) {
	defer f.leave(k)
	var over <-chan time.Time
	if standIn != nil {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-f.done:
		if f.err == nil {
			return f.copy, nil
		}
		return k.instead(standIn, f.err)
	case <-over:
		k.stale.Add(1)
		return standIn.asStale(), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Open opens the bytes of a copy, which the caller closes. They are those of its digest. If they are not there any more they are fetched again;
// if the source has others by then, or none, the error is ErrChanged, or that of the fetch.
func (k *Keeper) Open(ctx context.Context, c *Copy) (*os.File, error) {
	file, err := k.shelf.open(ctx, c.item, c.Digest, c.Bytes)
	if !errors.Is(err, errDamaged) {
		return file, err
	}
	if c.Private {
		return nil, fmt.Errorf("%w: it is not kept", ErrChanged)
	}
	k.dropCopy(c)
	again, err := k.Get(ctx, c.wanted)
	if err != nil {
		return nil, err
	}
	if again.Digest != c.Digest {
		return nil, ErrChanged
	}
	file, err = k.shelf.open(ctx, again.item, again.Digest, again.Bytes)
	if errors.Is(err, errDamaged) {
		err = fmt.Errorf("%w: it could not be kept", ErrBusy)
	}
	return file, err
}

// Forget has what is kept of a source forgotten, and what is known of its failures. Who asks next gets what its origin then says.
func (k *Keeper) Forget(id store.ID) {
	k.change.Lock()
	defer k.change.Unlock()
	prefix := nameOf(id)
	k.mutex.Lock()
	for _, e := range k.entries {
		if e.id == id {
			k.forgetEntry(e)
		}
	}
	k.mutex.Unlock()
	for _, name := range k.shelf.named(prefix) {
		k.shelf.forget(name)
	}
}

// Stats is a snapshot; its numbers may be a few operations apart.
type Stats struct {
	Hits     uint64 // answers by fresh copies
	Stale    uint64 // answers by stale copies, while their origin was asked or failed
	Negative uint64 // answers by errors that were remembered
	Joined   uint64 // that waited for a fetch which others had begun

	Fetching int64 // now
	Resting  int64 // hosts that are left alone now

	Bytes, Entries   int64  // on disk
	Evicted, Damaged uint64 // files that made room for others, and that were not what was written
}

// Stats returns what has happened since Open and what there is now. Of a nil Keeper all is 0.
func (k *Keeper) Stats() Stats {
	if k == nil {
		return Stats{}
	}
	bytes, entries := k.shelf.state()
	return Stats{
		Hits: k.hits.Load(), Stale: k.stale.Load(), Negative: k.negative.Load(), Joined: k.joined.Load(),
		Fetching: k.fetching.Load(), Resting: int64(k.breakers.resting()),
		Bytes: bytes, Entries: entries, Evicted: k.shelf.evicted.Load(), Damaged: k.shelf.damaged.Load(),
	}
}
