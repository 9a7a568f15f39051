package dib

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/bits"
)

// A Canvas makes room for a picture and returns it: rows from top to bottom, width×bands bytes each, all 0. Bands are red, green, blue
// and, if there are four of them, alpha, which the colors are not multiplied by.
type Canvas func(width, height, bands int) ([]byte, error)

// decode reads the palette and the pixels of a bitmap from r, where palette and pixels begin at these offsets, into pixels of so many
// bands. What lies beyond the end of r is cut short.
func (h *Header) decode(r *io.SectionReader, paletteAt, pixelsAt int64, pixels []byte, bands int) error {
	palette, err := h.readPalette(r, paletteAt)
	if err != nil {
		return err
	}
	in := bufio.NewReaderSize(io.NewSectionReader(r, pixelsAt, r.Size()-pixelsAt), 64<<10)
	if h.compressed() {
		return h.decodeRuns(in, palette, pixels, bands)
	}
	row := make([]byte, h.stride())
	for y := range h.Height {
		if _, err := io.ReadFull(in, row); err != nil {
			return cut(err)
		}
		if !h.topDown {
			y = h.Height - 1 - y
		}
		out := pixels[y*h.Width*bands:][:h.Width*bands]
		switch {
		case h.Bits <= 8:
			h.fillFromPalette(row, palette, out, bands)
		case h.Bits == 24:
			for x := range h.Width {
				set(out[x*bands:], bands, row[3*x+2], row[3*x+1], row[3*x], 255)
			}
		default:
			h.fillByMasks(row, out, bands)
		}
	}
	return nil
}

// set writes one pixel.
func set(out []byte, bands int, red, green, blue, alpha byte) {
	out[0], out[1], out[2] = red, green, blue
	if bands == 4 {
		out[3] = alpha
	}
}

// readPalette returns 256 colors of three bytes: what the file lacks is black.
func (h *Header) readPalette(r *io.SectionReader, at int64) ([]byte, error) {
	if h.colors == 0 {
		return nil, nil
	}
	stored := make([]byte, h.colors*h.entry)
	if n, err := r.ReadAt(stored, at); n < len(stored) {
		return nil, cut(err)
	}
	palette := make([]byte, 256*3)
	for i := range h.colors {
		c := stored[i*h.entry:]
		palette[3*i], palette[3*i+1], palette[3*i+2] = c[2], c[1], c[0]
	}
	return palette, nil
}

func (h *Header) fillFromPalette(row, palette, out []byte, bands int) {
	perByte, mask := 8/h.Bits, byte(1<<h.Bits-1)
	for x := range h.Width {
		index := int(row[x/perByte] >> (8 - h.Bits*(x%perByte+1)) & mask)
		set(out[x*bands:], bands, palette[3*index], palette[3*index+1], palette[3*index+2], 255)
	}
}

// fillByMasks reads pixels of 16 or 32 bits.
func (h *Header) fillByMasks(row, out []byte, bands int) {
	var shift [4]int
	var most [4]uint32
	for i, m := range h.masks {
		if m != 0 {
			shift[i] = bits.TrailingZeros32(m)
			most[i] = m >> shift[i]
		}
	}
	bytes := h.Bits / 8
	for x := range h.Width {
		var pixel uint32
		for i := range bytes {
			pixel |= uint32(row[x*bytes+i]) << (8 * i)
		}
		samples := [4]byte{0, 0, 0, 255}
		for i, m := range h.masks {
			if m != 0 {
				samples[i] = byte((uint64(pixel&m>>shift[i])*255 + uint64(most[i]/2)) / uint64(most[i]))
			}
		}
		set(out[x*bands:], bands, samples[0], samples[1], samples[2], samples[3])
	}
}

// decodeRuns reads what is coded as runs of one color, or of two that alternate, from bottom to top (RLE8, RLE4). What the runs leave
// out has the first color.
func (h *Header) decodeRuns(in *bufio.Reader, palette, pixels []byte, bands int) error {
	for i := 0; i < len(pixels); i += bands {
		set(pixels[i:], bands, palette[0], palette[1], palette[2], 255)
	}
	x, y := 0, 0 // y counts from the bottom
	put := func(index byte) {
		if x < h.Width && y < h.Height {
			c := palette[3*int(index):]
			set(pixels[((h.Height-1-y)*h.Width+x)*bands:], bands, c[0], c[1], c[2], 255)
		}
		x = min(x+1, h.Width)
	}
	for y < h.Height {
		var code [2]byte
		if _, err := io.ReadFull(in, code[:]); err != nil {
			return cut(err)
		}
		count, value := int(code[0]), code[1]
		switch {
		case count > 0:
			for i := range count {
				put(h.index(value, i))
			}
		case value == 0:
			x, y = 0, y+1
		case value == 1:
			return nil
		case value == 2:
			if _, err := io.ReadFull(in, code[:]); err != nil {
				return cut(err)
			}
			x, y = min(x+int(code[0]), h.Width), y+int(code[1])
		default: // so many indices as they are, padded to whole words
			literal := make([]byte, (int(value)*h.Bits+15)/16*2)
			if _, err := io.ReadFull(in, literal); err != nil {
				return cut(err)
			}
			for i := range int(value) {
				put(h.index(literal[i*h.Bits/8], i))
			}
		}
	}
	return nil
}

// index is the palette index at place i of a run: b itself, or its upper and lower half in turn.
func (h *Header) index(b byte, i int) byte {
	switch {
	case h.Bits == 8:
		return b
	case i%2 == 0:
		return b >> 4
	}
	return b & 15
}

// cut is the error of a read that has found the end too early, or failed.
func cut(err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: cut short", ErrBroken)
	}
	return err
}

// makeOpaque sets all alpha to opaque if none of it is set: writers that leave the byte out of account write 0.
func makeOpaque(pixels []byte) {
	for i := 3; i < len(pixels); i += 4 {
		if pixels[i] != 0 {
			return
		}
	}
	for i := 3; i < len(pixels); i += 4 {
		pixels[i] = 255
	}
}
