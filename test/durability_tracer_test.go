//go:build durability && linux && amd64

package test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// A tracer makes one system call of a running process fail: of those that are about files in a folder, the n-th of all threads together. strace
// counts the calls of each thread for itself, and knows no short writes. Processes that it starts are not traced.
type tracer struct {
	pid    int
	folder string
	at     int      // the number of the call that fails, from 0; below 0 none does
	fault  misfault // how
	seen   []fileCall
	struck bool // the call came

	threads map[int]*thread // that are traced
	former  map[int]bool    // that were
	memory  *os.File
	leaving atomic.Bool
	done    chan error
}

// A fileCall is a system call about a file.
type fileCall struct {
	name string
	path string // from the folder on
}

func (c fileCall) String() string { return c.name + " " + c.path }

// A misfault is what befalls a system call: an error, or a write of half of what was to be written.
type misfault struct {
	errno syscall.Errno // 0 for the latter
}

func (f misfault) String() string {
	if f.errno == 0 {
		return "short write"
	}
	return map[syscall.Errno]string{
		syscall.EIO: "EIO", syscall.ENOSPC: "ENOSPC", syscall.EMFILE: "EMFILE", syscall.EINTR: "EINTR", syscall.EDQUOT: "EDQUOT",
	}[f.errno]
}

// A thread is one of the process that is traced.
type thread struct {
	result int64  // what its system call is made to return, if it is not 0
	length uint64 // what its register for the length of a write held before it was halved, if it is not 0
}

// A signature says which argument of a system call is a path, or a descriptor; -1 for none.
type signature struct {
	name             string
	path, descriptor int
	writes           bool
}

var fileCalls = map[uint64]signature{
	syscall.SYS_READ:            {"read", -1, 0, false},
	syscall.SYS_WRITE:           {"write", -1, 0, true},
	syscall.SYS_CLOSE:           {"close", -1, 0, false},
	syscall.SYS_STAT:            {"stat", 0, -1, false},
	syscall.SYS_FSTAT:           {"fstat", -1, 0, false},
	syscall.SYS_LSTAT:           {"lstat", 0, -1, false},
	syscall.SYS_LSEEK:           {"lseek", -1, 0, false},
	syscall.SYS_MMAP:            {"mmap", -1, 4, false},
	syscall.SYS_PREAD64:         {"pread64", -1, 0, false},
	syscall.SYS_PWRITE64:        {"pwrite64", -1, 0, true},
	syscall.SYS_ACCESS:          {"access", 0, -1, false},
	syscall.SYS_FCNTL:           {"fcntl", -1, 0, false},
	syscall.SYS_FLOCK:           {"flock", -1, 0, false},
	syscall.SYS_FSYNC:           {"fsync", -1, 0, false},
	syscall.SYS_FDATASYNC:       {"fdatasync", -1, 0, false},
	syscall.SYS_TRUNCATE:        {"truncate", 0, -1, false},
	syscall.SYS_FTRUNCATE:       {"ftruncate", -1, 0, false},
	syscall.SYS_RENAME:          {"rename", 0, -1, false},
	syscall.SYS_MKDIR:           {"mkdir", 0, -1, false},
	syscall.SYS_RMDIR:           {"rmdir", 0, -1, false},
	syscall.SYS_LINK:            {"link", 0, -1, false},
	syscall.SYS_UNLINK:          {"unlink", 0, -1, false},
	syscall.SYS_CHMOD:           {"chmod", 0, -1, false},
	syscall.SYS_FCHMOD:          {"fchmod", -1, 0, false},
	syscall.SYS_STATFS:          {"statfs", 0, -1, false},
	syscall.SYS_FSTATFS:         {"fstatfs", -1, 0, false},
	syscall.SYS_GETDENTS64:      {"getdents64", -1, 0, false},
	syscall.SYS_OPENAT:          {"openat", 1, -1, false},
	syscall.SYS_MKDIRAT:         {"mkdirat", 1, -1, false},
	syscall.SYS_NEWFSTATAT:      {"newfstatat", 1, -1, false},
	syscall.SYS_UNLINKAT:        {"unlinkat", 1, -1, false},
	syscall.SYS_RENAMEAT:        {"renameat", 1, -1, false},
	syscall.SYS_LINKAT:          {"linkat", 1, -1, false},
	syscall.SYS_FCHMODAT:        {"fchmodat", 1, -1, false},
	syscall.SYS_FACCESSAT:       {"faccessat", 1, -1, false},
	syscall.SYS_FALLOCATE:       {"fallocate", -1, 0, false},
	sysRenameAt2:                {"renameat2", 1, -1, false},
	sysStatx:                    {"statx", 1, -1, false},
	syscall.SYS_SYNC_FILE_RANGE: {"sync_file_range", -1, 0, false},
	sysSyncfs:                   {"syncfs", -1, 0, false},
}

