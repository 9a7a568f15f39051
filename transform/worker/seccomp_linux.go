package worker

import (
	"os"
	"slices"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"
)

// allowed are the system calls that a worker needs: to read and write what it was handed, and to run threads. Names that an
// architecture lacks are left out there.
var allowed = []string{
	// its files
	"read", "write", "readv", "writev", "pread64", "pwrite64", "lseek", "dup", "close", "fstat", "newfstatat", "ftruncate", "recvmsg",
	// memory
	"brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "membarrier",
	// threads
	"exit", "exit_group", "futex", "set_robust_list", "rseq", "gettid", "getpid", "sched_yield", "sched_getaffinity", "getcpu",
	// signals
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall",
	// time
	"nanosleep", "clock_nanosleep", "clock_gettime", "clock_getres", "gettimeofday", "time",
	// Go's poller
	"epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_wait", "eventfd2", "poll", "ppoll",
	// harmless questions, and its own limits, which it can only lower
	"getrusage", "getrlimit", "setrlimit", "sysinfo", "uname", "getuid", "geteuid", "getgid", "getegid", "getrandom",
}

// deadly are the system calls that no decoder makes: whoever does has taken over the process.
var deadly = []string{
	"execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev", "socket", "connect", "bind", "listen",
	"accept", "accept4", "io_uring_setup", "bpf", "userfaultfd", "keyctl", "add_key", "mount", "unshare", "setns", "init_module",
	"finit_module", "kexec_load", "perf_event_open", "pidfd_open", "pidfd_getfd",
}

// filterCalls lets no thread of the process, now or later, make any other system call than those allowed: the rest, such as
// opening a file, fails with EPERM, since libraries do ask for files that they can do without.
func filterCalls() error {
	machine, err := arch.GetInfo("")
	if err != nil {
		return err
	}
	known := func(names []string) []string {
		return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
			_, ok := machine.SyscallNames[name]
			return !ok
		})
	}
	is := func(argument uint32, value uint64) seccomp.Condition {
		return seccomp.Condition{Argument: argument, Operation: seccomp.Equal, Value: value}
	}
	policy := seccomp.Policy{
		DefaultAction: seccomp.ActionErrno,
		Syscalls: []seccomp.SyscallGroup{
			{Action: seccomp.ActionAllow, Names: known(allowed)},
			{Action: seccomp.ActionAllow, NamesWithCondtions: []seccomp.NameWithConditions{
				// Threads, and no processes.
				{Name: "clone", Conditions: []seccomp.Condition{{Operation: seccomp.BitsSet, Value: unix.CLONE_THREAD}}},
				// Signals to itself, and to nobody else.
				{Name: "tgkill", Conditions: []seccomp.Condition{is(0, uint64(os.Getpid()))}},
				// A thread may name itself, and its memory.
				{Name: "prctl", Conditions: []seccomp.Condition{is(0, unix.PR_SET_NAME)}},
				{Name: "prctl", Conditions: []seccomp.Condition{is(0, unix.PR_SET_VMA)}},
				// What it asks and sets of its files, but not who gets a signal when one is ready: that may be anybody.
				{Name: "fcntl", Conditions: []seccomp.Condition{is(1, unix.F_GETFL)}},
				{Name: "fcntl", Conditions: []seccomp.Condition{is(1, unix.F_SETFL)}},
				{Name: "fcntl", Conditions: []seccomp.Condition{is(1, unix.F_GETFD)}},
				{Name: "fcntl", Conditions: []seccomp.Condition{is(1, unix.F_SETFD)}},
				{Name: "fcntl", Conditions: []seccomp.Condition{is(1, unix.F_DUPFD_CLOEXEC)}},
				// Its own limits only.
				{Name: "prlimit64", Conditions: []seccomp.Condition{is(0, 0)}},
			}},
			// What clone3 starts cannot be seen from here; told that there is none, the C library takes clone.
			{Action: seccomp.Action(uint32(seccomp.ActionErrno) | uint32(unix.ENOSYS)), Names: known([]string{"clone3"})},
			{Action: seccomp.ActionKillProcess, Names: known(deadly)},
			{Action: seccomp.ActionKillProcess, NamesWithCondtions: []seccomp.NameWithConditions{
				{Name: "clone", Conditions: []seccomp.Condition{{Operation: seccomp.BitsNotSet, Value: unix.CLONE_THREAD}}},
			}},
		},
	}
	return seccomp.LoadFilter(seccomp.Filter{NoNewPrivs: true, Flag: seccomp.FilterFlagTSync, Policy: policy})
}
