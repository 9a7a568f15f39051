package sniff

import (
	"encoding/binary"
	"hash/crc32"
	"strings"
)

// Tiny files of each format, made by hand. A file is a string, so that its parts can be joined and cut with ease.

func be16(numbers ...int) (s string) {
	for _, n := range numbers {
		s += string(binary.BigEndian.AppendUint16(nil, uint16(n)))
	}
	return s
}

func be32(numbers ...int) (s string) {
	for _, n := range numbers {
		s += string(binary.BigEndian.AppendUint32(nil, uint32(n)))
	}
	return s
}

func le16(numbers ...int) (s string) {
	for _, n := range numbers {
		s += string(binary.LittleEndian.AppendUint16(nil, uint16(n)))
	}
	return s
}

func le32(numbers ...int) (s string) {
	for _, n := range numbers {
		s += string(binary.LittleEndian.AppendUint32(nil, uint32(n)))
	}
	return s
}

func bytesOf(numbers ...int) (s string) {
	for _, n := range numbers {
		s += string([]byte{byte(n)})
	}
	return s
}

// JPEG

const (
	soi     = "\xff\xd8"
	eoi     = "\xff\xd9"
	entropy = "\x12\xff\x00\x34\xff\xd0\x56\xff\xff\xff\xd1\x78" // stuffing, restarts and fill bytes
)

func segment(marker int, body string) string {
	return bytesOf(0xff, marker) + be16(len(body)+2) + body
}

func sof(kind, depth, width, height, bands int) string {
	body := bytesOf(depth) + be16(height, width) + bytesOf(bands)
	for i := range bands {
		body += bytesOf(i+1, 0x11, 0)
	}
	return segment(0xc0+kind, body)
}

func scan(components int) string {
	body := bytesOf(components)
	for i := range components {
		body += bytesOf(i+1, 0)
	}
	return segment(0xda, body+bytesOf(0, 63, 0)) + entropy
}

func jpegOf(parts ...string) string { return soi + strings.Join(parts, "") + eoi }

var (
	quantisation = segment(0xdb, strings.Repeat("\x01", 65))
	huffman      = segment(0xc4, strings.Repeat("\x00", 17))
	baseline     = jpegOf(quantisation, sof(0, 8, 640, 480, 3), huffman, scan(3))
)

// PNG

func chunk(kind, body string) string {
	return be32(len(body)) + kind + body + be32(int(crc32.ChecksumIEEE([]byte(kind+body))))
}

func ihdr(width, height, depth, colour int) string {
	return chunk("IHDR", be32(width, height)+bytesOf(depth, colour, 0, 0, 0))
}

func pngOf(parts ...string) string { return pngSignature + strings.Join(parts, "") + chunk("IEND", "") }

var idat = chunk("IDAT", "pixels")

// GIF

func screen(width, height int) string {
	return "GIF89a" + le16(width, height) + bytesOf(0x80, 0, 0) + "rgbRGB"
}

func control(flags int) string { return bytesOf(0x21, 0xf9, 4, flags, 0, 0, 0, 0) }

func picture(left, top, width, height int) string {
	return "," + le16(left, top, width, height) + bytesOf(0, 2) + subBlocks("pixels")
}

func subBlocks(body string) (s string) {
	for len(body) > 255 {
		s += "\xff" + body[:255]
		body = body[255:]
	}
	return s + bytesOf(len(body)) + body + "\x00"
}

func application(name, body string) string { return "\x21\xff\x0b" + name + subBlocks(body) }

// WebP

func riff(parts ...string) string {
	body := "WEBP" + strings.Join(parts, "")
	return "RIFF" + le32(len(body)) + body
}

func riffChunk(kind, body string) string {
	return kind + le32(len(body)) + body + strings.Repeat("\x00", len(body)&1)
}

func vp8(width, height int) string {
	return riffChunk("VP8 ", "\x10\x00\x00\x9d\x01\x2a"+le16(width, height)+"pixels")
}

func vp8l(width, height, alpha int) string {
	return riffChunk("VP8L", "\x2f"+le32((width-1)|(height-1)<<14|alpha<<28)+"pixels")
}

func vp8x(flags, width, height int) string {
	return riffChunk("VP8X", bytesOf(flags, 0, 0, 0)+le32(width - 1)[:3]+le32(height - 1)[:3])
}

func anmf(left, top, width, height int, parts ...string) string {
	place := le32(left / 2)[:3] + le32(top / 2)[:3] + le32(width - 1)[:3] + le32(height - 1)[:3]
	return riffChunk("ANMF", place+"\x0a\x00\x00\x00"+strings.Join(parts, ""))
}

// TIFF and EXIF

// A tag is a field of a directory; a value that is longer than four bytes stands after the directory.
type tag struct {
	number, kind, count int
	value               string
}

func short(number, value int) tag { return tag{number, 3, 1, le16(value)} }

