package sniff

import (
	"errors"
	"io"
	"math"
	"strings"
	"testing"
)

func TestBrokenHeadersAreRefused(t *testing.T) {
	twoMetas := still(3, 2)
	twoMetas.after = twoMetas.String()
	mini := still(3, 2)
	mini.after = boxOf("mini", "x")
	boxes := still(3, 2)
	boxes.after = strings.Repeat(boxOf("free"), maxBoxes)
	cycle := avif{brand: "avif", items: []string{infe(1, "iden")}, references: boxOf("dimg", be16(1, 1, 1)), properties: []string{ispe(3, 2)}, belong: [][]int{{1}}}
	jpegInside := still(3, 2)
	jpegInside.items = []string{infe(1, "jpeg")}
	sizeless := still(3, 2)
	sizeless.belong = [][]int{{2}}
	many := still(3, 2)
	many.items = []string{strings.Repeat(infe(1, "av01"), maxBoxes+1)}

	for _, e := range []struct {
		name string
		file string
		want Format
	}{
		{"jpeg, two frame headers", jpegOf(sof(0, 8, 1, 1, 3), sof(0, 8, 60_000, 60_000, 3), scan(3)), JPEG},
		{"jpeg, height in the scan", jpegOf(sof(0, 8, 9, 0, 3), scan(3)), JPEG},
		{"jpeg, no width", jpegOf(sof(0, 8, 0, 9, 3), scan(3)), JPEG},
		{"jpeg, no components", jpegOf(sof(0, 8, 9, 9, 0), scan(1)), JPEG},
		{"jpeg, components missing", jpegOf(segment(0xc0, "\x08\x00\x09\x00\x09\x03\x01\x11\x00"), scan(3)), JPEG},
		{"jpeg, no frame header", jpegOf(scan(3)), JPEG},
		{"jpeg, no scan", jpegOf(sof(0, 8, 9, 9, 3)), JPEG},
		{"jpeg, two pictures", jpegOf(quantisation, baseline), JPEG},
		{"jpeg, a segment of length 1", soi + "\xff\xe0\x00\x01" + baseline[2:], JPEG},
		{"jpeg, countless segments", jpegOf(strings.Repeat(segment(0xfe, ""), maxSegments), baseline[2:]), JPEG},
		{"jpeg, countless segments between scans", jpegOf(sof(2, 8, 9, 9, 1), scan(1), strings.Repeat(segment(0xfe, ""), maxSegments+1), scan(1)), JPEG},

		{"png, no width", pngOf(ihdr(0, 9, 8, 2), idat), PNG},
		{"png, a size beyond 31 bits", pngOf(ihdr(1<<31, 9, 8, 2), idat), PNG},
		{"png, a depth that its colour type does not allow", pngOf(ihdr(9, 9, 4, 2), idat), PNG},
		{"png, colour type 5", pngOf(ihdr(9, 9, 8, 5), idat), PNG},
		{"png, an unknown interlace", pngOf(chunk("IHDR", be32(9, 9)+bytesOf(8, 2, 0, 0, 2)), idat), PNG},
		{"png, a chunk before the header", pngOf(chunk("CgBI", "0123"), ihdr(9, 9, 8, 2), idat), PNG},
		{"png, two headers", pngOf(ihdr(9, 9, 8, 2), ihdr(60_000, 60_000, 8, 2), idat), PNG},
		{"png, a header too long", pngOf(chunk("IHDR", be32(9, 9)+bytesOf(8, 2, 0, 0, 0, 0)), idat), PNG},
		{"png, no pixels", pngOf(ihdr(9, 9, 8, 2)), PNG},
		{"png, a length beyond 31 bits", pngSignature + ihdr(9, 9, 8, 2) + be32(1<<31) + "tEXt", PNG},
		{"png, a length beyond the file", pngSignature + ihdr(9, 9, 8, 2) + be32(math.MaxInt32) + "zTXtxxxx", PNG},
		{"png, countless chunks", pngOf(ihdr(9, 9, 8, 2), strings.Repeat(chunk("tEXt", ""), maxChunks), idat), PNG},

		{"gif, no image", screen(20, 10) + control(1) + ";", GIF},
		{"gif, an image without data", screen(20, 10) + picture(0, 0, 20, 10)[:11], GIF},
		{"gif, an unknown block", screen(20, 10) + "?" + picture(0, 0, 20, 10), GIF},
		{"gif, codes too long", screen(20, 10) + "," + le16(0, 0, 1, 1) + bytesOf(0, 12) + subBlocks("pixels"), GIF},

		{"webp, no width", riff(vp8(0, 9)), WebP},
		{"webp, not a key frame", riff(riffChunk("VP8 ", "\x11\x00\x00\x9d\x01\x2a"+le16(9, 9)+"pixels")), WebP},
		{"webp, version 1 of VP8L", riff(riffChunk("VP8L", "\x2f"+le32(1<<29))), WebP},
		{"webp, an unknown chunk", riff(riffChunk("WHAT", "pixels")), WebP},
		{"webp, an image larger than the canvas", riff(vp8x(0, 9, 9), vp8(9000, 9000)), WebP},
		{"webp, a frame outside of the canvas", riff(vp8x(2, 9, 9), anmf(2, 0, 8, 9)), WebP},
		{"webp, no frames", riff(vp8x(2, 9, 9), vp8(9, 9)), WebP},
		{"webp, no image", riff(vp8x(0, 9, 9), riffChunk("ICCP", "profile")), WebP},

		{"avif, a second meta box", twoMetas.String(), AVIF},
		{"avif, a mini box", mini.String(), AVIF},
		{"avif, countless boxes", boxes.String(), AVIF},
		{"avif, countless items", many.String(), AVIF},
		{"avif, two sizes of one picture", still(3, 2, ispe(60_000, 60_000)).String(), AVIF},
		{"avif, no size", sizeless.String(), AVIF},
		{"avif, a width of 0", still(0, 2).String(), AVIF},
		{"avif, a width beyond 31 bits", still(-1, 2).String(), AVIF},
		{"avif, more cut out than there is", still(3, 2, boxOf("clap", be32(30, 1, 2, 1, 0, 1, 0, 1))).String(), AVIF},
		{"avif, nothing cut out", still(3, 2, boxOf("clap", be32(1, 0, 2, 1, 0, 1, 0, 1))).String(), AVIF},
		{"avif, derived from itself", cycle.String(), AVIF},
		{"avif, coded as JPEG", jpegInside.String(), AVIF},
		{"avif, no meta box", boxOf("ftyp", "avif", be32(0), "avif") + boxOf("mdat"), AVIF},
		{"avif, a box shorter than its header", boxOf("ftyp", "avif", be32(0), "avif") + be32(7) + "meta", AVIF},
		{"avif, a box of 2⁶⁴-1 bytes", boxOf("ftyp", "avif", be32(0), "avif") + be32(1) + "free" + be32(-1, -1), AVIF},

		{"heic, no meta box", boxOf("ftyp", "heic", be32(0), "mif1"), HEIC},

		{"bmp, cut short", "BM" + le32(70, 0, 54, 40), BMP},
		{"bmp, no width", "BM" + le32(70, 0, 54, 40, 0, 34) + le16(1, 24) + le32(0, 0, 0, 0, 0, 0), BMP},
		{"bmp, no height", "BM" + le32(70, 0, 54, 40, 34, 0) + le16(1, 24) + le32(0, 0, 0, 0, 0, 0), BMP},
		{"bmp, a height of -2³¹", "BM" + le32(70, 0, 54, 40, 34, 1<<31) + le16(1, 24) + le32(0, 0, 0, 0, 0, 0), BMP},
		{"bmp, a mask in pieces", "BM" + le32(70, 0, 54, 40, 34, 34) + le16(1, 32) + le32(3, 0, 0, 0, 0, 0, 0xf0f, 0xff, 0xff), BMP},
		{"bmp, no masks", "BM" + le32(70, 0, 54, 40, 34, 34) + le16(1, 32) + le32(3, 0, 0, 0, 0, 0), BMP},
		{"bmp, runs from top to bottom", "BM" + le32(70, 0, 54, 40, 34, -34) + le16(1, 8) + le32(1, 0, 0, 0, 0, 0), BMP},
		{"ico, a directory that is cut short", iconOf(dibOf(16, 16, 32))[:20], ICO},
		{"ico, a picture outside of the file", iconOf(dibOf(16, 16, 32))[:30], ICO},
		{"ico, a picture inside of the directory", le16(0, 1, 1) + bytesOf(16, 16, 0, 0) + le16(1, 32) + le32(16, 0), ICO},
		{"ico, countless pictures", le16(0, 1, 60_000) + strings.Repeat("\x10\x10\x00\x00", 4*60_000), ICO},
		{"ico, runs", iconOf(strings.Replace(dibOf(16, 16, 8), le16(8)+le32(0), le16(8)+le32(1), 1)), ICO},
		{"ico, a bitmap of one row", iconOf(le32(40, 1, 1) + le16(1, 32) + le32(0, 0, 0, 0, 0, 0)), ICO},

		{"svg, no root element", `<svg `, SVG},
		{"svg, a root element without an end", "<svg a='" + strings.Repeat("x", svgHead), SVG},

		{"tiff, no width", tiffOf([]tag{short(256, 0), short(257, 9)}), TIFF},
		{"tiff, no height", tiffOf([]tag{short(256, 9)}), TIFF},
		{"tiff, a width beyond 31 bits", tiffOf([]tag{long(256, -1), short(257, 9)}), TIFF},
		{"tiff, a width in words", tiffOf([]tag{{256, 2, 2, "9\x00"}, short(257, 9)}), TIFF},
		{"tiff, a directory outside of the file", "II*\x00" + le32(1000), TIFF},
		{"tiff, a value outside of the file", tiffOf([]tag{{256, 4, 1000, le32(5000)}, short(257, 9)}), TIFF},
		{"tiff, a directory longer than the file", "II*\x00" + le32(8) + le16(60_000), TIFF},
		{"tiff, a directory of 2⁶⁴-1 fields", "II+\x00" + le16(8, 0) + le32(16, 0, -1, -1), TIFF},
		{"tiff, no samples", tiffOf([]tag{short(256, 9), short(257, 9), short(277, 0)}), TIFF},
	} {
		t.Run(e.name, func(t *testing.T) {
			h, err := read(e.file)
			if !errors.Is(err, ErrBroken) {
				t.Fatalf("%+v, %v", h, err)
			}
			if want := (Header{Format: e.want}); h != want {
				t.Errorf("%+v", h)
			}
			if !strings.HasPrefix(err.Error(), string(e.want)+", byte ") {
				t.Errorf("the error tells no place: %v", err)
			}
		})
	}
}

