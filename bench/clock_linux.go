package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// processClock returns the CPU time, user and system, that all threads of a process have used so far, those that have ended
// included and its children not. It is exact to the nanosecond, unlike what /proc says.
func processClock(pid int) (time.Duration, error) {
	// How clock_getcpuclockid(3) makes the clock of a process: the id inverted, and CPUCLOCK_SCHED in the lowest bits.
	const scheduled = 2
	var t unix.Timespec
	err := unix.ClockGettime(int32(^pid<<3|scheduled), &t)
	return time.Duration(t.Nano()), err
}
