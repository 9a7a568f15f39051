//go:build hostile

package test

import "slices"

func isoBox(kind string, parts ...[]byte) []byte {
	body := join(parts...)
	return join(be32(uint32(len(body)+8)), []byte(kind), body)
}

func isoFullBox(kind string, version byte, flags uint32, parts ...[]byte) []byte {
	return isoBox(kind, be32(uint32(version)<<24|flags), join(parts...))
}

func ispe(width, height uint32) []byte { return isoFullBox("ispe", 0, 0, be32(width, height)) }

// av1C says: main profile, 8 bits, three planes, of which two have half the resolution.
var av1C = isoBox("av1C", []byte{0x81, 0, 0x0c, 0})

// heifItems are the items of a file, numbered from 1 on. What is nil is made up to be sound.
type heifItems struct {
	kinds      []string
	properties [][]byte
	belong     [][]byte // of each item, the numbers of its properties; nil: each has all of them
	data       [][]byte // of each item; of none that is missing here
	references []byte   // boxes in iref
	locations  []byte   // the box iloc
	more       []byte   // boxes beside those
	after      []byte   // boxes after the media data
}

// heifFile is a file of the brand.
func heifFile(brand string, items heifItems) []byte {
	var infos, associations []byte
	for i, kind := range items.kinds {
		infos = append(infos, isoFullBox("infe", 2, 0, be16(uint16(i+1), 0), []byte(kind+"\x00"))...)
		places := make([]byte, len(items.properties))
		for j := range places {
			places[j] = byte(j + 1)
		}
		if items.belong != nil {
			places = items.belong[i]
		}
		associations = append(join(associations, be16(uint16(i+1)), []byte{byte(len(places))}), places...)
	}
	media := join(items.data...)
	file := func(start uint32) []byte {
		locations := items.locations
		if locations == nil {
			for i, data := range items.data {
				locations = append(locations, join(be16(uint16(i+1), 0, 1), be32(start, uint32(len(data))))...)
				start += uint32(len(data))
			}
			locations = isoFullBox("iloc", 0, 0, []byte{0x44, 0}, be16(uint16(len(items.data))), locations)
		}
		references := items.references
		if references != nil {
			references = isoFullBox("iref", 0, 0, references)
		}
		return join(
			isoBox("ftyp", []byte(brand), be32(0), []byte(brand+"mif1miaf")),
			isoFullBox("meta", 0, 0,
				isoFullBox("hdlr", 0, 0, be32(0), []byte("pict"), make([]byte, 13)),
				isoFullBox("pitm", 0, 0, be16(1)),
				locations,
				isoFullBox("iinf", 0, 0, be16(uint16(len(items.kinds))), infos),
				references,
				isoBox("iprp", isoBox("ipco", items.properties...),
					isoFullBox("ipma", 0, 0, be32(uint32(len(items.kinds))), associations)),
				items.more,
			),
		)
	}
	const head = 8 // of the box of the media data
	start := uint32(len(file(0)) + head)
	return join(file(start), isoBox("mdat", media), items.after)
}

// avifStill is one item, with its size and other properties of it.
func avifStill(width, height uint32, data []byte, properties ...[]byte) heifItems {
	return heifItems{
		kinds: []string{"av01"}, data: [][]byte{data},
		properties: append([][]byte{av1C, ispe(width, height)}, properties...),
	}
}

// avifGrid shows count items, all of them the second, as a picture of columns by rows.
func avifGrid(columns, rows int, width, height uint32, tile [2]uint32) heifItems {
	count := columns * rows
	grid := join([]byte{0, 1, byte(rows - 1), byte(columns - 1)}, be32(width, height))
	return heifItems{
		kinds: []string{"grid", "av01"}, data: [][]byte{grid, av1(uint64(tile[0]), uint64(tile[1]))},
		properties: [][]byte{av1C, ispe(width, height), ispe(tile[0], tile[1])}, belong: [][]byte{{2}, {1, 3}},
		references: isoBox("dimg", be16(1, uint16(count)), repeat(be16(2), count)),
	}
}