// What package syscall does not know (linux/ptrace.h, and the table of system calls of x86-64).
const (
	ptraceSeize     = 0x4206
	ptraceInterrupt = 0x4207
	ptraceCallInfo  = 0x420e
	eventStop       = 128
	sysSyncfs       = 306
	sysRenameAt2    = 316
	sysStatx        = 332
)

// A callInfo is the kernel's struct ptrace_syscall_info.
type callInfo struct {
	operation uint8 // 1 at the beginning of a call, 2 at its end
	_         [3]uint8
	_         uint32
	_, _      uint64
	number    uint64
	arguments [6]uint64
	_         uint64
}

// traceFiles traces from now on. Where that is not allowed, the test is skipped.
func traceFiles(t testing.TB, pid int, folder string, at int, fault misfault) *tracer {
	t.Helper()
	folder, err := filepath.EvalSymlinks(folder)
	if err != nil {
		t.Fatal(err)
	}
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Skipf("NOTICE: the program may not be traced here: %v", err)
	}
	tr := &tracer{pid: pid, folder: folder + "/", at: at, fault: fault, threads: map[int]*thread{}, former: map[int]bool{}, memory: memory, done: make(chan error, 1)}
	ready := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // a tracer is a thread
		defer runtime.UnlockOSThread()
		defer memory.Close()
		err := tr.attach()
		ready <- err
		if err == nil {
			tr.done <- tr.follow()
		}
	}()
	if err := <-ready; err != nil {
		t.Skipf("NOTICE: the program may not be traced here: %v", err)
	}
	return tr
}

// leave ends the tracing; the process goes on.
func (tr *tracer) leave(t testing.TB) {
	t.Helper()
	tr.leaving.Store(true)
	syscall.Kill(tr.pid, syscall.SIGURG) // which Go programs do not mind: it wakes the tracer
	select {
	case err := <-tr.done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the tracer does not let the program go")
	}
}

