//go:build !race

// One goroutine has no races, and a million prints are slow under the race detector.
package quota

import (
	"math"
	"math/rand/v2"
	"runtime"
	"strconv"
	"testing"
	"time"
)

// heap returns the bytes in use after what nobody holds is freed.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestMemoryIsBounded(t *testing.T) {
	const most = 100_000
	random := rand.New(rand.NewPCG(1, 1))
	name := func() string { return strconv.FormatUint(random.Uint64(), 36) }
	before := heap()
	q := New(1, 1, time.Hour)
	q.book.most = most
	mustTake(t, q, "first", "first", "a")
	mustRefuse(t, q, "first", "", "b")
	for i := range 1_000_000 {
		mustTake(t, q, name(), name(), name())
		if i%10 != 0 {
			continue
		}
		got := q.Stats().Entries
		if got > most || i > most && got < most/2-4 {
			t.Fatalf("%d entries", got)
		}
		if i < most && i%2500 == 0 {
			if used := heap() - before; used > 64<<10+int64(got)*entryBytes {
				t.Fatalf("%d bytes for %d entries", used, got)
			}
		}
	}
	// The oldest are forgotten, the others not.
	mustTake(t, q, "first", "", "b")
	mustTake(t, q, "last", "last", "a")
	for range most / 2 / 4 {
		mustTake(t, q, name(), name(), name())
	}
	mustRefuse(t, q, "last", "", "b")
	mustRefuse(t, q, "", "last", "b")
}

// One original with very many prints is forgotten like very many with one each.
func TestMemoryOfOneOriginalIsBounded(t *testing.T) {
	const most = 10_000
	q := New(math.MaxInt, 0, time.Hour)
	q.book.most = most
	for i := range 3 * most {
		mustTake(t, q, "cat", "", strconv.Itoa(i))
		if got := q.Stats(); got.Entries > most || got.Originals != 1 {
			t.Fatalf("%+v", got)
		}
	}
}

func BenchmarkTake(b *testing.B) {
	q := New(100, 100, time.Hour)
	prints := make([]string, 200)
	for i := range prints {
		prints[i] = "/download/cat/resize:" + strconv.Itoa(i) + ".webp"
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		_ = q.Take("cat", "ann", prints[i%len(prints)])
	}
}
