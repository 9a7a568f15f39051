package sniff

import (
	"encoding/binary"
	"math"
)

// maxBoxes bounds the children of a box, the items of a file and the entries of its tables. It is libheif's own limit
// for items; for children that is 100.
const maxBoxes = 1_000

// maxFileSize is where a box may end of which the rest is not there.
const maxFileSize = math.MaxInt64

// A box of ISO/IEC 14496-12: its four-character type and where its contents lie.
type box struct {
	kind       [4]byte
	start, end int64
}

func (b box) is(kind string) bool { return string(b.kind[:]) == kind }

// boxes calls visit for the boxes that lie from start to end, until the first error.
func (c *cursor) boxes(start, end int64, visit func(box) error) error {
	for range maxBoxes {
		if start >= end {
			return nil
		}
		b, err := c.box(start, end)
		if err != nil {
			return err
		}
		if err := visit(b); err != nil {
			return err
		}
		start = b.end
	}
	if start < end {
		return c.broken("more than %d boxes in one", maxBoxes)
	}
	return nil
}

// box reads the header of the box at start of one that ends at end.
func (c *cursor) box(start, end int64) (box, error) {
	c.pos = start
	head, err := c.next(8)
	if err != nil {
		return box{}, err
	}
	size := uint64(binary.BigEndian.Uint32(head))
	b := box{kind: [4]byte(head[4:])}
	switch size {
	case 0: // to the end
		size = uint64(end - start)
	case 1:
		if head, err = c.next(8); err != nil {
			return box{}, err
		}
		size = binary.BigEndian.Uint64(head)
	}
	if header := c.pos - start; size < uint64(header) || size > math.MaxInt64-uint64(start) {
		return box{}, c.broken("box %q of %d bytes", b.kind, size)
	}
	b.start, b.end = c.pos, start+int64(size)
	if b.end > end {
		return box{}, c.broken("box %q of %d bytes runs out of its parent", b.kind, size)
	}
	return b, nil
}

// table reads the entries of a box one after the other. Its first error stays.
type table struct {
	c       *cursor
	end     int64
	version byte
	flags   uint32
	err     error
}

// plainBox begins to read b, which must be one without version and flags.
func (c *cursor) plainBox(b box) *table {
	c.pos = b.start
	return &table{c: c, end: b.end}
}

// fullBox begins to read b, which must be one with version and flags.
func (c *cursor) fullBox(b box) *table {
	t := c.plainBox(b)
	head := t.uint(4)
	t.version, t.flags = byte(head>>24), uint32(head&0xffffff)
	return t
}

// bytes reads size bytes, valid until the next call. They are nil after an error.
func (t *table) bytes(size int) []byte {
	if t.err == nil && int64(size) > t.end-t.c.pos {
		t.err = t.c.broken("a table runs out of its box")
	}
	if t.err != nil {
		return nil
	}
	var b []byte
	b, t.err = t.c.next(size)
	return b
}

// uint reads a number of size bytes, at most 8. It is 0 after an error.
func (t *table) uint(size int) uint64 {
	var n uint64
	for _, digit := range t.bytes(size) {
		n = n<<8 | uint64(digit)
	}
	return n
}

// id reads an item's number, which is wide from the given version of the box on.
func (t *table) id(wideFrom byte) uint32 {
	if t.version >= wideFrom {
		return uint32(t.uint(4))
	}
	return uint32(t.uint(2))
}

// count reads a number of entries and refuses one that no real file has.
func (t *table) count(size int) int {
	n := t.uint(size)
	if t.err == nil && n > maxBoxes {
		t.err = t.c.broken("a table of %d entries", n)
	}
	if t.err != nil {
		return 0
	}
	return int(n)
}
