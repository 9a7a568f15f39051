package sniff

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"calotype/transform/dib"
)

// bmpFileHeader is the length of what stands before the header proper of a BMP.
const bmpFileHeader = 14

// isBMP looks for the signature and for a header whose length may be one: no other file begins with BM and a small number.
func isBMP(head []byte) bool {
	const longest = 1 << 10
	return len(head) >= bmpFileHeader+4 && string(head[:2]) == "BM" && binary.LittleEndian.Uint32(head[bmpFileHeader:])-12 < longest
}

// readBMP reads the header as the decoder does.
func readBMP(c *cursor, h *Header) error {
	c.pos = bmpFileHeader
	b, err := c.peek(int(min(dib.MaxHeader, c.size-bmpFileHeader)))
	if err != nil {
		return err
	}
	header, err := dib.ParseHeader(b)
	if err != nil {
		return c.ofBitmap(err)
	}
	h.fill(header)
	return nil
}

// fill tells of a bitmap.
func (h *Header) fill(b dib.Header) {
	h.Width, h.Height, h.Alpha = b.Width, b.Height, b.Alpha
	switch b.Bits {
	case 16, 24:
		h.Depth, h.Bands = 8, 3
	case 32:
		h.Depth, h.Bands = 8, 4
	default:
		h.Depth, h.Bands = b.Bits, 1
	}
}

// ofBitmap makes an error of package dib one of this package.
func (c *cursor) ofBitmap(err error) error {
	switch {
	case errors.Is(err, dib.ErrKind):
		return fmt.Errorf("%s: %w: %w", c.format, err, ErrKind)
	case errors.Is(err, dib.ErrBroken):
		return c.broken("%v", err)
	}
	return err
}

// isICO looks for a directory of at least one icon or cursor, whose first entry leaves the reserved byte 0.
func isICO(head []byte) bool {
	return len(head) >= 10 && (string(head[:4]) == "\x00\x00\x01\x00" || string(head[:4]) == "\x00\x00\x02\x00") &&
		(head[4] != 0 || head[5] != 0) && head[9] == 0
}

// readICO tells of the picture that the decoder chooses: a PNG, which is looked at as such, or a bitmap.
func readICO(c *cursor, h *Header) error {
	icon, err := dib.ChooseIcon(c.reader, c.size)
	if err != nil {
		return c.ofBitmap(err)
	}
	if !icon.PNG {
		h.fill(icon.Header)
		h.Alpha = true // there always is a mask
		return nil
	}
	inside := &cursor{reader: io.NewSectionReader(c.reader, icon.Offset, icon.Length), size: icon.Length, format: PNG}
	return readPNG(inside, h)
}
