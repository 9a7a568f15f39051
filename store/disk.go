package store

import (
	"context"
	"fmt"
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
