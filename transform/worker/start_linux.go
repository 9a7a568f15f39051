package worker

import (
	"errors"
	"math"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// program is this very binary, also if its file was replaced meanwhile.
func program() (string, error) { return "/proc/self/exe", nil }

// attributes of a new process: it gets none of the signals of a terminal, and ends when the thread that started it does.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// keepDescriptors lets no process that is started have a descriptor which it is not handed. Go sees to that for what it opens, and
// not for what this process was started with, or what a library in C has opened.
func keepDescriptors() error {
	const first = 3 // after the standard streams, which every new process is handed its own of
	err := unix.CloseRange(first, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	if err == nil {
		return nil
	}
	// Linux before 5.11 has no such call.
	folder, err := os.Open("/proc/self/fd")
	if err != nil {
		return err
	}
	names, err := folder.Readdirnames(-1)
	if err := errors.Join(err, folder.Close()); err != nil {
		return err
	}
	for _, name := range names {
		if descriptor, err := strconv.Atoi(name); err == nil && descriptor >= first {
			unix.CloseOnExec(descriptor)
		}
	}
	return nil
}
