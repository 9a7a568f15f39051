package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"math"
	"strings"
	"sync"
	"testing"
)

func newCache(t testing.TB, maxBytes int64) *Cache[[]byte] {
	t.Helper()
	c, err := New(maxBytes, func(v []byte) int64 { return int64(len(v)) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// value is a load that returns v.
func value(v string) func(context.Context) ([]byte, error) {
	return func(context.Context) ([]byte, error) { return []byte(v), nil }
}

// mustLoad loads v under key, waits until it is kept or refused, and checks how the answer was come by.
func mustLoad(t testing.TB, c *Cache[[]byte], key, v string, want Outcome) {
	t.Helper()
	got, outcome, err := c.Load(context.Background(), key, value(v))
	if err != nil || string(got) != v || outcome != want {
		t.Fatalf("Load(%q) = %.20q, %v, %v; want %.20q, %v", key, got, outcome, err, v, want)
	}
	settle(c)
}

// settle waits until every value loaded so far is kept or refused, and its flight is gone.
func settle[V any](c *Cache[V]) {
	c.running.Wait()
	c.aliases.wait()
}

func mustLookup(t testing.TB, c *Cache[[]byte], key, want string) {
	t.Helper()
	if got, ok := c.Lookup([]byte(key)); !ok || string(got) != want {
		t.Fatalf("Lookup(%q) = %.20q, %v; want %.20q", key, got, ok, want)
	}
}

func mustMiss(t testing.TB, c *Cache[[]byte], key string) {
	t.Helper()
	if got, ok := c.Lookup([]byte(key)); ok {
		t.Fatalf("Lookup(%q) = %.20q; want nothing", key, got)
	}
}

func TestLoadThenHit(t *testing.T) {
	c := newCache(t, 1<<20)
	mustMiss(t, c, "a")
	mustLoad(t, c, "a", "A", Miss)
	mustLookup(t, c, "a", "A")
	mustLoad(t, c, "a", "A", Hit)
	mustLoad(t, c, "", "empty key", Miss)
	mustLookup(t, c, "", "empty key")

	want := Stats{Hits: 3, Misses: 2, Bytes: int64(len("a"+"A"+"empty key")) + 2*overhead, Entries: 2}
	if got := c.Stats(); got != want {
		t.Errorf("Stats() = %+v, want %+v", got, want)
	}
}

func TestAll(t *testing.T) {
	c := newCache(t, 1<<20)
	want := map[string]bool{"A": true, "B": true, "C": true}
	for v := range want {
		mustLoad(t, c, "key of "+v, v, Miss)
	}
	before := c.Stats()
	got := map[string]bool{}
	for v := range c.All() {
		got[string(v)] = true
	}
	if !maps.Equal(got, want) || c.Stats() != before {
		t.Errorf("All() = %v, want %v; %+v, then %+v", got, want, before, c.Stats())
	}
	for range c.All() {
		break
	}
	c.Close()
	for v := range c.All() {
		t.Errorf("%q after Close", v)
	}
}

func TestNewRefusesNegativeBudget(t *testing.T) {
	if _, err := New(-1, func(int) int64 { return 1 }); err == nil {
		t.Error("New(-1) succeeded")
	}
}

func TestZeroBudgetKeepsNothing(t *testing.T) {
	c := newCache(t, 0)
	mustLoad(t, c, "a", "A", Miss)
	c.Alias([]byte("b"), "a")
	mustLoad(t, c, "a", "A", Miss)
	mustMiss(t, c, "b")
	if got := c.Stats(); got.Bytes != 0 || got.Entries != 0 {
		t.Errorf("Stats() = %+v, want nothing kept", got)
	}
}

func TestTooLargeIsNotKept(t *testing.T) {
	c := newCache(t, 1<<20)
	fits := strings.Repeat("x", 1<<16-overhead-1)
	mustLoad(t, c, "a", fits, Miss)
	mustLoad(t, c, "a", fits, Hit)
	mustLoad(t, c, "b", fits+"x", Miss)
	mustLoad(t, c, "b", fits+"x", Miss)
	mustLoad(t, c, strings.Repeat("k", 1<<16), "long key", Miss)
	mustLoad(t, c, strings.Repeat("k", 1<<16), "long key", Miss)
}

func TestAbsurdSizes(t *testing.T) {
	for _, size := range []int64{math.MinInt64, -1, 0, math.MaxInt64} {
		c, err := New(1<<20, func(string) int64 { return size })
		if err != nil {
			t.Fatal(err)
		}
		if v, _, err := c.Load(t.Context(), "a", func(context.Context) (string, error) { return "A", nil }); v != "A" || err != nil {
			t.Errorf("size %d: Load = %q, %v", size, v, err)
		}
		settle(c)
		if _, kept := c.Lookup([]byte("a")); kept != (size <= 0) {
			t.Errorf("size %d: kept = %v", size, kept)
		}
		if got := c.Stats().Bytes; got < 0 || got > 1+overhead {
			t.Errorf("size %d: %d bytes", size, got)
		}
		c.Close()
	}
}

func TestAlias(t *testing.T) {
	c := newCache(t, 1<<20)
	mustLoad(t, c, "id/resize:720.jpg", "print", Miss)

	spelling := []byte("/download/id/resize=720.jpg")
	c.Alias(spelling, "id/resize:720.jpg")
	c.Alias([]byte("id/resize:720.jpg"), "id/resize:720.jpg")
	settle(c)
	spelling[0] = '!' // the caller's buffer is used again
	mustMiss(t, c, string(spelling))
	mustLookup(t, c, "/download/id/resize=720.jpg", "print")
	mustLookup(t, c, "id/resize:720.jpg", "print")

	before := c.Stats()
	c.Alias([]byte("/download/id/resize=720.jpg"), "id/resize:720.jpg")
	settle(c)
	if after := c.Stats(); after.Bytes != before.Bytes {
		t.Errorf("the same alias twice: %d bytes, then %d", before.Bytes, after.Bytes)
	}

	c.Remove("id/resize:720.jpg")
	mustMiss(t, c, "/download/id/resize=720.jpg")
	if got := c.Stats().Entries; got != 0 {
		t.Errorf("%d entries after Remove: the alias holds the value", got)
	}
	mustLoad(t, c, "id/resize:720.jpg", "new print", Miss)
	mustLookup(t, c, "/download/id/resize=720.jpg", "new print")
}

func TestAliasesAreBounded(t *testing.T) {
	c := newCache(t, 1<<20)
	mustLoad(t, c, "a", "A", Miss)
	for i := range 10_000 {
		c.Alias(fmt.Appendf(nil, "spelling %d", i), "a")
	}
	c.Alias(bytes.Repeat([]byte("x"), 1<<20), "a")
	settle(c)
	if got := c.aliases.bytes.Load(); got <= 0 || got > 1<<20/aliasShare {
		t.Errorf("aliases hold %d bytes, want at most %d", got, 1<<20/aliasShare)
	}
	mustLookup(t, c, "a", "A")
}

// A collision of hashes is played by putting one key's entry where the other key's belongs.
func TestCollisionIsAMiss(t *testing.T) {
	c := newCache(t, 1<<20)
	place := maphash.String(c.values.seed, "mine")
	c.values.kept.Set(place, &entry[[]byte]{key: "theirs", value: []byte("their image"), cost: 1}, 1)
	c.values.wait()
	if e := c.values.get(place); e == nil || e.key != "theirs" {
		t.Fatal("the collision was not set up")
	}

	mustMiss(t, c, "mine")
	mustLoad(t, c, "mine", "my image", Miss)
	mustLookup(t, c, "mine", "my image")

	place = maphash.String(c.aliases.seed, "my alias")
	c.aliases.kept.Set(place, &entry[string]{key: "their alias", value: "mine", cost: 1}, 1)
	c.aliases.wait()
	mustMiss(t, c, "my alias")
}

func TestBytesStayWithinBudget(t *testing.T) {
	const budget, size = 1 << 20, 4 << 10
	c := newCache(t, budget)
	v := strings.Repeat("x", size)
	for i := range 10 * budget / size {
		key := fmt.Sprint("key ", i)
		if _, _, err := c.Load(t.Context(), key, value(v)); err != nil {
			t.Fatal(err)
		}
		c.Alias([]byte("alias of "+key), key)
	}
	settle(c)

	got := c.Stats()
	if got.Bytes > budget || got.Bytes < budget/2 {
		t.Errorf("%d bytes kept of a budget of %d", got.Bytes, budget)
	}
	var bytes, entries int64
	c.values.kept.IterValues(func(e *entry[[]byte]) bool {
		bytes += int64(len(e.value)+len(e.key)) + overhead
		entries++
		return false
	})
	if kept := c.values.bytes.Load(); bytes != kept || entries != got.Entries {
		t.Errorf("counted %d bytes in %d entries, there are %d in %d", kept, got.Entries, bytes, entries)
	}
}

func TestClose(t *testing.T) {
	c := newCache(t, 1<<20)
	mustLoad(t, c, "a", "A", Miss)
	c.Alias([]byte("b"), "a")
	c.Close()
	c.Close()

	mustMiss(t, c, "a")
	mustMiss(t, c, "b")
	c.Alias([]byte("c"), "a")
	c.Remove("a")
	if _, _, err := c.Load(t.Context(), "a", value("A")); !errors.Is(err, ErrClosed) {
		t.Errorf("Load after Close: %v, want ErrClosed", err)
	}
	if got := c.Stats(); got.Bytes != 0 || got.Entries != 0 {
		t.Errorf("Stats() after Close = %+v, want nothing kept", got)
	}
}

// Everything at once, the end included: for the race detector.
func TestConcurrentUse(t *testing.T) {
	c := newCache(t, 64<<10)
	var callers sync.WaitGroup
	for caller := range 16 {
		callers.Go(func() {
			for i := range 500 {
				key := fmt.Sprint((i*7 + caller) % 60)
				want := strings.Repeat(key, 500)
				switch i % 10 {
				case 0:
					c.Remove(key)
				case 1:
					c.Alias([]byte("alias of "+key), key)
				case 2:
					c.Stats()
				case 3, 4, 5:
					if v, ok := c.Lookup([]byte("alias of " + key)); ok && string(v) != want {
						t.Errorf("alias of %s has the value of another key", key)
					}
				default:
					ctx, cancel := context.WithCancel(t.Context())
					if i%3 == 0 {
						cancel()
					}
					v, _, err := c.Load(ctx, key, value(want))
					cancel()
					if err == nil && string(v) != want {
						t.Errorf("%s has the value of another key", key)
					}
					if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, ErrClosed) {
						t.Error(err)
					}
				}
				if caller == 0 && i == 450 {
					c.Close()
				}
			}
		})
	}
	callers.Wait()
}