// What may be sound and is not read is not called broken.
func TestKindsThatAreNotRead(t *testing.T) {
	jpegInside := still(3, 2)
	jpegInside.brand, jpegInside.items = "mif1", []string{infe(1, "jpeg")}
	for _, e := range []struct {
		name string
		file string
		want Format
	}{
		{"bmp, JPEG inside", "BM" + le32(70, 0, 54, 40, 34, 34) + le16(1, 0) + le32(4, 0, 0, 0, 0, 0), BMP},
		{"bmp, 5 bits", "BM" + le32(70, 0, 54, 40, 34, 34) + le16(1, 5) + le32(0, 0, 0, 0, 0, 0), BMP},
		{"bmp, Huffman code", "BM" + le32(70, 0, 54, 64, 34, 34) + le16(1, 1) + le32(3) + strings.Repeat("\x00", 44), BMP},
		{"bmp, a header of 41 bytes", "BM" + le32(70, 0, 54, 41, 34, 34) + le16(1, 24) + le32(0, 0, 0, 0, 0, 0, 0), BMP},
		{"svg, text", `<svg><g><text x="1">a</text></g></svg>`, SVG},
		{"svg, text far behind, with a prefix", "<svg:svg>" + strings.Repeat("<svg:g/>", 50_000) + "<svg:text\n/></svg:svg>", SVG},
		{"svg, entities", `<!DOCTYPE svg [ <!ENTITY a "aaa"> ]><svg>&a;</svg>`, SVG},
		{"svg, entities from elsewhere", `<!DOCTYPE svg SYSTEM "a.dtd" [ %a; ]><svg/>`, SVG},
		{"svg, encoded so that nobody reads it", `<?xml version="1.0" encoding="utf-7"?><svg/>`, SVG},
		{"heif, coded as JPEG", jpegInside.String(), HEIC},
	} {
		h, err := read(e.file)
		if !errors.Is(err, ErrKind) || (h != Header{Format: e.want}) {
			t.Errorf("%s: %+v, %v", e.name, h, err)
		}
	}
}

