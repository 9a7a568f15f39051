package sniff

import "encoding/binary"

// Blocks of GIF89a, appendix A.
const (
	gifExtension   = 0x21
	gifImage       = 0x2c
	gifComment     = 0xfe
	gifControl     = 0xf9
	gifPlainText   = 0x01
	gifApplication = 0xff
)

// readGIF reads the screen and walks over all blocks to count the images. An image that is cut short counts if it has
// any data; what follows a block of an unknown kind is not looked at. All of this is how libnsgif reads.
func readGIF(c *cursor, h *Header) error {
	c.pos = 6
	b, err := c.next(7)
	if err != nil {
		return err
	}
	width, height := int(binary.LittleEndian.Uint16(b)), int(binary.LittleEndian.Uint16(b[2:]))
	if gifIgnoresScreen(width, height) {
		width, height = 1, 1
	}
	if err := c.skip(colourTable(b[4])); err != nil {
		return err
	}
	h.Depth, h.Bands = 8, 1
	h.Frames = 0
	for h.Frames < maxFrames {
		more, err := c.gifBlock(h, &width, &height)
		if unlessBroken(err) != nil {
			return err
		}
		if err != nil || !more {
			break
		}
	}
	if h.Frames == 0 {
		return c.broken("no image")
	}
	h.Width, h.Height = width, height
	return nil
}

// gifIgnoresScreen says whether the first image alone sets the size of the canvas: so libnsgif treats screens of the
// sizes that old programs wrote without regard to the image, and those that are empty or very large.
func gifIgnoresScreen(width, height int) bool {
	switch [2]int{width, height} {
	case [2]int{640, 480}, [2]int{640, 512}, [2]int{800, 600}, [2]int{1024, 768}, [2]int{1280, 1024}, [2]int{1600, 1200}:
		return true
	}
	return width == 0 || height == 0 || width > 2048 || height > 2048
}

// colourTable returns the size of the colour table that the flags of a screen or an image announce.
func colourTable(flags byte) int64 {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 * 2 << (flags & 7)
}

// gifBlock passes one extension or image. It tells whether more may follow. The first image may widen the canvas.
func (c *cursor) gifBlock(h *Header, width, height *int) (more bool, err error) {
	b, err := c.next(1)
	if err != nil {
		return false, err
	}
	switch b[0] {
	case gifExtension:
		return true, c.gifExtension(h)
	case gifImage:
	default:
		return false, nil
	}
	if b, err = c.next(9); err != nil {
		return false, err
	}
	if h.Frames == 0 {
		*width = max(*width, int(binary.LittleEndian.Uint16(b))+int(binary.LittleEndian.Uint16(b[4:])))
		*height = max(*height, int(binary.LittleEndian.Uint16(b[2:]))+int(binary.LittleEndian.Uint16(b[6:])))
	}
	if err := c.skip(colourTable(b[8])); err != nil {
		return false, err
	}
	const longestCode = 12
	if b, err = c.next(1); err != nil || b[0] >= longestCode {
		return false, err
	}
	start := c.pos
	_, err = c.gifSubBlocks()
	if err != nil && start < c.size && h.Frames == 0 {
		h.Alpha = true // what is missing shows through
	}
	if err == nil || start < c.size {
		h.Frames++
	}
	return true, err
}

// gifExtension passes an extension and notes what it says. libnsgif passes a first sub-block even if it is empty.
func (c *cursor) gifExtension(h *Header) error {
	b, err := c.next(1)
	if err != nil {
		return err
	}
	label := b[0]
	if label == gifComment {
		length, err := c.gifSubBlocks()
		h.TextBytes += length
		return err
	}
	if b, err = c.next(1); err != nil {
		return err
	}
	first := int64(b[0])
	icc := false
	switch label {
	case gifControl:
		if b, err = c.peek(4); err != nil {
			return err
		}
		h.Alpha = h.Alpha || b[0]&1 != 0
	case gifApplication:
		const name = "ICCRGBG1012"
		b, err = c.peek(len(name))
		icc = err == nil && string(b) == name
	}
	if err := c.skip(first); err != nil {
		return err
	}
	length, err := c.gifSubBlocks()
	switch {
	case icc:
		h.ICCBytes += length
	case label == gifApplication, label == gifPlainText:
		h.TextBytes += length
	}
	return err
}

// gifSubBlocks passes sub-blocks up to the empty one that ends them and returns the length of their data.
func (c *cursor) gifSubBlocks() (length int64, err error) {
	for {
		b, err := c.rest()
		if err != nil {
			return length, err
		}
		at := 0
		for at < len(b) {
			size := int(b[at])
			at += 1 + size
			if size == 0 {
				c.pos += int64(at)
				return length, nil
			}
			length += int64(size)
		}
		if err := c.skip(int64(at)); err != nil {
			return length, err
		}
	}
}
