package sniff

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
)

// bmpHeaders are the sizes of the headers that follow the file header of a BMP, from OS/2 1.x to Windows' version 5.
var bmpHeaders = []uint32{12, 16, 40, 52, 56, 64, 108, 124}

func isBMP(head []byte) bool {
	return len(head) >= 18 && string(head[:2]) == "BM" && slices.Contains(bmpHeaders, binary.LittleEndian.Uint32(head[14:]))
}

// readBMP reads the size. Rows from top to bottom are told by a negative height.
func readBMP(c *cursor, h *Header) error {
	c.pos = 14
	b, err := c.next(4)
	if err != nil {
		return err
	}
	bits := 0
	if binary.LittleEndian.Uint32(b) == 12 {
		if b, err = c.next(8); err != nil {
			return err
		}
		h.Width = int(binary.LittleEndian.Uint16(b))
		h.Height = int(binary.LittleEndian.Uint16(b[2:]))
		bits = int(binary.LittleEndian.Uint16(b[6:]))
	} else {
		if b, err = c.next(12); err != nil {
			return err
		}
		h.Width = int(int32(binary.LittleEndian.Uint32(b)))
		h.Height = int(int32(binary.LittleEndian.Uint32(b[4:])))
		h.Height = max(h.Height, -h.Height)
		bits = int(binary.LittleEndian.Uint16(b[10:]))
	}
	switch bits {
	case 16, 24:
		h.Depth, h.Bands = 8, 3
	case 32:
		h.Depth, h.Bands = 8, 4
	default:
		h.Depth, h.Bands = bits, 1
	}
	return nil
}

// isICO looks for a directory of at least one icon, whose first entry leaves the reserved byte 0.
func isICO(head []byte) bool {
	return len(head) >= 10 && string(head[:4]) == "\x00\x00\x01\x00" && (head[4] != 0 || head[5] != 0) && head[9] == 0
}

// isSVG looks for the element svg, or a document type of that name, after a byte order mark, white space, an XML
// declaration, processing instructions and comments. All of that must end within head.
func isSVG(head []byte) bool {
	head = bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	for {
		head = bytes.TrimLeft(head, " \t\r\n")
		end := ""
		switch {
		case bytes.HasPrefix(head, []byte("<!--")):
			head, end = head[len("<!--"):], "-->"
		case bytes.HasPrefix(head, []byte("<?")):
			end = "?>"
		default:
			return opens(head, "<!doctype svg") || opens(head, "<svg") || opens(head, "<svg:svg")
		}
		i := bytes.Index(head, []byte(end))
		if i < 0 {
			return false
		}
		head = head[i+len(end):]
	}
}

// opens says whether head begins with tag, in upper or lower case, and not with a longer name.
func opens(head []byte, tag string) bool {
	return len(head) > len(tag) && strings.EqualFold(string(head[:len(tag)]), tag) &&
		bytes.IndexByte([]byte(" \t\r\n>/["), head[len(tag)]) >= 0
}
