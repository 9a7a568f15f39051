package worker

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/landlock-lsm/go-landlock/landlock"
	landlocksys "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// Numbers of the sandbox.
const (
	nobody           = 65534 // the user and group that own nothing
	niceness         = 5     // hits and health, which the server answers, go before prints
	yieldingNiceness = 12    // of a process with a job that yields
	newcomer         = 15    // the same for a process that is not ready yet: jobs go before it
	timeSlice        = 3 * time.Millisecond
	mostOpen         = 32       // descriptors
	threadRoom       = 64 << 20 // for the stacks of threads
)

// baseline is what the process may have allocated when it has nothing to do; the limits of jobs stand above it.
var baseline uint64

// lockDown takes from the process all that it can do without, for good. memory is the most that it may ever be given for a job, and
// keep what it may hold beside, see Options.
// What the kernel lacks, or what a container forbids, is left and told.
func lockDown(memory, keep int64) Sandbox {
	var s Sandbox
	// When memory runs out the kernel shall take a worker, and not the server.
	s.tell("first to go when memory runs out", os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0))
	s.tell("low priority", setPriority(os.Getpid(), niceness))
	if os.Geteuid() == 0 {
		s.tell("own user", leaveRoot())
	}
	// Changing the user has cleared what exec had set.
	s.tell("ends with the server", unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0))
	s.tell("no core dumps, not to be traced", unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0))
	s.tell("resource limits", limitResources(memory, keep))
	s.tell("no_new_privs", unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	s.tell(restrictFiles())
	s.tell("seccomp", filterCalls())
	return s
}

// setPriority makes every thread of a process nice, and gives it slices of time that are longer than usual: Linux 6.12 and later let
// a thread with shorter ones, as the server's are, interrupt it at once, where they otherwise let it run on for some milliseconds. Much
// longer ones would have workers wait for each other. Threads to come inherit both.
func setPriority(pid, nice int) error {
	return eachThread(pid, func(id int) error { return setThread(id, nice) })
}

// setThread leaves a thread that may not be less nice as it is.
func setThread(id, nice int) error {
	attributes, err := unix.SchedGetAttr(id, 0)
	if err != nil {
		return err
	}
	if int(attributes.Nice) <= nice || mayRaise() {
		attributes.Nice = int32(nice)
	}
	attributes.Runtime = uint64(timeSlice)
	return unix.SchedSetAttr(id, attributes, 0)
}

// mayRaise tells whether this process, and those that it starts, may raise their priority.
var mayRaise = sync.OnceValue(func() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	err := unix.Capget(&header, &sets[0])
	return err == nil && sets[0].Effective&(1<<unix.CAP_SYS_NICE) != 0
})

// hold has a process that comes up leave the processor to jobs, if it will be able to undo that when it locks itself in.
func hold(pid int) error {
	if mayRaise() {
		return setPriority(pid, newcomer)
	}
	return setPriority(pid, niceness)
}

// yield has a process leave the processor to those whose jobs do not yield, until restore is called: if that can be undone.
func yield(pid int) (restore func()) {
	if !mayRaise() || setPriority(pid, yieldingNiceness) != nil {
		return func() {}
	}
	return func() { setPriority(pid, niceness) }
}

// leaveRoot gives up root and with it all capabilities.
func leaveRoot() error {
	if err := syscall.Setgroups(nil); err != nil {
		return err
	}
	if err := syscall.Setgid(nobody); err != nil {
		return err
	}
	return syscall.Setuid(nobody)
}

func limitResources(memory, keep int64) error {
	status, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return err
	}
	_, allocated, err := parseHeld(status)
	if err != nil {
		return err
	}
	// Every thread to come takes address space for its stack, which it does not use.
	baseline = uint64(allocated+keep) + threadRoom
	for resource, most := range map[int]uint64{
		unix.RLIMIT_CORE:   0,
		unix.RLIMIT_NOFILE: mostOpen,
		unix.RLIMIT_DATA:   baseline + uint64(memory),
		unix.RLIMIT_FSIZE:  uint64(memory),
	} {
		if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: most, Max: most}); err != nil {
			return err
		}
	}
	return nil
}

// allow sets the limits of one job: what it may allocate, and what it may write.
func allow(memory uint64) error {
	for resource, most := range map[int]uint64{unix.RLIMIT_DATA: baseline + memory, unix.RLIMIT_FSIZE: memory} {
		var limit unix.Rlimit
		if err := unix.Getrlimit(resource, &limit); err != nil {
			return err
		}
		limit.Cur = min(most, limit.Max)
		if err := unix.Setrlimit(resource, &limit); err != nil {
			return err
		}
	}
	return nil
}

// restrictFiles forbids by Landlock, as far as the kernel knows how: every file, binding and connecting, signals and abstract
// sockets of others.
func restrictFiles() (string, error) {
	version, err := landlocksys.LandlockGetABIVersion()
	if err != nil {
		return "Landlock", err
	}
	return fmt.Sprintf("Landlock %d", version), landlock.V11.BestEffort().Restrict()
}
