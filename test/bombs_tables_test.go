//go:build hostile

package test

import "slices"

// avifTableBombs have tables that loop, lie or do not end, around a picture that is sound.
func avifTableBombs() []specimen {
	with := func(change func(*heifItems)) func() []byte {
		return func() []byte {
			items := avifStill(64, 64, av1(64, 64))
			change(&items)
			return heifFile("avif", items)
		}
	}
	locations := func(version byte, parts ...[]byte) func() []byte {
		return with(func(items *heifItems) { items.locations = isoFullBox("iloc", version, 0, parts...) })
	}
	return []specimen{
		{
			"avif/600-extents-of-the-same-bytes",
			locations(0, []byte{0x44, 0}, be16(1, 1, 0, 600), repeat(be32(0, 300), 600)), false,
		},
		{"avif/65535-extents-of-the-whole-file", locations(0, []byte{0x00, 0}, be16(1, 1, 0, 65_535)), false},
		{
			"avif/65535-extents-of-4-GB",
			locations(0, []byte{0x44, 0}, be16(1, 1, 0, 65_535), repeat(be32(0, 1<<32-1), 65_535)), false,
		},
		{
			"avif/extent-beyond-every-end",
			locations(0, []byte{0x88, 0x80}, be16(1, 1, 0), be32(1<<32-1, 1<<32-1), be16(1),
				be32(1<<31-1, 1<<32-1, 1<<31-1, 1<<32-1)), false,
		},
		{"avif/4294967295-locations", locations(2, []byte{0x44, 0}, be32(1<<32-1)), false},
		{"avif/locations-that-lead-to-themselves", locations(1, []byte{0x44, 0x04}, be16(1, 1, 2, 0, 1), be32(1, 0, 64)), false},
		{"avif/4294967295-items", with(func(items *heifItems) {
			items.kinds = nil
			items.more = isoFullBox("iinf", 1, 0, be32(1<<32-1))
		}), true},
		{"avif/4294967295-associations", with(func(items *heifItems) {
			items.more = isoBox("iprp", isoFullBox("ipma", 0, 0, be32(1<<32-1)))
		}), false},
		{"avif/item-information-of-65535-entries", func() []byte {
			entry := isoFullBox("infe", 2, 0, be16(1, 0), []byte("av01\x00"))
			return join(isoBox("ftyp", []byte("avif"), be32(0), []byte("avifmif1")), isoFullBox("meta", 0, 0,
				isoFullBox("pitm", 0, 0, be16(1)), isoFullBox("iinf", 0, 0, be16(65_535), repeat(entry, 65_535))))
		}, true},
		{"avif/1000-metas-in-one-another", with(func(items *heifItems) {
			for range 1000 {
				items.more = isoFullBox("meta", 0, 0, items.more)
			}
		}), false},
		{"avif/1000-boxes-of-properties-in-one-another", with(func(items *heifItems) {
			for range 1000 {
				items.properties[1] = isoBox("ipco", items.properties[1])
			}
		}), true},
		{"avif/two-metas", with(func(items *heifItems) { items.after = isoFullBox("meta", 0, 0) }), true},
		{"avif/2000-empty-boxes", with(func(items *heifItems) { items.after = repeat(isoBox("free"), 2000) }), true},
		{"avif/100000-properties", with(func(items *heifItems) {
			items.properties = slices.Concat(items.properties, slices.Repeat([][]byte{isoBox("free")}, 100_000))
			items.belong = [][]byte{{1, 2}}
		}), true},
		{"avif/box-of-2-to-the-63", with(func(items *heifItems) {
			items.after = join(be32(1), []byte("free"), be32(1<<31, 0))
		}), true},
		{"avif/box-of-size-2", with(func(items *heifItems) { items.after = join(be32(2), []byte("free")) }), true},
		{"avif/exif-that-claims-4-GB", with(func(items *heifItems) {
			items.kinds = append(items.kinds, "Exif")
			items.data = append(items.data, be32(1<<32-1))
			items.references = isoBox("cdsc", be16(2, 1, 1))
		}), false},
		{"avif/sequence-of-4294967295-frames", func() []byte {
			table := isoBox("stbl",
				isoFullBox("stsz", 0, 0, be32(1, 1<<32-1)), isoFullBox("stco", 0, 0, be32(1<<32-1)),
				isoFullBox("stts", 0, 0, be32(1<<32-1)), isoFullBox("stsc", 0, 0, be32(1<<32-1)))
			items := avifStill(64, 64, av1(64, 64))
			items.after = isoBox("moov", isoFullBox("mvhd", 0, 0, make([]byte, 96)),
				isoBox("trak", isoBox("mdia", isoBox("minf", table))))
			return heifFile("avis", items)
		}, false},
	}
}

