package store_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"calotype/store"
	"calotype/store/storetest"
)

func TestDisk(t *testing.T) {
	storetest.Blobs(t, func(t *testing.T) store.Blobs {
		blobs, err := store.OpenDisk(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return blobs
	})
}

func TestSQLite(t *testing.T) {
	storetest.Index(t, func(t *testing.T) store.Index {
		index, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "index.sqlite"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := index.Close(); err != nil {
				t.Error(err)
			}
		})
		return index
	})
}

func TestFolder(t *testing.T) {
	storetest.Blobs(t, func(t *testing.T) store.Blobs { return openFolder(t, t.TempDir()) })
}

// Files come from where t.TempDir is, and /dev/shm is another file system on most Linux machines.
func TestFolderInAnotherFileSystem(t *testing.T) {
	shm := "/dev/shm"
	if from, err := os.Stat(t.TempDir()); err != nil {
		t.Fatal(err)
	} else if to, err := os.Stat(shm); err != nil || to.Sys().(*syscall.Stat_t).Dev == from.Sys().(*syscall.Stat_t).Dev {
		t.Skip(shm, "is no other file system here")
	}
	storetest.Blobs(t, func(t *testing.T) store.Blobs {
		root, err := os.MkdirTemp(shm, "calotype-")
		if err != nil {
			t.Skip(err)
		}
		t.Cleanup(func() {
			left, err := os.ReadDir(filepath.Join(root, "incoming"))
			if err != nil || len(left) > 0 {
				t.Errorf("copies are left: %v, %v", left, err)
			}
			os.RemoveAll(root)
		})
		return openFolder(t, root)
	})
}

func openFolder(t *testing.T, root string) store.Blobs {
	t.Helper()
	blobs, err := store.OpenFolder(root)
	if err != nil {
		t.Fatal(err)
	}
	return blobs
}
