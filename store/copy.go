package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// CopyOptions say how a store is copied.
type CopyOptions struct {
	Parallel int              // blobs that are copied at once; 0 stands for 8
	Verify   bool             // reads and hashes what the target has already, and once more what was written to it
	Progress func(CopyResult) // is told how far the copy is, one call at a time; nil for nobody
}

// CopyResult is what a copy has done. Its numbers are of originals, unless they say otherwise.
type CopyResult struct {
	Total   int     // that the source has, and had and has removed
	Done    int     // of them are looked after
	There   int     // were in the target already, with all their bytes
	Copied  int     // came into the target
	Mended  int     // were in the target, but their bytes were missing or damaged
	Bytes   int64   // that were copied for both; equal blobs count once
	Removed int     // were removed from the target, as the source has removed them
	Refused int     // were not copied: the target has removed them, and does not take them back
	Damaged []error // were not copied: their bytes are missing or damaged in the source; one error for each, with its id
}

// Copy makes to have all originals that from has when it begins, under their ids. What from has removed is removed from to, and
// its id is not used again there. Others that to has stay. So it is with presets, which come last. Both stores may be in use meanwhile.
//
// First all records are counted, so that the end is known. Then come, in the order of ids, for each record its blob and then the
// record: whatever ends a copy, to has no record without its blob, and the next copy goes on where it ended. The SHA-256 of
// what is read is checked. What to has already is not read again, unless o.Verify asks for it: not from from either.
//
// An original whose bytes are damaged in from does not end the copy, and is named in the result. ErrFull, ErrUnavailable and all
// other errors do. The result is told with an error, too. To know what to has takes 64 bytes of memory for each of its blobs.
func Copy(ctx context.Context, from, to *Store, o CopyOptions) (CopyResult, error) {
	if o.Parallel < 1 {
		o.Parallel = 8
	}
	c := &copying{from: from, to: to, options: o}
	err := c.run(ctx)
	return c.result, err
}

// Beyond returns an original, or the id of a removed one, that to has and from has not. Without one it returns false.
func Beyond(ctx context.Context, from, to *Store) (ID, bool, error) {
	source, stop := iter.Pull2(walk(ctx, from.index, lastID))
	defer stop()
	theirs, err, more := source()
	for r, failed := range walk(ctx, to.index, lastID) {
		for err == nil && more && bytes.Compare(theirs.ID[:], r.ID[:]) < 0 {
			theirs, err, more = source()
		}
		if err := errors.Join(failed, err); err != nil {
			return ID{}, false, fmt.Errorf("compare stores: %w", err)
		}
		if !more || theirs.ID != r.ID {
			return r.ID, true, nil
		}
	}
	return ID{}, false, nil
}

// lastID is the greatest of all ids.
var lastID = ID(bytes.Repeat([]byte{0xff}, len(ID{})))

// walk yields the records of an index as far as the id last. An error is the last it yields.
func walk(ctx context.Context, x Index, last ID) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for after := (ID{}); ; {
			var page []Record
			if err := patiently(ctx, func() (err error) { page, err = x.Walk(ctx, after, MaxLimit); return err }); err != nil {
				yield(Record{}, fmt.Errorf("read the index: %w", err))
				return
			}
			for _, r := range page {
				if bytes.Compare(r.ID[:], last[:]) > 0 || !yield(r, nil) {
					return
				}
			}
			if len(page) < MaxLimit {
				return
			}
			after = page[len(page)-1].ID
		}
	}
}

// patiently does something once more, after ever longer pauses, for as long as it is ErrUnavailable and about a minute: a database
// that is restarted does not end a copy of hours.
func patiently(ctx context.Context, do func() error) error {
	for pause := time.Second; ; pause *= 2 {
		err := do()
		if !errors.Is(err, ErrUnavailable) || pause > 32*time.Second {
			return err
		}
		if sleep(ctx, pause) != nil {
			return err
		}
	}
}

// copying is a copy under way.
type copying struct {
	from, to *Store
	options  CopyOptions
	last     ID     // of the records that are copied
	blobs    []Blob // of the target when the copy began, by their digests

	mu     sync.Mutex
	result CopyResult
}

// copied is a record of the source on its way.
type copied struct {
	Record
	known bool // the target has a record of that id
	gone  bool // which says that it was removed
	done  bool // nothing is left to do but to remove it, if it is to be removed

	// What the last try has come to.
	merge   bool              // the record is to be written
	release func()            // lets go of the blob in the target; nil if it is not held
	count   func(*CopyResult) // counts it, once it is written
}

// copyBatch is how many records are written at once. Their blobs are held from before they are put until then.
const copyBatch = 64

// mergeTimeout is how long the writing of a batch may take.
const mergeTimeout = time.Minute

