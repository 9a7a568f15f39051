// Package worker runs jobs in processes of their own: the same binary, started again and locked in, so that whatever a job does to
// its process costs that job and nothing else. It knows no images: a job is a few bytes and a few open files.
package worker

import (
	"errors"
	"os"
	"time"
)

// Options configure a Pool.
type Options struct {
	// Size is the number of jobs at once; Spare processes more stand ready for when one dies.
	Size, Spare int
	// Jobs is how many jobs a process does before it is replaced; 0 means 1,000.
	Jobs int
	// Memory is the most that any job may be given, in bytes.
	Memory int64
	// Keep is how much more memory than at its start, in bytes, a process may hold between two jobs; one that holds more is
	// replaced. A job may use it beside its own. 0 means 64 MiB.
	Keep int64
	// Setup is told to every process when it is to ready itself, see Child.Prepare.
	Setup string
	// Accept checks what a new process says of itself, see Child.Prepare; nil accepts all.
	Accept func(hello []byte) error
	// Log is told, in a few words, of what an operator should know; nil means nobody is.
	Log func(message string, err error)
}

// A Job is work for one process.
type Job struct {
	// Request is handed to Child.Do, at most MaxMessage bytes of it.
	Request []byte
	// Files are handed over with the rights that their descriptors have. They stay the caller's to close. What each one is for
	// is said in the request: the original to read, memory to write the result to, or pixels that several jobs share.
	Files []*os.File
	// Memory is how many bytes the job may allocate, and how many it may write to a file; at most Options.Memory.
	Memory int64
	// CPU is how much processor time it may use, in all its threads together; 0 means no limit. It is looked at a few times a
	// second, where the system tells.
	CPU time.Duration
	// Patient has the job wait until two processes are ready, so that it leaves one to others.
	Patient bool
	// Yielding has the job leave the processor to those that do not yield.
	Yielding bool
	// Confined keeps the process on one processor while it does the job, whatever threads its decoder starts.
	Confined bool
	// Accept checks the reply. If it returns an error, Do returns that error and the process is replaced, since whatever a
	// decoder stumbled over may have left its mark.
	Accept func(reply []byte) error
}

// A Report tells what a job took.
type Report struct {
	CPU    time.Duration // of the processor, in all threads
	Memory int64         // most resident bytes of the process since it started, less what it had then; 0 if not known
}

// MaxMessage is the longest request or reply, in bytes.
const MaxMessage = 32 << 10

// maxFiles is the most files that go with a request.
const maxFiles = 8

// The ways in which a job can fail that are not the caller's doing. If the context ends first, its cause is wrapped instead.
var (
	// ErrCrashed says that the process died of the job: of a signal, or by giving up.
	ErrCrashed = errors.New("the worker crashed")
	// ErrGarbled says that the process answered what no sound one would.
	ErrGarbled = errors.New("the worker's answer makes no sense")
	// ErrCPU says that the job was stopped because it had used up its processor time.
	ErrCPU = errors.New("the worker used up its processor time")
	// ErrLost says that somebody else killed the process, an operator or the kernel short of memory. The job may be done again.
	ErrLost = errors.New("the worker was killed from outside")
	// ErrUnavailable says that no process can be started.
	ErrUnavailable = errors.New("no worker can be started")
	// ErrClosed says that the pool was closed.
	ErrClosed = errors.New("the workers are stopped")
)

// An End says why a process ended.
type End string

const (
	EndedRecycled  End = "recycled"  // it had done its number of jobs
	EndedMemory    End = "memory"    // it held too much memory, during a job or after it
	EndedRefused   End = "refused"   // the caller did not accept a reply, as after a decoder's error
	EndedCrashed   End = "crashed"   // by itself
	EndedGarbled   End = "garbled"   // it answered what makes no sense
	EndedCPU       End = "cpu"       // killed: processor time used up
	EndedCancelled End = "cancelled" // killed: the deadline passed, or nobody waited any more
	EndedLost      End = "lost"      // killed by somebody else
	EndedFailed    End = "failed"    // it did not come up
)

// Ends lists all causes.
var Ends = []End{
	EndedRecycled, EndedMemory, EndedRefused, EndedCrashed, EndedGarbled, EndedCPU, EndedCancelled, EndedLost, EndedFailed,
}

// Stats is a snapshot of a pool.
type Stats struct {
	Ready, Busy, Starting int
	Started               uint64
	Ended                 map[End]uint64
	Memory                int64 // resident bytes of all processes, 0 if not known
}