// tiffTableBombs have directories that loop, lie or do not end.
func tiffTableBombs() []specimen {
	const most = 1<<32 - 1
	dot := func(others ...tiffTag) []byte { return tiffFile(8, 8, tiffPlain, make([]byte, 64), others...) }
	odd := func(name string, others ...tiffTag) specimen {
		return specimen{"tiff/" + name, func() []byte { return dot(others...) }, false}
	}
	far := func(number uint16, count uint32) tiffTag { return tiffTag{number, 4, count, le32(8)} }
	tiles := func(side uint32) []tiffTag {
		return []tiffTag{tiffLong(322, side), tiffLong(323, side), tiffLong(324, 8), tiffLong(325, 64)}
	}
	// Directories, of which each says that the picture is 8 pixels wide, from a place in the file on.
	chain := func(start uint32, count int) (directories []byte) {
		for range count {
			start += 18
			directories = append(directories, join(le16(1, 256, 3), le32(1, 8, start))...)
		}
		return directories
	}
	seen := func(s specimen) specimen {
		s.visible = true
		return s
	}
	return []specimen{
		{"tiff/directory-that-follows-itself", func() []byte { return tiffChain(dot(), 8) }, false},
		{"tiff/100000-directories-without-a-height", func() []byte {
			return join([]byte("II*\x00"), le32(8), chain(8, 100_000))
		}, true},
		{"tiff/100000-directories-after-a-picture", func() []byte {
			file := dot()
			end := uint32(len(file))
			return join(tiffChain(file, end), chain(end, 100_000))
		}, false},
		{"tiff/directory-of-65535-entries", func() []byte {
			return join([]byte("II*\x00"), le32(8), le16(65_535), repeat(join(le16(256, 3), le32(1, 8)), 65_535), le32(0))
		}, true},
		odd("directory-within-itself", tiffLong(330, 8)),
		odd("strips-2147483648", far(273, 1<<31), far(279, 1<<31)),
		{"tiff/16384x3000-in-strips-of-one-row", same(tiffFile(16_384, 3000, tiffPlain, nil,
			tiffLong(278, 1), far(273, 3000), far(279, 3000))), false},
		odd("strip-of-4-GB", tiffLong(279, most)),
		odd("strip-beyond-the-end", tiffLong(273, most)),
		odd("tiles-2147483648", tiffLong(322, 16), tiffLong(323, 16), far(324, 1<<31), far(325, 1<<31)),
		odd("tile-of-65536x65536", tiles(65_536)...),
		odd("tile-of-16384x16384", tiles(16_384)...),
		odd("tile-of-2147483632x2147483632", tiles(1<<31-16)...),
		odd("tile-of-0x0", tiles(0)...),
		odd("65535-samples", tiffShort(277, 65_535)),
		odd("65535-bits", tiffShort(258, 65_535)),
		seen(odd("width-in-a-value-that-is-not-there", tiffTag{256, 4, 4, le32(most)})),
		seen(odd("profile-claims-4-GB", tiffTag{34675, 7, most, le32(8)})),
		odd("profile-of-3-MB-that-is-not-there", tiffTag{34675, 7, 3 << 20, le32(8)}),
		seen(odd("text-claims-4-GB", tiffTag{270, 2, most, le32(8)})),
		odd("unknown-tags-of-4-GB", tiffTag{50_000, 7, most, le32(8)}, tiffTag{50_001, 12, most, le32(8)}),
		{"tiff/big-with-wild-places", same(tiffBig(1<<63, 1<<63, 1<<63)), false},
		{"tiff/big-with-places-that-wrap", same(tiffBig(1<<64-8, 1<<64-1, 1)), false},
		{"tiff/big-with-a-directory-nowhere", same(join([]byte("II+\x00"), le16(8, 0), le64(1<<63))), true},
		{
			"tiff/big-with-2-to-the-64-entries",
			same(join([]byte("II+\x00"), le16(8, 0), le64(16, 1<<64-1), make([]byte, 400))), true,
		},
	}
}
