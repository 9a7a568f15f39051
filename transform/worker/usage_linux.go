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

// peak returns the most resident memory, in bytes, of a process that has ended.
func peak(u *syscall.Rusage) int64 { return u.Maxrss << 10 }
