//go:build hostile

package test

func riffChunk(kind string, parts ...[]byte) []byte {
	body := join(parts...)
	return join([]byte(kind), le32(uint32(len(body))), body, make([]byte, len(body)&1))
}

func webpFile(parts ...[]byte) []byte {
	body := join([]byte("WEBP"), join(parts...))
	return join([]byte("RIFF"), le32(uint32(len(body))), body)
}

// Flags of the chunk that opens an extended file.
const (
	webpAnimated = 0x02
	webpXMP      = 0x04
	webpEXIF     = 0x08
	webpProfile  = 0x20
)

func webpCanvas(flags byte, width, height uint32) []byte {
	return riffChunk("VP8X", []byte{flags, 0, 0, 0}, le24(width-1, height-1))
}

// webpFlat is a lossless picture of one color. All its codes have one symbol, which takes no bit, so that any number of
// pixels fits into 24 bytes. More than one group of codes are all alike, and only the last is used.
func webpFlat(width, height uint64, groups int) []byte {
	b := bits{lastFirst: true}
	b.put(0x2f, 8)
	b.put(width-1, 14)
	b.put(height-1, 14)
	b.put(0, 1+3+1+1) // no alpha, version 0, no transform, no cache of colors
	code := func(symbol uint64) {
		width := 1
		if symbol > 1 {
			width = 8
		}
		b.put(1, 1)                // a simple code
		b.put(0, 1)                // of one symbol
		b.put(uint64(width>>3), 1) // of so many bits
		b.put(symbol, width)
	}
	if groups == 1 {
		b.put(0, 1)
	} else {
		b.put(1, 1)
		b.put(0, 3) // a group for each 4×4 pixels
		b.put(0, 1) // the picture of groups has no cache of colors
		last := uint64(groups - 1)
		for _, symbol := range []uint64{last & 0xff, last >> 8, 0, 0, 0} { // its green, red, blue and alpha, and the distance
			code(symbol)
		}
	}
	for range 5 * groups {
		code(0)
	}
	return riffChunk("VP8L", b.bytes, make([]byte, 8))
}

// webpFrame is a frame of an animation, shown for 100 ms.
func webpFrame(left, top, width, height uint32, image []byte) []byte {
	return riffChunk("ANMF", le24(left/2, top/2, width-1, height-1, 100), []byte{0}, image)
}

// webpLossy is the head of a key frame, with nothing behind it.
func webpLossy(width, height uint16) []byte {
	return riffChunk("VP8 ", []byte("\x10\x00\x00\x9d\x01\x2a"), le16(width, height), make([]byte, 20))
}

