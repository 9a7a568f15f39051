package worker

import (
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// mostPause is how long a process with a job that yields stands still at a time. It runs as long before it stands still again, so that it has
// half of its time in any case.
const mostPause = 20 * time.Millisecond

// A courtesy has processes with jobs that yield stand still while others have one, where all of them would share few processors. A lower
// priority is not enough for that: it gives the processor to the others, but two threads of one core still slow each other down, by
// half and more.
type courtesy struct {
	mutex    sync.Mutex
	yielding map[signaled]*guest
	others   int // jobs that do not yield
}

// A signaled is an os.Process.
type signaled interface{ Signal(s os.Signal) error }

// A guest is a process with a job that yields.
type guest struct {
	timer   *time.Timer // ends a pause; nil while it runs
	stopped time.Time   // when the pause began
	until   time.Time   // before this it does not stand still again
}

func newCourtesy() *courtesy {
	return &courtesy{yielding: map[signaled]*guest{}}
}

// begin tells of a job of a process, and end must be called when it is done.
func (c *courtesy) begin(process signaled, yielding bool) (end func()) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if yielding {
		g := &guest{}
		c.yielding[process] = g
		if c.others > 0 {
			c.pause(process, g)
		}
		return func() {
			c.mutex.Lock()
			defer c.mutex.Unlock()
			c.resume(process, g)
			delete(c.yielding, process)
		}
	}
	c.others++
	for process, g := range c.yielding {
		c.pause(process, g)
	}
	return func() {
		c.mutex.Lock()
		defer c.mutex.Unlock()
		if c.others--; c.others > 0 {
			return
		}
		for process, g := range c.yielding {
			c.resume(process, g)
		}
	}
}

// pause has a process stand still, if it does not yet and there are few processors for all. The mutex is held.
func (c *courtesy) pause(process signaled, g *guest) {
	now := time.Now()
	// Two processors may be one core.
	if g.timer != nil || now.Before(g.until) || len(c.yielding)+c.others <= runtime.NumCPU()/2 {
		return
	}
	if process.Signal(syscall.SIGSTOP) != nil {
		return // it has ended
	}
	g.stopped = now
	var timer *time.Timer
	timer = time.AfterFunc(mostPause, func() {
		c.mutex.Lock()
		defer c.mutex.Unlock()
		if g.timer == timer {
			c.resume(process, g)
		}
	})
	g.timer = timer
}

// resume has a process go on that stands still. The mutex is held.
func (c *courtesy) resume(process signaled, g *guest) {
	if g.timer == nil {
		return
	}
	g.timer.Stop()
	g.timer = nil
	now := time.Now()
	g.until = now.Add(now.Sub(g.stopped))
	_ = process.Signal(syscall.SIGCONT) // whoever has ended needs none
}
