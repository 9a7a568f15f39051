package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// A restartable is a store that is opened again in the course of a test.
type restartable struct {
	*Store
	t   *testing.T
	dir string
}

func openRestartable(t *testing.T) *restartable {
	t.Helper()
	r := &restartable{t: t, dir: t.TempDir()}
	r.open()
	t.Cleanup(r.close)
	return r
}

func (r *restartable) open() {
	r.t.Helper()
	var err error
	if r.Store, err = Open(context.Background(), Options{Dir: r.dir}); err != nil {
		r.t.Fatal(err)
	}
}

func (r *restartable) close() {
	r.t.Helper()
	if err := r.Store.Close(); err != nil {
		r.t.Error(err)
	}
}

func (r *restartable) restart() {
	r.t.Helper()
	r.close()
	r.open()
}

func TestRemove(t *testing.T) {
	s := openRestartable(t)
	ctx := context.Background()
	content := randomBytes(5000)
	o, err := addBytes(t, s.Store, content, Original{Format: "png", Name: "a.png"})
	if err != nil {
		t.Fatal(err)
	}
	open, err := s.Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	if err := s.Remove(ctx, o.ID); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(open); err != nil || !bytes.Equal(got, content) {
		t.Errorf("the file that was open: %d bytes, %v", len(got), err)
	}
	mustBeGone(t, s.Store, o)
	if files := blobFiles(t, s.Store); len(files) != 0 {
		t.Errorf("blobs left: %v", files)
	}
	if err := s.Remove(ctx, testOriginal(t, "png").ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("what never existed: got %v, want ErrNotFound", err)
	}
	s.restart()
	mustBeGone(t, s.Store, o)
	again, err := addBytes(t, s.Store, content, Original{Format: "png"})
	if err != nil {
		t.Fatal(err)
	}
	mustHold(t, s.Store, again, content)
	mustBeGone(t, s.Store, o)
}

// mustBeGone checks that nothing is left of o but that it was there.
func mustBeGone(t *testing.T, s *Store, o Original) {
	t.Helper()
	ctx := context.Background()
	if _, err := s.Get(ctx, o.ID); !errors.Is(err, ErrGone) {
		t.Errorf("get: got %v, want ErrGone", err)
	}
	if err := s.Remove(ctx, o.ID); !errors.Is(err, ErrGone) {
		t.Errorf("second remove: got %v, want ErrGone", err)
	}
	if slices.Contains(listIDs(t, s.index, Query{Limit: MaxLimit}), o.ID) {
		t.Error("it is listed")
	}
}

func TestRemovedWhileSomebodyHasTheRecord(t *testing.T) {
	s := openTestStore(t, t.TempDir())
	o, err := addBytes(t, s, []byte("negative"), Original{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(t.Context(), o); !errors.Is(err, ErrGone) || errors.Is(err, ErrDamaged) {
		t.Errorf("got %v, want ErrGone", err)
	}
}

func TestABlobStaysForTheLastOriginal(t *testing.T) {
	s := openTestStore(t, t.TempDir())
	content := randomBytes(5000)
	var all []Original
	for range 3 {
		o, err := addBytes(t, s, content, Original{})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, o)
	}
	for i, o := range all {
		if err := s.Remove(t.Context(), o.ID); err != nil {
			t.Fatal(err)
		}
		for _, other := range all[i+1:] {
			mustHold(t, s, other, content)
		}
	}
	if files := blobFiles(t, s); len(files) != 0 {
		t.Errorf("blobs left: %v", files)
	}
}

// Uploads of the same few contents and removals run beside each other: what Add has acknowledged and nobody removed is there,
// and no blob is left that nobody has.
func TestAddAndRemoveOfEqualBytesAtOnce(t *testing.T) {
	s := openTestStore(t, t.TempDir())
	ctx := context.Background()
	content := func(i int) []byte { return bytes.Repeat([]byte{byte(i)}, 100) }
	var mutex sync.Mutex
	kept := map[Original]int{}
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for round := range 40 {
				i := round % 3
				o, err := addBytes(t, s, content(i), Original{})
				if err != nil {
					t.Error(err)
					return
				}
				if (round+worker)%5 == 0 {
					mutex.Lock()
					kept[o] = i
					mutex.Unlock()
					continue
				}
				mustHold(t, s, o, content(i))
				removers := make(chan error, 2)
				for range cap(removers) {
					go func() { removers <- s.Remove(ctx, o.ID) }()
				}
				a, b := <-removers, <-removers
				if (a == nil) == (b == nil) || !errors.Is(errors.Join(a, b), ErrGone) {
					t.Errorf("two removals of one original: %v and %v", a, b)
				}
			}
		})
	}
	wg.Wait()
	for o, i := range kept {
		mustHold(t, s, o, content(i))
	}
	if n := len(blobFiles(t, s)); n != 3 {
		t.Errorf("%d blobs, want 3", n)
	}
	for o := range kept {
		if err := s.Remove(ctx, o.ID); err != nil {
			t.Error(err)
		}
	}
	if files := blobFiles(t, s); len(files) != 0 {
		t.Errorf("blobs left: %v", files)
	}
}

