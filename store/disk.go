package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// disk is a Blobs in a folder. The blob of digest abcdef… is the read-only file ab/cd/abcdef….
// Its Put renames the file that it is given, which must lie in the same file system.
type disk struct {
	root   string
	shards [256]shard
}

// shard is one of the folders 00 to ff, which are made with the disk.
type shard struct {
	sync.Mutex
	durable [256]bool // the folders in it that are known to survive a crash
}

// openDisk returns the disk in the folder root, which exists.
func openDisk(root string) (*disk, error) {
	for i := range 256 {
		if err := os.Mkdir(filepath.Join(root, fmt.Sprintf("%02x", i)), 0o700); err != nil && !os.IsExist(err) {
			return nil, err
		}
	}
	return &disk{root: root}, syncFolder(root)
}

// Put implements Blobs.
func (k *disk) Put(ctx context.Context, d Digest, f *os.File) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := f.Chmod(0o400); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	path, err := k.makeRoom(d)
	if err != nil {
		return err
	}

	// The folder is opened before it is changed: a descriptor learns only of the failures that come after its opening.
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer folder.Close()
	// A blob that is already there is replaced by its equal rather than trusted. It may be the leaving of a Put that
	// failed to sync the folder, which no second sync would make good, or its bytes may have rotted since.
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return folder.Sync()
}

// Open implements Blobs.
func (k *disk) Open(ctx context.Context, d Digest) (*os.File, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return os.Open(k.path(d))
}

// Delete implements Blobs.
func (k *disk) Delete(ctx context.Context, d Digest) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	path := k.path(d)
	if err := os.Remove(path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// Quarantine implements Blobs. The blob becomes a file of the folder quarantine.
func (k *disk) Quarantine(ctx context.Context, d Digest) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	aside := filepath.Join(k.root, "quarantine")
	if err := makeFolder(aside); err != nil {
		return err
	}
	path := k.path(d)
	if err := os.Rename(path, filepath.Join(aside, d.String())); err != nil {
		return err
	}
	return errors.Join(syncFolder(aside), syncFolder(filepath.Dir(path)))
}

// List implements Blobs. It reads folders as it comes to them: what is put or deleted meanwhile may be listed or not.
func (k *disk) List(ctx context.Context, after Digest, limit int) (list []Blob, err error) {
	first := after.String()
	for shard := int(after[0]); shard < 256 && len(list) < limit; shard++ {
		folder := filepath.Join(k.root, fmt.Sprintf("%02x", shard))
		inner, err := os.ReadDir(folder) // sorted
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, entry := range inner {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if !entry.IsDir() || shard == int(after[0]) && entry.Name() < first[2:4] || len(list) == limit {
				continue
			}
			if list, err = listFolder(list, filepath.Join(folder, entry.Name()), after, limit); err != nil {
				return nil, err
			}
		}
	}
	return list, nil
}

// listFolder appends to list, as far as the limit, the blobs of a folder that come after one.
func listFolder(list []Blob, folder string, after Digest, limit int) ([]Blob, error) {
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, entry := range entries {
		d, err := ParseDigest(entry.Name())
		if err != nil || bytes.Compare(d[:], after[:]) <= 0 || len(list) == limit {
			continue
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, Blob{Digest: d, Bytes: info.Size(), Modified: info.ModTime()})
	}
	return list, nil
}

// Close implements Blobs.
func (k *disk) Close() error { return nil }

// Check implements Blobs. It notices folders that are missing, forbidden or mounted read-only.
func (k *disk) Check(context.Context) error {
	const writable = 2 // W_OK of POSIX access()
	path := filepath.Join(k.root, "00")
	if err := syscall.Access(path, writable); err != nil {
		return &os.PathError{Op: "access", Path: path, Err: err}
	}
	return nil
}

func (k *disk) path(d Digest) string {
	name := d.String()
	return filepath.Join(k.root, name[:2], name[2:4], name)
}

// makeRoom returns the path for the blob d, in a folder that exists durably.
func (k *disk) makeRoom(d Digest) (string, error) {
	path := k.path(d)
	s := &k.shards[d[0]]
	s.Lock()
	defer s.Unlock()
	if !s.durable[d[1]] {
		if err := makeFolder(filepath.Dir(path)); err != nil {
			return "", err
		}
		s.durable[d[1]] = true
	}
	return path, nil
}
