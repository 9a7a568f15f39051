//go:build hostile

package test

import (
	endian "encoding/binary"
	"fmt"
	"hash/crc32"
)

const pngSignature = "\x89PNG\r\n\x1a\n"

// Color types of PNG.
const (
	pngGray = 0
	pngRGB  = 2
	pngRGBA = 6
)

func pngChunk(kind string, parts ...[]byte) []byte {
	body := join(parts...)
	b := join(be32(uint32(len(body))), []byte(kind), body)
	return endian.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// pngHeader is the signature and the image header.
func pngHeader(width, height uint32, depth, color byte, interlaced bool) []byte {
	last := byte(0)
	if interlaced {
		last = 1
	}
	return join([]byte(pngSignature), pngChunk("IHDR", be32(width, height), []byte{depth, color, 0, 0, last}))
}

var (
	pngEnd   = pngChunk("IEND")
	pngPixel = join(pngChunk("IDAT", deflated(nil, 2)), pngEnd) // of a picture of one pixel, and the end
)

// pngDot is a picture of one gray pixel with more between its header and the pixel.
func pngDot(before ...[]byte) []byte {
	return join(pngHeader(1, 1, 8, pngGray, false), join(before...), pngPixel)
}

// pngBlack is a picture that is whole, all of zeros.
func pngBlack(width, height int, depth, color byte, interlaced bool) []byte {
	samples := map[byte]int{pngGray: 1, pngRGB: 3, pngRGBA: 4}[color]
	row := func(width int) int { return 1 + (width*samples*int(depth)+7)/8 }
	size := height * row(width)
	if interlaced {
		size = 0
		for _, pass := range [][4]int{ // first column and row, steps to the next
			{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2},
		} {
			w, h := (width-pass[0]+pass[2]-1)/pass[2], (height-pass[1]+pass[3]-1)/pass[3]
			if w > 0 && h > 0 {
				size += h * row(w)
			}
		}
	}
	return join(pngHeader(uint32(width), uint32(height), depth, color, interlaced), pngChunk("IDAT", deflated(nil, size)), pngEnd)
}

// pngBombs are too large, in truth or by their own account.
func pngBombs() []specimen {
	claim := func(width, height uint32) func() []byte {
		return func() []byte { return join(pngHeader(width, height, 8, pngGray, false), pngPixel) }
	}
	black := func(width, height int, depth, color byte, interlaced bool) func() []byte {
		return func() []byte { return pngBlack(width, height, depth, color, interlaced) }
	}
	return []specimen{
		{"png/30000x30000", black(30_000, 30_000, 8, pngGray, false), true},
		{"png/60000x60000-of-1-bit", black(60_000, 60_000, 1, pngGray, false), true},
		{"png/claims-2147483647x2147483647", claim(1<<31-1, 1<<31-1), true},
		{"png/claims-4294967295x4294967295", claim(1<<32-1, 1<<32-1), true},
		{"png/claims-2147483648x1", claim(1<<31, 1), true},
		{"png/claims-0x0", claim(0, 0), true},
		{"png/one-column-of-50000000", black(1, 50_000_000, 1, pngGray, false), true},
		{"png/one-row-of-50000000", black(50_000_000, 1, 1, pngGray, false), true},
		{"png/16384x3051-of-1-bit", black(16_384, 3051, 1, pngGray, false), false},
		{"png/interlaced-7000x7000", black(7000, 7000, 8, pngGray, true), false},
		{"png/interlaced-7000x7000-rgba-of-16-bit", black(7000, 7000, 16, pngRGBA, true), false},
		{"png/rgba-of-16-bit-7000x7000", black(7000, 7000, 16, pngRGBA, false), false},
		{"png/no-pixels", func() []byte { return join(pngHeader(5000, 5000, 8, pngRGB, false), pngEnd) }, true},
		{"png/claims-7000x7000-holds-one-pixel", claim(7000, 7000), false},
		{"png/a-gigabyte-of-pixels-too-many", func() []byte {
			return join(pngHeader(10, 10, 8, pngGray, false), pngChunk("IDAT", deflated(nil, 1<<30)), pngEnd)
		}, false},
		{"png/a-byte-in-each-of-100000-chunks", func() []byte {
			file := pngHeader(7000, 7000, 1, pngGray, false)
			pixels := deflated(nil, 7000*(1+7000/8))
			for _, b := range pixels[:min(len(pixels), 100_000)] {
				file = append(file, pngChunk("IDAT", []byte{b})...)
			}
			return join(file, pngEnd)
		}, false},
		{"png/100000-empty-pixel-chunks", func() []byte {
			return join(pngHeader(1, 1, 8, pngGray, false), repeat(pngChunk("IDAT"), 100_000), pngPixel)
		}, false},
		{"png/20000-frames-after-the-pixels", func() []byte { return pngFrames(20_000) }, false},
	}
}

// pngFrames is an animated PNG of one pixel, whose control chunk claims more frames than it has.
func pngFrames(count int) []byte {
	var frames []byte
	for i := range uint32(count) {
		frames = append(frames, pngChunk("fcTL", be32(2*i+1, 1, 1, 0, 0), be16(1, 100), []byte{0, 0})...)
		frames = append(frames, pngChunk("fdAT", be32(2*i+2), []byte("no pixels"))...)
	}
	return join(
		pngHeader(1, 1, 8, pngGray, false), pngChunk("acTL", be32(1<<31-1, 0)),
		pngChunk("IDAT", deflated(nil, 2)), frames, pngEnd,
	)
}

// pngHugeClaims are files of some sixty bytes whose one chunk claims to have two or four gigabytes, for each kind of chunk.
// They hurt a decoder that allocates by the claim before it has read as much.
func pngHugeClaims() (list []specimen) {
	for _, kind := range []string{
		"PLTE", "tRNS", "gAMA", "cHRM", "iCCP", "sBIT", "bKGD", "hIST", "pHYs", "sPLT", "tEXt", "zTXt", "iTXt",
		"eXIf", "prVt", "IDAT",
	} {
		for _, length := range []uint32{1<<31 - 1, 1<<32 - 1} {
			file := join(pngHeader(1, 1, 8, pngRGB, false), be32(length), []byte(kind+"name\x00\x00x"))
			// The header is whole, and pixels may be cut short as far as a header can tell.
			visible := kind != "IDAT" || length > 1<<31-1
			list = append(list, specimen{fmt.Sprintf("png/%s-claims-%d", kind, length), same(file), visible})
		}
	}
	return list
}
