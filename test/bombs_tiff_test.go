//go:build hostile

package test

import (
	endian "encoding/binary"
	"maps"
	"slices"
)

// A tiffTag is an entry of a directory. Its value, or the place of its value, has four bytes.
type tiffTag struct {
	number, kind uint16
	count        uint32
	value        []byte
}

func tiffShort(number, value uint16) tiffTag { return tiffTag{number, 3, 1, le16(value, 0)} }

func tiffLong(number uint16, value uint32) tiffTag { return tiffTag{number, 4, 1, le32(value)} }

// tiffRGBA makes four samples of a pixel, of 8 bits each.
var tiffRGBA = []tiffTag{{258, 1, 4, []byte{8, 8, 8, 8}}, tiffShort(262, 2), tiffShort(277, 4), tiffShort(338, 1)}

// Kinds of compression.
const (
	tiffPlain    = 1
	tiffFax      = 4
	tiffLZW      = 5
	tiffJPEG     = 7
	tiffDeflate  = 8
	tiffPackBits = 32773
)

// tiffFile is a gray picture of 8 bits in one strip, data, but for what other tags say: of two with one number the last
// counts.
func tiffFile(width, height uint32, compression uint16, data []byte, others ...tiffTag) []byte {
	tags := map[uint16]tiffTag{}
	for _, tag := range slices.Concat([]tiffTag{
		tiffLong(256, width), tiffLong(257, height), tiffShort(258, 8), tiffShort(259, compression), tiffShort(262, 1),
		tiffLong(273, 0), tiffShort(277, 1), tiffLong(278, height), tiffLong(279, uint32(len(data))),
	}, others) {
		tags[tag.number] = tag
	}
	file := join([]byte("II*\x00"), le32(8), le16(uint16(len(tags))))
	if start := uint32(len(file) + 12*len(tags) + 4); tags[273].count == 1 && endian.LittleEndian.Uint32(tags[273].value) == 0 {
		tags[273] = tiffLong(273, start)
	}
	for _, number := range slices.Sorted(maps.Keys(tags)) {
		tag := tags[number]
		file = append(file, join(le16(tag.number, tag.kind), le32(tag.count), tag.value)...)
	}
	return join(file, le32(0), data)
}

// tiffChain makes next the place of the directory after the first.
func tiffChain(file []byte, next uint32) []byte {
	endian.LittleEndian.PutUint32(file[10+12*endian.LittleEndian.Uint16(file[8:]):], next)
	return file
}

// tiffBig is a BigTIFF of 8×8 gray pixels, whose strip is at a place and has a length, both told count times.
func tiffBig(place, length, count uint64) []byte {
	directory := le64(6)
	for _, tag := range [][2]uint64{{256, 8}, {257, 8}, {258, 8}, {262, 1}} {
		directory = append(directory, join(le16(uint16(tag[0]), 3), le64(1, tag[1]))...)
	}
	return join([]byte("II+\x00"), le16(8, 0), le64(16), directory,
		le16(273, 16), le64(count, place), le16(279, 16), le64(count, length), le64(0))
}

