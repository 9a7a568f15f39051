//go:build hostile

package test

import (
	"bytes"
	endian "encoding/binary"
	"slices"
)

// imageFormats are those that are read, in the order in which mutants are made of them.
var imageFormats = []string{"jpeg", "png", "gif", "webp", "avif", "tiff", "bmp", "ico", "heic"}

// formatOf tells the format by the first bytes, or "".
func formatOf(data []byte) string {
	has := func(at int, magic string) bool {
		return len(data) >= at+len(magic) && string(data[at:at+len(magic)]) == magic
	}
	switch {
	case has(0, "\xff\xd8\xff"):
		return "jpeg"
	case has(0, pngSignature):
		return "png"
	case has(0, "GIF8"):
		return "gif"
	case has(0, "RIFF") && has(8, "WEBP"):
		return "webp"
	case has(4, "ftyp") && (bytes.Contains(data[:min(64, len(data))], []byte("avif")) || has(8, "avis")):
		return "avif"
	case has(4, "ftyphei"), has(4, "ftypmif1"):
		return "heic"
	case has(0, "II*\x00"), has(0, "MM\x00*"), has(0, "II+\x00"), has(0, "MM\x00+"):
		return "tiff"
	case has(0, "BM") && len(data) > 54:
		return "bmp"
	case has(0, "\x00\x00\x01\x00") && len(data) > 22:
		return "ico"
	}
	return ""
}

// A span is a block of a file: a chunk, a segment, a box, an entry, with its header.
type span struct{ start, end int }

// A number is where a file says a length or a side, in size bytes.
type number struct {
	at, size int
	little   bool
}

func (n number) get(data []byte) (value uint64) {
	b := bytes.Clone(data[n.at : n.at+n.size])
	if n.little {
		slices.Reverse(b)
	}
	for _, digit := range b {
		value = value<<8 | uint64(digit)
	}
	return value
}

func (n number) set(data []byte, value uint64) {
	b := data[n.at : n.at+n.size]
	for i := range b {
		b[len(b)-1-i] = byte(value >> (8 * i))
	}
	if n.little {
		slices.Reverse(b)
	}
}

// An anatomy is where the parts of a file lie. All of it is within the file.
type anatomy struct {
	blocks         []span
	lengths, sides []number
}

// dissect finds the parts of a file, as far as it is sound.
func dissect(data []byte) (a anatomy) {
	switch formatOf(data) {
	case "jpeg":
		a.jpeg(data)
	case "png":
		a.png(data)
	case "gif":
		a.gif(data)
	case "webp":
		a.webp(data)
	case "avif", "heic":
		a.boxes(data, 0, len(data), 0)
	case "tiff":
		a.tiff(data)
	case "bmp":
		a.bmp()
	case "ico":
		a.ico(data)
	}
	a.sides = slices.DeleteFunc(a.sides, func(n number) bool { return n.at+n.size > len(data) })
	return a
}

func (a *anatomy) block(start, end int) { a.blocks = append(a.blocks, span{start, end}) }

func (a *anatomy) length(at, size int, little bool) {
	a.lengths = append(a.lengths, number{at, size, little})
}

func (a *anatomy) side(size int, little bool, places ...int) {
	for _, at := range places {
		a.sides = append(a.sides, number{at, size, little})
	}
}

// bmp finds the places of the header of Windows 3 and later.
func (a *anatomy) bmp() {
	const pixelsAt, headerBytes, width, height, bits, code, colors = 10, 14, 18, 22, 28, 30, 46
	a.side(4, true, width, height)
	for _, at := range []int{pixelsAt, headerBytes, code, colors} {
		a.length(at, 4, true)
	}
	a.length(bits, 2, true)
}

func (a *anatomy) ico(data []byte) {
	for at := 6; at+16 <= len(data) && at < 6+16*int(data[4]); at += 16 {
		a.length(at+8, 4, true)
		a.length(at+12, 4, true)
		start := int(endian.LittleEndian.Uint32(data[at+12:]))
		end := start + int(endian.LittleEndian.Uint32(data[at+8:]))
		if end > len(data) {
			return
		}
		a.block(start, end)
		a.side(4, true, start+4, start+8)
	}
}

