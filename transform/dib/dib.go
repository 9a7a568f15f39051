// Package dib reads the pictures of BMP and ICO files: both hold device-independent bitmaps of Windows, and an ICO may hold PNGs as
// well, which are left to others. It is plain Go, so that a hostile file can at worst be refused.
//
// What is read: 1, 2, 4 and 8 bits with a palette, 16, 24 and 32 bits with or without masks, RLE4 and RLE8, rows from bottom to top or
// from top to bottom, with the headers of OS/2 1 and 2 and of Windows 3 to 5. What is not: pictures that are JPEG or PNG inside a BMP,
// and the Huffman and RLE24 codes of OS/2. Color profiles inside a BMP are left out of account: its colors are taken for sRGB.
package dib

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

var (
	// ErrBroken says that the bytes contradict themselves or are cut short.
	ErrBroken = errors.New("broken bitmap")
	// ErrKind says that the bytes may be sound, and are of a kind that is not read.
	ErrKind = errors.New("a kind of bitmap that is not read")
)

// MaxHeader is the length of the longest header, with the masks that may follow it.
const MaxHeader = 124

// The ways in which pixels are coded (BITMAPINFOHEADER, biCompression).
const (
	codedPlain      = 0
	codedRLE8       = 1
	codedRLE4       = 2
	codedMasks      = 3
	codedAlphaMasks = 6
)

// A Header is what stands before the palette of a bitmap.
type Header struct {
	Width, Height int // from 1 to 2³¹-1
	Bits          int // per pixel: 1, 2, 4, 8, 16, 24 or 32
	Alpha         bool

	coded   uint32
	topDown bool
	masks   [4]uint32 // of red, green, blue and alpha; of 16 and 32 bits
	length  int       // of the header and its masks: there the palette begins
	colors  int       // of the palette
	entry   int       // bytes of a color in the palette
}

// ParseHeader reads the header that b begins with. Fewer bytes than MaxHeader will do if there are no more.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < 4 {
		return Header{}, fmt.Errorf("%w: no header", ErrBroken)
	}
	length := int(min(binary.LittleEndian.Uint32(b), 1<<20))
	h := Header{length: length, entry: 4}
	switch length {
	case 12, 16, 40, 52, 56, 64, 108, 124:
	default:
		return Header{}, fmt.Errorf("%w: a header of %d bytes", ErrKind, length)
	}
	if len(b) < length {
		return Header{}, fmt.Errorf("%w: the header is cut short", ErrBroken)
	}
	word := func(at int) int { return int(binary.LittleEndian.Uint16(b[at:])) }
	long := func(at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }
	used := uint32(0)
	if length == 12 {
		h.Width, h.Height, h.Bits, h.entry = word(4), word(6), word(10), 3
	} else {
		h.Width, h.Height, h.Bits = int(int32(long(4))), int(int32(long(8))), word(14)
		if length >= 40 {
			h.coded, used = long(16), long(32)
		}
		if h.Height < 0 {
			h.topDown, h.Height = true, -h.Height
		}
	}
	if h.Width < 1 || h.Height < 1 || h.Height > 1<<31-1 {
		return Header{}, fmt.Errorf("%w: %d×%d pixels", ErrBroken, h.Width, h.Height)
	}
	if err := h.checkCode(); err != nil {
		return Header{}, err
	}
	if h.Bits <= 8 {
		h.colors = 1 << h.Bits
		if used > 0 && used < uint32(h.colors) {
			h.colors = int(used)
		}
	}
	return h, h.readMasks(b)
}

// checkCode refuses combinations of code and bits that are not read.
func (h *Header) checkCode() error {
	known := false
	switch h.coded {
	case codedPlain:
		known = h.Bits == 1 || h.Bits == 2 || h.Bits == 4 || h.Bits == 8 || h.Bits == 16 || h.Bits == 24 || h.Bits == 32
	case codedRLE8:
		known = h.Bits == 8
	case codedRLE4:
		known = h.Bits == 4
	case codedMasks, codedAlphaMasks:
		known = (h.Bits == 16 || h.Bits == 32) && h.length != 64 // there it is a Huffman code
	}
	if !known {
		return fmt.Errorf("%w: compression %d with %d bits", ErrKind, h.coded, h.Bits)
	}
	if h.topDown && h.compressed() {
		return fmt.Errorf("%w: compressed rows from top to bottom", ErrBroken)
	}
	return nil
}

func (h *Header) compressed() bool { return h.coded == codedRLE8 || h.coded == codedRLE4 }

// readMasks finds out where in a pixel of 16 or 32 bits the samples are.
func (h *Header) readMasks(b []byte) error {
	const start = 40
	if h.coded == codedMasks || h.coded == codedAlphaMasks {
		n := 3
		if h.coded == codedAlphaMasks || h.length >= 56 {
			n = 4
		}
		if len(b) < start+4*n {
			return fmt.Errorf("%w: the masks are cut short", ErrBroken)
		}
		for i := range n {
			h.masks[i] = binary.LittleEndian.Uint32(b[start+4*i:])
		}
		h.length = max(h.length, start+4*n)
	} else if h.Bits == 16 {
		h.masks = [4]uint32{0x7c00, 0x03e0, 0x001f}
	} else if h.Bits == 32 {
		h.masks = [4]uint32{0xff0000, 0xff00, 0xff}
	}
	for _, m := range h.masks {
		if m>>bits.TrailingZeros32(m)&(m>>bits.TrailingZeros32(m)+1) != 0 || uint64(m)>>h.Bits != 0 {
			return fmt.Errorf("%w: a mask of %#x", ErrBroken, m)
		}
	}
	h.Alpha = h.masks[3] != 0
	return nil
}

// stride is the number of bytes of a row that is not compressed.
func (h *Header) stride() int64 { return (int64(h.Width)*int64(h.Bits) + 31) / 32 * 4 }
