//go:build !linux

package worker

import (
	"os"
	"syscall"
)

// raise sends a signal to this process.
func raise(s syscall.Signal) { syscall.Kill(os.Getpid(), s) }
