//go:build !linux

package worker

import (
	"runtime"
	"syscall"
	"time"
)

// usage is not known here.
func usage(int) (cpu time.Duration, resident int64, known bool) { return 0, 0, false }

// held is not known here.
func held(int) (resident, allocated int64, known bool) { return 0, 0, false }

// peak returns the most resident memory, in bytes, of a process that has ended.
func peak(u *syscall.Rusage) int64 {
	if runtime.GOOS == "darwin" {
		return u.Maxrss // only there it is in bytes
	}
	return u.Maxrss << 10
}
