package main

import (
	"fmt"
	"math"

	"github.com/KimMachineGun/automemlimit/memlimit"

	"calotype/handler"
	"calotype/transform"
)

// A budget says who may have how much of the memory, in bytes. The parts add up to the whole.
type budget struct {
	cache       int64 // finished prints
	index       int64 // of the prints and sources on disk
	connections int64 // requests under way, and their buffers
	garbage     int64 // what Go's collector may let lie: with little room for that it would do nothing but collect
	workers     int64 // worker processes that have nothing to do
	jobs        int64 // all prints that are being made

	spare int // how many of the workers are beyond those that are wanted at once
}

// Bounds of a budget's parts.
const (
	mostAutomaticCache = 1 << 30
	leastConnections   = 32 << 20
	leastJobs          = 192 << 20 // enough for a photograph of a phone in every format
	spareShare         = 16        // more than the least number of spare workers may take one part in so many of the whole
)

// heap is the limit for Go's garbage collector.
func (b budget) heap() int64 { return b.cache + b.index + b.connections + b.garbage }

// requests is how many may be under way at once.
func (b budget) requests() int { return int(b.connections / handler.ConnectionMemory) }

// newBudget divides total among its users; cache is automatic or fixed, index is fixed.
func newBudget(total, cache byteSize, index int64, workers int) (budget, error) {
	if total == automatic {
		total = byteSize(machineMemory() / 2)
	}
	b := budget{cache: int64(cache), index: index, spare: transform.LeastSpare}
	if (transform.MostSpare-transform.LeastSpare)*transform.WorkerMemory <= int64(total)/spareShare {
		b.spare = transform.MostSpare
	}
	b.workers = int64(workers+b.spare) * transform.WorkerMemory
	rest := int64(total) - b.workers
	b.connections = max(leastConnections, rest/8)
	if cache == automatic {
		// A small machine rather makes prints than keeps them.
		b.cache = max(0, min(int64(total)/4, mostAutomaticCache, (rest-withGarbage(b.connections+b.index)-leastJobs)*2/3))
	}
	live := b.cache + b.index + b.connections
	b.garbage = withGarbage(live) - live
	b.jobs = rest - b.heap()
	if b.jobs < leastJobs {
		fixed := fmt.Sprintf("%d workers and a cache of %d MiB", workers, b.cache>>20)
		if b.index > 0 {
			fixed += fmt.Sprintf(", with %d MiB to know what is kept on disk", b.index>>20)
		}
		return budget{}, fmt.Errorf("--memory of %d MiB is too little for %s: it takes %d MiB at least", total>>20, fixed, (b.workers+withGarbage(b.cache+b.index+leastConnections)+leastJobs)>>20+1)
	}
	return b, nil
}

// withGarbage is what Go's heap needs to hold live bytes without collecting all the time.
func withGarbage(live int64) int64 { return live * 3 / 2 }

// machineMemory is what the machine has, or the container, if that may have less.
func machineMemory() int64 {
	most := uint64(math.MaxInt64)
	if system, err := memlimit.FromSystem(); err == nil && system > 0 {
		most = min(most, system)
	}
	if container, err := memlimit.FromCgroup(); err == nil && container > 0 {
		most = min(most, container)
	}
	if most == math.MaxInt64 {
		return 4 << 30 // nobody can tell
	}
	return int64(most)
}
