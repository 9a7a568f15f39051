//go:build hostile

package test

// Second bytes of JPEG markers.
const (
	markSOF0 = 0xc0
	markSOF1 = 0xc1
	markSOF2 = 0xc2 // progressive
	markSOF3 = 0xc3 // lossless
	markSOF9 = 0xc9 // arithmetic coding
	markDHT  = 0xc4
	markDQT  = 0xdb
	markDNL  = 0xdc
	markDRI  = 0xdd
	markSOS  = 0xda
	markAPP1 = 0xe1
	markAPP2 = 0xe2
	markCOM  = 0xfe
)

var (
	jpegStart = []byte{0xff, 0xd8}
	jpegEnd   = []byte{0xff, 0xd9}
	jpegQuant = jpegSegment(markDQT, []byte{0}, repeat([]byte{1}, 64))
	// The tables know one word of one bit, 0: no difference to the block before, and no more in this block. So a flat
	// picture is made of zeros alone.
	jpegFlatTables = join(jpegTable(0x00, 0x00), jpegTable(0x10, 0x00))
	// In a progressive one, the word is: nothing in this block and those after it, 16,384 and a number of 14 bits more.
	jpegRunTables = join(jpegTable(0x00, 0x00), jpegTable(0x10, 0xe0))
)

func jpegSegment(marker byte, parts ...[]byte) []byte {
	body := join(parts...)
	if len(body) > 65_533 {
		panic("a segment cannot be as long")
	}
	return join([]byte{0xff, marker}, be16(uint16(len(body)+2)), body)
}

// jpegTable is a Huffman table with one symbol.
func jpegTable(classAndNumber, symbol byte) []byte {
	return jpegSegment(markDHT, []byte{classAndNumber, 1}, make([]byte, 15), []byte{symbol})
}

// jpegFrame is a frame header of components that are sampled alike.
func jpegFrame(marker, depth byte, width, height uint16, components int) []byte {
	body := join([]byte{depth}, be16(height, width), []byte{byte(components)})
	for i := range components {
		body = append(body, byte(i+1), 0x11, 0)
	}
	return jpegSegment(marker, body)
}

// jpegScan is the header of a scan of components, first to last, of the coefficients from start to end.
func jpegScan(first, last int, start, end, approximation byte) []byte {
	body := []byte{byte(last - first + 1)}
	for i := first; i <= last; i++ {
		body = append(body, byte(i), 0)
	}
	return jpegSegment(markSOS, body, []byte{start, end, approximation})
}

func jpegBlocks(width, height int) int { return (width + 7) / 8 * ((height + 7) / 8) }

// jpegEmpty has all headers and no data.
func jpegEmpty(marker, depth byte, width, height uint16, components int) []byte {
	return join(jpegStart, jpegQuant, jpegFrame(marker, depth, width, height, components),
		jpegFlatTables, jpegScan(1, components, 0, 63, 0), jpegEnd)
}

// jpegFlat is a baseline picture that is whole, of one color.
func jpegFlat(width, height, components int, before ...[]byte) []byte {
	return join(
		jpegStart, join(before...), jpegQuant, jpegFrame(markSOF0, 8, uint16(width), uint16(height), components),
		jpegFlatTables, jpegScan(1, components, 0, 63, 0), make([]byte, (jpegBlocks(width, height)*components*2+7)/8), jpegEnd,
	)
}

// jpegProgressive is a progressive picture that is whole, of one color, in so many scans, each in its right turn: one for the
// means of the blocks, then the other coefficients of each component in bands, and of each band one bit after the other.
func jpegProgressive(width, height, components, scans int) []byte {
	const passes = 14 // the bits of a coefficient
	blocks := jpegBlocks(width, height)
	runs := make([]byte, ((blocks+1<<14-1)>>14*15+7)/8)
	file := join(
		jpegStart, jpegQuant, jpegFrame(markSOF2, 8, uint16(width), uint16(height), components), jpegRunTables,
		jpegScan(1, components, 0, 0, 0), make([]byte, (blocks*components+7)/8),
	)
	bands := (scans - 1 + passes*components - 1) / (passes * components)
	for i := range scans - 1 {
		component, band := 1+i/passes%components, i/passes/components
		bit := byte(passes - 1 - i%passes)
		approximation := bit
		if bit < passes-1 {
			approximation |= (bit + 1) << 4
		}
		scan := jpegScan(component, component, byte(1+band*63/bands), byte((band+1)*63/bands), approximation)
		file = append(append(file, scan...), runs...)
	}
	return append(file, jpegEnd...)
}

