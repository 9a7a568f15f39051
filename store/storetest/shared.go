package storetest

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"slices"
	"sync"
	"testing"
	"time"

	"calotype/store"
)

// Shared tests what every store.Index must do that several processes have open. Each call of open returns two of them over the same new
// records, and closes them when the test ends.
func Shared(t *testing.T, open func(t *testing.T) (a, b store.Index)) {
	ctx := context.Background()

	t.Run("what one adds or removes the other sees", func(t *testing.T) {
		a, b := open(t)
		o := testOriginal(t, "png")
		addRecord(t, a, o)
		if got, err := b.Get(ctx, o.ID); err != nil || got != o {
			t.Errorf("got  %+v, %v\nwant %+v", got, err, o)
		}
		if err := b.Add(ctx, o, store.Usage{}); !errors.Is(err, fs.ErrExist) {
			t.Errorf("added again: %v, want fs.ErrExist", err)
		}
		if err := b.Remove(ctx, o.ID, "task"); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Get(ctx, o.ID); !errors.Is(err, store.ErrGone) {
			t.Errorf("after it was removed: %v, want ErrGone", err)
		}
		if list, err := a.Tasks(ctx, "task", 10); err != nil || len(list) != 1 || list[0].ID != o.ID {
			t.Errorf("tasks: %v, %v", list, err)
		}
	})

	t.Run("many add and remove at once", func(t *testing.T) {
		a, b := open(t)
		const each = 100
		kept := make([][]store.ID, 8)
		var all sync.WaitGroup
		for i := range kept {
			one, other := a, b
			if i%2 == 1 {
				one, other = b, a
			}
			all.Go(func() {
				for n := range each {
					o := testOriginal(t, "png")
					addRecord(t, one, o)
					if n%3 > 0 {
						kept[i] = append(kept[i], o.ID)
						continue
					}
					if err := other.Remove(ctx, o.ID); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		want := slices.Concat(kept...)
		slices.SortFunc(want, func(x, y store.ID) int { return bytes.Compare(y[:], x[:]) })
		for _, index := range []store.Index{a, b} {
			if got := allPages(t, index, store.Query{Limit: 70}); !slices.Equal(got, want) {
				t.Errorf("listed %d, want %d, or another order", len(got), len(want))
			}
		}
	})

	testSharedTenants(t, open)

	t.Run("one of many who remove succeeds", func(t *testing.T) {
		a, b := open(t)
		for range 20 {
			o := testOriginal(t, "png")
			addRecord(t, a, o)
			results := make(chan error, 6)
			for i := range cap(results) {
				go func() { results <- []store.Index{a, b}[i%2].Remove(ctx, o.ID) }()
			}
			removed := 0
			for range cap(results) {
				if err := <-results; err == nil {
					removed++
				} else if !errors.Is(err, store.ErrGone) {
					t.Error(err)
				}
			}
			if removed != 1 {
				t.Errorf("%d of them succeeded", removed)
			}
		}
	})

	t.Run("whoever holds a blob alone holds it alone among all", func(t *testing.T) {
		a, b := open(t)
		d := store.Digest{7, 1}
		alone := hold(t, a, d, true)
		for _, index := range []store.Index{a, b} {
			mustNotHold(t, index, d, true)
			mustNotHold(t, index, d, false)
		}
		hold(t, b, store.Digest{8}, true)() // another
		alone()
		first, second, third := hold(t, a, d, false), hold(t, a, store.Digest{7, 2}, false), hold(t, b, d, false)
		for range 2 {
			mustNotHold(t, a, d, true)
			mustNotHold(t, b, d, true)
			first()
			first = func() {}
		}
		second()
		mustNotHold(t, a, d, true)
		third()
		hold(t, a, d, true)()
		hold(t, b, d, true)()
	})

	t.Run("holds exclude each other under load", func(t *testing.T) {
		a, b := open(t)
		var mutex sync.Mutex
		sharing, owners, held := 0, 0, 0
		count := func(alone bool, n int) {
			mutex.Lock()
			defer mutex.Unlock()
			if held++; alone {
				owners += n
			} else {
				sharing += n
			}
			if owners > 1 || owners == 1 && sharing > 0 {
				t.Errorf("%d hold it alone and %d share it", owners, sharing)
			}
		}
		until := time.Now().Add(time.Second)
		var all sync.WaitGroup
		for i := range 12 {
			index, alone := []store.Index{a, b}[i%2], i%4 >= 2
			all.Go(func() {
				for time.Now().Before(until) {
					release := hold(t, index, store.Digest{200, byte(i)}, alone)
					count(alone, 1)
					count(alone, -1)
					release()
				}
			})
		}
		all.Wait()
		if held < 100 {
			t.Errorf("held %d times in a second", held)
		}
	})
}

// hold holds a blob, which must succeed.
func hold(t *testing.T, index store.Index, d store.Digest, alone bool) (release func()) {
	t.Helper()
	within, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	release, err := index.Hold(within, d, alone)
	if err != nil {
		t.Error(err)
		return func() {}
	}
	return release
}

// mustNotHold checks that a blob is held by others.
func mustNotHold(t *testing.T, index store.Index, d store.Digest, alone bool) {
	t.Helper()
	within, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	release, err := index.Hold(within, d, alone)
	if err == nil {
		release()
		t.Errorf("it can be held, alone %t", alone)
	} else if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("alone %t: %v", alone, err)
	}
}
