package sniff

import (
	"errors"
	"fmt"
	"io"
)

// The window doubles while a file is read on end and falls back after a leap, so that a header costs one small read,
// a chain of long chunks one tiny read each, and a scan of the whole file few large ones. A read costs about as much as
// copying two kilobytes, so less than that is no leap.
const (
	firstWindow = 4 << 10
	leapWindow  = 512
	lastWindow  = 64 << 10
	nearby      = 2 << 10
)

// A cursor reads a file through a bounded window. Parsers may set pos to any offset that is not negative; reading past
// the end of the file is ErrBroken.
type cursor struct {
	reader io.ReaderAt
	size   int64
	format Format // for messages
	pos    int64  // the next byte to read
	exif   span   // where the EXIF block of the file is; zero if there is none

	buffer []byte
	window []byte // the part of buffer that holds the file's bytes from start on
	start  int64
}

// A span is a part of a file.
type span struct{ start, end int64 }

func newCursor(r io.ReaderAt, size int64) *cursor {
	return &cursor{reader: r, size: max(size, 0), format: "file"}
}

// peek returns the next n bytes without passing them. They are valid until the next call; n is at most firstWindow.
func (c *cursor) peek(n int) ([]byte, error) {
	if b := c.buffered(); len(b) >= n {
		return b[:n], nil
	}
	if int64(n) > c.size-c.pos {
		return nil, c.broken("cut short, %d bytes wanted of a file of %d", n, c.size)
	}
	if err := c.fill(n); err != nil {
		return nil, err
	}
	return c.window[:n], nil
}

// next returns the next n bytes and passes them. They are valid until the next call; n is at most firstWindow.
func (c *cursor) next(n int) ([]byte, error) {
	b, err := c.peek(n)
	if err == nil {
		c.pos += int64(n)
	}
	return b, err
}

// rest returns, without passing them, as many of the next bytes as are at hand: at least one, for scans.
func (c *cursor) rest() ([]byte, error) {
	if b := c.buffered(); len(b) > 0 {
		return b, nil
	}
	if _, err := c.peek(1); err != nil {
		return nil, err
	}
	return c.window, nil
}

// skip passes n bytes, which must all be there.
func (c *cursor) skip(n int64) error {
	if n < 0 || n > c.size-c.pos {
		return c.broken("cut short, a block of %d bytes in a file of %d", n, c.size)
	}
	c.pos += n
	return nil
}

func (c *cursor) buffered() []byte {
	if c.pos < c.start || c.pos > c.start+int64(len(c.window)) {
		return nil
	}
	return c.window[c.pos-c.start:]
}

// fill moves the window to pos and reads at least n bytes, which size must allow.
func (c *cursor) fill(n int) error {
	want := firstWindow
	switch {
	case len(c.window) == 0:
	case c.pos >= c.start && c.pos-c.start-int64(len(c.window)) <= nearby:
		want = min(2*len(c.window), lastWindow)
	default:
		want = leapWindow
	}
	want = int(min(int64(max(want, n)), c.size-c.pos))
	if len(c.buffer) < want {
		c.buffer = make([]byte, want)
	}
	got, err := c.reader.ReadAt(c.buffer[:want], c.pos)
	c.window, c.start = c.buffer[:got], c.pos
	if got >= n {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return c.broken("cut short, %d bytes wanted", n)
	}
	return fmt.Errorf("read at byte %d: %w", c.pos, err)
}

// broken returns an ErrBroken that tells the format, the place and, in the words given, what is wrong.
func (c *cursor) broken(what string, args ...any) error {
	return fmt.Errorf("%s, byte %d: %s: %w", c.format, c.pos, fmt.Sprintf(what, args...), ErrBroken)
}

// unlessBroken returns err, or nil if it is ErrBroken: for the parts of a file that may well be cut.
func unlessBroken(err error) error {
	if errors.Is(err, ErrBroken) {
		return nil
	}
	return err
}
