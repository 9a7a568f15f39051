// Package store keeps originals: the uploaded images, byte for byte, and one record about each.
//
// The bytes are blobs, kept once under their SHA-256 however often they are uploaded. The records are the index;
// each upload has its own, under its own id. A blob is made durable before its record is written, so that a crash
// leaves at most a blob without a record, never a record without its blob. When an original is removed its record goes first,
// and then the blob, unless another original has it.
//
// The package is the only one that knows SQL and the layout of files. It knows neither images nor HTTP.
package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Store keeps originals in a Blobs and an Index. Its methods may be called concurrently.
type Store struct {
	blobs Blobs
	index Index
	spool string
	lock  io.Closer // held by Open for as long as the store is open; else nil

	room       room
	resumables resumables
	verifier   verifier
	damages    damages

	running sync.WaitGroup     // what goes on without anybody who waits for it
	stop    context.CancelFunc // ends it, but for records that are being written
	ctx     context.Context    // ended by stop
}

// New returns a store over blobs and index, which it closes. Uploads are spooled in the folder spool, which must
// exist and, for blobs on disk, lie in the same file system as they do.
func New(blobs Blobs, index Index, spool string) *Store {
	s := &Store{blobs: blobs, index: index, spool: spool, room: room{folder: spool}}
	s.resumables = resumables{
		folder: filepath.Join(filepath.Dir(spool), "uploads"), spool: spool, room: &s.room, keep: keepResumables, all: map[ID]*resumable{},
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.verifier.background = func(run func(context.Context)) { s.running.Go(func() { run(s.ctx) }) }
	return s
}

// Add keeps what was written to sp as a new original and returns its record. Of o it takes what describes the
// image and whose it is; Digest, Bytes and Created are filled in, and ID if there is none. If its tenant had more than most with it, it is ErrQuota. When Add returns without an error, the original survives
// a crash and a loss of power. After an error it may be there or not, but never in part.
//
// Under an id that is set Add can be repeated: an original of the same bytes is returned as it is there, and one that was removed since is ErrGone.
//
// sp is spent whatever the outcome: it takes no more writes, and after an error the image must be spooled anew.
// The caller still owns sp and discards it.
func (s *Store) Add(ctx context.Context, sp *Spool, o Original, most Usage) (Original, error) {
	if err := sp.seal(); err != nil {
		return Original{}, err
	}
	if len(o.Name) > MaxName {
		return Original{}, fmt.Errorf("name of %d bytes: %w", len(o.Name), ErrBadName)
	}
	o.Digest, o.Bytes = sp.Digest(), sp.Len()
	release, err := s.index.Hold(ctx, o.Digest, false)
	if err != nil {
		return Original{}, wrap("hold blob "+o.Digest.String(), err)
	}
	err = s.blobs.Put(ctx, o.Digest, sp.file)
	given := o.ID != ID{}
	if given {
		o.Created = timeOf(o.ID)
	} else if err == nil {
		o.ID, o.Created, err = newID()
	}
	if err != nil {
		release()
		return Original{}, wrap("keep blob "+o.Digest.String(), err)
	}

	// A caller who leaves must not take the hold with him: a record that is being written needs its blob.
	recorded := make(chan error, 1)
	s.running.Go(func() {
		defer release()
		recorded <- s.index.Add(ctx, o, most)
	})
	select {
	case err = <-recorded:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if given && errors.Is(err, fs.ErrExist) {
		o, err = s.added(ctx, o)
	}
	if err != nil {
		return Original{}, wrap("record original "+o.ID.String(), err)
	}
	s.damages.mended(o.Digest)
	return o, nil
}

// added returns the record under the id of o if it is of the same bytes.
func (s *Store) added(ctx context.Context, o Original) (Original, error) {
	there, err := s.index.Get(ctx, o.ID)
	if err == nil && (there.Digest != o.Digest || there.Tenant != o.Tenant) {
		err = fs.ErrExist
	}
	return there, err
}

// Get returns the record of an original. It returns ErrNotFound if there never was one under id, and ErrGone if it
// was removed, with the record that is left of it.
func (s *Store) Get(ctx context.Context, id ID) (Original, error) {
	o, err := s.index.Get(ctx, id)
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrNotFound
	}
	if err != nil {
		return o, inOriginal(Original{ID: id}, err)
	}
	return o, nil
}

// MayAdd returns ErrQuota if a tenant would have more than most with one more original of so many bytes. That is cheap enough to be asked
// before every upload; Add finds it out for certain.
func (s *Store) MayAdd(ctx context.Context, tenant string, bytes int64, most Usage) error {
	if most == (Usage{}) {
		return nil
	}
	has, err := s.index.Usage(ctx, tenant)
	if err != nil {
		return wrap("ask what tenant "+tenant+" has", err)
	}
	return most.check(tenant, has, bytes)
}

// Open opens the bytes of an original for reading, from the first. The caller closes the file.
//
// What it returns has been read and compared with its digest, within the last minute, or longer ago if that has taken long. If the bytes are others, missing, or not as
// many as recorded, the error is ErrDamaged, and others are put in quarantine; an upload of the same bytes makes the original whole again. If they
// are missing because the original was removed meanwhile, it is ErrGone.
func (s *Store) Open(ctx context.Context, o Original) (*os.File, error) {
	f, err := s.openWhole(ctx, o)
	if err == nil {
		s.damages.mended(o.Digest) // perhaps by another process
		return f, nil
	}
	if !isDamage(err) {
		return nil, inOriginal(o, err)
	}
	if _, gone := s.Get(ctx, o.ID); errors.Is(gone, ErrGone) {
		return nil, gone
	}
	ctx = context.WithoutCancel(ctx) // it also matters to those who ask next
	if !errors.Is(err, fs.ErrNotExist) {
		whole, failure := s.setAside(ctx, o.Digest)
		if whole { // an upload has mended it meanwhile, or memory was wrong and not the disk
			if f, err = s.openWhole(ctx, o); err == nil {
				return f, nil
			}
		}
		err = errors.Join(err, failure)
	}
	if isDamage(err) {
		s.found(ctx, o.Digest, err)
	}
	return nil, inOriginal(o, err)
}

// inOriginal says whose error it is.
func inOriginal(o Original, err error) error {
	return fmt.Errorf("original %s: %w", o.ID, err)
}

// openWhole opens the blob of an original, if it is whole.
func (s *Store) openWhole(ctx context.Context, o Original) (*os.File, error) {
	f, err := s.blobs.Open(ctx, o.Digest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err != nil {
		return nil, err
	}
	err = s.verifier.verify(ctx, o.Digest, f)
	if info, failure := f.Stat(); err == nil && failure == nil && info.Size() != o.Bytes {
		err = fmt.Errorf("%w: blob %s has %d bytes, not %d", ErrDamaged, o.Digest, info.Size(), o.Bytes)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// HasOthers tells whether other processes may serve the same originals.
func (s *Store) HasOthers() bool {
	_, has := s.index.(*postgres)
	return has
}

// Tell tells all other processes that serve the same originals a message of at most MaxMessage bytes. Once it returns without an
// error, all who follow will hear it, also those who are cut off from the index now.
func (s *Store) Tell(ctx context.Context, message []byte) error {
	if err := s.index.Tell(ctx, message); err != nil {
		return wrap("tell others", err)
	}
	return nil
}

// Follow calls hear with what other processes do that serve the same originals, as Index.Follow does.
func (s *Store) Follow(ctx context.Context, hear func(News)) error {
	if err := s.index.Follow(ctx, hear); err != nil {
		return fmt.Errorf("follow others: %w", err)
	}
	return nil
}

// List returns records, newest first, as q asks, and the Before of the page after it, as Index.List does.
func (s *Store) List(ctx context.Context, q Query) (list []Original, next ID, err error) {
	list, next, err = s.index.List(ctx, q)
	if err != nil {
		return nil, ID{}, fmt.Errorf("list originals: %w", err)
	}
	return list, next, nil
}

// NoteLooks notes what all originals with some digests look like, as Index.NoteLooks does.
func (s *Store) NoteLooks(ctx context.Context, looks ...Look) error {
	if err := s.index.NoteLooks(ctx, looks...); err != nil {
		return wrap("note what originals look like", err)
	}
	return nil
}

// Check reports whether an original could be added now: it writes and discards a few kilobytes of spool, and asks
// the blobs and the index. It is cheap enough to be asked every second. ErrFull says that all else is well.
func (s *Store) Check(ctx context.Context) error {
	full := s.checkSpool()
	if full != nil && !errors.Is(full, ErrFull) {
		return full
	}
	if err := s.blobs.Check(ctx); err != nil {
		return wrap("write blobs", err)
	}
	if err := s.index.Check(ctx); err != nil {
		return wrap("write index", err)
	}
	return full
}

func (s *Store) checkSpool() error {
	sp, err := s.Spool()
	if err != nil {
		return err
	}
	defer sp.Discard()
	_, err = sp.Write(make([]byte, 4096))
	return err
}

// Close closes the index and lets go of the folder. It must be called once, when no other method is running;
// files that Open returned stay open.
func (s *Store) Close() error {
	s.stop()
	s.running.Wait()
	err := errors.Join(s.index.Close(), s.blobs.Close())
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
	}
	return err
}