// jpegBombs are bombs by their size and their scans.
func jpegBombs() []specimen {
	empty := func(marker, depth byte, width, height uint16, components int) func() []byte {
		return func() []byte { return jpegEmpty(marker, depth, width, height, components) }
	}
	flat := func(width, height, components int) func() []byte {
		return func() []byte { return jpegFlat(width, height, components) }
	}
	progressive := func(width, height, components, scans int) func() []byte {
		return func() []byte { return jpegProgressive(width, height, components, scans) }
	}
	return []specimen{
		{"jpeg/65500x65500-without-data", empty(markSOF0, 8, 65_500, 65_500, 3), true},
		{"jpeg/65500x65500-progressive-without-data", empty(markSOF2, 8, 65_500, 65_500, 3), true},
		{"jpeg/35584x18696-in-230-bytes", empty(markSOF2, 8, 35_584, 18_696, 3), true},
		{"jpeg/lossless-65535x65535", empty(markSOF3, 16, 65_535, 65_535, 3), true},
		{"jpeg/7000x7000-without-data", empty(markSOF0, 8, 7000, 7000, 3), false},
		{"jpeg/7000x7000-progressive-without-data", empty(markSOF2, 8, 7000, 7000, 3), false},
		{"jpeg/7000x7000-lossless-without-data", empty(markSOF3, 16, 7000, 7000, 4), false},
		{"jpeg/7000x7000-arithmetic-without-data", empty(markSOF9, 8, 7000, 7000, 4), false},
		{"jpeg/7000x7000-of-12-bits-without-data", empty(markSOF1, 12, 7000, 7000, 3), false},
		{"jpeg/7000x7000-of-four-components", flat(7000, 7000, 4), false},
		{"jpeg/16384x3051", flat(16_384, 3051, 3), false},
		{"jpeg/14-megapixels-in-1000-scans", progressive(4096, 3418, 3, 1000), true},
		{"jpeg/14-megapixels-in-90-scans", progressive(4096, 3418, 3, 90), false},
		{"jpeg/49-megapixels-in-100-scans", progressive(7000, 7000, 3, 100), false},
		{"jpeg/49-megapixels-in-100-scans-of-four-components", progressive(7000, 7000, 4, 100), false},
		{"jpeg/1x1-in-1000-scans", progressive(1, 1, 3, 1000), true},
		{"jpeg/height-told-after-the-scan", func() []byte {
			return join(jpegStart, jpegQuant, jpegFrame(markSOF0, 8, 16, 0, 1), jpegFlatTables,
				jpegScan(1, 1, 0, 63, 0), make([]byte, 4), jpegSegment(markDNL, be16(65_500)), jpegEnd)
		}, true},
		{"jpeg/height-raised-after-the-scan", func() []byte {
			return join(jpegStart, jpegQuant, jpegFrame(markSOF0, 8, 65_500, 8, 1), jpegFlatTables,
				jpegScan(1, 1, 0, 63, 0), make([]byte, 1024*4), jpegSegment(markDNL, be16(65_500)), jpegEnd)
		}, true},
		{"jpeg/16x8-height-raised-after-the-scan", func() []byte {
			return join(jpegStart, jpegQuant, jpegFrame(markSOF0, 8, 16, 8, 1), jpegFlatTables,
				jpegScan(1, 1, 0, 63, 0), make([]byte, 1), jpegSegment(markDNL, be16(65_500)), jpegEnd)
		}, false},
		{"jpeg/two-frame-headers", func() []byte {
			return join(jpegStart, jpegQuant, jpegFrame(markSOF0, 8, 8, 8, 3), jpegFrame(markSOF2, 8, 65_500, 65_500, 3),
				jpegFlatTables, jpegScan(1, 3, 0, 63, 0), make([]byte, 1), jpegEnd)
		}, true},
		{"jpeg/255-components", empty(markSOF0, 8, 5000, 5000, 255), false},
		{"jpeg/a-restart-after-every-block", jpegRestarts, false},
		{"jpeg/2000000-restarts-in-one-block", func() []byte {
			flat := jpegFlat(8, 8, 1)
			return join(flat[:len(flat)-3], repeat([]byte{0xff, 0xd0, 0xff, 0xd5}, 1_000_000), []byte{0}, jpegEnd)
		}, false},
		{"jpeg/4-MB-of-fill-bytes", func() []byte {
			flat := jpegFlat(8, 8, 1)
			return join(flat[:len(flat)-3], repeat([]byte{0xff}, 4<<20), []byte{0, 0}, jpegEnd)
		}, false},
	}
}

// jpegRestarts is a picture of 7000×7000 with a marker between any two blocks.
func jpegRestarts() []byte {
	file := join(jpegStart, jpegQuant, jpegFrame(markSOF0, 8, 7000, 7000, 1), jpegFlatTables,
		jpegSegment(markDRI, be16(1)), jpegScan(1, 1, 0, 63, 0))
	for i := range jpegBlocks(7000, 7000) {
		file = append(file, 0, 0xff, 0xd0+byte(i&7))
	}
	return append(file, jpegEnd...)
}
