package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// OpenLocal returns the store in the folder dir, which it makes if it is missing:
//
//	blobs/         the bytes of originals, see disk
//	index.sqlite   the records, an SQLite database (with -wal and -shm beside it)
//	spool/         uploads under way
//	lock           held while the store is open
//
// Everything in dir belongs to the store and must be in one file system, but for index.sqlite. One process can have
// dir open at a time; to another the error is ErrInUse. Spool files that a crash left behind are removed, and so are
// blobs of removed originals, as far as that succeeds now.
func OpenLocal(ctx context.Context, dir string) (*Store, error) {
	s, err := openLocal(ctx, dir)
	if err != nil {
		return nil, wrap("store in folder "+dir, err)
	}
	return s, nil
}

func openLocal(ctx context.Context, dir string) (_ *Store, err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	if err := makeFolders(dir); err != nil {
		return nil, err
	}
	held, err := lock(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			held.Close()
		}
	}()

	spool, root := filepath.Join(dir, "spool"), filepath.Join(dir, "blobs")
	if err := errors.Join(makeFolder(spool), makeFolder(root)); err != nil {
		return nil, err
	}
	if err := sweep(spool); err != nil {
		return nil, err
	}
	if err := tryRename(spool, root); err != nil {
		return nil, err
	}
	blobs, err := openDisk(root)
	if err != nil {
		return nil, err
	}
	index, err := openSQLite(ctx, filepath.Join(dir, "index.sqlite"))
	if err != nil {
		return nil, fmt.Errorf("index.sqlite: %w", err)
	}
	if err := syncFolder(dir); err != nil {
		return nil, errors.Join(err, index.Close())
	}
	s := New(blobs, index, spool)
	s.lock = held
	if err := s.finishRemovals(ctx); err != nil && !errors.Is(err, ErrLeft) {
		return nil, errors.Join(err, index.Close())
	}
	return s, nil
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
	from, to := filepath.Join(spool, "try"), filepath.Join(blobs, "try")
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
