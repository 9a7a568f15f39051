package worker

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

// The kernel counts processor time for /proc in hundredths of a second on every architecture (USER_HZ).
const tick = 10 * time.Millisecond

var pageSize = int64(os.Getpagesize())

// usage returns the processor time that a process has used and its resident memory in bytes (proc_pid_stat(5)).
func usage(pid int) (cpu time.Duration, resident int64, known bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, false
	}
	// The second field is the name in brackets, which may hold anything; the third follows it.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 22 {
		return 0, 0, false
	}
	number := func(field int) int64 {
		n, _ := strconv.ParseInt(string(fields[field-3]), 10, 64)
		return n
	}
	return time.Duration(number(14)+number(15)) * tick, number(24) * pageSize, true
}

// held returns the resident memory of a process, and what it has allocated and may not have touched, in bytes
// (proc_pid_statm(5)).
func held(pid int) (resident, allocated int64, known bool) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, 0, false
	}
	resident, allocated, err = parseHeld(status)
	return resident, allocated, err == nil
}

// parseHeld reads the text of a statm file.
func parseHeld(status []byte) (resident, allocated int64, err error) {
	// size resident shared text lib data dt, in pages. What counts as data there is what RLIMIT_DATA limits.
	fields := bytes.Fields(status)
	if len(fields) < 6 {
		return 0, 0, fmt.Errorf("statm reads %q", status)
	}
	resident, err = strconv.ParseInt(string(fields[1]), 10, 64)
	if err == nil {
		allocated, err = strconv.ParseInt(string(fields[5]), 10, 64)
	}
	return resident * pageSize, allocated * pageSize, err
}

// peak returns the most resident memory, in bytes, of a process that has ended.
func peak(u *syscall.Rusage) int64 { return u.Maxrss << 10 }
