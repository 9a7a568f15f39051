package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// elsewhere is a disk in a folder that may be in another file system than the files that are put, which it copies then.
type elsewhere struct {
	*disk
	incoming string // folder of the copies under way
}

// OpenFolder returns blobs in a folder of their own, which it makes if it is missing:
//
//	00/ to ff/    the blobs, see disk
//	quarantine/   those that were found damaged
//	incoming/     copies under way from another file system
//
// Several processes may have it open. What a crash left in incoming is removed after a day.
func OpenFolder(root string) (Blobs, error) {
	incoming := filepath.Join(root, "incoming")
	if err := makeFolders(incoming); err != nil {
		return nil, err
	}
	if err := sweepOld(incoming, 24*time.Hour); err != nil {
		return nil, err
	}
	k, err := openDisk(root)
	if err != nil {
		return nil, err
	}
	return elsewhere{k, incoming}, nil
}

// Put implements Blobs.
func (e elsewhere) Put(ctx context.Context, d Digest, f *os.File) error {
	err := e.disk.Put(ctx, d, f)
	if !errors.Is(err, syscall.EXDEV) {
		return err
	}
	copied, err := os.CreateTemp(e.incoming, "")
	if err != nil {
		return err
	}
	defer copied.Close()
	defer os.Remove(copied.Name()) // unless it has become the blob
	hash := sha256.New()
	if _, err := io.Copy(io.MultiWriter(copied, hash), io.NewSectionReader(f, 0, 1<<62)); err != nil {
		return err
	}
	if got := Digest(hash.Sum(nil)); got != d {
		return fmt.Errorf("copy blob %s: what was read has the SHA-256 %s", d, got)
	}
	return e.disk.Put(ctx, d, copied)
}

// sweepOld removes the files in a folder that were not written to for a time.
func sweepOld(folder string, age time.Duration) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil && time.Since(info.ModTime()) > age {
			err = os.Remove(filepath.Join(folder, entry.Name()))
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}