func TestBombsAreSeen(t *testing.T) {
	hidden := ""
	for range 1000 {
		hidden += anmf(0, 0, 9, 9, vp8(9, 9))
	}
	repeated := avif{
		brand: "avif", items: []string{infe(1, "grid"), infe(2, "av01")}, references: boxOf("dimg", be16(1, 1000)+strings.Repeat(be16(2), 1000)),
		properties: []string{ispe(16, 16), ispe(65_535, 65_535)}, belong: [][]int{{1}, {2}},
	}
	for _, e := range []struct {
		name string
		file string
		seen func(Header) bool
	}{
		{"png of a gigapixel", pngOf(ihdr(60_000, 60_000, 1, 0), idat), func(h Header) bool { return h.Pixels == 3_600_000_000 }},
		{"jpeg of two thousand scans", jpegOf(sof(2, 8, 9, 9, 1), strings.Repeat(scan(1), 2000)), func(h Header) bool { return h.Scans == maxScans }},
		{
			"baseline jpeg of two thousand scans",
			jpegOf(sof(0, 8, 9, 9, 3), strings.Repeat(scan(1), 2000)),
			func(h Header) bool { return h.Scans == maxScans },
		},
		{"gif of fifty thousand frames", screen(9, 9) + strings.Repeat(picture(0, 0, 1, 1), 50_000), func(h Header) bool { return h.Frames == 50_000 }},
		{"gif of a hundred thousand frames and more", screen(9, 9) + strings.Repeat(picture(0, 0, 1, 1), maxFrames+9), func(h Header) bool { return h.Frames == maxFrames }},
		{"gif with a small screen and a large picture", screen(1, 1) + picture(0, 0, 65_535, 65_535), func(h Header) bool { return h.Pixels == 65_535*65_535 }},
		{"webp of frames in a frame", riff(vp8x(2, 9, 9), anmf(0, 0, 9, 9, hidden)), func(h Header) bool { return h.Frames == 1001 }},
		{
			"avif of a few pixels cut out of many",
			still(65_535, 65_535, boxOf("clap", be32(16, 1, 16, 1, 0, 1, 0, 1))).String(),
			func(h Header) bool { return h.Width == 16 && h.Pixels == 65_535*65_535 },
		},
		{"avif of a thousand large tiles", repeated.String(), func(h Header) bool { return h.Width == 16 && h.Pixels == 16*16+1000*65_535*65_535 }},
		{"tiff of an enormous profile", tiffOf([]tag{short(256, 9), short(257, 9), {34675, 12, -1, le32(8)}}), func(h Header) bool { return h.ICCBytes > 1<<30 }},
	} {
		if h, err := read(e.file); err != nil || !e.seen(h) {
			t.Errorf("%s: %+v, %v", e.name, h, err)
		}
	}
}

