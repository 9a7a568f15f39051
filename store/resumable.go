package store

import (
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

// hasBytes tells whether there is a file of the bytes of the upload.
func (r *Resumable) hasBytes() bool { return r.Refused == "" && !r.Joined }

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
	data.Close() // it has no bytes that could be lost
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
