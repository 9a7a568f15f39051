package store

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"
)

var operations = flag.Int("operations", 5000, "how many random operations TestGarbageAgainstAModel does")

// memoryFolder returns a folder in memory, where there is one, and has all folders of the test be there: what is synced there costs nothing. It is called
// before t.TempDir is.
func memoryFolder(t *testing.T) string {
	t.Helper()
	if try, err := os.MkdirTemp("/dev/shm", ""); err == nil {
		os.Remove(try)
		t.Setenv("TMPDIR", "/dev/shm")
	}
	return t.TempDir()
}

func TestGarbageIsWhatNoOriginalHas(t *testing.T) {
	s := openTestStore(t, t.TempDir())
	kept, err := addBytes(t, s, []byte("kept"), Original{})
	if err != nil {
		t.Fatal(err)
	}
	orphan := putBytes(t, s.blobs, []byte("orphan"))
	f := func(what string, grace time.Duration, dry bool, want Garbage, left int) {
		t.Helper()
		var told []Blob
		got, err := s.CollectGarbage(t.Context(), grace, dry, func(b Blob) { told = append(told, b) })
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", what, got, err, want)
		}
		if len(told) != int(want.Blobs) || want.Blobs == 1 && told[0].Digest != orphan {
			t.Errorf("%s: told %v", what, told)
		}
		if n := len(blobFiles(t, s)); n != left {
			t.Errorf("%s: %d blobs are left, want %d", what, n, left)
		}
	}
	f("new", time.Hour, false, Garbage{Kept: 1}, 2)
	f("dry", 0, true, Garbage{Blobs: 1, Bytes: 6}, 2)
	release, err := s.index.Hold(t.Context(), orphan, false)
	if err != nil {
		t.Fatal(err)
	}
	f("being put", 0, false, Garbage{Kept: 1}, 2)
	release()
	f("garbage", 0, false, Garbage{Blobs: 1, Bytes: 6}, 1)
	f("nothing is left", 0, false, Garbage{}, 1)
	mustHold(t, s, kept, []byte("kept"))
}

func TestGarbageOfCrashedRemovals(t *testing.T) {
	s := openTestStore(t, t.TempDir())
	o, err := addBytes(t, s, []byte("negative"), Original{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.index.Remove(t.Context(), o.ID, freeBlob); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CollectGarbage(t.Context(), time.Hour, true, nil); err != nil {
		t.Error(err)
	}
	if n, err := s.CountTasks(t.Context(), freeBlob); n != 1 || err != nil {
		t.Errorf("a dry run has left %d tasks of 1, %v", n, err)
	}
	if _, err := s.CollectGarbage(t.Context(), time.Hour, false, nil); err != nil {
		t.Error(err)
	}
	if n, err := s.CountTasks(t.Context(), freeBlob); n != 0 || err != nil {
		t.Errorf("%d tasks, %v", n, err)
	}
	if files := blobFiles(t, s); len(files) != 0 {
		t.Errorf("blobs left: %v", files)
	}
}

// Uploads, removals, crashes in the middle of both, restarts and collections in any order: after each collection there are the blobs of the originals that
// are there, and no others.
func TestGarbageAgainstAModel(t *testing.T) {
	n := *operations
	if testing.Short() {
		n = min(n, 200)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	s := &restartable{t: t, dir: memoryFolder(t)}
	s.open()
	t.Cleanup(s.close)
	var live []Original
	content := func(d int) []byte { return fmt.Appendf(nil, "content %d", d) }
	contents := map[Digest][]byte{}
	take := func() Original {
		i := random.IntN(len(live))
		o := live[i]
		live = slices.Delete(live, i, i+1)
		return o
	}
	check := func() {
		t.Helper()
		want := map[string]bool{}
		for _, o := range live {
			want[o.Digest.String()] = true
		}
		files := blobFiles(t, s.Store)
		for _, path := range files {
			if !want[path[len(path)-64:]] {
				t.Errorf("%s belongs to nobody", path)
			}
		}
		if len(files) != len(want) {
			t.Fatalf("%d blobs of %d", len(files), len(want))
		}
	}
	for range n {
		switch k := random.IntN(100); {
		case k < 40:
			c := content(random.IntN(40))
			o, err := addBytes(t, s.Store, c, Original{Format: "png"})
			if err != nil {
				t.Fatal(err)
			}
			live = append(live, o)
			contents[o.Digest] = c
		case k < 65 && len(live) > 0:
			if err := s.Remove(t.Context(), take().ID); err != nil {
				t.Fatal(err)
			}
		case k < 75: // a crash between blob and record
			putBytes(t, s.blobs, content(random.IntN(40)))
		case k < 85 && len(live) > 0: // a crash between record and blob
			if err := s.index.Remove(t.Context(), take().ID, freeBlob); err != nil {
				t.Fatal(err)
			}
		case k < 88:
			s.restart()
		case k < 95:
			if _, err := s.CollectGarbage(t.Context(), 0, false, nil); err != nil {
				t.Fatal(err)
			}
			check()
		case len(live) > 0:
			o := live[random.IntN(len(live))]
			mustHold(t, s.Store, o, contents[o.Digest])
		}
	}
	if _, err := s.CollectGarbage(t.Context(), 0, false, nil); err != nil {
		t.Fatal(err)
	}
	check()
	for _, o := range live {
		mustHold(t, s.Store, o, contents[o.Digest])
	}
}

// Two processes upload and remove equal bytes, and a third collects garbage all the time.
func TestGarbageIsCollectedWhileEqualBytesAreAdded(t *testing.T) {
	dir := memoryFolder(t)
	serving := openTestStore(t, dir)
	beside := func() *Store {
		s, err := Open(t.Context(), Options{Dir: dir, Beside: true})
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
	other, collector := beside(), beside()
	ctx, stop := context.WithCancel(t.Context())
	var collecting, adding sync.WaitGroup
	collecting.Go(func() {
		for ctx.Err() == nil {
			if _, err := collector.CollectGarbage(context.WithoutCancel(ctx), 0, false, nil); err != nil {
				t.Error(err)
			}
		}
	})
	var mutex sync.Mutex
	kept := map[Original][]byte{}
	for worker := range 6 {
		s := []*Store{serving, other}[worker%2]
		adding.Go(func() {
			for round := range 60 {
				c := fmt.Append(nil, round%4)
				o, err := addBytes(t, s, c, Original{})
				if err != nil {
					t.Error(err)
					return
				}
				mustHold(t, s, o, c)
				if (worker+round)%5 == 0 {
					mutex.Lock()
					kept[o] = c
					mutex.Unlock()
				} else if err := s.Remove(t.Context(), o.ID); err != nil {
					t.Error(err)
				}
			}
		})
	}
	adding.Wait()
	stop()
	collecting.Wait()
	for o, c := range kept {
		mustHold(t, serving, o, c)
		if err := other.Remove(t.Context(), o.ID); err != nil {
			t.Error(err)
		}
	}
	if _, err := collector.CollectGarbage(t.Context(), 0, false, nil); err != nil {
		t.Error(err)
	}
	if files := blobFiles(t, serving); len(files) != 0 {
		t.Errorf("blobs left: %v", files)
	}
}
