package store

import (
	"context"
	"sync"
	"time"
)

// A guard keeps uploads of a blob apart from its deletion: between putting a blob and recording it, nobody may find that no
// original has it and delete it. It has a slot for every first byte of a digest.
type guard struct {
	slots   [256]slot
	between locker // nil if no other process has the store open
}

// A slot is held by one who deletes, or by any number who upload.
type slot struct {
	sync.RWMutex
	mutex  sync.Mutex
	shared int // how many hold it to upload; with the first the locker's hold begins, with the last it ends
}

// A locker holds slots between processes, for one process as a whole.
type locker interface {
	// tryLock takes a slot, shared or alone, if no other process holds it against that. It does not wait for them.
	tryLock(ctx context.Context, slot byte, alone bool) (bool, error)

	// unlock lets go of a slot that is held, or was until it was lost.
	unlock(slot byte)

	// lost tells whether a slot that nobody has let go of is held no more.
	lost(slot byte) bool
}

func newGuard(between locker) *guard { return &guard{between: between} }

// The pauses between two tries to take a slot.
const (
	firstTry = 200 * time.Microsecond
	lastTry  = 20 * time.Millisecond
)

// hold takes a slot and waits for it until ctx ends.
func (g *guard) hold(ctx context.Context, name byte, alone bool) (release func(), err error) {
	s := &g.slots[name]
	take, leave := s.TryRLock, s.RUnlock
	if alone {
		take, leave = s.TryLock, s.Unlock
	}
	for pause := firstTry; ; pause = min(2*pause, lastTry) {
		if take() {
			taken, err := g.enter(ctx, name, alone)
			if taken {
				return func() { g.leave(name, alone); leave() }, nil
			}
			leave()
			if err != nil {
				return nil, err
			}
		}
		if sleep(ctx, pause) != nil {
			return nil, context.Cause(ctx)
		}
	}
}

// enter takes a slot between processes, if this process has not got it.
func (g *guard) enter(ctx context.Context, name byte, alone bool) (bool, error) {
	if g.between == nil {
		return true, nil
	}
	s := &g.slots[name]
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if !alone && s.shared > 0 {
		if g.between.lost(name) {
			return false, nil // until those are done who hold it no more
		}
		s.shared++
		return true, nil
	}
	taken, err := g.between.tryLock(ctx, name, alone)
	if taken && !alone {
		s.shared++
	}
	return taken, err
}

// leave lets go of a slot between processes, if nobody else of this process holds it.
func (g *guard) leave(name byte, alone bool) {
	if g.between == nil {
		return
	}
	s := &g.slots[name]
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if !alone {
		s.shared--
	}
	if s.shared == 0 {
		g.between.unlock(name)
	}
}
