package worker

import (
	"fmt"
	"os"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// A confinement is what keeps the threads of some processes on one processor each.
type confinement struct {
	mutex  sync.Mutex
	usable []int // numbers of the processors that all may use
	held   []int // how many processes are kept on each of them
}

// newConfinement keeps nobody anywhere.
func newConfinement() *confinement {
	c := &confinement{}
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return c
	}
	const most = 1024 // as many as a CPUSet names
	for i := range most {
		if set.IsSet(i) {
			c.usable = append(c.usable, i)
		}
	}
	c.held = make([]int, len(c.usable))
	return c
}

// keep has all threads of a process, and those to come, share the processor on which the fewest are kept, until release is called.
// The others of the machine are then left to others, however many threads a decoder starts.
func (c *confinement) keep(pid int) (release func()) {
	if len(c.usable) < 2 {
		return func() {}
	}
	c.mutex.Lock()
	chosen := len(c.usable) - 1
	for i, n := range c.held {
		if n < c.held[chosen] {
			chosen = i
		}
	}
	c.held[chosen]++
	c.mutex.Unlock()
	// Where it fails the process goes on as before: it has ended, or the system forbids that to all.
	_ = bind(pid, c.usable[chosen:chosen+1])
	return func() {
		_ = bind(pid, c.usable)
		c.mutex.Lock()
		defer c.mutex.Unlock()
		c.held[chosen]--
	}
}

// bind has every thread of a process run on some processors only.
func bind(pid int, processors []int) error {
	var set unix.CPUSet
	for _, p := range processors {
		set.Set(p)
	}
	return eachThread(pid, func(id int) error { return unix.SchedSetaffinity(id, &set) })
}

// eachThread calls do with every thread of a process that has not ended meanwhile.
func eachThread(pid int, do func(id int) error) error {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return err
	}
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			return err
		}
		if err := do(id); err != nil && err != unix.ESRCH {
			return err
		}
	}
	return nil
}
