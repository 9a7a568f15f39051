package main

import (
	"testing"

	"calotype/transform"
)

func TestBudget(t *testing.T) {
	const mebi, gibi = 1 << 20, 1 << 30
	for _, c := range []struct {
		total, cache byteSize
		index        int64
		workers      int
		fits         bool
	}{
		{gibi, automatic, 0, 2, true},
		{gibi, 0, 0, 2, true},
		{gibi, 64 * mebi, 0, 2, true},
		{640 * mebi, 64 * mebi, 0, 1, true},
		{512 * mebi, automatic, 0, 1, true},
		{64 * gibi, automatic, 0, 32, true},
		{automatic, automatic, 0, 2, true},
		{gibi, automatic, 60 * mebi, 2, true},
		{600 * mebi, automatic, 60 * mebi, 1, true},
		{512 * mebi, automatic, 200 * mebi, 1, false},
		{gibi, 900 * mebi, 0, 2, false},
		{256 * mebi, automatic, 0, 2, false},
		{0, 0, 0, 1, false},
		{gibi, automatic, 0, 64, false},
	} {
		b, err := newBudget(c.total, c.cache, c.index, c.workers)
		if c.fits != (err == nil) {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		if err != nil {
			continue
		}
		sum := b.heap() + b.workers + b.jobs
		if c.total != automatic && sum != int64(c.total) {
			t.Errorf("%+v: the parts %+v make %d", c, b, sum)
		}
		if c.cache != automatic && b.cache != int64(c.cache) {
			t.Errorf("%+v: a cache of %d", c, b.cache)
		}
		if b.workers != int64(c.workers+b.spare)*transform.WorkerMemory || b.connections < leastConnections || b.index != c.index || b.garbage < (b.cache+b.index+b.connections)/2 || b.jobs < leastJobs || b.cache < 0 {
			t.Errorf("%+v: %+v", c, b)
		}
	}
	if n := machineMemory(); n < 256*mebi {
		t.Errorf("this machine has %d bytes", n)
	}
}
