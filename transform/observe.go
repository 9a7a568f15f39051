package transform

import "time"

// An Outcome says how a job of the engine ended.
type Outcome string

const (
	Made      Outcome = "made"
	Broken    Outcome = "broken"    // the decoder refuses the original
	Crashed   Outcome = "crashed"   // the worker died of it, or lied
	Expensive Outcome = "expensive" // killed: it took more processor time than the deadline allows
	Stalled   Outcome = "stalled"   // killed: the deadline passed, though not by its own work
	Lost      Outcome = "lost"      // its worker was killed by someone else, twice, or none could be started
	Canceled  Outcome = "canceled"  // nobody waited any more
	Refused   Outcome = "refused"   // not let in: too much to do, or too large for the memory there is
	Poisoned  Outcome = "poisoned"  // refused for what the original, or this print of it, did before
)

// Outcomes lists all outcomes.
var Outcomes = [...]Outcome{Made, Broken, Crashed, Expensive, Stalled, Lost, Canceled, Refused, Poisoned}

// Jobs lists the kinds of job.
var Jobs = [...]string{string(workOpen), string(workPrint), string(workLook)}

// An Observation tells of one job that has ended.
type Observation struct {
	Job         string // "open" looks whether an upload can be decoded, "print" makes a print, "look" tells what one looks like
	Format      string // of the print; "" otherwise
	Outcome     Outcome
	Waited, Ran time.Duration
	CPU         time.Duration // processor time of the worker for the job, where the system tells
	Memory      int64         // most that the worker has held, beyond what it had at its start, where the system tells; 0 otherwise
}