func long(number, value int) tag { return tag{number, 4, 1, le32(value)} }

// tiffOf returns a little-endian TIFF of the directories, one behind the other.
func tiffOf(directories ...[]tag) string {
	file := "II*\x00" + le32(8)
	for i, tags := range directories {
		after := len(file) + 2 + 12*len(tags) + 4
		entries, values := le16(len(tags)), ""
		for _, t := range tags {
			value := t.value + "\x00\x00\x00\x00"
			if len(t.value) > 4 {
				value = le32(after + len(values))
				values += t.value
			}
			entries += le16(t.number, t.kind) + le32(t.count) + value[:4]
		}
		next := 0
		if i+1 < len(directories) {
			next = after + len(values)
		}
		file += entries + le32(next) + values
	}
	return file
}

// bigTIFF is a big-endian BigTIFF of 70,000×2 pixels with 16 bits in four bands.
var bigTIFF = "MM\x00+" + be16(8, 0) + be32(0, 16) +
	be32(0, 5) +
	be16(256, 4) + be32(0, 1, 70_000, 0) +
	be16(257, 16) + be32(0, 1, 0, 2) +
	be16(258, 3) + be32(0, 4) + be16(16, 16, 16, 16) +
	be16(277, 3) + be32(0, 1) + be16(4, 0, 0, 0) +
	be16(338, 3) + be32(0, 1) + be16(2, 0, 0, 0) +
	be32(0, 0)

func exif(orientation int) string { return tiffOf([]tag{short(274, orientation)}) }

// AVIF and HEIC

func boxOf(kind string, parts ...string) string {
	body := strings.Join(parts, "")
	return be32(len(body)+8) + kind + body
}

func fullBoxOf(kind string, version, flags int, parts ...string) string {
	return boxOf(kind, be32(version<<24|flags), strings.Join(parts, ""))
}

func infe(id int, kind string) string { return fullBoxOf("infe", 2, 0, be16(id, 0), kind, "\x00") }

func ispe(width, height int) string { return fullBoxOf("ispe", 0, 0, be32(width, height)) }

func av1C(flags int) string { return boxOf("av1C", bytesOf(0x81, 0, flags, 0)) }

func auxC(name string) string { return fullBoxOf("auxC", 0, 0, name, "\x00") }

const alphaPlane = "urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"

// An avif is the parts of a file that the tests vary.
type avif struct {
	brand      string
	items      []string // infe boxes
	references string   // boxes in iref
	properties []string
	belong     [][]int // of the items 1, 2, …: the places of their properties
	locations  []int   // of the items 1, 2, …: the lengths of their data
	after      string
}

func (a avif) String() string {
	associations := be32(len(a.belong))
	for i, places := range a.belong {
		associations += be16(i+1) + bytesOf(len(places)) + bytesOf(places...)
	}
	locations := be16(len(a.locations))
	for i, length := range a.locations {
		locations += be16(i+1, 0, 1) + be32(0, length)
	}
	iref := ""
	if a.references != "" {
		iref = fullBoxOf("iref", 0, 0, a.references)
	}
	return boxOf("ftyp", a.brand, be32(0), a.brand, "mif1") +
		fullBoxOf("meta", 0, 0,
			fullBoxOf("hdlr", 0, 0, be32(0), "pict", be32(0, 0, 0), "\x00"),
			fullBoxOf("pitm", 0, 0, be16(1)),
			fullBoxOf("iloc", 0, 0, "\x44\x00", locations),
			fullBoxOf("iinf", 0, 0, be16(len(a.items)), strings.Join(a.items, "")),
			iref,
			boxOf("iprp", boxOf("ipco", a.properties...), fullBoxOf("ipma", 0, 0, associations)),
		) + boxOf("mdat", "pixels") + a.after
}

// still is an AVIF of one AV1 item and further properties of it.
func still(width, height int, properties ...string) avif {
	a := avif{brand: "avif", items: []string{infe(1, "av01")}, properties: []string{ispe(width, height), av1C(0)}}
	a.properties = append(a.properties, properties...)
	places := make([]int, len(a.properties))
	for i := range places {
		places[i] = i + 1
	}
	a.belong = [][]int{places}
	return a
}

// BMP and ICO

// dibOf is a bitmap as an icon has it: the header, and so many bytes of pixels as do not matter to it.
func dibOf(width, height, bits int) string {
	return le32(40, width, 2*height) + le16(1, bits) + le32(0, 0, 0, 0, 0, 0) + "pixels"
}

func iconOf(pictures ...string) string {
	directory, data := "", ""
	for _, p := range pictures {
		directory += bytesOf(16, 16, 0, 0) + le16(1, 32) + le32(len(p), 6+16*len(pictures)+len(data))
		data += p
	}
	return le16(0, 1, len(pictures)) + directory + data
}
