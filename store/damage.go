package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
)

// Damage is a blob that is not what it should be.
type Damage struct {
	Digest Digest
	IDs    []ID  // of originals that have it, a thousand at most; none if nobody needs it
	Err    error // ErrDamaged, if its bytes are others or missing; else why they cannot be read
}

// damages remembers which blobs were found damaged, so that each is told of once until it is whole again.
type damages struct {
	tell  func(Damage) // may be nil
	total atomic.Uint64

	mutex sync.Mutex
	known map[Digest]bool
}

// mostDamages bounds what is remembered. Beyond it damages are told of more than once.
const mostDamages = 10_000

func isDamage(err error) bool { return errors.Is(err, ErrDamaged) }

// found tells of a damage, if that is new.
func (s *Store) found(ctx context.Context, d Digest, cause error) {
	if !s.damages.isNew(d) {
		return
	}
	s.damages.total.Add(1)
	if s.damages.tell != nil {
		s.damages.tell(s.damage(ctx, d, cause))
	}
}

// damage says whose damage it is.
func (s *Store) damage(ctx context.Context, d Digest, cause error) Damage {
	ids, err := s.index.Sharing(ctx, d, MaxLimit)
	if err != nil {
		cause = fmt.Errorf("%w (and whose it is cannot be told: %w)", cause, err)
	}
	return Damage{d, ids, cause}
}

func (k *damages) isNew(d Digest) bool {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.known[d] {
		return false
	}
	if k.known == nil || len(k.known) == mostDamages {
		k.known = map[Digest]bool{}
	}
	k.known[d] = true
	return true
}

// mended notes that a blob is whole.
func (k *damages) mended(d Digest) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	delete(k.known, d)
}

// setAside puts a blob that was found damaged in quarantine, unless it is whole when it is read again with nobody putting it.
// If somebody is for too long, nothing is done.
func (s *Store) setAside(ctx context.Context, d Digest) (whole bool, err error) {
	release, err := s.holdAlone(ctx, d)
	if release == nil || err != nil {
		return false, err
	}
	defer release()
	if c, ok := s.blobs.(Copying); ok {
		c.Forget(d)
	}
	err = s.checkBlob(ctx, d, nil)
	switch {
	case err == nil:
		return true, nil
	case !isDamage(err):
		return false, err
	}
	err = s.blobs.Quarantine(ctx, d)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // it is missing, or somebody else was faster
	}
	if err != nil {
		return false, fmt.Errorf("put damaged blob %s in quarantine: %w", d, err)
	}
	return false, nil
}

// checkBlob reads a blob, from the disk rather than from memory as far as the system allows. It is ErrDamaged if the blob is missing.
// pace is that of checkDigest.
func (s *Store) checkBlob(ctx context.Context, d Digest, pace func(length int64) error) error {
	f, err := s.blobs.Open(ctx, d)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("blob %s: %w: %w", d, ErrDamaged, err)
	}
	if err != nil {
		return fmt.Errorf("blob %s: %w", d, err)
	}
	defer f.Close()
	forgetPages(f, 0, 0)
	readOnce(f)
	defer forgetPages(f, 0, 0)
	return checkDigest(ctx, d, f, pace)
}