func TestCrashBetweenRecordAndBlob(t *testing.T) {
	s := openRestartable(t)
	ctx := context.Background()
	alone, err := addBytes(t, s.Store, []byte("alone"), Original{})
	if err != nil {
		t.Fatal(err)
	}
	shared, err := addBytes(t, s.Store, []byte("shared"), Original{})
	if err != nil {
		t.Fatal(err)
	}
	again, err := addBytes(t, s.Store, []byte("shared"), Original{})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []Original{alone, shared} {
		if err := s.index.Remove(ctx, o.ID, freeBlob); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(blobFiles(t, s.Store)); n != 2 {
		t.Fatalf("%d blobs", n)
	}
	s.restart()
	if n := len(blobFiles(t, s.Store)); n != 1 {
		t.Errorf("%d blobs after the restart, want 1", n)
	}
	mustHold(t, s.Store, again, []byte("shared"))
	mustBeGone(t, s.Store, alone)
	mustBeGone(t, s.Store, shared)
	if n, err := s.CountTasks(ctx, freeBlob); n != 0 || err != nil {
		t.Errorf("%d tasks left, %v", n, err)
	}
}

func TestABlobThatCannotBeDeleted(t *testing.T) {
	s := openRestartable(t)
	o, err := addBytes(t, s.Store, []byte("negative"), Original{})
	if err != nil {
		t.Fatal(err)
	}
	path := s.blobs.(*disk).path(o.Digest)
	// A folder that has something in it cannot be deleted by anybody, root included.
	if err := errors.Join(os.Remove(path), os.MkdirAll(filepath.Join(path, "x"), 0o700)); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(t.Context(), o.ID); !errors.Is(err, ErrLeft) {
		t.Errorf("got %v, want ErrLeft", err)
	}
	mustBeGone(t, s.Store, o)
	s.restart() // it opens all the same
	mustBeGone(t, s.Store, o)
	if err := os.Remove(filepath.Join(path, "x")); err != nil {
		t.Fatal(err)
	}
	s.restart()
	if files := blobFiles(t, s.Store); len(files) != 0 {
		t.Errorf("blobs left: %v", files)
	}
}

func TestTasksOutliveARestart(t *testing.T) {
	s := openRestartable(t)
	ctx := context.Background()
	var all []Removal
	for i := range 5 {
		o, err := addBytes(t, s.Store, []byte{byte(i)}, Original{})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Remove(ctx, o.ID, "a", "b"); err != nil {
			t.Fatal(err)
		}
		all = append(all, Removal{o.ID, o.Digest})
	}
	if err := s.Done(ctx, "a", all[0].ID, all[1].ID, all[1].ID); err != nil {
		t.Fatal(err)
	}
	s.restart()
	for name, want := range map[string][]Removal{"a": all[2:], "b": all, "c": nil, freeBlob: nil} {
		got, err := s.Tasks(ctx, name, 10)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("tasks of %s: %v, %v, want %v", name, got, err, want)
		}
		if n, err := s.CountTasks(ctx, name); n != len(want) || err != nil {
			t.Errorf("%d tasks of %s, %v, want %d", n, name, err, len(want))
		}
	}
	if got, err := s.Tasks(ctx, "b", 2); err != nil || !slices.Equal(got, all[:2]) {
		t.Errorf("the first two: %v, %v", got, err)
	}
	// A removal that fails notes nothing.
	if err := s.Remove(ctx, all[0].ID, "a"); !errors.Is(err, ErrGone) {
		t.Errorf("got %v, want ErrGone", err)
	}
	if n, err := s.CountTasks(ctx, "a"); n != 3 || err != nil {
		t.Errorf("%d tasks, %v", n, err)
	}
}
