//go:build !linux

package store

import (
	"os"

	"golang.org/x/sys/unix"
)

func blockSize(s *unix.Statfs_t) int64 { return int64(s.Bsize) }

func readOnce(*os.File) {}

func forgetPages(*os.File, int64, int64) {}
