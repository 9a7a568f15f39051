package transform

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"calotype/transform/admission"
	"calotype/transform/worker"
)

// Status is a snapshot of an engine.
type Status struct {
	Queue    admission.Stats
	Workers  worker.Stats
	Poisoned int // originals and prints that are refused for what they did
}

// Status returns what is so now.
func (e *Engine) Status() Status {
	return Status{Queue: e.queue.Stats(), Workers: e.runner.stats(), Poisoned: e.poisoned.len()}
}

// CheckWorker has a worker make a small print in every format, and read it again. It waits for no other print: one worker more
// than there are prints at once is for this, and for replacing one that dies.
func (e *Engine) CheckWorker(ctx context.Context) error {
	return tryFormats(ctx, e.runner, ready(e.can))
}

// CheckQueue returns an error if prints wait longer than they may: nobody takes them up. That there is much to do is no error, for
// what is too much is refused.
func (e *Engine) CheckQueue(context.Context) error {
	if oldest := e.queue.Stats().Oldest; oldest > e.longestWait()+time.Second {
		return fmt.Errorf("a print has waited for %v", oldest)
	}
	return nil
}

func (e *Engine) reads(format string) bool {
	return slices.ContainsFunc(e.can, func(c Capability) bool { return c.Format == format && c.Read })
}

func (e *Engine) writes(f *Format) bool {
	return slices.ContainsFunc(e.can, func(c Capability) bool { return c.Format == f.Name && c.Write })
}

// readable lists the formats that are read.
func (e *Engine) readable() string {
	var names []string
	for _, c := range e.can {
		if c.Read {
			names = append(names, c.Format)
		}
	}
	return strings.Join(names, ", ")
}