func webpBombs() []specimen {
	loop := riffChunk("ANIM", make([]byte, 6))
	animation := func(count int, side uint32) func() []byte {
		return func() []byte {
			frame := webpFrame(0, 0, side, side, webpFlat(uint64(side), uint64(side), 1))
			return webpFile(webpCanvas(webpAnimated, side, side), loop, repeat(frame, count))
		}
	}
	dot := webpFlat(1, 1, 1)
	withSize := func(size uint32, file []byte) []byte { return join([]byte("RIFF"), le32(size), file[8:]) }
	// A chunk of metadata beside a pixel that claims, and holds, so much.
	beside := func(flags byte, kind string, claims uint32, holds int) func() []byte {
		return func() []byte {
			chunk := join([]byte(kind), le32(claims), make([]byte, holds))
			return webpFile(webpCanvas(flags, 1, 1), chunk, dot)
		}
	}
	return []specimen{
		{"webp/lossless-16384x16384", same(webpFile(webpFlat(16_384, 16_384, 1))), true},
		{"webp/lossless-7000x7000", same(webpFile(webpFlat(7000, 7000, 1))), false},
		{"webp/lossless-7000x7000-of-65536-groups-of-codes", func() []byte {
			return webpFile(webpFlat(7000, 7000, 65_536))
		}, false},
		{"webp/lossless-claims-7000x7000", same(webpFile(webpFlat(7000, 7000, 1)[:8+5])), false},
		{"webp/lossy-claims-16383x16383", same(webpFile(webpLossy(16_383, 16_383))), true},
		{"webp/lossy-claims-7000x7000", same(webpFile(webpLossy(7000, 7000))), false},
		{"webp/lossy-claims-0x0", same(webpFile(webpLossy(0, 0))), true},
		{"webp/canvas-16384x16384", same(webpFile(webpCanvas(0, 16_384, 16_384), webpFlat(16_384, 16_384, 1))), true},
		{"webp/canvas-16777216x16777216", same(webpFile(webpCanvas(0, 1<<24, 1<<24), dot)), true},
		{
			"webp/canvas-16777216x16777216-animated",
			same(webpFile(webpCanvas(webpAnimated, 1<<24, 1<<24), loop, webpFrame(0, 0, 1, 1, dot))), true,
		},
		{
			"webp/canvas-7000x7000-of-one-pixel",
			same(webpFile(webpCanvas(webpAnimated, 7000, 7000), loop, webpFrame(0, 0, 1, 1, dot))), false,
		},
		{"webp/canvas-unlike-the-picture", same(webpFile(webpCanvas(0, 10, 10), webpFlat(7000, 7000, 1))), true},
		{"webp/10000-frames-of-70x70", animation(10_000, 70), false},
		{"webp/10000-frames-of-1000x1000", animation(10_000, 1000), true},
		{"webp/100-frames-of-700x700", animation(100, 700), false},
		{"webp/49-frames-of-1000x1000-partial", func() []byte {
			frame := webpFrame(998, 998, 2, 2, webpFlat(2, 2, 1))
			return webpFile(webpCanvas(webpAnimated, 1000, 1000), loop, repeat(frame, 49))
		}, false},
		{
			"webp/frame-outside-the-canvas",
			same(webpFile(webpCanvas(webpAnimated, 10, 10), loop, webpFrame(1<<24, 1<<24, 7000, 7000, webpFlat(7000, 7000, 1)))), true,
		},
		{"webp/frames-in-a-frame", func() []byte {
			frame := dot
			for range 2000 {
				frame = webpFrame(0, 0, 1, 1, frame)
			}
			return webpFile(webpCanvas(webpAnimated, 1, 1), loop, frame)
		}, false},
		{"webp/claims-4294967295-bytes", same(withSize(1<<32-1, webpFile(webpFlat(7000, 7000, 1)))), false},
		{"webp/claims-4294967294-bytes", same(withSize(1<<32-2, webpFile(webpCanvas(0, 1, 1), dot))), false},
		{"webp/claims-0-bytes", same(withSize(0, webpFile(webpFlat(7000, 7000, 1)))), false},
		{"webp/claims-12-bytes", same(withSize(12, webpFile(webpFlat(7000, 7000, 1)))), false},
		{"webp/profile-claims-4-GB", beside(webpProfile, "ICCP", 1<<32-1, 20), true},
		{"webp/profile-of-5-MB", beside(webpProfile, "ICCP", 5<<20, 5<<20), true},
		{"webp/profile-of-4-MB", beside(webpProfile, "ICCP", 4<<20, 4<<20), false},
		{"webp/exif-claims-4-GB", beside(webpEXIF, "EXIF", 1<<32-2, 20), true},
		{"webp/exif-of-7-MB", beside(webpEXIF, "EXIF", 7<<20, 7<<20), false},
		{"webp/xmp-claims-4-GB", beside(webpXMP, "XMP ", 1<<32-2, 20), true},
		{"webp/xmp-of-7-MB", beside(webpXMP, "XMP ", 7<<20, 7<<20), false},
		{"webp/xmp-claims-4-GB-behind-the-picture", func() []byte {
			return webpFile(webpCanvas(webpXMP, 1, 1), dot, []byte("XMP "), le32(1<<32-2), make([]byte, 20))
		}, true},
		{"webp/100000-unknown-chunks", func() []byte {
			return webpFile(webpCanvas(0, 1, 1), repeat(riffChunk("JUNK"), 100_000), dot)
		}, false},
	}
}