func (c *copying) run(ctx context.Context) error {
	if err := c.survey(ctx); err != nil {
		return err
	}
	target, stop := iter.Pull2(walk(ctx, c.to.index, c.last))
	defer stop()
	theirs, err, more := target()
	var batch []*copied
	for r, failed := range walk(ctx, c.from.index, c.last) {
		for err == nil && more && bytes.Compare(theirs.ID[:], r.ID[:]) < 0 {
			theirs, err, more = target()
		}
		if err := errors.Join(failed, err); err != nil {
			return err
		}
		one := &copied{Record: r, known: more && theirs.ID == r.ID}
		one.gone = one.known && !theirs.Removed.IsZero()
		if batch = append(batch, one); len(batch) == copyBatch {
			if err := patiently(ctx, func() error { return c.settle(ctx, batch) }); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	if err := patiently(ctx, func() error { return c.settle(ctx, batch) }); err != nil {
		return err
	}
	return patiently(ctx, func() error { return c.copyPresets(ctx) })
}

// copyPresets makes the target have all presets.
func (c *copying) copyPresets(ctx context.Context) error {
	list, err := c.from.Presets(ctx)
	if err != nil || len(list) == 0 {
		return err
	}
	if err := c.to.index.MergePresets(ctx, list...); err != nil {
		return wrap("write presets", err)
	}
	return nil
}

// survey finds out what there is to do.
func (c *copying) survey(ctx context.Context) error {
	for r, err := range walk(ctx, c.from.index, lastID) {
		if err != nil {
			return err
		}
		c.last = r.ID
		c.result.Total++
	}
	for after := (Digest{}); ; {
		var page []Blob
		if err := patiently(ctx, func() (err error) { page, err = c.to.blobs.List(ctx, after, MaxLimit); return err }); err != nil {
			return wrap("list the blobs of the target", err)
		}
		if c.blobs = append(c.blobs, page...); len(page) < MaxLimit {
			return nil
		}
		after = page[len(page)-1].Digest
	}
}

// settle makes the target have a batch of records, or have them removed. After an error it may be called again.
func (c *copying) settle(ctx context.Context, batch []*copied) error {
	for _, one := range batch {
		one.merge, one.count = false, nil
	}
	err := c.bringAll(ctx, batch)
	// What has come is kept, whatever has ended the rest.
	merging, cancel := context.WithTimeout(context.WithoutCancel(ctx), mergeTimeout)
	defer cancel()
	failed := c.merge(merging, batch)
	for _, one := range batch {
		if one.release != nil {
			one.release()
			one.release = nil
		}
		if failed == nil && one.count != nil {
			one.done = true
			c.note(one.count)
		}
	}
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	// Not before: whoever removes an original waits until nobody holds its blob.
	for _, one := range batch {
		if one.Removed.IsZero() || !one.known || one.gone {
			continue
		}
		if err := c.to.Remove(ctx, one.ID); err != nil && !errors.Is(err, ErrGone) && !errors.Is(err, ErrLeft) {
			return err
		}
		one.gone = true
		c.note(func(r *CopyResult) { r.Removed++ })
	}
	c.note(func(r *CopyResult) { r.Done += len(batch) })
	return nil
}

// bringAll brings what the records of a batch need before they are written.
func (c *copying) bringAll(ctx context.Context, batch []*copied) error {
	// Those with equal bytes go one after the other, so that the bytes are copied once.
	equal := map[Digest][]*copied{}
	for _, one := range batch {
		equal[one.Digest] = append(equal[one.Digest], one)
	}
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(c.options.Parallel)
	for _, some := range equal {
		group.Go(func() error {
			for _, one := range some {
				if err := c.bring(within, one); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// bring brings what one record needs.
func (c *copying) bring(ctx context.Context, one *copied) error {
	switch {
	case one.done:
		return nil
	case !one.Removed.IsZero():
		one.merge = !one.known
		return nil
	case one.gone:
		one.count = func(r *CopyResult) { r.Refused++ }
		return nil
	}
	err := c.bringBytes(ctx, one)
	switch {
	case err == nil:
		one.merge = !one.known
	case errors.Is(err, ErrDamaged):
		one.count = func(r *CopyResult) { r.Damaged = append(r.Damaged, err) }
	case errors.Is(err, ErrGone):
		// It was removed while the copy was under way.
		one.Removed, one.Name = time.Now().UTC().Truncate(time.Millisecond), ""
		one.merge = !one.known
	default:
		return err
	}
	return nil
}

// merge writes the records of a batch that the target lacks.
func (c *copying) merge(ctx context.Context, batch []*copied) error {
	var records []Record
	for _, one := range batch {
		if one.merge {
			records = append(records, one.Record)
		}
	}
	if len(records) == 0 {
		return nil
	}
	if err := c.to.index.Merge(ctx, records...); err != nil {
		return wrap("write records", err)
	}
	return nil
}

func (c *copying) note(change func(*CopyResult)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.result)
	if c.options.Progress != nil {
		told := c.result
		told.Damaged = slices.Clone(told.Damaged)
		c.options.Progress(told)
	}
}
