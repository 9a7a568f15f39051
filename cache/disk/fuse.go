package disk

import (
	"errors"
	"sync/atomic"
	"syscall"
	"time"
)

// outage is how long a folder that has failed is left alone.
const outage = time.Minute

// A fuse keeps a folder that fails from being asked all the time, and tells of it once.
type fuse struct {
	log     func(message string, err error)
	until   atomic.Int64 // nanoseconds since 1970; 0 while all is well
	times   atomic.Uint64
	failing atomic.Bool
}

func (f *fuse) blow(err error) {
	f.times.Add(1)
	f.until.Store(time.Now().Add(outage).UnixNano())
	if !f.failing.Swap(true) {
		f.log("the cache on disk fails and is left alone, for a minute or more", err)
	}
}

func (f *fuse) blown() bool {
	until := f.until.Load()
	return until != 0 && time.Now().UnixNano() < until
}

// mend notes that something went well.
func (f *fuse) mend() {
	if f.failing.Load() && f.failing.Swap(false) {
		f.until.Store(0)
		f.log("the cache on disk works again", nil)
	}
}

// isFailure tells whether an error says that the next call is likely to fail as well.
func isFailure(err error) bool {
	for _, known := range []error{
		syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.EROFS, syscall.EACCES, syscall.EPERM, syscall.ESTALE, syscall.ENODEV,
		syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, errSlow,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}
