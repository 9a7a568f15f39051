package sniff

import (
	"encoding/binary"
	"slices"
)

const pngSignature = "\x89PNG\r\n\x1a\n"

// maxChunks bounds the chunks that are looked at. A real file has some dozens before its pixels, and after the first
// few of the pixels nothing is expected but more of them.
const maxChunks = 10_000

// pngColours holds, by colour type, the samples per pixel and the depths allowed (PNG third edition, table 12).
var pngColours = map[byte]struct {
	bands  int
	alpha  bool
	depths []byte
}{
	0: {1, false, []byte{1, 2, 4, 8, 16}},
	2: {3, false, []byte{8, 16}},
	3: {1, false, []byte{1, 2, 4, 8}},
	4: {2, true, []byte{8, 16}},
	6: {4, true, []byte{8, 16}},
}

// readPNG reads the image header and walks over the chunks, of which it reads but type and length. What stands before
// the pixels must be whole; text is counted after them too, as far as the file goes.
func readPNG(c *cursor, h *Header) error {
	if err := c.skip(int64(len(pngSignature))); err != nil {
		return err
	}
	pixels, exif := false, false
	for i := range maxChunks {
		length, kind, err := c.pngChunk()
		if err != nil {
			return c.pngEnd(pixels, err)
		}
		start, end := c.pos, c.pos+length
		pixels = pixels || kind == "IDAT"
		if end > c.size {
			return c.pngEnd(pixels, c.broken("chunk %q of %d bytes is cut short", kind, length))
		}
		if (kind == "IHDR") != (i == 0) {
			return c.broken("chunk %q as number %d", kind, i+1)
		}
		switch kind {
		case "IHDR":
			err = c.pngHeader(length, h)
		case "IEND":
			return c.pngEnd(pixels, c.broken("no pixels"))
		case "tRNS":
			h.Alpha = h.Alpha || !pixels
		case "iCCP":
			h.ICCBytes += length
		case "tEXt", "zTXt", "iTXt":
			h.TextBytes += length
		case "eXIf":
			h.TextBytes += length
			// libpng has handed out what it knows when the pixels begin, and drops the second of two chunks.
			if !exif && !pixels {
				exif = true
				h.Orientation, err = exifOrientation(c, start, end)
			}
		}
		if err != nil {
			return err
		}
		c.pos = end + 4 // the checksum, which may be missing at the very end
	}
	return c.pngEnd(pixels, c.broken("more than %d chunks before the pixels", maxChunks))
}

// pngEnd returns the error that ended the walk, unless the pixels had begun and it only says that they are cut short.
func (c *cursor) pngEnd(pixels bool, err error) error {
	if pixels {
		return unlessBroken(err)
	}
	return err
}

func (c *cursor) pngChunk() (length int64, kind string, err error) {
	b, err := c.next(8)
	if err != nil {
		return 0, "", err
	}
	if b[0] > 0x7f {
		return 0, "", c.broken("a chunk of length %#x", b[:4])
	}
	return int64(binary.BigEndian.Uint32(b)), string(b[4:8]), nil
}

func (c *cursor) pngHeader(length int64, h *Header) error {
	if length != 13 {
		return c.broken("image header of %d bytes", length)
	}
	b, err := c.next(13)
	if err != nil {
		return err
	}
	depth, kind := b[8], b[9]
	colour := pngColours[kind]
	if !slices.Contains(colour.depths, depth) {
		return c.broken("colour type %d with %d bits", kind, depth)
	}
	if compression, filter, interlace := b[10], b[11], b[12]; compression != 0 || filter != 0 || interlace > 1 {
		return c.broken("compression %d, filter %d, interlace %d", compression, filter, interlace)
	}
	h.Width = int(binary.BigEndian.Uint32(b))
	h.Height = int(binary.BigEndian.Uint32(b[4:]))
	h.Depth, h.Bands, h.Alpha = int(depth), colour.bands, colour.alpha
	return c.checkSize(*h)
}
