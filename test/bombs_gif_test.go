//go:build hostile

package test

// gifScreen is the header with a table of two colors.
func gifScreen(width, height uint16) []byte {
	return join([]byte("GIF89a"), le16(width, height), []byte{0x80, 0, 0, 1, 2, 3, 250, 251, 252})
}

// gifBlocks cuts data into the blocks of at most 255 bytes that all data of a GIF is kept in.
func gifBlocks(data []byte) (blocks []byte) {
	for len(data) > 0 {
		size := min(len(data), 255)
		blocks = append(append(blocks, byte(size)), data[:size]...)
		data = data[size:]
	}
	return append(blocks, 0)
}

func gifImage(left, top, width, height uint16, codes []byte) []byte {
	return join([]byte{','}, le16(left, top, width, height), []byte{0, 8}, gifBlocks(codes))
}

// gifControl says what becomes of the next frame: 2 clears its place, 3 brings back what was there.
func gifControl(disposal byte) []byte {
	return join([]byte{'!', 0xf9, 4, disposal << 2}, le16(1), []byte{0, 0})
}

func gifBombs() []specimen {
	const end = ';'
	gif := func(width, height uint16, parts ...[]byte) []byte {
		return append(join(gifScreen(width, height), join(parts...)), end)
	}
	dot := gifImage(0, 0, 1, 1, lzw(1, false))
	frames := func(count int, disposal byte, width, height uint16) func() []byte {
		return func() []byte {
			frame := gifImage(0, 0, width, height, lzw(int(width)*int(height), false))
			return gif(width, height, repeat(join(gifControl(disposal), frame), count))
		}
	}
	return []specimen{
		{"gif/screen-65535x65535", same(gif(65_535, 65_535, gifImage(0, 0, 65_535, 65_535, lzw(1, false)))), true},
		{"gif/screen-65535x65535-of-one-pixel", same(gif(65_535, 65_535, dot)), false},
		{"gif/screen-0x0", same(gif(0, 0, gifImage(0, 0, 0, 0, lzw(1, false)))), false},
		{"gif/7000x7000", func() []byte { return gif(7000, 7000, gifImage(0, 0, 7000, 7000, lzw(7000*7000, false))) }, false},
		{"gif/one-pixel-of-a-billion-codes", func() []byte { return gif(1, 1, gifImage(0, 0, 1, 1, lzw(1e9, false))) }, false},
		{"gif/4-MB-of-restarts", func() []byte {
			codes := bits{lastFirst: true}
			for range 8 {
				codes.put(256, 9)
			}
			return gif(5000, 5000, gifImage(0, 0, 5000, 5000, repeat(codes.bytes, 4<<20/9)))
		}, false},
		{"gif/50000-frames-of-one-pixel", frames(50_000, 0, 1, 1), false},
		{"gif/100000-frames-of-one-pixel", frames(100_000, 0, 1, 1), false},
		{"gif/2000-frames-of-1000x1000", func() []byte {
			return gif(1000, 1000, repeat(gifImage(0, 0, 1000, 1000, lzw(300, false)), 2000))
		}, true},
		{"gif/49-frames-of-1000x1000", frames(49, 0, 1000, 1000), false},
		{"gif/5000-frames-that-bring-back-what-was", frames(5000, 3, 100, 100), false},
		{"gif/5000-frames-that-clear", frames(5000, 2, 100, 100), false},
		{"gif/frames-outside-the-screen", func() []byte {
			outside := gifImage(60_000, 60_000, 5535, 5535, lzw(5535*5535, false))
			return gif(10, 10, dot, repeat(outside, 200))
		}, false},
		{"gif/first-frame-outside-the-screen", same(gif(10, 10, gifImage(65_000, 65_000, 500, 500, lzw(250_000, false)))), true},
		{"gif/no-end", func() []byte {
			return join(gifScreen(7000, 7000), gifImage(0, 0, 7000, 7000, lzw(7000*7000, false))[:400])
		}, false},
		{"gif/no-image", same(gif(5000, 5000)), true},
		{"gif/50000-controls-without-an-image", func() []byte { return gif(5000, 5000, repeat(gifControl(0), 50_000)) }, true},
		{
			"gif/code-size-of-12-bits",
			same(gif(5000, 5000, join([]byte{','}, le16(0, 0, 5000, 5000), []byte{0, 12}, gifBlocks([]byte("codes"))))), true,
		},
		{"gif/comment-of-7-MB", func() []byte {
			return gif(1, 1, join([]byte{'!', 0xfe}, gifBlocks(make([]byte, 7<<20))), dot)
		}, false},
		{"gif/comment-in-4000000-blocks", func() []byte {
			return gif(1, 1, []byte{'!', 0xfe}, repeat([]byte{1, 'x'}, 4_000_000), []byte{0}, dot)
		}, false},
		{"gif/profile-of-5-MB", func() []byte {
			return gif(1, 1, []byte("!\xff\x0bICCRGBG1012"), gifBlocks(join(profile(5<<20, 1), make([]byte, 5<<20))), dot)
		}, true},
	}
}