func (a *anatomy) jpeg(data []byte) {
	for at := 2; at+4 <= len(data) && data[at] == 0xff; {
		marker, end := data[at+1], at+2+int(endian.BigEndian.Uint16(data[at+2:]))
		a.length(at+2, 2, false)
		if end > len(data) {
			return
		}
		a.block(at, end)
		if marker >= markSOF0 && marker <= 0xcf && marker != markDHT && marker != 0xc8 && marker != 0xcc {
			a.side(2, false, at+5, at+7)
		}
		if at = end; marker != markSOS {
			continue
		}
		// The data of the scan go on to a marker that is neither a restart nor a byte 0xff of theirs.
		for at+1 < len(data) && (data[at] != 0xff || data[at+1] == 0 || data[at+1]&0xf8 == 0xd0) {
			at++
		}
	}
}

func (a *anatomy) png(data []byte) {
	for at := len(pngSignature); at+12 <= len(data); {
		end := at + 12 + int(endian.BigEndian.Uint32(data[at:]))
		a.length(at, 4, false)
		if string(data[at+4:at+8]) == "IHDR" {
			a.side(4, false, at+8, at+12)
		}
		if end > len(data) {
			return
		}
		a.block(at, end)
		at = end
	}
}

func (a *anatomy) gif(data []byte) {
	table := func(flags byte) int {
		if flags&0x80 == 0 {
			return 0
		}
		return 6 << (flags & 7)
	}
	a.side(2, true, 6, 8)
	if len(data) < 13 {
		return
	}
	for at := 13 + table(data[10]); at+11 <= len(data); {
		start := at
		switch data[at] {
		case '!':
			at += 2
		case ',':
			a.side(2, true, at+1, at+3, at+5, at+7)
			at += 11 + table(data[at+9])
		default:
			return
		}
		for at < len(data) && data[at] != 0 {
			a.length(at, 1, true)
			at += 1 + int(data[at])
		}
		if at++; at > len(data) {
			return
		}
		a.block(start, at)
	}
}

func (a *anatomy) webp(data []byte) {
	a.length(4, 4, true)
	for at := 12; at+8 <= len(data); {
		size := int(endian.LittleEndian.Uint32(data[at+4:]))
		end := at + 8 + size + size&1
		a.length(at+4, 4, true)
		switch string(data[at : at+4]) {
		case "VP8X":
			a.side(3, true, at+12, at+15)
		case "VP8 ":
			a.side(2, true, at+14, at+16)
		case "VP8L":
			a.side(4, true, at+9)
		case "ANMF":
			a.side(3, true, at+8, at+11, at+14, at+17)
		}
		if end > len(data) {
			return
		}
		a.block(at, end)
		at = end
	}
}

// boxes finds the boxes of the file from start to end, and those in them that are known to hold boxes.
func (a *anatomy) boxes(data []byte, start, end, depth int) {
	for at := start; at+8 <= end && depth < 8; {
		size := int(endian.BigEndian.Uint32(data[at:]))
		a.length(at, 4, false)
		if size < 8 || at+size > end {
			return
		}
		a.block(at, at+size)
		inner := at + 8
		switch kind := string(data[at+4 : at+8]); kind {
		case "ispe":
			a.side(4, false, at+12, at+16)
		case "iloc", "iinf", "ipma", "pitm", "stsz", "stco":
			for place := at + 8; place+4 <= min(at+size, at+40); place += 2 {
				a.length(place, 2, false)
			}
		case "meta":
			inner += 4
			fallthrough
		case "iprp", "ipco", "moov", "trak", "mdia", "minf", "stbl":
			a.boxes(data, inner, at+size, depth+1)
		}
		at += size
	}
}

func (a *anatomy) tiff(data []byte) {
	if len(data) < 8 {
		return
	}
	little := data[0] == 'I'
	read := func(at, size int) int { return int(number{at, size, little}.get(data)) }
	seen := map[int]bool{}
	a.length(4, 4, little)
	for at := read(4, 4); at > 0 && at+2 <= len(data) && !seen[at]; {
		seen[at] = true
		count := read(at, 2)
		a.length(at, 2, little)
		for i := range count {
			entry := at + 2 + 12*i
			if entry+12 > len(data) {
				return
			}
			a.block(entry, entry+12)
			a.length(entry+4, 4, little)
			a.length(entry+8, 4, little)
			if tag := read(entry, 2); tag == 256 || tag == 257 || tag == 258 || tag == 277 || tag >= 322 && tag <= 325 {
				a.side(4, little, entry+8)
			}
		}
		next := at + 2 + 12*count
		if next+4 > len(data) {
			return
		}
		at = read(next, 4)
	}
}
