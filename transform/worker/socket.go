package worker

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// pair returns two connected sockets: one for this process, one to hand to a child.
func pair() (*net.UnixConn, *os.File, error) {
	syscall.ForkLock.RLock()
	descriptors, err := unix.Socketpair(unix.AF_UNIX, socketType, 0)
	if err == nil {
		unix.CloseOnExec(descriptors[0])
		unix.CloseOnExec(descriptors[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, fmt.Errorf("a pair of sockets: %w", err)
	}
	theirs := os.NewFile(uintptr(descriptors[1]), "worker's end")
	file := os.NewFile(uintptr(descriptors[0]), "server's end")
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, nil, errors.Join(err, theirs.Close())
	}
	return conn.(*net.UnixConn), theirs, nil
}

// send writes one message, with descriptors if there are any.
func send(conn *net.UnixConn, m message, buffer []byte, descriptors []int) error {
	buffer = m.append(buffer[:0])
	var rights []byte
	if len(descriptors) > 0 {
		rights = unix.UnixRights(descriptors...)
	}
	n, _, err := conn.WriteMsgUnix(buffer, rights, nil)
	if err == nil && n < len(buffer) {
		_, err = conn.Write(buffer[n:]) // a stream may take a message in parts
	}
	return err
}
