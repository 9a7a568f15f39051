package store

import (
	"context"
	"fmt"
)

// Resumable returns what is known of an upload that comes in parts. It is ErrNotFound if there is none, which may be because it was added.
func (s *Store) Resumable(id ID) (Resumable, error) {
	x := &s.resumables
	x.mutex.Lock()
	defer x.mutex.Unlock()
	if u := x.all[id]; u != nil {
		return u.Resumable, nil
	}
	return Resumable{}, fmt.Errorf("upload %s: %w", id, ErrNotFound)
}

// HoldResumable has an upload held by the caller, and by nobody else until he lets go. If somebody holds it, it is ErrHeld; with wait he is asked to let
// go, and waited for as long as ctx allows.
func (s *Store) HoldResumable(ctx context.Context, id ID, wait bool) (*Held, error) {
	x := &s.resumables
	for {
		x.mutex.Lock()
		u := x.all[id]
		if u == nil {
			x.mutex.Unlock()
			return nil, fmt.Errorf("upload %s: %w", id, ErrNotFound)
		}
		left := u.held
		if left == nil {
			u.held = make(chan struct{})
			h := &Held{Resumable: u.Resumable, all: x, upload: u, length: u.Offset}
			x.mutex.Unlock()
			return h, nil
		}
		if wait {
			u.want()
		}
		x.mutex.Unlock()
		if !wait {
			return nil, fmt.Errorf("upload %s: %w", id, ErrHeld)
		}
		select {
		case <-left:
		case <-ctx.Done():
			return nil, fmt.Errorf("upload %s: %w", id, ErrHeld)
		}
	}
}

// InterruptResumables asks all who hold an upload to let go.
func (s *Store) InterruptResumables() {
	x := &s.resumables
	x.mutex.Lock()
	defer x.mutex.Unlock()
	for _, u := range x.all {
		if u.held != nil {
			u.want()
		}
	}
}

// want tells whoever holds the upload that somebody else waits for it.
func (u *resumable) want() {
	u.wanted = true
	if u.interrupt != nil {
		u.interrupt()
	}
}

// letGo ends the hold on an upload.
func (x *resumables) letGo(u *resumable) {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	close(u.held)
	u.held, u.interrupt, u.wanted = nil, nil, false
}
