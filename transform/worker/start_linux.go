package worker

import "syscall"

// program is this very binary, also if its file was replaced meanwhile.
func program() (string, error) { return "/proc/self/exe", nil }

// attributes of a new process: it gets none of the signals of a terminal, and ends when the thread that started it does.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
