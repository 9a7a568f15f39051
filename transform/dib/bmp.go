package dib

import (
	"encoding/binary"
	"fmt"
	"io"
)

// fileHeader is the length of what stands before the header in a BMP.
const fileHeader = 14

// DecodeBMP reads the picture of a BMP of size bytes. Its errors wrap ErrBroken or ErrKind, or are those of r or canvas.
func DecodeBMP(r io.ReaderAt, size int64, canvas Canvas) error {
	head := make([]byte, fileHeader+MaxHeader)
	n, err := r.ReadAt(head, 0)
	if n < fileHeader {
		return cut(err)
	}
	h, err := ParseHeader(head[fileHeader:n])
	if err != nil {
		return err
	}
	pixelsAt := int64(binary.LittleEndian.Uint32(head[10:]))
	paletteAt := int64(fileHeader + h.length)
	if pixelsAt < paletteAt || pixelsAt > size {
		return fmt.Errorf("%w: its pixels begin at byte %d", ErrBroken, pixelsAt)
	}
	// Some writers leave out the end of a palette that has fewer colors than it may.
	h.colors = int(min(int64(h.colors), (pixelsAt-paletteAt)/int64(h.entry)))
	if h.Bits <= 8 && h.colors == 0 {
		return fmt.Errorf("%w: no palette", ErrBroken)
	}
	if !h.compressed() && h.stride() > (size-pixelsAt)/int64(h.Height) {
		return fmt.Errorf("%w: %d bytes of pixels where %d×%d have %d a row", ErrBroken, size-pixelsAt, h.Width, h.Height, h.stride())
	}
	bands := 3
	if h.Alpha {
		bands = 4
	}
	pixels, err := canvas(h.Width, h.Height, bands)
	if err != nil {
		return err
	}
	if err := h.decode(io.NewSectionReader(r, 0, size), paletteAt, pixelsAt, pixels, bands); err != nil {
		return err
	}
	if h.Alpha {
		makeOpaque(pixels)
	}
	return nil
}
