//go:build !linux

package worker

import (
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// program is the file of this binary.
func program() (string, error) { return os.Executable() }

// attributes of a new process: it gets none of the signals of a terminal.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// keepDescriptors lets no process that is started have a descriptor which it is not handed. Go sees to that for what it opens, and
// not for what this process was started with, or what a library in C has opened.
func keepDescriptors() error {
	descriptors, err := os.ReadDir("/dev/fd")
	if err != nil {
		return err
	}
	for _, d := range descriptors {
		if number, err := strconv.Atoi(d.Name()); err == nil && number > 2 {
			unix.CloseOnExec(number)
		}
	}
	return nil
}
