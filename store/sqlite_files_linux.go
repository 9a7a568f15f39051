package store

import (
	"os"

	"golang.org/x/sys/unix"
)

// forgetFile has the system give back the memory that holds what a file has on the disk, so that the next one who reads it reads the disk.
func forgetFile(f *os.File) { _ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) }
