package worker

import (
	"encoding/binary"
	"fmt"
)

// A message is a header of headerBytes, little endian, and a body:
//
//	0  uint32  magic
//	4  uint32  length of the body
//	8  uint64  request: the bytes of memory that the job may use; reply: nanoseconds of processor time since the process started
//	16 uint64  request: 0; reply: peak resident bytes since the process started
//
// On Linux a message is one packet; elsewhere messages follow one another on a stream. Files go with a request.
const (
	headerBytes = 24
	magic       = 0x6f6c6143
)

type message struct {
	body []byte
	a, b uint64
}

// append writes the message to the end of buffer.
func (m message) append(buffer []byte) []byte {
	buffer = binary.LittleEndian.AppendUint32(buffer, magic)
	buffer = binary.LittleEndian.AppendUint32(buffer, uint32(len(m.body)))
	buffer = binary.LittleEndian.AppendUint64(buffer, m.a)
	buffer = binary.LittleEndian.AppendUint64(buffer, m.b)
	return append(buffer, m.body...)
}

// parse reads a message that is all of data. Its body is part of data. The error wraps ErrGarbled.
func parse(data []byte) (message, error) {
	if len(data) < headerBytes {
		return message{}, fmt.Errorf("%w: %d bytes are no message", ErrGarbled, len(data))
	}
	if binary.LittleEndian.Uint32(data) != magic {
		return message{}, fmt.Errorf("%w: it begins with %x", ErrGarbled, data[:4])
	}
	length := binary.LittleEndian.Uint32(data[4:])
	if length > MaxMessage || int(length) != len(data)-headerBytes {
		return message{}, fmt.Errorf("%w: it says %d bytes and has %d", ErrGarbled, length, len(data)-headerBytes)
	}
	return message{
		body: data[headerBytes:],
		a:    binary.LittleEndian.Uint64(data[8:]),
		b:    binary.LittleEndian.Uint64(data[16:]),
	}, nil
}
