package cache

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// of tells the keys that begin like this.
func of(prefix string) func(string) bool {
	return func(key string) bool { return strings.HasPrefix(key, prefix) }
}

func TestPurge(t *testing.T) {
	c := newCache(t, 1<<20)
	for _, key := range []string{"a/1", "a/2", "b/1"} {
		mustLoad(t, c, key, key, Miss)
		c.Alias([]byte("also "+key), key)
	}
	settle(c)
	if n := c.Purge(of("a/")); n != 2 {
		t.Errorf("purged %d values, want 2", n)
	}
	for _, key := range []string{"a/1", "a/2", "also a/1", "also a/2"} {
		mustMiss(t, c, key)
	}
	mustLookup(t, c, "b/1", "b/1")
	mustLookup(t, c, "also b/1", "b/1")
	if _, known := c.aliases.find("also a/1"); known {
		t.Error("the alias is kept")
	}
	if n := c.Purge(of("a/")); n != 0 {
		t.Errorf("purged %d values again", n)
	}
	mustLoad(t, c, "a/1", "new", Miss)
	settle(c)
	mustLookup(t, c, "a/1", "new")
	if n := c.Purge(func(string) bool { return true }); n != 2 {
		t.Errorf("purged %d values at last, want 2", n)
	}
	settle(c)
	if got := c.Stats(); got.Entries != 0 || got.Bytes != 0 {
		t.Errorf("Stats() = %+v, want nothing kept", got)
	}
}

// Values that ristretto has queued and not yet taken in are forgotten, too.
func TestPurgeRightAfterLoads(t *testing.T) {
	c := newCache(t, 64<<20)
	for round := range 100 {
		for i := range 20 {
			if _, outcome, err := c.Load(t.Context(), fmt.Sprint("a/", i), value("A")); outcome != Miss || err != nil {
				t.Fatalf("round %d: Load: %v, %v", round, outcome, err)
			}
		}
		if n := c.Purge(of("a/")); n != 20 {
			t.Fatalf("round %d: purged %d values", round, n)
		}
		for i := range 20 {
			mustMiss(t, c, fmt.Sprint("a/", i))
		}
	}
	settle(c)
	if got := c.Stats(); got.Entries != 0 || got.Bytes != 0 {
		t.Errorf("Stats() = %+v, want nothing kept", got)
	}
}

func TestPurgeDuringALoad(t *testing.T) {
	in(t, func(t *testing.T, c *Cache[[]byte]) {
		release := make(chan struct{})
		load := func(context.Context) ([]byte, error) {
			<-release
			return []byte("old"), nil
		}
		first, second := goLoad(t.Context(), c, "a", load), goLoad(t.Context(), c, "a", load)
		other := goLoad(t.Context(), c, "b", load)
		if n := c.Purge(of("a")); n != 0 {
			t.Errorf("purged %d values", n)
		}
		if c.Loading("a") || !c.Loading("b") {
			t.Error("the wrong load is forgotten")
		}
		next := goLoad(t.Context(), c, "a", value("new"))
		mustAnswer(t, <-next, "new", Miss)
		close(release)
		mustAnswer(t, <-first, "old", Miss)
		mustAnswer(t, <-second, "old", Joined)
		mustAnswer(t, <-other, "old", Miss)
		synctest.Wait()
		settle(c)
		mustLookup(t, c, "a", "new")
		mustLookup(t, c, "b", "old")
	})
}

// While others load, look up and give aliases, nothing that was loaded before a purge is seen after it.
func TestNothingOldAfterAPurge(t *testing.T) {
	c := newCache(t, 1<<20)
	var epoch atomic.Int64 // raised before each purge; a load brings the epoch in which it began
	stop := make(chan struct{})
	var others sync.WaitGroup
	for worker := range 6 {
		others.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				key := fmt.Sprint("a/", (i+worker)%10)
				if _, _, err := c.Load(t.Context(), key, func(context.Context) ([]byte, error) {
					return fmt.Append(nil, epoch.Load()), nil
				}); err != nil {
					t.Error(err)
					return
				}
				c.Alias([]byte("also "+key), key)
			}
		})
	}
	for range 100 {
		now := epoch.Add(1)
		c.Purge(of("a/"))
		for i := range 10 {
			key := fmt.Sprint("a/", i)
			v, _, err := c.Load(t.Context(), key, func(context.Context) ([]byte, error) { return fmt.Append(nil, now), nil })
			seen := [][]byte{v}
			for _, name := range []string{key, "also " + key} {
				if v, known := c.Lookup([]byte(name)); known {
					seen = append(seen, v)
				}
			}
			for _, v := range seen {
				var made int64
				if _, scanErr := fmt.Sscan(string(v), &made); scanErr != nil || err != nil || made < now {
					t.Fatalf("%s: a value of %q after purge %d, %v, %v", key, v, now, err, scanErr)
				}
			}
		}
	}
	close(stop)
	others.Wait()
}

// How long a purge walks over as many prints as a cache of 1 GiB has.
func BenchmarkPurge(b *testing.B) {
	const prints = 100_000
	c := newCache(b, 1<<30)
	for i := range prints {
		mustLoad(b, c, fmt.Sprintf("/download/01990000-0000-7000-8000-%012d/resize:400.webp", i), "print", Miss)
	}
	settle(c)
	for b.Loop() {
		c.Purge(of("/download/none"))
	}
	b.ReportMetric(float64(c.Stats().Entries), "prints")
}
