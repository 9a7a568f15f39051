//go:build !race

package disk

import (
	"encoding/binary"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// What Options.Memory and the README promise.
func TestMemoryOfAMillionEntries(t *testing.T) {
	const entries = 1_000_000
	held := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := held()
	x := newIndex()
	for i := range uint64(entries) {
		x.add(Name{i * 0x9e3779b97f4a7c15, i}, nil, 5)
	}
	each := (held() - before) / entries
	t.Logf("%d bytes an entry", each)
	if each > entryMemory {
		t.Errorf("an entry takes %d bytes, more than %d", each, entryMemory)
	}
	runtime.KeepAlive(x)
}

// A hit allocates the file, and a little beside; a miss next to nothing.
func TestAllocationsOfGet(t *testing.T) {
	c := open(t, t.TempDir())
	k := key("/download/0193/resize:720.webp", "0193")
	put(t, c, k, "meta", strings.Repeat("x", 100_000))
	f := func(what string, k Key, want bool, most float64, mostBytes uint64) {
		t.Helper()
		const runs = 100
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		allocations := testing.AllocsPerRun(runs, func() {
			if _, ok := c.Get(t.Context(), k); ok != want {
				t.Fatalf("%s: found = %v", what, ok)
			}
		})
		runtime.ReadMemStats(&after)
		each := (after.TotalAlloc - before.TotalAlloc) / (runs + 1)
		t.Logf("%s: %v allocations, %d bytes", what, allocations, each)
		if allocations > most || each > mostBytes {
			t.Errorf("%s: %v allocations of %d bytes, more than %v of %d", what, allocations, each, most, mostBytes)
		}
	}
	f("hit", k, true, 60, 100_000+20_000)
	f("miss", key("other", "0193"), false, 4, 200)
}

func BenchmarkGet(b *testing.B) {
	c := open(b, b.TempDir())
	for name, size := range map[string]int{"5kB": 5_000, "50kB": 50_000, "500kB": 500_000} {
		k := key(name)
		put(b, c, k, "meta", strings.Repeat("x", size))
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				if _, ok := c.Get(b.Context(), k); !ok {
					b.Fatal("not found")
				}
			}
		})
	}
}

// What it takes to find out what is in a folder, of 10,000 entries.
func BenchmarkScan(b *testing.B) {
	dir := b.TempDir()
	c := open(b, dir, func(o *Options) { o.Bytes = 1 << 30 })
	for i := range 10_000 {
		k := key(strconv.Itoa(i))
		if !c.keep(job{name: k.Name(), path: k.path(), text: k.Text, body: []byte("body")}) {
			b.Fatal("not written")
		}
	}
	c.Close()
	for b.Loop() {
		c, err := newCache(dir, Options{Bytes: 1 << 30})
		if err != nil {
			b.Fatal(err)
		}
		c.scan()
		if n := c.Stats().Entries; n != 10_000 {
			b.Fatalf("%d entries", n)
		}
		close(c.done)
		c.Close()
	}
}

func BenchmarkWrite(b *testing.B) {
	c := open(b, b.TempDir())
	body := []byte(strings.Repeat("x", 50_000))
	b.SetBytes(int64(len(body)))
	for i := 0; b.Loop(); i++ {
		var text [8]byte
		binary.BigEndian.PutUint64(text[:], uint64(i))
		k := key(string(text[:]))
		if !c.keep(job{name: k.Name(), path: k.path(), text: k.Text, body: body}) {
			b.Fatal("not written")
		}
	}
}
