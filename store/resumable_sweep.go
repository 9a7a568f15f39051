package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"
)

// forget drops an upload, and removes its files. What a crash leaves of them is swept.
func (x *resumables) forget(u *resumable) {
	x.mutex.Lock()
	delete(x.all, u.ID)
	x.mutex.Unlock()
	os.Remove(x.data(u.ID))
	os.Remove(x.journal(u.ID))
}

// sweep drops the uploads that have expired and that nobody holds, and returns how many.
func (x *resumables) sweep(now time.Time) (n int) {
	x.mutex.Lock()
	var expired []*resumable
	for _, u := range x.all {
		if u.held == nil && now.After(u.Expires) {
			u.held = make(chan struct{})
			expired = append(expired, u)
			if u.hasBytes() {
				x.expired++
			}
		}
	}
	x.mutex.Unlock()
	for _, u := range expired {
		x.forget(u)
		x.letGo(u)
	}
	return len(expired)
}

// count tells how many uploads there are.
func (x *resumables) count(s *State) {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	s.Expired = x.expired
	for _, u := range x.all {
		if u.hasBytes() {
			s.Resumables++
			s.ResumableBytes += u.Offset
		}
	}
}

// sweepEvery is the time in which each upload that has expired is dropped.
const sweepEvery = time.Minute

func (x *resumables) keepSweeping(ctx context.Context) {
	for sleep(ctx, sweepEvery) == nil {
		x.sweep(time.Now())
	}
}

// load reads what a process before this one has left in the folder, which need not exist: uploads that can go on, and leavings, which it removes.
func (x *resumables) load() error {
	entries, err := os.ReadDir(x.folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, entry := range entries {
		if filepath.Ext(entry.Name()) != journalEnding {
			continue
		}
		u, err := x.read(entry.Name())
		if err != nil {
			return err
		}
		if u == nil || time.Now().After(u.Expires) {
			continue
		}
		x.all[u.ID] = u
		known[entry.Name()], known[u.ID.String()] = true, u.hasBytes()
	}
	for _, entry := range entries {
		if !known[entry.Name()] && entry.Type().IsRegular() {
			if err := os.Remove(filepath.Join(x.folder, entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
