package worker

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// socketType keeps the bounds of messages and tells of the other end's death.
const socketType = unix.SOCK_SEQPACKET

// NewMemory returns an empty file that exists in memory alone and goes with its last descriptor. It can be sealed.
func NewMemory(name string) (*os.File, error) {
	descriptor, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("memory for %s: %w", name, err)
	}
	return os.NewFile(uintptr(descriptor), name), nil
}

// receive reads one message into buffer.
func receive(conn *net.UnixConn, buffer []byte) (message, error) {
	n, err := conn.Read(buffer)
	if err != nil {
		return message{}, err
	}
	return parse(buffer[:n])
}
