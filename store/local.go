package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Options say where a store is.
type Options struct {
	// Dir is the folder of the store, which Open makes if it is missing:
	//
	//	blobs/         the bytes of originals, see disk, unless they are in Blobs
	//	index.sqlite   the records, an SQLite database (with -wal and -shm beside it), unless they are in Index
	//	news           what was heard last of an Index that others use too
	//	spool/         uploads under way
	//	uploads/       those that come in parts, see Resumable
	//	copies/        what was read lately of blobs in a cloud, see package cloud
	//	sources/       originals that live elsewhere, see package remote
	//	guard/         files that keep processes apart
	//	lock           held while the store is open
	//
	// Everything in it belongs to the store and must be in one file system, but for index.sqlite.
	Dir string

	// Blobs keeps the bytes of originals, if the folder does not. Open takes it over, and closes it if it fails.
	Blobs Blobs

	// Index is where the records are, if not in the folder: a PostgreSQL database, as postgres://USER:PASSWORD@HOST/DATABASE. Any
	// number of processes, each with a Dir of its own, may have one Index and one Blobs open.
	Index string

	// Beside opens a store that another process may be serving from. Without it one process can have Dir open at a time;
	// to another the error is ErrInUse.
	Beside bool

	// MinFree is how many bytes of the disk of Dir uploads leave free: what would leave less is ErrFull. 0 leaves nothing.
	MinFree int64

	// ScrubEvery is the time in which each blob of Dir is read and compared with its digest once, in the background; 0 for never. Blobs that are
	// not in Dir are for whoever keeps them, and for Scrub.
	ScrubEvery time.Duration

	// ResumeWithin is how long an upload that comes in parts is kept without a further byte; 0 means a day.
	ResumeWithin time.Duration

	// Damaged is told of each blob that is found damaged, once until it is whole again. It may be called concurrently; nil tells nobody.
	Damaged func(Damage)
}

// Open returns the store that o tells of. Unless it is opened beside another process, spool files that a crash left behind are
// removed, uploads that come in parts and have expired, and blobs of removed originals: now, or, where that fails or takes long, later.
func Open(ctx context.Context, o Options) (*Store, error) {
	s, err := open(ctx, o)
	if err != nil {
		if o.Blobs != nil {
			err = errors.Join(err, o.Blobs.Close())
		}
		return nil, wrap("store in folder "+o.Dir, err)
	}
	return s, nil
}

func open(ctx context.Context, o Options) (_ *Store, err error) {
	dir := o.Dir
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	if err := makeFolders(dir); err != nil {
		return nil, err
	}
	spool := filepath.Join(dir, "spool")
	if err := makeFolder(spool); err != nil {
		return nil, err
	}
	var held io.Closer = noLock{}
	if !o.Beside {
		if held, err = lock(filepath.Join(dir, "lock")); err != nil {
			return nil, err
		}
	}
	defer func() {
		if err != nil {
			held.Close()
		}
	}()
	if !o.Beside {
		if err := sweep(spool); err != nil {
			return nil, err
		}
	}
	blobs := o.Blobs
	if blobs == nil {
		if blobs, err = openFolder(spool, filepath.Join(dir, "blobs")); err != nil {
			return nil, err
		}
	}
	index, err := openIndex(ctx, dir, o.Index)
	if err != nil {
		return nil, err
	}
	if err := syncFolder(dir); err != nil {
		return nil, errors.Join(err, index.Close())
	}
	s := New(blobs, index, spool)
	s.lock, s.room.least, s.damages.tell = held, o.MinFree, o.Damaged
	if o.ResumeWithin > 0 {
		s.resumables.keep = o.ResumeWithin
	}
	if o.Beside {
		return s, nil
	}
	if err := s.resumables.load(); err != nil {
		s.stop()
		return nil, errors.Join(err, index.Close())
	}
	s.running.Go(func() { s.resumables.keepSweeping(s.ctx) })
	// What it does not come to now is for later.
	soon, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_ = s.finishRemovals(soon)
	s.running.Go(func() { s.keepFreeing(s.ctx) })
	if o.ScrubEvery > 0 && o.Blobs == nil {
		s.running.Go(func() { s.scrubForever(s.ctx, o.ScrubEvery) })
	}
	return s, nil
}

// openIndex opens the index at location, or the one in the folder dir.
func openIndex(ctx context.Context, dir, location string) (Index, error) {
	if location != "" {
		index, err := openPostgres(ctx, location, filepath.Join(dir, "news"))
		if err != nil {
			return nil, fmt.Errorf("index: %w", err)
		}
		return index, nil
	}
	index, err := openSQLite(ctx, filepath.Join(dir, "index.sqlite"))
	if err != nil {
		return nil, fmt.Errorf("index.sqlite: %w", err)
	}
	return index, nil
}

// noLock stands for the lock of a store that another process may have.
type noLock struct{}

func (noLock) Close() error { return nil }

// openFolder opens the disk in the folder root, which it makes if it is missing, for files from the folder spool.
func openFolder(spool, root string) (*disk, error) {
	if err := makeFolder(root); err != nil {
		return nil, err
	}
	if err := tryRename(spool, root); err != nil {
		return nil, err
	}
	return openDisk(root)
}

// sweep removes the files in the folder spool.
func sweep(spool string) error {
	entries, err := os.ReadDir(spool)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.Type().IsRegular() {
			if err := os.Remove(filepath.Join(spool, entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// tryRename makes sure, before the first upload, that a file can move from spool to blobs.
func tryRename(spool, blobs string) error {
	name := "try-" + rand.Text() // another process may try, too
	from, to := filepath.Join(spool, name), filepath.Join(blobs, name)
	if err := os.WriteFile(from, nil, 0o600); err != nil {
		return err
	}
	err := os.Rename(from, to)
	if errors.Is(err, syscall.EXDEV) {
		err = fmt.Errorf("spool and blobs must be in one file system: %w", err)
	}
	if err != nil {
		return errors.Join(err, os.Remove(from))
	}
	return os.Remove(to)
}
