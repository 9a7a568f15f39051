package store

import (
	"context"
	"errors"
	"time"
)

// Garbage is what CollectGarbage has found.
type Garbage struct {
	Blobs, Bytes int64 // that no original has
	Kept         int64 // blobs that no original had at first sight, and that were in use or too new
}

// CollectGarbage deletes the blobs that no original has: those of uploads that a crash has ended between blob and record, and what failed
// deletions have left. With dry nothing is deleted. found, unless it is nil, is told of each blob that was, or would have been, deleted. It may run
// beside uploads and removals of this process and of others.
//
// Blobs that were put less than grace ago, by the clock of whoever keeps them, are left alone. The guard keeps uploads under way from harm; the time
// is for what a guard cannot know, such as a machine that has lost its hold and does not know it yet.
func (s *Store) CollectGarbage(ctx context.Context, grace time.Duration, dry bool, found func(Blob)) (Garbage, error) {
	var g Garbage
	if !dry {
		if err := s.finishRemovals(ctx); err != nil && !errors.Is(err, ErrLeft) {
			return g, err
		}
	}
	err := s.compare(ctx, Digest{}, func(b Blob, recorded bool) error {
		if recorded {
			return nil
		}
		if time.Since(b.Modified) < grace {
			g.Kept++
			return nil
		}
		if !dry {
			_, deleted, err := s.free(ctx, b.Digest)
			if err != nil {
				return err
			}
			if !deleted {
				g.Kept++
				return nil
			}
		}
		g.Blobs++
		g.Bytes += b.Bytes
		if found != nil {
			found(b)
		}
		return nil
	}, func(Digest) error { return nil })
	return g, err
}
