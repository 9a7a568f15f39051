//go:build !race

package cache

import "testing"

// The race detector makes sync.Pool, which ristretto counts its reads with, forget things at random.
func TestLookupDoesNotAllocate(t *testing.T) {
	c := newCache(t, 1<<20)
	mustLoad(t, c, "0193/crop:0,0,200,200/resize:720/rotate:90/quality:80.jpg", "print", Miss)
	c.Alias([]byte("/download/0193/crop=0~0~200~200/resize=720/rotate=90/quality=80.jpg"), "0193/crop:0,0,200,200/resize:720/rotate:90/quality:80.jpg")
	settle(c)
	for name, key := range map[string]string{
		"key":     "0193/crop:0,0,200,200/resize:720/rotate:90/quality:80.jpg",
		"alias":   "/download/0193/crop=0~0~200~200/resize=720/rotate=90/quality=80.jpg",
		"missing": "/download/0194/crop=0~0~200~200/resize=720/rotate=90/quality=80.jpg",
	} {
		t.Run(name, func(t *testing.T) {
			target := []byte(key)
			var found bool
			allocs := testing.AllocsPerRun(10_000, func() { _, found = c.Lookup(target) })
			if allocs != 0 || found != (name != "missing") {
				t.Errorf("%v allocations, found = %v", allocs, found)
			}
		})
	}
}

func BenchmarkLookup(b *testing.B) {
	c := newCache(b, 1<<20)
	mustLoad(b, c, "key", "print", Miss)
	c.Alias([]byte("alias"), "key")
	settle(c)
	for _, key := range []string{"key", "alias"} {
		b.Run(key, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				target := []byte(key)
				for pb.Next() {
					c.Lookup(target)
				}
			})
		})
	}
}
