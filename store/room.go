package store

import (
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// freshFor is how long what a file system said of its free space is believed.
const freshFor = time.Second

// room tells how much space is left in a file system, without asking it every time.
type room struct {
	folder string
	least  int64 // bytes that uploads must leave free; 0 asks nothing

	mutex sync.Mutex
	asked time.Time
	free  int64
}

// Room returns ErrFull if the disk has no room for so many more bytes, beside what Options.MinFree leaves free. It is cheap enough to be asked before
// every upload.
func (s *Store) Room(bytes int64) error {
	return s.room.take(bytes)
}

// take returns ErrFull if less than the least were free after so many more bytes.
func (r *room) take(bytes int64) error {
	if r.least <= 0 {
		return nil
	}
	free, err := r.left()
	if err != nil {
		return err
	}
	if free-bytes < r.least {
		return fmt.Errorf("%w: %d bytes are free in %s, of which %d are kept free", ErrFull, free, r.folder, r.least)
	}
	return nil
}

// left returns the bytes that are free for programs without privileges.
func (r *room) left() (int64, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if time.Since(r.asked) < freshFor {
		return r.free, nil
	}
	var s unix.Statfs_t
	for {
		err := unix.Statfs(r.folder, &s)
		if err == nil {
			break
		}
		if err != unix.EINTR {
			return 0, &os.PathError{Op: "statfs", Path: r.folder, Err: err}
		}
	}
	r.free, r.asked = int64(s.Bavail)*blockSize(&s), time.Now()
	return r.free, nil
}
