package store

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io/fs"
	"time"
)

// ScrubOptions say how Scrub works.
type ScrubOptions struct {
	Rate int64 // most bytes to read in a second; 0 is no limit
	// Checked is told, after each blob, what was seen until then, and which part of all that is, from 0 to 1, as the digests of blobs are spread evenly.
	// It may be nil.
	Checked func(seen Scrubbed, part float64)
	Damaged func(Damage) // is told of each blob that is damaged or cannot be read; may be nil
}

// Scrubbed is what Scrub has seen.
type Scrubbed struct {
	Blobs, Bytes int64 // that were read
	Damaged      int64 // blobs that were put in quarantine or are missing
	Unread       int64 // blobs that the disk does not let be read, and that were left where they are
}

// Scrub reads all blobs once and compares their bytes with their digests. What is damaged is put in quarantine. Blobs that originals have and
// that are missing count as damaged. It may run beside all else, of this process and of others, and ends early, with an error, if the index or the
// blobs are unavailable.
func (s *Store) Scrub(ctx context.Context, o ScrubOptions) (Scrubbed, error) {
	var seen Scrubbed
	err := s.scrubAfter(ctx, Digest{}, func(d Digest) error { return s.scrub(ctx, d, o, &seen) })
	return seen, err
}

// scrubAfter calls check for each digest after one of which there is a blob or a record.
func (s *Store) scrubAfter(ctx context.Context, after Digest, check func(Digest) error) error {
	return s.compare(ctx, after, func(b Blob, _ bool) error { return check(b.Digest) }, check)
}

// scrub checks one blob.
func (s *Store) scrub(ctx context.Context, d Digest, o ScrubOptions, seen *Scrubbed) error {
	bytes, began := int64(0), time.Now()
	err := s.checkBlob(ctx, d, func(length int64) error {
		bytes += length
		if o.Rate <= 0 {
			return nil
		}
		return sleep(ctx, time.Until(began.Add(time.Duration(float64(bytes)/float64(o.Rate)*float64(time.Second)))))
	})
	whole := err == nil
	if isDamage(err) {
		cause := err
		if whole, err = s.setAside(ctx, d); err == nil && !whole {
			err = cause
		}
	}
	switch {
	case whole:
		s.damages.mended(d)
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, ErrUnavailable):
		return err
	default:
		shared, sharedErr := s.index.Shared(ctx, d)
		if sharedErr != nil {
			return sharedErr
		}
		if !shared {
			break // it was removed meanwhile, or is what a crash has left
		}
		if isDamage(err) {
			seen.Damaged++
		} else {
			seen.Unread++
		}
		s.found(ctx, d, err)
		if o.Damaged != nil {
			o.Damaged(s.damage(ctx, d, err))
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	seen.Blobs++
	seen.Bytes += bytes
	if o.Checked != nil {
		o.Checked(*seen, fraction(d))
	}
	return nil
}

// The bounds of scrubbing in the background: bytes in a second, and the time until it begins anew after a failure.
const (
	quietRate  = 8 << 20
	afterError = time.Minute
)

// scrubForever checks all blobs, each of them once in a period, until ctx ends. Digests are as good as random numbers: a blob's turn comes when
// as much of the period has passed as of all digests lie before its own. Each start begins at another place, so that also a process
// that is often restarted comes to all of them.
func (s *Store) scrubForever(ctx context.Context, period time.Duration) {
	var last Digest // that was checked
	rand.Read(last[:])
	for ctx.Err() == nil {
		from, began := fraction(last), time.Now()
		due := func(at float64) time.Time { return began.Add(time.Duration((at - from) * float64(period))) }
		err := s.scrubAfter(ctx, last, func(d Digest) error {
			if err := sleep(ctx, time.Until(due(fraction(d)))); err != nil {
				return err
			}
			last = d
			return s.scrub(ctx, d, ScrubOptions{Rate: quietRate}, &Scrubbed{})
		})
		if err != nil {
			_ = sleep(ctx, afterError) // whoever reads or writes sees what is wrong, too
			continue
		}
		_ = sleep(ctx, time.Until(due(1)))
		last = Digest{}
	}
}

// fraction is where among all digests one is, from 0 to 1.
func fraction(d Digest) float64 {
	return float64(binary.BigEndian.Uint64(d[:8])) / (1 << 64)
}
