//go:build !linux

package worker

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// socketType is a stream, for there are no packets that also tell of the other end's death.
const socketType = unix.SOCK_STREAM

// NewMemory returns an empty file without a name, which goes with its last descriptor.
func NewMemory(name string) (*os.File, error) {
	file, err := os.CreateTemp("", name)
	if err != nil {
		return nil, fmt.Errorf("memory for %s: %w", name, err)
	}
	return file, os.Remove(file.Name())
}

// receive reads one message into buffer.
func receive(conn *net.UnixConn, buffer []byte) (message, error) {
	if _, err := io.ReadFull(conn, buffer[:headerBytes]); err != nil {
		return message{}, err
	}
	length := min(int64(binary.LittleEndian.Uint32(buffer[4:])), MaxMessage+1)
	if _, err := io.ReadFull(conn, buffer[headerBytes:headerBytes+length]); err != nil {
		return message{}, err
	}
	return parse(buffer[:headerBytes+length])
}
