//go:build hostile

package test

import (
	"fmt"
	"strings"
)

// profile is the header of a color profile, as ICC.1 has it, that claims to be size bytes long and to hold a number of tags.
func profile(size, tags uint32) []byte {
	date := be16(2000, 1, 1, 0, 0, 0)
	white := be32(0xf6d6, 0x10000, 0xd32d)
	return join(
		be32(size), []byte("test"), be32(0x04300000), []byte("mntrRGB XYZ "), date, []byte("acsp"),
		make([]byte, 28), white, make([]byte, 48), be32(tags),
	)
}

// loop is a block of EXIF whose two directories follow each other for ever, in which entries point at their own directory.
func loop(entries uint16) []byte {
	directory := func(next uint32) []byte {
		d := le16(entries)
		for i := range entries {
			tag := []uint16{0x8769, 0x8825, 0xa005}[i%3] // of the directories for EXIF, GPS and interoperability
			d = append(d, join(le16(tag, 4), le32(1, 8))...)
		}
		return append(d, le32(next)...)
	}
	second := 8 + 2 + 12*uint32(entries) + 4
	return join([]byte("II*\x00"), le32(8), directory(second), directory(8))
}

// pngChunkBombs have their weight beside the pixels.
func pngChunkBombs() []specimen {
	const megabyte = 1 << 20
	name := []byte("name\x00")
	dot := func(kind string, parts ...func() []byte) func() []byte {
		return func() []byte {
			var body []byte
			for _, part := range parts {
				body = append(body, part()...)
			}
			return pngDot(pngChunk(kind, body))
		}
	}
	zeros := func(start []byte, megabytes int) func() []byte {
		return func() []byte { return deflated(start, megabytes*megabyte) }
	}
	list := []specimen{
		{"png/profile-of-400-MB", dot("iCCP", same([]byte("name\x00\x00")), zeros(profile(400*megabyte+132, 1), 400)), false},
		{"png/profile-of-3-GB-of-zeros", dot("iCCP", same([]byte("name\x00\x00")), zeros(nil, 3000)), false},
		{"png/profile-stored-in-more-than-4-MB", dot("iCCP", same([]byte("name\x00\x00")), zeros(nil, 4300)), true},
		{"png/compressed-text-of-1-GB", dot("zTXt", same([]byte("name\x00\x00")), zeros(nil, 1000)), false},
		{"png/international-text-of-1-GB", dot("iTXt", same([]byte("name\x00\x01\x00\x00\x00")), zeros(nil, 1000)), false},
		{
			"png/raw-profile-of-1-GB",
			dot("zTXt", same([]byte("Raw profile type exif\x00\x00")), zeros([]byte("\nexif\n99999999\n"), 1000)), false,
		},
		{"png/text-of-7-MB", dot("tEXt", same(name), func() []byte { return repeat([]byte("x"), 7*megabyte) }), false},
		{"png/exif-that-loops", dot("eXIf", func() []byte { return loop(60_000) }), false},
		{
			"png/exif-of-7-MB",
			dot("eXIf", func() []byte { return loop(65_535) }, func() []byte { return make([]byte, 5*megabyte) }), false,
		},
		{"png/palette-of-500000-colors", func() []byte {
			return join(pngHeader(1, 1, 8, 3, false), pngChunk("PLTE", make([]byte, 1_500_000)), pngPixel)
		}, false},
		{
			"png/suggested-palette-of-1000000-colors",
			dot("sPLT", same(name), func() []byte { return make([]byte, 1+6_000_000) }), false,
		},
		{"png/100000-texts", func() []byte {
			return pngDot(repeat(pngChunk("tEXt", name, []byte("text")), 100_000))
		}, true},
		{"png/9900-texts", func() []byte {
			return pngDot(repeat(pngChunk("tEXt", name, []byte("text")), 9900))
		}, false},
		{"png/100000-texts-after-the-pixels", func() []byte {
			return join(pngHeader(1, 1, 8, pngGray, false), pngChunk("IDAT", deflated(nil, 2)),
				repeat(pngChunk("tEXt", name, []byte("text")), 100_000), pngEnd)
		}, false},
		{"png/5000-compressed-texts-of-1-MB", func() []byte {
			return pngDot(repeat(pngChunk("zTXt", []byte("name\x00\x00"), deflated(nil, megabyte)), 5000))
		}, false},
		{"png/a-zip-file-behind-the-end", func() []byte {
			return join(pngDot(), []byte("PK\x05\x06"), make([]byte, 18))
		}, false},
		{"png/text-claims-2147483647-after-the-pixels", func() []byte {
			dot := pngDot()
			return join(dot[:len(dot)-len(pngEnd)], be32(1<<31-1), []byte("tEXtname\x00"))
		}, false},
	}
	return append(list, pngHugeClaims()...)
}

