package main

import (
	"fmt"
	"math"

	"github.com/KimMachineGun/automemlimit/memlimit"

	"calotype/transform"
)

// A budget says who may have how much of the memory, in bytes. The parts add up to the whole.
type budget struct {
	cache   int64 // finished prints
	server  int64 // the rest of Go's heap: requests under way, buffers of connections
	workers int64 // worker processes that have nothing to do
	jobs    int64 // all prints that are being made
}

// Bounds of a budget's parts.
const (
	mostAutomaticCache = 1 << 30
	leastServer        = 64 << 20
	leastJobs          = 192 << 20 // enough for a photograph of a phone in every format
)

// heap is the limit for Go's garbage collector.
func (b budget) heap() int64 { return b.cache + b.server }

// newBudget divides total among its users; cache is automatic or fixed.
func newBudget(total, cache byteSize, workers int) (budget, error) {
	if total == automatic {
		total = byteSize(machineMemory() / 2)
	}
	b := budget{cache: int64(cache), workers: int64(workers+transform.SpareWorkers) * transform.WorkerMemory}
	if cache == automatic {
		b.cache = min(int64(total)/4, mostAutomaticCache)
	}
	rest := int64(total) - b.workers - b.cache
	b.server = max(leastServer, rest/8)
	b.jobs = rest - b.server
	if b.jobs < leastJobs {
		return budget{}, fmt.Errorf("--memory of %d MiB is too little for %d workers and a cache of %d MiB: it takes %d MiB at least",
			total>>20, workers, b.cache>>20, (b.workers+b.cache+leastServer+leastJobs)>>20)
	}
	return b, nil
}

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
