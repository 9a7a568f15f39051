package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"testing"
)

func TestSpool(t *testing.T) {
	s := openTestStore(t, t.TempDir())
	sp := newSpool(t, s)
	var whole []byte
	for _, part := range []string{"", "one", " two", "", " three"} {
		if n, err := sp.Write([]byte(part)); err != nil || n != len(part) {
			t.Fatalf("wrote %d of %q: %v", n, part, err)
		}
		whole = append(whole, part...)
		if sp.Len() != int64(len(whole)) || sp.Digest() != sha256.Sum256(whole) {
			t.Errorf("after %q: %d bytes, digest %s", whole, sp.Len(), sp.Digest())
		}
		if got, err := io.ReadAll(io.NewSectionReader(sp.File(), 0, 100)); err != nil || !bytes.Equal(got, whole) {
			t.Errorf("read back %q, %v", got, err)
		}
	}
	if _, err := sp.File().WriteAt([]byte("x"), 0); err == nil {
		t.Error("the file for reading can be written")
	}
}

func TestDiscardLeavesNoFile(t *testing.T) {
	s := openTestStore(t, t.TempDir())
	sp := newSpool(t, s)
	if _, err := sp.Write([]byte("negative")); err != nil {
		t.Fatal(err)
	}
	if n := len(spoolFiles(t, s)); n != 1 {
		t.Errorf("%d spool files while spooling", n)
	}
	for range 3 {
		sp.Discard()
	}
	if files := spoolFiles(t, s); len(files) != 0 {
		t.Errorf("left %v", files)
	}
	if _, err := sp.Write([]byte("x")); !errors.Is(err, ErrSpent) {
		t.Errorf("write after discard: got %v, want ErrSpent", err)
	}
	if _, err := s.Add(context.Background(), sp, Original{}, Usage{}); !errors.Is(err, ErrSpent) {
		t.Errorf("add after discard: got %v, want ErrSpent", err)
	}
}

func TestASpoolIsAddedOnce(t *testing.T) {
	s := openTestStore(t, t.TempDir())
	ctx := context.Background()
	sp := newSpool(t, s)
	if _, err := sp.Write([]byte("negative")); err != nil {
		t.Fatal(err)
	}
	o, err := s.Add(ctx, sp, Original{}, Usage{})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := sp.Write([]byte("x")); n != 0 || !errors.Is(err, ErrSpent) {
		t.Errorf("write after add: wrote %d, %v; want ErrSpent", n, err)
	}
	if _, err := s.Add(ctx, sp, Original{}, Usage{}); !errors.Is(err, ErrSpent) {
		t.Errorf("second add: got %v, want ErrSpent", err)
	}
	if got, err := io.ReadAll(io.NewSectionReader(sp.File(), 0, 100)); err != nil || string(got) != "negative" {
		t.Errorf("after add the spool reads %q, %v", got, err)
	}
	sp.Discard()
	sp.Discard()
	mustHold(t, s, o, []byte("negative"))
}

func TestFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("there is no /dev/full:", err)
	}
	defer full.Close()
	s := openTestStore(t, t.TempDir())
	sp := newSpool(t, s)
	file := sp.file
	sp.file = full
	if n, err := sp.Write([]byte("negative")); n != 0 || !errors.Is(err, ErrFull) {
		t.Errorf("wrote %d, %v; want ErrFull", n, err)
	}
	sp.file = file
	if _, err := sp.Write([]byte("more")); !errors.Is(err, ErrFull) {
		t.Errorf("write after that: got %v, want ErrFull", err)
	}
	if _, err := s.Add(context.Background(), sp, Original{}, Usage{}); !errors.Is(err, ErrFull) {
		t.Errorf("add: got %v, want ErrFull", err)
	}
}

func newSpool(t *testing.T, s *Store) *Spool {
	t.Helper()
	sp, err := s.Spool()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sp.Discard)
	return sp
}

func spoolFiles(t *testing.T, s *Store) []os.DirEntry {
	t.Helper()
	entries, err := os.ReadDir(s.spool)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}
