package transform

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"calotype/transform/admission"
	"calotype/transform/worker"
)

// errDeadline ends what takes longer than Options.Deadline.
var errDeadline = errors.New("the deadline has passed")

// errWaited ends the waiting for a worker.
var errWaited = errors.New("no worker came free")

// do has a task done: refused if it is known to be poison, admitted when there is room for it, run, and judged.
func (e *Engine) do(ctx context.Context, t task, cost Cost, asker Asker) (result, error) {
	began := time.Now()
	seen := Observation{Job: string(t.request.Work)}
	if t.plan != nil {
		seen.Format = t.plan.Format.Name
	}
	defer func() { e.options.Observe(seen) }()

	if err := e.poison(t, asker); err != nil {
		seen.Outcome = Poisoned
		return result{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, e.options.Deadline, errDeadline)
	defer cancel()
	t.suspect = t.suspect || e.suspects(asker)
	t.confine = t.suspect || e.trust.alarmed() && t.request.Original.Format == avif.Name
	ticket, err := e.admit(ctx, admissionJob(cost, asker, t.suspect))
	seen.Waited = time.Since(began)
	if err != nil {
		seen.Outcome, err = refusal(err)
		return result{}, err
	}
	defer ticket.Release()
	t.yield = t.suspect || !ticket.Quick()
	overrun := time.AfterFunc(max(leastOverrun, 3*cost.Time), ticket.Overrun)
	defer overrun.Stop()

	t.memory, t.cpu = cost.Memory, min(e.options.Deadline, leastCPU+10*cost.Time)
	if t.open != nil {
		files, err := t.open(ctx)
		defer closeFiles(files)
		if err != nil {
			seen.Outcome = Lost
			return result{}, err
		}
		t.file, t.layers = files[0], files[1:]
	}
	started := time.Now()
	done, err := e.runner.run(ctx, t)
	if errors.Is(err, worker.ErrLost) {
		// Somebody has killed the worker, for reasons that need not lie with this original.
		done, err = e.runner.run(ctx, t)
	}
	seen.Ran = time.Since(started)
	done.waited, done.ran = seen.Waited, seen.Ran
	seen.CPU, seen.Memory = done.report.CPU, done.report.Memory
	var scope poisonScope
	failure := err
	seen.Outcome, scope, err = e.judge(ctx, done, err)
	if seen.Outcome == Crashed || seen.Outcome == Lost {
		e.options.Log("a worker did not bring back its job", fmt.Errorf("original %s, %s: %w", asker.Original, t.request.Chain, failure))
	}
	switch seen.Outcome {
	case Made:
		if t.plan != nil {
			for _, name := range asker.images() {
				e.trust.worked(name)
			}
		}
	case Broken, Crashed, Expensive:
		e.trust.failed()
	}
	if scope == poisonOriginal && len(asker.Layers) > 0 {
		scope = poisonPrint // nobody knows which of the images it was
	}
	switch scope {
	case poisonOriginal:
		e.poisoned.add(asker.Original, err)
	case poisonPrint:
		print := t.print(asker)
		if t.plan == nil {
			print = asker.Original // not even its header can be read
		}
		e.poisoned.add(print, err)
	}
	return done, err
}

// Refuses tells why Render would refuse a print at once: for what the original did before, or because there is too much to do. It is
// nil if Render would not. Who asks this first is spared what it takes to wait.
func (e *Engine) Refuses(plan *Plan, asker Asker) error {
	seen := Observation{Job: string(workPrint), Format: plan.Format.Name}
	if e.poisoned.len() > 0 {
		t := task{request: printRequest(plan, e.options.Limits)}
		if err := e.poison(t, asker); err != nil {
			seen.Outcome = Poisoned
			e.options.Observe(seen)
			return err
		}
	}
	if err := e.queue.Refuses(admissionJob(plan.Cost(), asker, e.suspects(asker))); err != nil {
		seen.Outcome, err = refusal(err)
		e.options.Observe(seen)
		return err
	}
	return nil
}

// poison tells why a task is refused for what one of its images did before, or nil.
func (e *Engine) poison(t task, asker Asker) error {
	print := t.print(asker)
	for _, name := range asker.images() {
		if err := e.poisoned.check(name, print); err != nil {
			return err
		}
	}
	return nil
}

// suspects tells whether one of the images is to be held apart now.
func (e *Engine) suspects(asker Asker) bool {
	return e.trust.suspects(asker.Original) || slices.ContainsFunc(asker.Layers, e.trust.suspects)
}

// images names all that are decoded for the asker.
func (a Asker) images() []string { return append([]string{a.Original}, a.Layers...) }

// print names a print of an original among all prints; it is "" if the original is not known.
func (t task) print(asker Asker) string {
	if asker.Original == "" {
		return ""
	}
	return asker.Original + " " + t.request.Chain
}

func admissionJob(cost Cost, asker Asker, suspect bool) admission.Job {
	return admission.Job{Cost: cost.Time, Memory: cost.Memory, Client: asker.Client, Original: asker.Original, Suspect: suspect}
}

// How far a task may go beyond what was predicted for it. The header of a hostile image promises little work, and predictions
// are made for the machine on which they were measured.
const (
	leastOverrun = 100 * time.Millisecond // then it no longer counts as cheap
	leastCPU     = 2 * time.Second        // and ten times the prediction more, then it is stopped
)

// admit waits until there is room for a task. Who has waited for longer than half of the deadline is refused: what is left is too
// short to be sure of an end.
func (e *Engine) admit(ctx context.Context, job admission.Job) (*admission.Ticket, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, e.longestWait(), errWaited)
	defer cancel()
	return e.queue.Admit(ctx, job)
}

