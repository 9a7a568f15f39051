package worker

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// raise sends a signal to this very thread, as a fault does.
func raise(s syscall.Signal) { unix.Tgkill(os.Getpid(), unix.Gettid(), s) }
