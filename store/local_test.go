package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestReopenedStoreHasEverything(t *testing.T) {
	dir := t.TempDir()
	ctx := context.Background()
	s, err := Open(ctx, Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	contents := map[Original][]byte{}
	for i := range 20 {
		content := randomBytes(1000 + i)
		o, err := addBytes(t, s, content, Original{Format: "png", Width: i})
		if err != nil {
			t.Fatal(err)
		}
		contents[o] = content
	}
	removed, err := addBytes(t, s, []byte("x"), Original{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.index.Remove(ctx, removed.ID); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = openTestStore(t, dir)
	for o, content := range contents {
		mustHold(t, s, o, content)
	}
	list, _, err := s.List(ctx, Query{Limit: MaxLimit})
	if err != nil || len(list) != len(contents) {
		t.Errorf("listed %d originals, %v", len(list), err)
	}
	if _, err := s.Get(ctx, removed.ID); !errors.Is(err, ErrGone) {
		t.Errorf("removed original: got %v, want ErrGone", err)
	}
}

func TestCrashBetweenBlobAndRecord(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(context.Background(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	content := randomBytes(5000)
	orphan := putBytes(t, s.blobs, content)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = openTestStore(t, dir)
	if ids := listIDs(t, s.index, Query{Limit: 10}); len(ids) != 0 {
		t.Errorf("listed %v", ids)
	}
	o, err := addBytes(t, s, content, Original{})
	if err != nil || o.Digest != orphan {
		t.Fatalf("digest %s, %v; want %s", o.Digest, err, orphan)
	}
	mustHold(t, s, o, content)
}

func TestLeftoverSpoolFilesAreSwept(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(context.Background(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	o, err := addBytes(t, s, []byte("negative"), Original{})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		sp, err := s.Spool()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sp.Write([]byte("half of an ima")); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = openTestStore(t, dir)
	if files := spoolFiles(t, s); len(files) != 0 {
		t.Errorf("left %v", files)
	}
	mustHold(t, s, o, []byte("negative"))
}

func TestAFolderHasOneStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "originals")
	ctx := context.Background()
	first, err := Open(ctx, Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	sp := newSpool(t, first)
	if _, err := Open(ctx, Options{Dir: dir}); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v, want ErrInUse with the folder's name", err)
	}
	if _, err := os.Stat(sp.File().Name()); err != nil {
		t.Errorf("the second store swept the first one's spool: %v", err)
	}
	child, err := syscall.Dup(int(first.lock.(lockedFile).Fd())) // as one that is just being started has it
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(child)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	openTestStore(t, dir)
}

func TestAFailedOpenLetsGoOfTheFolder(t *testing.T) {
	dir := t.TempDir()
	index := filepath.Join(dir, "index.sqlite")
	if err := os.WriteFile(index, []byte(strings.Repeat("not a database. ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(context.Background(), Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v, want an error with the folder's name", err)
	}
	if err := os.Remove(index); err != nil {
		t.Fatal(err)
	}
	openTestStore(t, dir)
}

func TestFoldersOfAnyName(t *testing.T) {
	for _, name := range []string{"new", "a/b/c", "with space", "a?b=c#d", "100%41", "日本", "'quoted'"} {
		dir := filepath.Join(t.TempDir(), name)
		s := openTestStore(t, dir)
		if _, err := addBytes(t, s, []byte("negative"), Original{}); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if info, err := os.Stat(filepath.Join(dir, "index.sqlite")); err != nil || info.Size() == 0 {
			t.Errorf("%q: the index is elsewhere: %v", name, err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(context.Background(), Options{Dir: file}); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("opened a file as a folder: %v", err)
	}
}

func TestOnlyTheOwnerHasAccess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "originals")
	s := openTestStore(t, dir)
	o, err := addBytes(t, s, []byte("negative"), Original{})
	if err != nil {
		t.Fatal(err)
	}
	newSpool(t, s)
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if entry.IsDir() {
			want = 0o700
		} else if entry.Name() == o.Digest.String() {
			want = 0o400
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o", path, info.Mode().Perm(), want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	name := o.Digest.String()
	if _, err := os.Stat(filepath.Join(dir, "blobs", name[:2], name[2:4], name)); err != nil {
		t.Error(err)
	}
}

func TestCheck(t *testing.T) {
	ctx := context.Background()
	for _, missing := range []string{"spool", "blobs"} {
		dir := t.TempDir()
		s := openTestStore(t, dir)
		if err := s.Check(ctx); err != nil {
			t.Errorf("a healthy store: %v", err)
		}
		if files := spoolFiles(t, s); len(files) != 0 {
			t.Errorf("left %v", files)
		}
		if err := os.RemoveAll(filepath.Join(dir, missing)); err != nil {
			t.Fatal(err)
		}
		if err := s.Check(ctx); err == nil {
			t.Errorf("a store without %s passes", missing)
		}
	}
	s := openTestStore(t, t.TempDir())
	if err := s.index.(*sqlIndex).writer.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(ctx); err == nil {
		t.Error("a store without index passes")
	}
}

func openTestStore(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(context.Background(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
