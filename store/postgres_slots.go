package store

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// lockSQL and unlockSQL take and let go of a slot, by whether it is held alone. They never wait.
var (
	lockSQL = map[bool]string{
		false: "select pg_try_advisory_lock_shared($1::int4, $2::int4)",
		true:  "select pg_try_advisory_lock($1::int4, $2::int4)",
	}
	unlockSQL = map[bool]string{
		false: "select pg_advisory_unlock_shared($1::int4, $2::int4)",
		true:  "select pg_advisory_unlock($1::int4, $2::int4)",
	}
)

// tryLock implements locker. Once it has begun it waits for its answer, for as long as one takes at most: it must know what it holds.
func (s *session) tryLock(ctx context.Context, slot byte, alone bool) (taken bool, err error) {
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	err = s.ask(&wish{ctx: context.WithoutCancel(ctx), queue: func(b *pgx.Batch) {
		b.Queue(lockSQL[alone], lockFamily, int(slot)).QueryRow(func(row pgx.Row) error {
			err := row.Scan(&taken)
			if err == nil && taken {
				s.note(slot, alone)
			}
			return err
		})
	}})
	if err != nil {
		s.unlock(slot)
		return false, err
	}
	return taken, nil
}

// note notes that a slot was taken.
func (s *session) note(slot byte, alone bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.held[slot] = heldShared; alone {
		s.held[slot] = heldAlone
	}
}

// unlock implements locker. It does not wait until it is done; what is asked for the same slot later comes after it.
func (s *session) unlock(slot byte) {
	s.mutex.Lock()
	was := s.held[slot]
	s.held[slot] = heldNot
	s.mutex.Unlock()
	if was != heldShared && was != heldAlone {
		return
	}
	w := &wish{ctx: context.Background(), done: make(chan error, 1), queue: func(b *pgx.Batch) {
		b.Queue(unlockSQL[was == heldAlone], lockFamily, int(slot))
	}}
	select {
	case s.wishes <- w:
	case <-s.stopped:
	}
}

// lost implements locker.
func (s *session) lost(slot byte) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.held[slot] == heldLost
}

// isAlone tells whether this process holds a slot alone, or did until that was lost.
func (s *session) isAlone(slot byte) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.held[slot] == heldAlone || s.held[slot] == heldLost
}
