package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Resumable is what is known of an upload that comes in parts, over any number of requests and perhaps of days. When all of it
// has come it is added under its own id, by which it is then found in the index; until then it is a file of the folder uploads.
type Resumable struct {
	ID     ID     `json:"id"`
	Tenant string `json:"tenant,omitempty"` // whose it is, as of an Original
	Client string `json:"client,omitempty"` // who sends it; "" is nobody in particular
	Name   string `json:"name,omitempty"`   // as of an Original
	Note   string `json:"note,omitempty"`   // what whoever made it wants to know again; not interpreted

	Length int64 `json:"length"` // bytes that will come; negative as long as that is not known
	Offset int64 `json:"offset"` // bytes that have come and survive a loss of power

	// Part says that it is not an upload by itself: others are made of it. Of those that one was made of, the first knows which it is.
	Part   bool `json:"part,omitempty"`
	Whole  ID   `json:"whole,omitzero"`   // what was made of it, or is being made
	Parts  []ID `json:"parts,omitempty"`  // of which, in this order, that is made
	Joined bool `json:"joined,omitempty"` // it was made: the bytes of the part are gone

	Refused string `json:"refused,omitempty"` // why it will not be kept; its bytes are gone. Not interpreted

	Expires time.Time `json:"expires"`

	// Hash is the state of the SHA-256 of the bytes that have come, as crypto/sha256 writes it.
	Hash []byte `json:"hash,omitempty"`
}

// Complete tells whether all bytes have come.
func (r *Resumable) Complete() bool { return r.Length >= 0 && r.Offset == r.Length }

// open tells whether bytes are waited for.
func (r *Resumable) open() bool { return !r.Complete() && r.Refused == "" }

// MostResumables bounds the uploads that are under way, each of which may be waiting for its client.
type MostResumables struct {
	All, Client int // in all, and of one client; the client "" is not bounded
}

// resumables are the uploads in a folder. What they are is in memory, too, and bounded by MostResumables.
type resumables struct {
	folder string
	made   bool // the folder is; it is made when the first upload is begun
	spool  string
	room   *room
	keep   time.Duration // without a byte, until they expire

	mutex   sync.Mutex
	all     map[ID]*resumable
	expired uint64
}

// resumable is an upload, guarded by the mutex of all.
type resumable struct {
	Resumable
	held      chan struct{} // is closed when whoever holds it lets go; nil if nobody does
	wanted    bool          // somebody else waits for it
	interrupt func()        // tells him so; nil if he cannot be told
	torn      bool          // the end of its journal is not to be written on
}

// keepEmpty is how long an upload is kept at most of which no byte has come, or that was refused.
const keepEmpty = time.Hour

// keepResumables is how long an upload waits for its next byte if nothing else was asked for.
const keepResumables = 24 * time.Hour

// CreateResumable begins an upload of which r tells what it is: all but ID, Offset, Expires and Hash, which are filled in. It is ErrManyResumables
// if there are as many as there may be, and ErrFull if the disk has no room for it beside what others have announced.
func (s *Store) CreateResumable(r Resumable, most MostResumables) (Resumable, error) {
	id, _, err := newID()
	if err != nil {
		return Resumable{}, err
	}
	r.ID, r.Offset, r.Hash = id, 0, nil
	if err := s.resumables.create(&r, most); err != nil {
		return Resumable{}, wrap("begin upload", err)
	}
	return r, nil
}

func (x *resumables) create(r *Resumable, most MostResumables) error {
	if len(r.Name) > MaxName {
		return fmt.Errorf("name of %d bytes: %w", len(r.Name), ErrBadName)
	}
	r.Expires = later(min(keepEmpty, x.keep))
	u := &resumable{Resumable: *r, held: make(chan struct{})}
	if err := x.announce(u, most); err != nil {
		return err
	}
	err := x.begin(r)
	if err != nil {
		x.forget(u)
	}
	x.letGo(u)
	return err
}

// later is when a time from now on is over.
func later(d time.Duration) time.Time { return time.Now().Add(d).UTC().Truncate(time.Second) }

// announce takes an upload up, if there is room for it.
func (x *resumables) announce(u *resumable, most MostResumables) error {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	var all, ofClient int
	var bytes int64
	for _, other := range x.all {
		if !other.hasBytes() {
			continue // it goes by itself
		}
		all++
		if other.Client == u.Client && u.Client != "" {
			ofClient++
		}
		if other.open() {
			bytes += max(0, other.Length-other.Offset)
		}
	}
	if all >= most.All || ofClient >= most.Client || len(x.all) >= 2*most.All {
		return ErrManyResumables
	}
	if err := x.room.take(bytes + max(0, u.Length)); err != nil {
		return err
	}
	x.all[u.ID] = u
	return nil
}

// begin makes the files of an upload, durably.
func (x *resumables) begin(r *Resumable) error {
	if err := x.makeFolder(); err != nil {
		return err
	}
	data, err := os.OpenFile(x.data(r.ID), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := data.Close(); err != nil {
		return err
	}
	return x.writeJournal(r)
}

func (x *resumables) makeFolder() error {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	if x.made {
		return nil
	}
	if err := makeFolder(x.folder); err != nil {
		return err
	}
	x.made = true
	return nil
}

// data and journal are the files of an upload: its bytes, and what is known of it.
func (x *resumables) data(id ID) string    { return filepath.Join(x.folder, id.String()) }
func (x *resumables) journal(id ID) string { return x.data(id) + journalEnding }

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

// hasBytes tells whether there is a file of the bytes of the upload.
func (r *Resumable) hasBytes() bool { return r.Refused == "" && !r.Joined }