func ptrace(request, thread int, address, data uintptr) error {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PTRACE, uintptr(request), uintptr(thread), address, data, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// attach takes all threads, and returns when each of them reports its calls.
func (tr *tracer) attach() error {
	for {
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", tr.pid))
		if err != nil {
			return err
		}
		found := false
		for _, task := range tasks {
			id, _ := strconv.Atoi(filepath.Base(task))
			if tr.threads[id] != nil {
				continue
			}
			err := ptrace(ptraceSeize, id, 0, syscall.PTRACE_O_TRACESYSGOOD|syscall.PTRACE_O_TRACECLONE)
			switch {
			case err == nil:
				found = true
				tr.threads[id] = &thread{}
				if err := ptrace(ptraceInterrupt, id, 0, 0); err != nil && err != syscall.ESRCH {
					return err
				}
			case err == syscall.ESRCH: // ended since
			case err == syscall.EPERM && len(tr.threads) > 0: // made by one that is traced, and therefore traced itself
			default:
				return err
			}
		}
		if !found {
			break
		}
	}
	waiting := map[int]bool{}
	for id := range tr.threads {
		waiting[id] = true
	}
	for len(waiting) > 0 {
		id, err := tr.step()
		if err != nil {
			return err
		}
		delete(waiting, id)
	}
	return nil
}

// follow goes on until all threads are let go.
func (tr *tracer) follow() error {
	asked := false
	for len(tr.threads) > 0 {
		if tr.leaving.Load() && !asked {
			asked = true
			for id := range tr.threads {
				ptrace(ptraceInterrupt, id, 0, 0) // one that has ended is waited for
			}
		}
		if _, err := tr.step(); err != nil {
			return err
		}
	}
	return nil
}

// step waits until a thread stops, does what is to be done, and has it go on.
func (tr *tracer) step() (id int, err error) {
	var status syscall.WaitStatus
	for {
		id, err = syscall.Wait4(-1, &status, syscall.WALL|syscall.WNOTHREAD, nil)
		if err != syscall.EINTR {
			break
		}
	}
	switch {
	case errors.Is(err, syscall.ECHILD):
		clear(tr.threads)
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("wait for a thread: %w", err)
	case status.Exited() || status.Signaled():
		tr.forget(id)
		if id == tr.pid {
			return id, fmt.Errorf("the program ended while it was traced: %v", status)
		}
		return id, nil
	case !status.Stopped():
		return id, nil
	}
	if tr.threads[id] == nil {
		tr.threads[id] = &thread{}
	}
	deliver := 0
	event := int(status) >> 16
	switch signal := status.StopSignal(); {
	case signal == syscall.SIGTRAP|0x80:
		if err := tr.call(id); err != nil && err != syscall.ESRCH {
			return id, err
		}
	case event == syscall.PTRACE_EVENT_CLONE:
		// The new thread may have been seen before, and may even be gone again.
		if made, err := syscall.PtraceGetEventMsg(id); err == nil && tr.threads[int(made)] == nil && !tr.former[int(made)] {
			tr.threads[int(made)] = &thread{}
		}
	case event == eventStop:
	default:
		deliver = int(signal)
	}
	request := syscall.PTRACE_SYSCALL
	if tr.leaving.Load() && *tr.threads[id] == (thread{}) {
		request = syscall.PTRACE_DETACH
		tr.forget(id)
	}
	if err := ptrace(request, id, 0, uintptr(deliver)); err != nil && err != syscall.ESRCH {
		return id, fmt.Errorf("let a thread go on: %w", err)
	}
	return id, nil
}

func (tr *tracer) forget(id int) {
	delete(tr.threads, id)
	tr.former[id] = true
}

// call looks at a thread that begins or ends a system call.
func (tr *tracer) call(id int) error {
	var info callInfo
	if err := ptrace(ptraceCallInfo, id, unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info))); err != nil {
		return err
	}
	state := tr.threads[id]
	if info.operation == 2 {
		if *state == (thread{}) {
			return nil
		}
		var registers syscall.PtraceRegs
		if err := syscall.PtraceGetRegs(id, &registers); err != nil {
			return err
		}
		if state.result != 0 {
			registers.Rax = uint64(state.result)
		}
		if state.length != 0 {
			registers.Rdx = state.length
		}
		*state = thread{}
		return syscall.PtraceSetRegs(id, &registers)
	}
	signature, known := fileCalls[info.number]
	if info.operation != 1 || !known || tr.leaving.Load() {
		return nil
	}
	if signature.name == "fcntl" && tr.unlocks(info.arguments) {
		return nil // which cannot fail in any of these ways: the kernel takes nothing for it (fcntl(2))
	}
	path, ok := strings.CutPrefix(tr.path(signature, info.arguments), tr.folder)
	if !ok {
		return nil
	}
	if tr.fault.errno == 0 && tr.at >= 0 && (!signature.writes || info.arguments[2] < 2) {
		return nil // it cannot be short
	}
	tr.seen = append(tr.seen, fileCall{signature.name, path})
	if len(tr.seen)-1 != tr.at {
		return nil
	}
	tr.struck = true
	var registers syscall.PtraceRegs
	if err := syscall.PtraceGetRegs(id, &registers); err != nil {
		return err
	}
	switch {
	case tr.fault.errno == 0:
		state.length = registers.Rdx
		registers.Rdx /= 2
	case signature.name == "close": // the descriptor is closed even then (close(2))
		state.result = -int64(tr.fault.errno)
	default:
		state.result = -int64(tr.fault.errno)
		registers.Orig_rax = ^uint64(0) // no system call
	}
	return syscall.PtraceSetRegs(id, &registers)
}

// unlocks tells whether a call of fcntl lets go of a lock.
func (tr *tracer) unlocks(arguments [6]uint64) bool {
	var lock syscall.Flock_t
	kind := (*[unsafe.Sizeof(lock.Type)]byte)(unsafe.Pointer(&lock.Type))[:] // its first field
	if _, err := tr.memory.ReadAt(kind, int64(arguments[2])); err != nil || arguments[1] != syscall.F_SETLK {
		return false
	}
	return lock.Type == syscall.F_UNLCK
}

// path returns which file a call is about, or "" if it is about none or that is not known.
func (tr *tracer) path(s signature, arguments [6]uint64) string {
	if s.descriptor >= 0 {
		return tr.opened(arguments[s.descriptor])
	}
	text := make([]byte, 4096)
	n, _ := tr.memory.ReadAt(text, int64(arguments[s.path])) // it may end before
	end := bytes.IndexByte(text[:n], 0)
	if end < 0 {
		return ""
	}
	path := string(text[:end])
	switch {
	case filepath.IsAbs(path):
		return path
	case s.path == 1: // after the descriptor of a folder
		return filepath.Join(tr.opened(arguments[0]), path)
	}
	return ""
}

func (tr *tracer) opened(descriptor uint64) string {
	path, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", tr.pid, int32(descriptor))) // what is not open is no file of ours
	return path
}
