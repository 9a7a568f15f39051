package store

import (
	"os"

	"golang.org/x/sys/unix"
)

// blockSize is the unit in which a file system counts its blocks.
func blockSize(s *unix.Statfs_t) int64 {
	if s.Frsize > 0 {
		return int64(s.Frsize) // its type differs between processors
	}
	return int64(s.Bsize)
}

// readOnce says that a file is read once and from its beginning. It is a hint, which nothing depends on.
func readOnce(f *os.File) { _ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_SEQUENTIAL) }

// forgetPages has the memory that holds a part of a file given back, so that the next one who reads it reads the disk.
func forgetPages(f *os.File, offset, length int64) {
	_ = unix.Fadvise(int(f.Fd()), offset, length, unix.FADV_DONTNEED)
}