func avifBombs() []specimen {
	avif := func(items heifItems) func() []byte { return func() []byte { return heifFile("avif", items) } }
	claim := func(width, height uint32, data []byte, properties ...[]byte) func() []byte {
		return avif(avifStill(width, height, data, properties...))
	}
	alpha := isoFullBox("auxC", 0, 0, []byte("urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\x00"))
	clap := func(numbers ...uint32) []byte { return isoBox("clap", be32(numbers...)) }
	minus := func(n uint32) uint32 { return -n }
	return []specimen{
		{"avif/16x17000", claim(16, 17_000, av1(16, 17_000)), true},
		{"avif/16x16000", claim(16, 16_000, av1(16, 16_000)), false},
		{"avif/claims-65535x65535", claim(65_535, 65_535, av1(64, 64)), true},
		{"avif/claims-4294967295x4294967295", claim(1<<32-1, 1<<32-1, av1(64, 64)), true},
		{"avif/claims-0x0", claim(0, 0, av1(64, 64)), true},
		{"avif/4096x2304", claim(4096, 2304, av1(4096, 2304)), false},
		{"avif/7000x7000", claim(7000, 7000, av1(7000, 7000)), false},
		{"avif/4096x2304-of-many-bits", func() []byte {
			return heifFile("avif", avifStill(4096, 2304, av1Dense(4096, 2304, 4<<20)))
		}, false},
		{"avif/7000x7000-without-data", claim(7000, 7000, nil), false},
		{"avif/16x16-decodes-to-65536x65536", claim(16, 16, av1(65_536, 65_536)), false},
		{"avif/16x16-decodes-to-16384x16384", claim(16, 16, av1(16_384, 16_384)), false},
		{"avif/7000x7000-decodes-to-64x64", claim(7000, 7000, av1(64, 64)), false},
		{"avif/two-sizes", claim(16, 16, av1(16, 16), ispe(65_535, 65_535)), true},
		{"avif/16x16-cut-out-of-8000x8000", claim(8000, 8000, av1(64, 64), clap(16, 1, 16, 1, 0, 1, 0, 1)), true},
		{"avif/cut-out-of-nothing", claim(64, 64, av1(64, 64), clap(16, 0, 16, 0, 0, 0, 0, 0)), true},
		{"avif/cut-out-far-away", claim(64, 64, av1(64, 64), clap(16, 1, 16, 1, 1<<31-1, 1, minus(1<<31-1), 1)), false},
		{"avif/turned-120-times", claim(64, 64, av1(64, 64), slices.Repeat([][]byte{isoBox("irot", []byte{1})}, 120)...), false},
		{
			"avif/profile-of-5-MB",
			claim(64, 64, av1(64, 64), isoBox("colr", []byte("prof"), profile(5<<20, 1), make([]byte, 5<<20))), true,
		},
		{"avif/profile-claims-4-GB", claim(64, 64, av1(64, 64), isoBox("colr", []byte("prof"), profile(1<<32-1, 1<<32-1))), false},
		{"avif/grid-of-256x255", avif(avifGrid(256, 255, 65_535, 65_535, [2]uint32{256, 256})), true},
		{"avif/grid-of-255x3-large-tiles", avif(avifGrid(255, 3, 16_000, 3000, [2]uint32{4096, 2304})), true},
		{"avif/grid-of-25x25", avif(avifGrid(25, 25, 5000, 5000, [2]uint32{200, 200})), false},
		{"avif/grid-of-5x5", avif(avifGrid(5, 5, 7000, 7000, [2]uint32{1400, 1400})), false},
		{"avif/grid-of-64x64-out-of-four", avif(avifGrid(2, 2, 64, 64, [2]uint32{3000, 2304})), false},
		{"avif/grid-of-missing-tiles", func() []byte {
			items := avifGrid(25, 25, 5000, 5000, [2]uint32{200, 200})
			items.references = isoBox("dimg", be16(1, 2, 2, 2))
			return heifFile("avif", items)
		}, false},
		{"avif/alpha-plane-as-large-again", avif(heifItems{
			kinds: []string{"av01", "av01"}, data: [][]byte{av1(6000, 6000), av1(6000, 6000)},
			properties: [][]byte{av1C, ispe(6000, 6000), alpha}, belong: [][]byte{{1, 2}, {1, 2, 3}},
			references: isoBox("auxl", be16(2, 1, 1)),
		}), true},
		{"avif/grid-of-itself", avif(heifItems{
			kinds: []string{"grid"}, data: [][]byte{join([]byte{0, 0, 0, 0}, be16(64, 64))},
			properties: [][]byte{ispe(64, 64)}, references: isoBox("dimg", be16(1, 1, 1)),
		}), true},
		{"avif/alpha-plane-of-itself", avif(heifItems{
			kinds: []string{"av01"}, data: [][]byte{av1(64, 64)},
			properties: [][]byte{av1C, ispe(64, 64), alpha}, references: isoBox("auxl", be16(1, 1, 1)),
		}), false},
		{"avif/tile-of-its-own-tile", avif(heifItems{
			kinds: []string{"iden", "iden"}, data: [][]byte{{0}, {0}},
			properties: [][]byte{ispe(64, 64)}, references: join(isoBox("dimg", be16(1, 1, 2)), isoBox("dimg", be16(2, 1, 1))),
		}), true},
	}
}
