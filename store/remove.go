package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// freeBlob is the task of deleting the blob of a removed original, if no other original has it.
const freeBlob = "free-blob"

// Remove removes an original for ever: Get returns ErrGone from then on, also after a crash or a loss of power. Its bytes
// are deleted unless another original has the same; files of them that are open stay readable. With the removal the tasks
// are noted, which Tasks tells of until they are Done; their names are the caller's.
//
// It returns ErrNotFound if there never was such an original, and ErrGone if it was removed before. After ErrLeft it is
// removed, but deleting the bytes failed; that is tried again every minute. After any other error it may be removed or not. If equal bytes
// are being uploaded all the time, theirs are left for later, too, and that is no error.
func (s *Store) Remove(ctx context.Context, id ID, tasks ...string) error {
	o, err := s.Get(ctx, id)
	if err != nil {
		return err
	}
	if err := s.index.Remove(ctx, id, append([]string{freeBlob}, tasks...)...); err != nil {
		return wrap("original "+id.String(), err)
	}
	// A caller who leaves now has removed it all the same.
	ctx = context.WithoutCancel(ctx)
	decided, _, err := s.free(ctx, o.Digest)
	if decided {
		err = s.index.Done(ctx, freeBlob, id)
	}
	if err != nil {
		return fmt.Errorf("removed original %s: %w: %w", id, ErrLeft, err)
	}
	return nil
}

// free deletes a blob if no original has it, at a moment at which nobody puts it. If there is none for too long, nothing is decided, and that is no
// error.
func (s *Store) free(ctx context.Context, d Digest) (decided, deleted bool, err error) {
	release, err := s.holdAlone(ctx, d)
	if release == nil || err != nil {
		return false, false, err
	}
	defer release()
	shared, err := s.index.Shared(ctx, d)
	if err != nil || shared {
		return err == nil, false, err
	}
	err = s.blobs.Delete(ctx, d)
	if errors.Is(err, fs.ErrNotExist) {
		return true, false, nil
	}
	if err != nil {
		return false, false, fmt.Errorf("delete blob %s: %w", d, err)
	}
	return true, true, nil
}

// holdTime is how long those who take a blob away wait for those who put it.
const holdTime = time.Second

var errHeld = errors.New("somebody else holds it")

// holdAlone holds a blob alone. If others hold it for too long, release is nil, and that is no error.
func (s *Store) holdAlone(ctx context.Context, d Digest) (release func(), err error) {
	limited, cancel := context.WithTimeoutCause(ctx, holdTime, errHeld)
	defer cancel()
	release, err = s.index.Hold(limited, d, true)
	if err != nil && context.Cause(limited) == errHeld {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("hold blob %s: %w", d, err)
	}
	return release, nil
}

// finishRemovals frees the blobs that earlier removals, ended by a crash, a failing disk or those who put equal bytes, have left. Those that
// cannot be freed it passes over. What went wrong with the first of them is ErrLeft.
func (s *Store) finishRemovals(ctx context.Context) (failure error) {
	for {
		removals, err := s.index.Tasks(ctx, freeBlob, MaxLimit)
		if err != nil {
			return err
		}
		var done []ID
		for _, r := range removals {
			decided, _, err := s.free(ctx, r.Digest)
			if decided {
				done = append(done, r.ID)
			} else if err != nil && failure == nil {
				failure = fmt.Errorf("removed original %s: %w: %w", r.ID, ErrLeft, err)
			}
			if ctx.Err() != nil {
				break
			}
		}
		if len(done) > 0 {
			if err := s.index.Done(context.WithoutCancel(ctx), freeBlob, done...); err != nil {
				return err
			}
		}
		if len(done) < len(removals) || len(removals) < MaxLimit {
			return failure
		}
	}
}

// retryTime is the pause between two tries to free what removals have left.
const retryTime = time.Minute

// keepFreeing calls finishRemovals from time to time until ctx ends.
func (s *Store) keepFreeing(ctx context.Context) {
	for sleep(ctx, retryTime) == nil {
		_ = s.finishRemovals(ctx) // whoever removed has heard of it
	}
}

// sleep returns early, with an error, if ctx ends.
func sleep(ctx context.Context, pause time.Duration) error {
	if pause <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Tasks returns at most limit removals that have left a task of that name which is not done yet, by their ids.
func (s *Store) Tasks(ctx context.Context, name string, limit int) ([]Removal, error) {
	list, err := s.index.Tasks(ctx, name, limit)
	if err != nil {
		return nil, fmt.Errorf("list tasks of %s: %w", name, err)
	}
	return list, nil
}

// CountTasks returns how many tasks of that name are not done.
func (s *Store) CountTasks(ctx context.Context, name string) (int, error) {
	n, err := s.index.CountTasks(ctx, name)
	if err != nil {
		return 0, fmt.Errorf("count tasks of %s: %w", name, err)
	}
	return n, nil
}

// Done notes durably that a task of these removals is done.
func (s *Store) Done(ctx context.Context, name string, ids ...ID) error {
	if err := s.index.Done(ctx, name, ids...); err != nil {
		return wrap("note what is done of "+name, err)
	}
	return nil
}
