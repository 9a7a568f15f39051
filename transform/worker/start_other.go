//go:build !linux

package worker

import (
	"os"
	"syscall"
)

// program is the file of this binary.
func program() (string, error) { return os.Executable() }

// attributes of a new process: it gets none of the signals of a terminal.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