// strangers are files that are not read here at all, whatever they hold.
func strangers() []specimen {
	stranger := func(name string, file ...[]byte) specimen {
		return specimen{"stranger/" + name, same(join(file...)), true}
	}
	text := func(name, file string) specimen { return stranger(name, []byte(file)) }
	bitmap := func(width, height uint32) []byte {
		return join([]byte("BM"), le32(54, 0, 54, 40, width, height), le16(1, 24), le32(0, 0, 0, 0, 0, 0))
	}
	laughs := `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a0 "ha">`
	for i := 1; i < 20; i++ {
		laughs += fmt.Sprintf(`<!ENTITY a%d "%s">`, i, strings.Repeat(fmt.Sprintf("&a%d;", i-1), 10))
	}
	nested := `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><g id="g0"><rect width="9" height="9"/></g>`
	for i := 1; i < 40; i++ {
		nested += fmt.Sprintf(`<g id="g%d">%s</g>`, i, strings.Repeat(fmt.Sprintf(`<use href="#g%d"/>`, i-1), 10))
	}
	return []specimen{
		stranger("bmp-claims-2147483647x2147483647", bitmap(1<<31-1, 1<<31-1)),
		stranger("bmp-upside-down-2147483648", bitmap(1, 1<<31)),
		stranger("bmp-run-lengths-of-60000x60000",
			[]byte("BM"), le32(60, 0, 54, 40, 60_000, 60_000), le16(1, 8), le32(1, 0, 0, 0, 0, 0),
			[]byte{255, 0, 0, 1}),
		stranger("ico-of-65535-icons", le16(0, 1, 65535), repeat(join([]byte{0, 0, 0, 0}, le16(1, 32), le32(1<<31, 22)), 2000)),
		stranger("ico-of-a-huge-png",
			le16(0, 1, 1), []byte{0, 0, 0, 0}, le16(1, 32), le32(57, 22), pngHeader(1<<31-1, 1<<31-1, 8, pngRGBA, false)),
		text("svg-of-a-billion-laughs", laughs+`]><svg xmlns="http://www.w3.org/2000/svg"><text>&a19;</text></svg>`),
		text("svg-of-nested-uses", nested+`<use href="#g39"/></svg>`),
		text("svg-of-turbulence",
			`<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><filter id="f"><feTurbulence numOctaves="999999999"/>`+
				`</filter><rect width="9" height="9" filter="url(#f)"/></svg>`),
		text("svg-of-1000000000-pixels-a-side",
			`<svg xmlns="http://www.w3.org/2000/svg" width="1000000000" height="1000000000"/>`),
		stranger("svg-in-gzip", []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"), deflated([]byte("<svg/>"), 100<<20)[2:]),
		stranger("zip", []byte("PK\x03\x04"), make([]byte, 26), []byte("PK\x05\x06"), make([]byte, 18)),
		text("pdf",
			"%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[2 0 R]/Count 999999999>>endobj\n%%EOF"),
		text("html", "<!DOCTYPE html><script>alert(1)</script>"),
		text("jpeg-xl", "\xff\x0a\xff\xff\xff\xff\xff\xff\xff\xff"),
		stranger("jpeg-2000",
			[]byte("\x00\x00\x00\x0cjP  \r\n\x87\n"), be32(45), []byte("jp2h"), be32(22), []byte("ihdr"), be32(1<<32-1, 1<<32-1)),
		stranger("photoshop", []byte("8BPS\x00\x01"), make([]byte, 6), be16(56), be32(300_000, 300_000), be16(32, 3)),
		stranger("heic-claims-60000x60000",
			heifFile("heic", heifItems{kinds: []string{"hvc1"}, properties: [][]byte{ispe(60_000, 60_000)}})),
		text("portable-pixmap", "P6 2147483647 2147483647 255\n"),
		text("openexr", "v/1\x01\x02\x00\x00\x00"),
		text("radiance", "#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 2147483647 +X 2147483647\n"),
		text("one-byte", "\x00"),
		{"stranger/1-MB-of-zeros", func() []byte { return make([]byte, 1<<20) }, true},
	}
}
