package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// freeBlob is the task of deleting the blob of a removed original, if no other original has it.
const freeBlob = "free-blob"

// Remove removes an original for ever: Get returns ErrGone from then on, also after a crash or a loss of power. Its bytes
// are deleted unless another original has the same; files of them that are open stay readable. With the removal the tasks
// are noted, which Tasks tells of until they are Done; their names are the caller's.
//
// It returns ErrNotFound if there never was such an original, and ErrGone if it was removed before. After ErrLeft it is
// removed, but deleting the bytes failed; that is tried again when the store is opened the next time. After any other
// error it may be removed or not.
func (s *Store) Remove(ctx context.Context, id ID, tasks ...string) error {
	o, err := s.Get(ctx, id)
	if err != nil {
		return err
	}
	release, err := s.index.Hold(ctx, o.Digest, true)
	if err != nil {
		return fmt.Errorf("original %s: %w", id, err)
	}
	defer release()
	if err := s.index.Remove(ctx, id, append([]string{freeBlob}, tasks...)...); err != nil {
		return wrap("original "+id.String(), err)
	}
	// A caller who leaves now has removed it all the same.
	return s.free(context.WithoutCancel(ctx), Removal{id, o.Digest})
}

// free deletes the blob of a removed original if no other has it. The lock of its digest is held, or nobody else has the
// store yet. Every error is ErrLeft.
func (s *Store) free(ctx context.Context, r Removal) error {
	shared, err := s.index.Shared(ctx, r.Digest)
	if err == nil && !shared {
		if err = s.blobs.Delete(ctx, r.Digest); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	if err == nil {
		err = s.index.Done(ctx, freeBlob, r.ID)
	}
	if err != nil {
		return fmt.Errorf("removed original %s: %w: %w", r.ID, ErrLeft, err)
	}
	return nil
}

// finishRemovals frees the blobs that earlier removals, ended by a crash or a failing disk, have left. It ends at the
// first that cannot be freed, with ErrLeft.
func (s *Store) finishRemovals(ctx context.Context) error {
	for {
		removals, err := s.index.Tasks(ctx, freeBlob, MaxLimit)
		if err != nil || len(removals) == 0 {
			return err
		}
		for _, r := range removals {
			if err := s.free(ctx, r); err != nil {
				return err
			}
		}
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
