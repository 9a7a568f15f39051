package sniff

import (
	"bytes"
	"encoding/binary"
)

// Markers of ITU-T T.81, table B.1, by their second byte.
const (
	jpegSOF0  = 0xc0
	jpegDHT   = 0xc4
	jpegJPG   = 0xc8
	jpegDAC   = 0xcc
	jpegSOF15 = 0xcf
	jpegRST0  = 0xd0
	jpegRST7  = 0xd7
	jpegSOI   = 0xd8
	jpegEOI   = 0xd9
	jpegSOS   = 0xda
	jpegAPP1  = 0xe1
	jpegAPP2  = 0xe2
	jpegAPP13 = 0xed
	jpegCOM   = 0xfe
)

// maxSegments bounds the marker segments of a JPEG; a real file has some dozens.
const maxSegments = 10_000

// readJPEG reads the segments up to the first scan (T.81, annex B). If the decoder will go on to read more scans before
// it shows a pixel, which costs it a pass over the whole picture for each, it counts them too.
func readJPEG(c *cursor, h *Header) error {
	c.pos = 2
	exif := false
	for range maxSegments {
		marker, err := c.jpegMarker()
		if err != nil {
			return err
		}
		if marker == jpegSOI || marker == jpegEOI {
			return c.broken("marker %#x before the first scan", marker)
		}
		start, end, err := c.jpegSegment()
		if err != nil {
			return err
		}
		if end > c.size {
			return c.broken("segment of marker %#x is cut short", marker)
		}
		switch {
		case isSOF(marker):
			err = c.jpegFrame(marker, end-start, h)
		case marker == jpegSOS:
			return c.jpegScans(end, h)
		case marker == jpegAPP1:
			h.TextBytes += end - start
			// libvips takes the first block that begins like EXIF, whatever it then holds.
			if !exif && c.jpegStartsWith("Exif", end) {
				exif = true
				h.Orientation, err = exifOrientation(c, start, end)
			}
		case marker == jpegAPP2:
			const name = "ICC_PROFILE\x00"
			if c.jpegStartsWith(name, end) {
				h.ICCBytes += max(0, end-start-int64(len(name)+2))
			}
			h.MultiPicture = h.MultiPicture || c.jpegStartsWith("MPF\x00", end)
		case marker == jpegAPP13, marker == jpegCOM:
			h.TextBytes += end - start
		}
		if err != nil {
			return err
		}
		c.pos = end
	}
	return c.broken("more than %d segments before the first scan", maxSegments)
}

func isSOF(marker byte) bool {
	return marker >= jpegSOF0 && marker <= jpegSOF15 && marker != jpegDHT && marker != jpegJPG && marker != jpegDAC
}

// jpegMarker passes everything up to the next marker that begins a segment, or SOI or EOI, and that marker. As libjpeg
// does, it takes no offence at bytes between segments, and passes the markers that stand alone.
func (c *cursor) jpegMarker() (byte, error) {
	escaped := false // the byte before was 0xFF
	for {
		b, err := c.rest()
		if err != nil {
			return 0, err
		}
		for i := 0; i < len(b); i++ {
			if !escaped {
				found := bytes.IndexByte(b[i:], 0xff)
				if found < 0 {
					break
				}
				i += found
				escaped = true
				continue
			}
			if b[i] == 0xff { // fill bytes
				continue
			}
			escaped = false
			if b[i] >= jpegSOF0 && (b[i] < jpegRST0 || b[i] > jpegRST7) {
				c.pos += int64(i) + 1
				return b[i], nil
			}
		}
		c.pos += int64(len(b))
	}
}

// jpegSegment reads the length of a segment and returns where its contents start and end.
func (c *cursor) jpegSegment() (start, end int64, err error) {
	b, err := c.next(2)
	if err != nil {
		return 0, 0, err
	}
	length := binary.BigEndian.Uint16(b)
	if length < 2 {
		return 0, 0, c.broken("a segment of length %d", length)
	}
	return c.pos, c.pos + int64(length) - 2, nil
}

func (c *cursor) jpegStartsWith(name string, end int64) bool {
	if end-c.pos < int64(len(name)) {
		return false
	}
	b, err := c.peek(len(name))
	return err == nil && string(b) == name
}

// jpegFrame reads the frame header (T.81, B.2.2).
func (c *cursor) jpegFrame(marker byte, length int64, h *Header) error {
	if h.Bands != 0 {
		return c.broken("a second frame header")
	}
	if length < 6 {
		return c.broken("frame header of %d bytes", length)
	}
	b, err := c.next(6)
	if err != nil {
		return err
	}
	h.Depth = int(b[0])
	h.Height = int(binary.BigEndian.Uint16(b[1:]))
	h.Width = int(binary.BigEndian.Uint16(b[3:]))
	h.Bands = int(b[5])
	h.Progressive = marker&3 == 2
	if h.Depth < 2 || h.Depth > 16 || h.Bands == 0 || length != 6+3*int64(h.Bands) {
		return c.broken("frame header of %d bytes with %d components of %d bits", length, h.Bands, h.Depth)
	}
	return c.checkSize(*h)
}

// jpegScans counts the scans, of which the first one's header is at pos and ends at end. A scan that holds all
// components of a sequential frame is the only one that a decoder reads.
func (c *cursor) jpegScans(end int64, h *Header) error {
	if h.Bands == 0 {
		return c.broken("a scan before the frame header")
	}
	b, err := c.next(1)
	if err != nil {
		return err
	}
	components := int(b[0])
	h.Scans = 1
	if !h.Progressive && components >= h.Bands {
		return nil
	}
	c.pos = end
	for segments := 0; h.Scans < maxScans; segments++ {
		if segments > maxSegments {
			return c.broken("more than %d segments after the first scan", maxSegments)
		}
		marker, err := c.jpegMarker()
		if err != nil {
			return unlessBroken(err)
		}
		if marker == jpegEOI {
			return nil
		}
		if marker == jpegSOI {
			continue
		}
		_, end, err := c.jpegSegment()
		if err != nil {
			return unlessBroken(err)
		}
		if marker == jpegSOS {
			h.Scans++
		}
		c.pos = min(end, c.size)
	}
	return nil
}
