//go:build hostile

package test

// jpegProfile returns the segments that hold a color profile, each with its number and the count, which wrap at 255.
func jpegProfile(data []byte, count int) (segments []byte) {
	size := (len(data) + count - 1) / count
	for i := range count {
		part := data[min(i*size, len(data)):min((i+1)*size, len(data))]
		segments = append(segments, jpegSegment(markAPP2, []byte("ICC_PROFILE\x00"), []byte{byte(i + 1), byte(count)}, part)...)
	}
	return segments
}

// jpegSegmentBombs have their weight beside the pixels.
func jpegSegmentBombs() []specimen {
	const most = 65_533 // bytes in a segment
	before := func(segments func() []byte) func() []byte {
		return func() []byte { return jpegFlat(8, 8, 1, segments()) }
	}
	comment := func(size int) []byte { return jpegSegment(markCOM, make([]byte, size)) }
	exif := func(parts ...[]byte) func() []byte {
		return before(func() []byte { return jpegSegment(markAPP1, []byte("Exif\x00\x00"), join(parts...)) })
	}
	return []specimen{
		{"jpeg/profile-in-500-segments", before(func() []byte { return jpegProfile(profile(5<<20, 1), 500) }), false},
		{
			"jpeg/profile-in-255-segments-that-claims-4-GB",
			before(func() []byte { return jpegProfile(profile(1<<32-1, 1<<32-1), 255) }), false,
		},
		{"jpeg/profile-of-4-MB", before(func() []byte {
			return jpegProfile(join(profile(4_100_000, 1), make([]byte, 4_100_000-132)), 64)
		}), false},
		{"jpeg/profile-of-5-MB", before(func() []byte {
			return jpegProfile(join(profile(5_000_000, 1), make([]byte, 5_000_000-132)), 80)
		}), true},
		{"jpeg/profile-of-100000-tags", before(func() []byte {
			tags := repeat(join([]byte("A2B0"), be32(132, 1<<31-1)), 100_000)
			return jpegProfile(join(profile(uint32(132+len(tags)), 100_000), tags), 30)
		}), false},
		{"jpeg/100000-comments", before(func() []byte { return repeat(comment(0), 100_000) }), true},
		{"jpeg/9900-comments", before(func() []byte { return repeat(comment(700), 9900) }), false},
		{"jpeg/comments-of-7-MB", before(func() []byte { return repeat(comment(most), 110) }), false},
		{"jpeg/100000-comments-between-scans", func() []byte {
			scan := join(jpegScan(1, 1, 0, 63, 0), []byte{0})
			return join(jpegStart, jpegQuant, jpegFrame(markSOF0, 8, 8, 8, 2), jpegFlatTables,
				scan, repeat(comment(0), 100_000), scan, jpegEnd)
		}, true},
		{"jpeg/exif-that-loops", exif(loop(2700)), false},
		{"jpeg/exif-of-65535-entries", exif([]byte("II*\x00"), le32(8), le16(65_535)), false},
		{"jpeg/exif-with-values-of-4-GB", exif([]byte("II*\x00"), le32(8), le16(3),
			le16(0x010e, 2), le32(1<<32-1, 8), le16(0x0112, 3), le32(1<<32-1, 8),
			le16(0x927c, 7), le32(1<<32-1, 1<<31), le32(0)), false},
		{"jpeg/thumbnail-that-claims-2-GB", exif([]byte("MM\x00*"), be32(8), be16(0), be32(14), be16(3),
			be16(0x0103, 3), be32(1, 6<<16), be16(0x0201, 4), be32(1, 8), be16(0x0202, 4), be32(1, 1<<31-1), be32(0)), false},
		{"jpeg/thumbnail-of-65500x65500", func() []byte {
			thumb := jpegEmpty(markSOF0, 8, 65_500, 65_500, 3)
			directory := join(be16(0), be32(14), be16(2), be16(0x0201, 4), be32(1, 44),
				be16(0x0202, 4), be32(1, uint32(len(thumb))), be32(0))
			return exif([]byte("MM\x00*"), be32(8), directory, thumb)()
		}, false},
		{"jpeg/100-exif-blocks", before(func() []byte {
			return repeat(jpegSegment(markAPP1, []byte("Exif\x00\x00"), loop(2700)), 100)
		}), false},
		{"jpeg/overfull-table", before(func() []byte {
			return jpegSegment(markDHT, []byte{0}, repeat([]byte{16}, 16), make([]byte, 256))
		}), false},
		{"jpeg/5000-tables", before(func() []byte { return repeat(join(jpegQuant, jpegFlatTables), 3000) }), false},
		{"jpeg/sampled-apart", func() []byte {
			frame := jpegSegment(markSOF0, []byte{8}, be16(7000, 7000), []byte{3, 1, 0x44, 0, 2, 0x11, 0, 3, 0x31, 0})
			return join(jpegStart, jpegQuant, frame, jpegFlatTables, jpegScan(1, 1, 0, 63, 0), make([]byte, 200_000), jpegEnd)
		}, false},
		{"jpeg/scan-of-a-component-that-is-not-there", func() []byte {
			return join(jpegStart, jpegQuant, jpegFrame(markSOF2, 8, 5000, 5000, 3), jpegRunTables,
				jpegScan(4, 7, 0, 0, 0), make([]byte, 99), jpegEnd)
		}, false},
		{"jpeg/table-that-is-not-there", func() []byte {
			return join(jpegStart, jpegFrame(markSOF0, 8, 5000, 5000, 3), jpegScan(1, 3, 0, 63, 0), make([]byte, 99), jpegEnd)
		}, false},
		{"jpeg/segment-claims-65535-of-4", same(join(jpegStart, []byte{0xff, markCOM}, be16(65_535), make([]byte, 4))), true},
	}
}
