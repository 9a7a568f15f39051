package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Two guards over the files of one folder are as apart as two processes: the files are opened by each.
func twoGuards(t *testing.T) [2]*guard {
	dir := t.TempDir()
	return [2]*guard{newGuard(&fileLocks{folder: dir}), newGuard(&fileLocks{folder: dir})}
}

// isFree tells whether a slot can be taken now.
func isFree(t *testing.T, g *guard, slot byte, alone bool) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	release, err := g.hold(ctx, slot, alone)
	if err == nil {
		release()
	} else if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	return err == nil
}

func TestWhoIsAloneIsAloneInAllProcesses(t *testing.T) {
	for _, alone := range []bool{false, true} {
		guards := twoGuards(t)
		release, err := guards[0].hold(t.Context(), 7, alone)
		if err != nil {
			t.Fatal(err)
		}
		for i, g := range guards {
			if isFree(t, g, 7, true) {
				t.Errorf("held (alone: %t), and guard %d takes it alone", alone, i)
			}
			if isFree(t, g, 7, false) == alone {
				t.Errorf("held (alone: %t), and guard %d shares it: %t", alone, i, alone)
			}
			if !isFree(t, g, 8, true) {
				t.Errorf("guard %d cannot take another slot", i)
			}
		}
		release()
		for i, g := range guards {
			if !isFree(t, g, 7, true) {
				t.Errorf("guard %d cannot take what was let go of", i)
			}
		}
	}
}

func TestASharedHoldLastsAsLongAsItsLastHolder(t *testing.T) {
	guards := twoGuards(t)
	var releases []func()
	for range 3 {
		release, err := guards[0].hold(t.Context(), 7, false)
		if err != nil {
			t.Fatal(err)
		}
		releases = append(releases, release)
	}
	for i, release := range releases {
		if isFree(t, guards[1], 7, true) {
			t.Errorf("another process is alone beside %d", len(releases)-i)
		}
		release()
	}
	if !isFree(t, guards[1], 7, true) {
		t.Error("nobody holds it, and it cannot be taken")
	}
}

func TestHoldsExcludeEachOtherUnderLoad(t *testing.T) {
	guards := twoGuards(t)
	var inside atomic.Int64 // 1 for each who shares, 1000 for who is alone
	var wg sync.WaitGroup
	for worker := range 16 {
		wg.Go(func() {
			for round := range 50 {
				weight := int64(1)
				if (worker+round)%4 == 0 {
					weight = 1000
				}
				release, err := guards[worker%2].hold(t.Context(), 7, weight > 1)
				if err != nil {
					t.Error(err)
					return
				}
				if n := inside.Add(weight); n > 1000 {
					t.Errorf("%d alone beside %d others", n/1000, n%1000)
				}
				inside.Add(-weight)
				release()
			}
		})
	}
	wg.Wait()
}

func TestAGuardWithoutItsFolderHoldsNothing(t *testing.T) {
	g := newGuard(&fileLocks{folder: filepath.Join(t.TempDir(), "missing")})
	for range 2 {
		if _, err := g.hold(t.Context(), 7, true); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("got %v", err)
		}
	}
}

// A removal whose bytes are being put in the same moment leaves them to whoever frees what is left.
func TestARemovalDoesNotWaitForLongUploads(t *testing.T) {
	s := openTestStore(t, t.TempDir())
	o, err := addBytes(t, s, []byte("negative"), Original{})
	if err != nil {
		t.Fatal(err)
	}
	release, err := s.index.Hold(t.Context(), o.Digest, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(t.Context(), o.ID); err != nil {
		t.Errorf("got %v", err)
	}
	mustBeGone(t, s, o)
	if n, err := s.CountTasks(t.Context(), freeBlob); n != 1 || err != nil {
		t.Errorf("%d tasks, %v, want 1", n, err)
	}
	if n := len(blobFiles(t, s)); n != 1 {
		t.Errorf("%d blobs, want 1", n)
	}
	release()
	if err := s.finishRemovals(t.Context()); err != nil {
		t.Error(err)
	}
	if n, err := s.CountTasks(t.Context(), freeBlob); n != 0 || err != nil {
		t.Errorf("%d tasks, %v", n, err)
	}
	if files := blobFiles(t, s); len(files) != 0 {
		t.Errorf("blobs left: %v", files)
	}
}

// Two processes upload and remove the same few contents. What was added and not removed is there, and no blob is left that nobody has.
func TestTwoProcessesAddAndRemoveEqualBytes(t *testing.T) {
	dir := t.TempDir()
	serving := openTestStore(t, dir)
	beside, err := Open(t.Context(), Options{Dir: dir, Beside: true})
	if err != nil {
		t.Fatal(err)
	}
	defer beside.Close()
	var mutex sync.Mutex
	kept := map[Original]string{}
	var wg sync.WaitGroup
	for worker := range 8 {
		s := []*Store{serving, beside}[worker%2]
		wg.Go(func() {
			for round := range 30 {
				content := fmt.Sprint(round % 3)
				o, err := addBytes(t, s, []byte(content), Original{})
				if err != nil {
					t.Error(err)
					return
				}
				if (round+worker)%5 == 0 {
					mutex.Lock()
					kept[o] = content
					mutex.Unlock()
				} else if err := s.Remove(t.Context(), o.ID); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for o, content := range kept {
		mustHold(t, serving, o, []byte(content))
		if err := beside.Remove(t.Context(), o.ID); err != nil {
			t.Error(err)
		}
	}
	if err := serving.finishRemovals(t.Context()); err != nil {
		t.Error(err)
	}
	if files := blobFiles(t, serving); len(files) != 0 {
		t.Errorf("blobs left: %v", files)
	}
}

func TestLeftoversDoNotBlockEachOther(t *testing.T) {
	s := openRestartable(t)
	var all []Original
	for i := range 5 {
		o, err := addBytes(t, s.Store, []byte{byte(i)}, Original{})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, o)
	}
	for _, o := range all {
		if err := s.index.Remove(t.Context(), o.ID, freeBlob); err != nil {
			t.Fatal(err)
		}
	}
	stuck := s.blobs.(*disk).path(all[0].Digest) // the first to be tried
	if err := errors.Join(os.Remove(stuck), os.MkdirAll(filepath.Join(stuck, "x"), 0o700)); err != nil {
		t.Fatal(err)
	}
	s.restart()
	if n, err := s.CountTasks(t.Context(), freeBlob); n != 1 || err != nil {
		t.Errorf("%d tasks are left, %v, want 1", n, err)
	}
	if err := os.Remove(filepath.Join(stuck, "x")); err != nil {
		t.Fatal(err)
	}
	s.restart()
	if files := blobFiles(t, s.Store); len(files) != 0 {
		t.Errorf("blobs left: %v", files)
	}
}