// A counter counts the bytes that are read.
type counter struct {
	io.ReaderAt
	bytes, longest int
}

func (c *counter) ReadAt(p []byte, offset int64) (int, error) {
	c.bytes += len(p)
	c.longest = max(c.longest, len(p))
	return c.ReaderAt.ReadAt(p, offset)
}

func TestTheWorkIsBounded(t *testing.T) {
	const mega = 1 << 20
	for _, e := range []struct {
		name string
		file string
		most int
	}{
		{"baseline jpeg", baseline + strings.Repeat("x", 8*mega), 4 << 10},
		{"jpeg with a long profile", jpegOf(strings.Repeat(segment(0xe2, strings.Repeat("x", 60_000)), 20), baseline[2:]), 16 << 10},
		{"png", pngOf(ihdr(9, 9, 8, 2), chunk("IDAT", strings.Repeat("x", 8*mega))), 8 << 10},
		{"progressive jpeg without a marker", jpegOf(sof(2, 8, 9, 9, 1), scan(1), strings.Repeat("x", 8*mega)), 9 * mega},
		{"progressive jpeg of fill bytes", jpegOf(sof(2, 8, 9, 9, 1), scan(1), strings.Repeat("\xff", 8*mega)), 9 * mega},
		{"progressive jpeg of stuffing", jpegOf(sof(2, 8, 9, 9, 1), scan(1), strings.Repeat("\xff\x00", 4*mega)), 9 * mega},
		{"progressive jpeg of restarts", jpegOf(sof(2, 8, 9, 9, 1), scan(1), strings.Repeat("\xff\xd0", 4*mega)), 9 * mega},
		{"gif of short sub-blocks", screen(9, 9) + "\x21\xfe" + strings.Repeat("\x01x", 4*mega), 9 * mega},
		{"gif of extensions", screen(9, 9) + strings.Repeat("\x21\xfe\x00", 2*mega), 7 * mega},
		{"webp of empty chunks", riff(vp8x(2, 9, 9), strings.Repeat(riffChunk("WHAT", ""), mega)), 9 * mega},
		{"png of chunks after the pixels", pngOf(ihdr(9, 9, 8, 2), idat, strings.Repeat(chunk("tEXt", strings.Repeat("x", 20_000)), 400)), 400 << 10},
	} {
		c := &counter{ReaderAt: strings.NewReader(e.file)}
		h, err := Read(c, int64(len(e.file)))
		if err != nil && !errors.Is(err, ErrBroken) {
			t.Errorf("%s: %v", e.name, err)
		}
		if c.bytes > e.most || c.longest > lastWindow {
			t.Errorf("%s: %d bytes read, %d at once: %+v, %v", e.name, c.bytes, c.longest, h, err)
		}
	}
}
