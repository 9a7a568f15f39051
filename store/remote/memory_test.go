//go:build !race

package remote

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

// What knowing a fetched original takes of the memory is what the budget of the program counts on.
func TestMemoryOfManyItems(t *testing.T) {
	const items = 50000
	before := heap()
	s := &shelf{items: map[string]*item{}}
	for n := range items {
		name := fmt.Sprintf("%032x", n)
		i := &item{name: name, body: folderOf(name) + "/" + name + ".ABCDEFGHIJKLMNOPQRSTUVWXYZ", blocks: 2, noted: 1, touched: time.Now(), trusted: time.Now()}
		i.place = s.recency.PushFront(i)
		s.items[name] = i
	}
	if each := (heap() - before) / items; each > itemMemory {
		t.Errorf("one takes %d bytes, and %d are counted", each, itemMemory)
	} else {
		t.Logf("one takes %d bytes", each)
	}
	runtime.KeepAlive(s)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