func (e *Engine) longestWait() time.Duration { return e.options.Deadline * 6 / 10 }

// refusal says why a task was not let in.
func refusal(err error) (Outcome, error) {
	switch {
	case errors.Is(err, admission.ErrDraining):
		return Refused, ErrStopping
	case errors.Is(err, admission.ErrTooLarge):
		return Refused, fmt.Errorf("%w: making it needs more memory than this server has for it", ErrTooLarge)
	case errors.Is(err, admission.ErrFull), errors.Is(err, errWaited), errors.Is(err, errDeadline):
		return Refused, fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return Canceled, err
}

// A poisonScope says how much is refused after a failure.
type poisonScope int

const (
	poisonNothing  poisonScope = iota
	poisonPrint                // this print of the original: others need less
	poisonOriginal             // all prints of the original
)

// judge says how a task ended, what is to be refused because of it, and what to tell who asked.
func (e *Engine) judge(ctx context.Context, done result, err error) (Outcome, poisonScope, error) {
	used := done.report
	switch {
	case err == nil:
		return Made, poisonNothing, nil
	case errors.Is(err, ErrOutside), errors.Is(err, ErrTooLarge):
		return Refused, poisonNothing, err
	case errors.Is(err, worker.ErrCPU), errors.Is(err, errDeadline) && used.CPU > e.options.Deadline/2:
		return Expensive, poisonPrint, fmt.Errorf("%w: after %v of a processor's time it was not done", ErrExpensive, used.CPU.Round(100*time.Millisecond))
	case errors.Is(err, errDeadline):
		return Stalled, poisonNothing, fmt.Errorf("%w: %w", ErrBusy, err)
	case errors.Is(err, worker.ErrLost):
		return Lost, poisonNothing, fmt.Errorf("%w: %w", ErrBusy, err)
	case errors.Is(err, worker.ErrUnavailable), errors.Is(err, worker.ErrClosed):
		return Lost, poisonNothing, fmt.Errorf("%w: %w", ErrBusy, err)
	case errors.Is(err, errRefused), errors.Is(err, worker.ErrCrashed), errors.Is(err, worker.ErrGarbled):
		outcome := Broken
		if !errors.Is(err, errRefused) {
			outcome = Crashed
		}
		if exhausted(err) {
			// A chain may need more memory than was thought; other chains of the same original need not suffer for it.
			return outcome, poisonPrint, fmt.Errorf("%w: making it needs more memory than was thought", ErrTooLarge)
		}
		return outcome, poisonOriginal, fmt.Errorf("%w: %w", ErrBroken, err)
	case ctx.Err() != nil:
		return Canceled, poisonNothing, err
	}
	return Lost, poisonNothing, fmt.Errorf("%w: %w", ErrBusy, err) // the system is out of something: descriptors, memory
}

// exhausted tells whether a worker complained of too little memory: in the words of libvips, GLib, C++, Go and the codecs.
func exhausted(err error) bool {
	text := err.Error()
	return slices.ContainsFunc([]string{"out of memory", "allocate", "bad_alloc", "Memory allocation", "nsufficient memory", "creating thread", "emory limit"}, func(words string) bool {
		return strings.Contains(text, words)
	})
}
