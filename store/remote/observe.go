package remote

import (
	"errors"
	"time"
)

// An Outcome is what became of a fetch.
type Outcome string

// The outcomes of fetches.
const (
	Fetched   Outcome = "fetched"
	Unchanged Outcome = "unchanged" // its origin said that what is kept is still the same
	Missing   Outcome = "missing"
	Unusable  Outcome = "unusable" // no image, or one that is refused
	TooLarge  Outcome = "too_large"
	Forbidden Outcome = "forbidden" // by the allow-list, by the address of its host, or for it is this server
	TimedOut  Outcome = "timed_out"
	Failed    Outcome = "failed"  // the origin does not answer, or not with a file
	Rested    Outcome = "resting" // the host was not asked, since it had failed too often
	Ended     Outcome = "ended"   // for reasons of this server: it stops, it has too much to do, or its disk fails
)

// Outcomes are all outcomes.
var Outcomes = []Outcome{Fetched, Unchanged, Missing, Unusable, TooLarge, Forbidden, TimedOut, Failed, Rested, Ended}

// outcomes are those of errors.
var outcomes = []struct {
	err     error
	outcome Outcome
}{
	{ErrClosed, Ended},
	{ErrMissing, Missing},
	{ErrUnusable, Unusable},
	{ErrTooLarge, TooLarge},
	{ErrNotAllowed, Forbidden},
	{ErrLoop, Forbidden},
	{ErrTimeout, TimedOut},
	{ErrOrigin, Failed},
	{ErrResting, Rested},
}

// An Observation tells of a fetch that has ended.
type Observation struct {
	Outcome Outcome
	Source  Source
	Bytes   int64         // of bodies that have come, those of a try that failed among them
	Took    time.Duration // with all waiting
	Err     error         // nil if there is a copy; Cause says more
}

// outcomeOf is what became of a fetch that has ended.
func outcomeOf(f *flight, have *Copy) Outcome {
	if f.err == nil {
		if have != nil && f.copy.item == have.item {
			return Unchanged
		}
		return Fetched
	}
	for _, o := range outcomes {
		if errors.Is(f.err, o.err) {
			return o.outcome
		}
	}
	return Ended
}