// tiffBombs are bombs by their pixels.
func tiffBombs() []specimen {
	const side = 7000
	// All of them are made of zeros, which each kind of compression has its own way to write.
	packed := func(size int) []byte { return repeat([]byte{0x81, 0}, size/128) }
	white := func(rows int) []byte { return repeat([]byte{0xff}, rows/8) } // each bit a row like the one above
	made := func(width, height uint32, compression uint16, data func() []byte, others ...tiffTag) func() []byte {
		return func() []byte { return tiffFile(width, height, compression, data(), others...) }
	}
	gray := func(width, height int) func() []byte {
		return func() []byte { return jpegFlat(width, height, 1) }
	}
	fax := tiffShort(258, 1)
	double := []tiffTag{tiffShort(258, 64), tiffShort(339, 3)}
	return []specimen{
		{"tiff/fax-of-60000x60000", made(60_000, 60_000, tiffFax, func() []byte { return white(80) }, fax), true},
		{"tiff/fax-of-7000x7000", made(side, side, tiffFax, func() []byte { return white(side) }, fax), false},
		{"tiff/fax-of-7000x7000-in-ten-bytes", made(side, side, tiffFax, func() []byte { return white(80) }, fax), false},
		{"tiff/pack-bits-of-7000x7000", made(side, side, tiffPackBits, func() []byte { return packed(side * side) }), false},
		{"tiff/pack-bits-of-400-MB-too-much", made(8, 8, tiffPackBits, func() []byte { return packed(400 << 20) }), false},
		{"tiff/lzw-of-7000x7000", made(side, side, tiffLZW, func() []byte { return lzw(side*side, true) }), false},
		{
			"tiff/lzw-of-7000x7000-in-four-samples",
			made(side, side, tiffLZW, func() []byte { return lzw(4*side*side, true) }, tiffRGBA...), false,
		},
		{"tiff/lzw-of-a-billion-pixels-too-many", made(8, 8, tiffLZW, func() []byte { return lzw(1e9, true) }), false},
		{
			"tiff/deflate-of-7000x7000-in-doubles",
			made(side, side, tiffDeflate, func() []byte { return deflated(nil, 8*side*side) }, double...), false,
		},
		{"tiff/deflate-of-a-gigabyte-too-much", made(8, 8, tiffDeflate, func() []byte { return deflated(nil, 1<<30) }), false},
		{
			"tiff/deflate-of-30000x30000",
			made(30_000, 30_000, tiffDeflate, func() []byte { return deflated(nil, 900_000_000) }), true,
		},
		{"tiff/jpeg-of-65500x65500-in-100x100", made(100, 100, tiffJPEG, func() []byte {
			return jpegEmpty(markSOF0, 8, 65_500, 65_500, 1)
		}), false},
		{"tiff/jpeg-of-7000x7000-in-100x100", made(100, 100, tiffJPEG, gray(side, side)), false},
		{"tiff/jpeg-of-8x8-in-7000x7000", made(side, side, tiffJPEG, gray(8, 8)), false},
		{"tiff/jpeg-in-90-scans", made(side, side, tiffJPEG, func() []byte { return jpegProgressive(side, side, 1, 90) }), false},
		{"tiff/jpeg-in-5000-scans", made(4000, 4000, tiffJPEG, func() []byte { return jpegScans(4000, 4000, 5000) }), false},
		{"tiff/claims-4294967295x4294967295", same(tiffFile(1<<32-1, 1<<32-1, tiffPlain, make([]byte, 64))), true},
		{"tiff/claims-0x0", same(tiffFile(0, 0, tiffPlain, make([]byte, 64))), true},
		{"tiff/7000x7000-in-64-bytes", same(tiffFile(side, side, tiffPlain, make([]byte, 64))), false},
		{"tiff/unknown-compression", same(tiffFile(side, side, 65_535, make([]byte, 64))), false},
		{
			"tiff/column-of-16384-in-planes",
			same(tiffFile(1, 16_384, tiffPlain, make([]byte, 64), slices.Concat(tiffRGBA, []tiffTag{tiffShort(284, 2)})...)), false,
		},
	}
}

// jpegScans is a picture in which the last bit of one component is told again and again: more scans than a picture can have.
func jpegScans(width, height uint16, count int) []byte {
	blocks := jpegBlocks(int(width), int(height))
	again := join(jpegScan(1, 1, 1, 63, 0x10), make([]byte, ((blocks+1<<14-1)>>14*15+7)/8))
	return join(jpegStart, jpegQuant, jpegFrame(markSOF2, 8, width, height, 1), jpegRunTables,
		jpegScan(1, 1, 0, 0, 0), make([]byte, (blocks+7)/8), repeat(again, count), jpegEnd)
}
