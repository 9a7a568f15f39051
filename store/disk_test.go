package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestAFileThatCannotBeSyncedIsNotPut(t *testing.T) {
	k := openTestDisk(t)
	path := filepath.Join(t.TempDir(), "fifo") // which can be renamed, but not synced
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip("no named pipes here:", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Sync() == nil {
		t.Skip("named pipes can be synced here")
	}
	if err := k.Put(context.Background(), Digest{1}, f); err == nil {
		t.Error("put it")
	}
	if _, err := os.Lstat(k.path(Digest{1})); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
}

func TestReopenedDiskHasItsBlobs(t *testing.T) {
	k := openTestDisk(t)
	d := putBytes(t, k, []byte("negative"))
	again, err := openDisk(k.root)
	if err != nil {
		t.Fatal(err)
	}
	if got := readBlob(t, again, d); string(got) != "negative" {
		t.Errorf("read %q", got)
	}
	putBytes(t, again, []byte("negative"))
}

func openTestDisk(t *testing.T) *disk {
	t.Helper()
	k, err := openDisk(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return k
}
