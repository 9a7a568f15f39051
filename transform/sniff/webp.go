package sniff

import "encoding/binary"

// Flags of the VP8X chunk (WebP container specification, "Extended File Format").
const (
	webpAnimation = 0x02
	webpEXIF      = 0x08
	webpAlpha     = 0x10
)

// webpFrameHeader is the size of what stands before the chunks in a frame.
const webpFrameHeader = 16

func isWebP(head []byte) bool {
	return len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP"
}

// readWebP reads the header of the bitstream or, of the extended format, the canvas and all chunk headers.
func readWebP(c *cursor, h *Header) error {
	b, err := c.next(12)
	if err != nil {
		return err
	}
	end := min(c.size, int64(binary.LittleEndian.Uint32(b[4:]))+8)
	kind, length, err := c.webpChunk()
	if err != nil {
		return err
	}
	h.Depth, h.Bands = 8, 3
	switch kind {
	case "VP8 ", "VP8L":
		h.Width, h.Height, h.Alpha, err = c.webpBitstream(kind)
	case "VP8X":
		err = c.webpExtended(length, end, h)
	default:
		err = c.broken("chunk %q before any image", kind)
	}
	if h.Alpha {
		h.Bands = 4
	}
	return err
}

func (c *cursor) webpChunk() (kind string, length int64, err error) {
	b, err := c.next(8)
	if err != nil {
		return "", 0, err
	}
	return string(b[:4]), int64(binary.LittleEndian.Uint32(b[4:])), nil
}

// webpBitstream reads the start of a VP8 key frame (RFC 6386, 9.1) or of a VP8L stream (RFC 9649, 3.4).
func (c *cursor) webpBitstream(kind string) (width, height int, alpha bool, err error) {
	if kind == "VP8L" {
		b, err := c.next(5)
		if err != nil {
			return 0, 0, false, err
		}
		bits := binary.LittleEndian.Uint32(b[1:])
		if b[0] != 0x2f || bits>>29 != 0 {
			return 0, 0, false, c.broken("a VP8L stream that begins with % x", b)
		}
		return int(bits&0x3fff) + 1, int(bits>>14&0x3fff) + 1, bits>>28&1 != 0, nil
	}
	b, err := c.next(10)
	if err != nil {
		return 0, 0, false, err
	}
	if b[0]&1 != 0 || string(b[3:6]) != "\x9d\x01\x2a" {
		return 0, 0, false, c.broken("a VP8 stream that begins with % x", b)
	}
	return int(binary.LittleEndian.Uint16(b[6:]) & 0x3fff), int(binary.LittleEndian.Uint16(b[8:]) & 0x3fff), false, nil
}

// webpExtended reads the VP8X chunk and walks over the chunks after it. As in libwebp, the images must agree with the
// canvas, and frames and EXIF count only if the flags announce them.
func (c *cursor) webpExtended(length, end int64, h *Header) error {
	if length < 10 {
		return c.broken("chunk \"VP8X\" of %d bytes", length)
	}
	b, err := c.peek(10)
	if err != nil {
		return err
	}
	flags := b[0]
	h.Width, h.Height = int(uint24(b[4:]))+1, int(uint24(b[7:]))+1
	h.Alpha = flags&webpAlpha != 0
	animated, exif, images := flags&webpAnimation != 0, false, 0
	for images < maxFrames {
		c.pos += length + length&1
		if c.pos >= end {
			break
		}
		var kind string
		kind, length, err = c.webpChunk()
		if err == nil && length > end-c.pos && images == 0 {
			err = c.broken("chunk %q of %d bytes is cut short", kind, length)
		}
		if err != nil {
			break
		}
		start := c.pos
		switch kind {
		case "VP8 ", "VP8L":
			if animated {
				continue
			}
			images++
			err = c.webpStill(kind, h)
		case "ANMF":
			if !animated {
				continue
			}
			images++
			err = c.webpFrame(h)
			// What is in a frame is walked over like the chunks around it, as libwebp does: were the length of the frame
			// believed, frames could hide in one another.
			length = webpFrameHeader
		case "ICCP":
			h.ICCBytes += length
		case "XMP ":
			h.TextBytes += length
		case "EXIF":
			h.TextBytes += length
			if flags&webpEXIF != 0 && !exif {
				exif = true
				h.Orientation, err = exifOrientation(c, start, min(start+length, end))
			}
		}
		if err != nil {
			return err
		}
		c.pos = start
	}
	if images == 0 {
		if err == nil {
			err = c.broken("no image")
		}
		return err
	}
	if animated {
		h.Frames = images
	}
	return unlessBroken(err)
}

// webpStill checks the one image of an extended file against the canvas.
func (c *cursor) webpStill(kind string, h *Header) error {
	width, height, _, err := c.webpBitstream(kind)
	if err == nil && (width != h.Width || height != h.Height) {
		err = c.broken("an image of %d×%d on a canvas of %d×%d", width, height, h.Width, h.Height)
	}
	return err
}

// webpFrame checks a frame of an animation against the canvas. What a frame leaves free is transparent.
func (c *cursor) webpFrame(h *Header) error {
	b, err := c.next(webpFrameHeader)
	if err != nil {
		return err
	}
	left, top := 2*int(uint24(b)), 2*int(uint24(b[3:]))
	width, height := int(uint24(b[6:]))+1, int(uint24(b[9:]))+1
	if left+width > h.Width || top+height > h.Height {
		return c.broken("a frame of %d×%d at %d,%d on a canvas of %d×%d", width, height, left, top, h.Width, h.Height)
	}
	h.Alpha = h.Alpha || width != h.Width || height != h.Height
	return nil
}

func uint24(b []byte) uint32 { return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 }
