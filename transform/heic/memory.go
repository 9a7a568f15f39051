package heic

import (
	"fmt"
	"os"

	"github.com/tetratelabs/wazero/experimental"
	"golang.org/x/sys/unix"
)

// A memory is that of one decoder: addresses are reserved at once and come into use as it grows, so that it is never copied, counts
// against the limits of the process by what it uses, and is given back when the decoder is closed. Memory of Go would stay.
type memory struct {
	reserved []byte
	used     uint64
	refused  error // that more could not be had
}

// Allocate is of experimental.MemoryAllocator.
func (m *memory) Allocate(_, most uint64) experimental.LinearMemory {
	m.reserved, m.refused = unix.Mmap(-1, 0, int(most), unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON)
	return m
}

// Reallocate is of experimental.LinearMemory. It returns nil if there is no more.
func (m *memory) Reallocate(size uint64) []byte {
	if size > uint64(len(m.reserved)) {
		return nil
	}
	page := uint64(os.Getpagesize())
	if whole := (size + page - 1) / page * page; whole > m.used {
		if err := unix.Mprotect(m.reserved[m.used:whole], unix.PROT_READ|unix.PROT_WRITE); err != nil {
			m.refused = err
			return nil
		}
		m.used = whole
	}
	return m.reserved[:size:size]
}

// Free is of experimental.LinearMemory.
func (m *memory) Free() {
	if m.reserved != nil {
		unix.Munmap(m.reserved)
		m.reserved = nil
	}
}

// explain tells of memory that ran out, which is no fault of the picture's, in place of an error that came of it.
func (m *memory) explain(err error) error {
	if m.refused != nil {
		return fmt.Errorf("%w: %w", ErrMemory, m.refused)
	}
	return err
}
