package sniff

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func read(file string) (Header, error) { return Read(strings.NewReader(file), int64(len(file))) }

// plain fills in what most headers share.
func plain(h Header) Header {
	h.Frames, h.Pages, h.Orientation = max(h.Frames, 1), max(h.Pages, 1), max(h.Orientation, 1)
	h.Pixels = max(h.Pixels, int64(h.Width)*int64(h.Height))
	return h
}

type example struct {
	name string
	file string
	want Header
}

var examples = []example{
	{"jpeg", baseline, Header{Format: JPEG, Width: 640, Height: 480, Depth: 8, Bands: 3, Scans: 1}},
	{
		"jpeg, progressive, of three scans",
		jpegOf(sof(2, 8, 65_535, 1, 3), scan(3), huffman, scan(1), "junk", scan(1)),
		Header{Format: JPEG, Width: 65_535, Height: 1, Depth: 8, Bands: 3, Scans: 3, Progressive: true},
	},
	{
		"jpeg, baseline, a scan for each band",
		jpegOf(sof(0, 8, 2, 3, 3), scan(1), scan(1), scan(1)),
		Header{Format: JPEG, Width: 2, Height: 3, Depth: 8, Bands: 3, Scans: 3},
	},
	{
		"jpeg, scans cut short",
		strings.TrimSuffix(jpegOf(sof(2, 8, 2, 3, 1), scan(1), scan(1)), eoi),
		Header{Format: JPEG, Width: 2, Height: 3, Depth: 8, Bands: 1, Scans: 2, Progressive: true},
	},
	{
		"jpeg, arithmetic coding, 12 bits, CMYK",
		jpegOf(sof(9, 12, 7, 5, 4), segment(0xcc, "\x00\x00"), scan(4)),
		Header{Format: JPEG, Width: 7, Height: 5, Depth: 12, Bands: 4, Scans: 1},
	},
	{"jpeg, lossless", jpegOf(sof(3, 16, 7, 5, 1), scan(1)), Header{Format: JPEG, Width: 7, Height: 5, Depth: 16, Bands: 1, Scans: 1}},
	{
		"jpeg, fill bytes, junk and markers that stand alone",
		soi + "\xff\xff\xff" + quantisation + "junk\xff\x00\xff\x01\xff\xd0\xff\xff\xff" + sof(1, 8, 9, 8, 1)[1:] + scan(1),
		Header{Format: JPEG, Width: 9, Height: 8, Depth: 8, Bands: 1, Scans: 1},
	},
	{
		"jpeg, metadata, the first EXIF counts, also after the frame header",
		jpegOf(segment(0xe0, "JFIF\x00"), sof(0, 8, 4, 3, 3), segment(0xe1, "Exif\x00\x00"+exif(6)), segment(0xe1, "Exif\x00\x00"+exif(3)),
			segment(0xe2, "ICC_PROFILE\x00\x01\x02"+"12345"), segment(0xe2, "ICC_PROFILE\x00\x02\x02"+"678"),
			segment(0xed, "Photoshop 3.0\x00"), segment(0xfe, "hello"), scan(3)),
		Header{Format: JPEG, Width: 4, Height: 3, Depth: 8, Bands: 3, Scans: 1, Orientation: 6, ICCBytes: 8, TextBytes: 2*32 + 14 + 5},
	},
	{
		"jpeg, EXIF in big-endian order",
		jpegOf(segment(0xe1, "Exif\x00\x00MM\x00*"+be32(8)+be16(1, 274, 3)+be32(1)+be16(8, 0)+be32(0)), sof(0, 8, 4, 3, 1), scan(1)),
		Header{Format: JPEG, Width: 4, Height: 3, Depth: 8, Bands: 1, Scans: 1, Orientation: 8, TextBytes: 32},
	},
	{
		"jpeg, EXIF that is out of range, and one that is nonsense",
		jpegOf(segment(0xe1, "Exif\x00\x00"+exif(9)), segment(0xe1, "Exif\x00\x00nonsense"), sof(0, 8, 4, 3, 1), scan(1)),
		Header{Format: JPEG, Width: 4, Height: 3, Depth: 8, Bands: 1, Scans: 1, TextBytes: 32 + 14},
	},

	{"png, grey, 1 bit", pngOf(ihdr(32, 31, 1, 0), idat), Header{Format: PNG, Width: 32, Height: 31, Depth: 1, Bands: 1}},
	{"png, RGB, 16 bits", pngOf(ihdr(1, 2, 16, 2), idat), Header{Format: PNG, Width: 1, Height: 2, Depth: 16, Bands: 3}},
	{"png, grey and alpha", pngOf(ihdr(1, 2, 8, 4), idat), Header{Format: PNG, Width: 1, Height: 2, Depth: 8, Bands: 2, Alpha: true}},
	{"png, RGBA", pngOf(ihdr(1, 2, 8, 6), idat), Header{Format: PNG, Width: 1, Height: 2, Depth: 8, Bands: 4, Alpha: true}},
	{
		"png, palette, metadata before and after the pixels",
		pngOf(ihdr(5, 6, 4, 3), chunk("iCCP", "name\x00\x00zipped"), chunk("PLTE", "rgb"), chunk("tRNS", "\x00"), chunk("acTL", be32(9, 0)),
			chunk("eXIf", exif(3)), chunk("eXIf", exif(4)), chunk("tEXt", "a\x00b"), idat, idat, chunk("zTXt", "cde"), chunk("iTXt", "fghi")),
		Header{Format: PNG, Width: 5, Height: 6, Depth: 4, Bands: 1, Alpha: true, Orientation: 3, ICCBytes: 12, TextBytes: 2*26 + 3 + 3 + 4},
	},
	{
		"png, what counts only before the pixels stands after them",
		pngOf(ihdr(5, 6, 8, 2), idat, chunk("tRNS", "\x00\x00\x00\x00\x00\x00"), chunk("eXIf", exif(3))),
		Header{Format: PNG, Width: 5, Height: 6, Depth: 8, Bands: 3, TextBytes: 26},
	},
	{"png, pixels cut short", pngSignature + ihdr(5, 6, 8, 2) + idat[:9], Header{Format: PNG, Width: 5, Height: 6, Depth: 8, Bands: 3}},

	{
		"gif",
		screen(20, 10) + picture(0, 0, 20, 10) + ";",
		Header{Format: GIF, Width: 20, Height: 10, Depth: 8, Bands: 1},
	},
	{
		"gif, three frames, transparent, commented",
		screen(20, 10) + application("NETSCAPE2.0", "\x01\x00\x00") + control(0) + picture(0, 0, 20, 10) + control(1) + picture(5, 5, 90, 90) +
			"\x21\xfe" + subBlocks("hello") + application("ICCRGBG1012", strings.Repeat("p", 300)) + picture(0, 0, 1, 1) + ";" + picture(0, 0, 1, 1),
		Header{Format: GIF, Width: 20, Height: 10, Frames: 3, Depth: 8, Bands: 1, Alpha: true, ICCBytes: 300, TextBytes: 5 + 3},
	},
	{"gif, the first frame widens the screen", screen(20, 10) + picture(15, 2, 20, 3) + ";", Header{Format: GIF, Width: 35, Height: 10, Depth: 8, Bands: 1}},
	{"gif, an empty screen", screen(0, 10) + picture(1, 2, 3, 4) + ";", Header{Format: GIF, Width: 4, Height: 6, Depth: 8, Bands: 1}},
	{"gif, the screen of an old program", screen(640, 480) + picture(0, 0, 16, 16) + ";", Header{Format: GIF, Width: 16, Height: 16, Depth: 8, Bands: 1}},
	{
		"gif, the second frame cut short",
		screen(20, 10) + picture(0, 0, 20, 10) + picture(0, 0, 20, 10)[:13],
		Header{Format: GIF, Width: 20, Height: 10, Frames: 2, Depth: 8, Bands: 1},
	},

	{"webp, lossy", riff(vp8(0x3fff, 7)), Header{Format: WebP, Width: 0x3fff, Height: 7, Depth: 8, Bands: 3}},
	{"webp, lossless", riff(vp8l(0x4000, 9, 0)), Header{Format: WebP, Width: 0x4000, Height: 9, Depth: 8, Bands: 3}},
	{"webp, lossless with alpha", riff(vp8l(3, 9, 1)), Header{Format: WebP, Width: 3, Height: 9, Depth: 8, Bands: 4, Alpha: true}},
	{
		"webp, extended",
		riff(vp8x(0x3c, 300, 200), riffChunk("ICCP", "profile"), vp8(300, 200), riffChunk("EXIF", "Exif\x00\x00"+exif(5)), riffChunk("XMP ", "x")),
		Header{Format: WebP, Width: 300, Height: 200, Depth: 8, Bands: 4, Alpha: true, Orientation: 5, ICCBytes: 7, TextBytes: 32 + 1},
	},
	{
		"webp, animated",
		riff(vp8x(0x0a, 300, 200), riffChunk("ANIM", "012345"), anmf(0, 0, 300, 200, vp8(300, 200)), anmf(0, 0, 300, 200, vp8l(300, 200, 0)), riffChunk("EXIF", exif(7))),
		Header{Format: WebP, Width: 300, Height: 200, Frames: 2, Depth: 8, Bands: 3, Orientation: 7, TextBytes: 26},
	},
	{
		"webp, a frame leaves a part of the canvas free",
		riff(vp8x(0x02, 300, 200), anmf(10, 20, 290, 180, vp8(290, 180))),
		Header{Format: WebP, Width: 300, Height: 200, Depth: 8, Bands: 4, Alpha: true},
	},

	{"avif", still(300, 200).String(), Header{Format: AVIF, Width: 300, Height: 200, Depth: 8, Bands: 3}},
	{"avif, 10 bits", still(3, 2, av1C(0x40)).String(), Header{Format: AVIF, Width: 3, Height: 2, Depth: 10, Bands: 3}},
	{"avif, 12 bits, monochrome", still(3, 2, av1C(0x70)).String(), Header{Format: AVIF, Width: 3, Height: 2, Depth: 12, Bands: 1}},
	{
		"avif, turned, mirrored, with a profile",
		still(300, 200, boxOf("imir", "\x01"), boxOf("irot", "\x01"), boxOf("colr", "prof", "profile"), boxOf("colr", "nclx", "\x00\x01\x00\x0d\x00\x06\x80")).String(),
		Header{Format: AVIF, Width: 200, Height: 300, Depth: 8, Bands: 3, ICCBytes: 7},
	},
	{
		"avif, cut and then turned",
		still(300, 200, boxOf("clap", be32(299, 1, 397, 2, 0, 1, 0, 1)), boxOf("irot", "\x03")).String(),
		Header{Format: AVIF, Width: 199, Height: 299, Depth: 8, Bands: 3, Pixels: 300 * 200},
	},
	{
		"avif, alpha, EXIF and XMP, whose orientation does not count",
		avif{
			brand: "avif", items: []string{infe(1, "av01"), infe(2, "av01"), infe(3, "Exif"), infe(4, "mime")},
			references: boxOf("auxl", be16(2, 1, 1)) + boxOf("cdsc", be16(3, 1, 1)),
			properties: []string{ispe(30, 20), av1C(0), auxC(alphaPlane)},
			belong:     [][]int{{1, 2}, {1, 0x82, 3}}, locations: []int{1000, 500, 40, 2},
		}.String(),
		Header{Format: AVIF, Width: 30, Height: 20, Depth: 8, Bands: 4, Alpha: true, Pixels: 2 * 30 * 20, TextBytes: 42},
	},
	{
		"avif, a grid of two tiles, and a depth plane",
		avif{
			brand: "mif1", items: []string{infe(1, "grid"), infe(2, "av01"), infe(3, "av01"), infe(4, "av01")},
			references: boxOf("dimg", be16(1, 2, 2, 3)) + boxOf("auxl", be16(4, 1, 1)),
			properties: []string{ispe(100, 60), ispe(64, 64), av1C(0x40), auxC("urn:mpeg:hevc:2015:auxid:2")},
			belong:     [][]int{{1}, {2, 3}, {2, 3}, {2, 4}},
		}.String(),
		Header{Format: AVIF, Width: 100, Height: 60, Depth: 10, Bands: 3, Pixels: 100*60 + 3*64*64},
	},
	{
		"heic, for all its brand says",
		avif{
			brand: "avif", items: []string{infe(1, "hvc1")},
			properties: []string{ispe(300, 200), boxOf("hvcC", strings.Repeat("\x00", 16), "\x01\x02\x02")},
			belong:     [][]int{{1, 2}},
		}.String(),
		Header{Format: HEIC, Width: 300, Height: 200, Depth: 10, Bands: 3},
	},

	{
		"tiff, the smallest",
		tiffOf([]tag{short(256, 640), long(257, 480)}),
		Header{Format: TIFF, Width: 640, Height: 480, Depth: 1, Bands: 1},
	},
	{
		"tiff, three pages, metadata",
		tiffOf([]tag{
			short(256, 640), short(257, 480),
			{258, 3, 4, le16(8, 8, 8, 8)},
			{270, 2, 6, "hello\x00"},
			short(274, 7), short(277, 4), short(338, 2),
			{700, 1, 3, "xmp"},
			{33723, 4, 2, "iptciptc"},
			{34377, 1, 2, "ps"},
			{34675, 7, 9, "an ICC pr"},
		}, []tag{short(256, 1)}, nil),
		Header{
			Format: TIFF, Width: 640, Height: 480, Pages: 3, Orientation: 7, Depth: 8, Bands: 4, Alpha: true,
			ICCBytes: 9, TextBytes: 6 + 3 + 8 + 2,
		},
	},
	{"tiff, big", bigTIFF, Header{Format: TIFF, Width: 70_000, Height: 2, Depth: 16, Bands: 4, Alpha: true}},
	{
		"tiff, pages in a circle",
		"II*\x00" + le32(8) + le16(2, 256, 3) + le32(1, 5) + le16(257, 3) + le32(1, 6, 38) + le16(0) + le32(8),
		Header{Format: TIFF, Width: 5, Height: 6, Pages: 2, Depth: 1, Bands: 1},
	},

	{"bmp", "BM" + le32(70, 0, 54, 40, 12, -34) + le16(1, 24) + le32(0, 0, 0, 0, 0, 0), Header{Format: BMP, Width: 12, Height: 34, Depth: 8, Bands: 3}},
	{"bmp of OS/2", "BM" + le32(70, 0, 26, 12) + le16(12, 34, 1, 4), Header{Format: BMP, Width: 12, Height: 34, Depth: 4, Bands: 1}},
	{"bmp, 2 bits", "BM" + le32(70, 0, 54, 40, 12, 34) + le16(1, 2) + strings.Repeat("\x00", 24), Header{Format: BMP, Width: 12, Height: 34, Depth: 2, Bands: 1}},
	{
		"bmp with alpha",
		"BM" + le32(70, 0, 54, 56, 12, 34) + le16(1, 32) + le32(3, 0, 0, 0, 0, 0, 0xff, 0xff00, 0xff0000, 0xff<<24),
		Header{Format: BMP, Width: 12, Height: 34, Depth: 8, Bands: 4, Alpha: true},
	},
	{
		"ico, the largest of three",
		iconOf(dibOf(16, 16, 32), dibOf(48, 40, 4), dibOf(48, 40, 8)),
		Header{Format: ICO, Width: 48, Height: 40, Depth: 8, Bands: 1, Alpha: true},
	},
	{
		"ico with a PNG",
		iconOf(dibOf(16, 16, 32), pngOf(ihdr(256, 200, 8, 6), chunk("tEXt", "a\x00bc"), idat)),
		Header{Format: ICO, Width: 256, Height: 200, Depth: 8, Bands: 4, Alpha: true, TextBytes: 4},
	},
	{"cursor", "\x00\x00\x02" + iconOf(dibOf(32, 32, 1))[3:], Header{Format: ICO, Width: 32, Height: 32, Depth: 1, Bands: 1, Alpha: true}},
	{"svg", `<svg xmlns="http://www.w3.org/2000/svg"/>`, Header{Format: SVG}},
	{"svg, prefixed", "\xef\xbb\xbf <?xml version='1.0'?>\n<!-- <html> -->\r\n<?pi?><svg:svg>", Header{Format: SVG}},
	{"svg, names like that of text", `<svg><title>text</title><textPath/><text-x/><g text="1"/></svg>`, Header{Format: SVG}},
	{"svg, with a document type", `<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd"><svg/>`, Header{Format: SVG}},
	{"pdf", "%PDF-1.7\n", Header{Format: PDF}},
	{"jxl", "\xff\x0a\x00", Header{Format: JXL}},
	{"jxl in boxes", "\x00\x00\x00\x0cJXL \r\n\x87\n", Header{Format: JXL}},
	{"jp2", "\x00\x00\x00\x0cjP  \r\n\x87\n", Header{Format: JP2}},
	{"j2k", "\xff\x4f\xff\x51\x00", Header{Format: JP2}},
	{"psd", "8BPS\x00\x01", Header{Format: PSD}},
}

func TestReadTellsTheHeader(t *testing.T) {
	for _, e := range examples {
		t.Run(e.name, func(t *testing.T) {
			got, err := read(e.file)
			if err != nil {
				t.Fatal(err)
			}
			if want := plain(e.want); got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestEveryTruncationIsReadOrRefused(t *testing.T) {
	for _, e := range examples {
		for n := range len(e.file) {
			got, err := read(e.file[:n])
			if err != nil && !errors.Is(err, ErrBroken) && !errors.Is(err, ErrUnknown) && !errors.Is(err, ErrKind) {
				t.Errorf("%s, %d bytes: %v", e.name, n, err)
			}
			if err == nil && got.Width != 0 && (got.Width != e.want.Width || got.Height != e.want.Height) {
				t.Errorf("%s, %d bytes: %d×%d", e.name, n, got.Width, got.Height)
			}
			if err != nil && (got != Header{Format: got.Format}) {
				t.Errorf("%s, %d bytes: %+v with %v", e.name, n, got, err)
			}
		}
	}
}

func TestUnknownFilesAreRefused(t *testing.T) {
	for _, file := range []string{
		"", "x", "<html><svg></html>", "<!-- without an end <svg>", "<svgs>", "<?xml?>", "<!DOCTYPE html>", "RIFF\x04\x00\x00\x00WAVE",
		"BM, he said, and nothing else", "\x00\x00\x01\x00\x00\x00", boxOf("ftyp", "isom", be32(0), "mp42"), strings.Repeat("\n", 5000) + "<svg>",
	} {
		if h, err := read(file); !errors.Is(err, ErrUnknown) || h != (Header{}) {
			t.Errorf("%.20q: %+v, %v", file, h, err)
		}
	}
}

// A failing reader fails from a certain read on.
type failing struct {
	io.ReaderAt
	reads int
}

var errFailing = errors.New("disk on fire")

func (f *failing) ReadAt(p []byte, offset int64) (int, error) {
	if f.reads--; f.reads < 0 {
		return 0, errFailing
	}
	return f.ReaderAt.ReadAt(p, offset)
}

// spread puts so much space into files that they are read in several windows.
var spread = []string{
	jpegOf(segment(0xe1, "Exif\x00\x00"+exif(6)), segment(0xe5, strings.Repeat("x", 60_000)), sof(2, 8, 2, 2, 1), scan(1), strings.Repeat("x", 200_000), scan(1)),
	pngOf(ihdr(2, 2, 8, 2), chunk("eXIf", exif(1)+strings.Repeat("x", 9_000)), chunk("IDAT", strings.Repeat("x", 9_000))),
	screen(2, 2) + "\x21\xfe" + subBlocks(strings.Repeat("x", 9_000)) + picture(0, 0, 2, 2) + ";",
	riff(vp8x(8, 2, 2), vp8(2, 2), riffChunk("XMP ", strings.Repeat("x", 9_000)), riffChunk("EXIF", exif(2))),
	avif{
		brand: "avif", items: []string{infe(1, "av01"), infe(2, "Exif")}, properties: []string{boxOf("free", strings.Repeat("x", 9_000)), ispe(2, 2)},
		belong: [][]int{{2}}, locations: []int{1}, after: boxOf("free", strings.Repeat("x", 9_000)) + boxOf("free"),
	}.String(),
	tiffOf([]tag{{270, 2, 9_000, strings.Repeat("x", 9_000)}, short(256, 2), short(257, 2), {258, 3, 3, le16(8, 8, 8)}}, []tag{short(256, 2)}),
}

func TestErrorsOfTheReaderAreReturned(t *testing.T) {
	for _, file := range spread {
		want, err := read(file)
		if err != nil {
			t.Fatal(err)
		}
		reads := 0
		for {
			got, err := Read(&failing{strings.NewReader(file), reads}, int64(len(file)))
			if err == nil {
				if got != want {
					t.Errorf("%s: got %+v, want %+v", want.Format, got, want)
				}
				break
			}
			if !errors.Is(err, errFailing) || errors.Is(err, ErrBroken) {
				t.Errorf("%s, %d reads: %v", want.Format, reads, err)
			}
			if reads++; reads > 100 {
				t.Fatalf("%s: more than 100 reads of %d bytes", want.Format, len(file))
			}
		}
		if reads < 2 {
			t.Errorf("%s: only %d reads", want.Format, reads)
		}
	}
}

func TestAFileShorterThanItsSizeIsBroken(t *testing.T) {
	if _, err := Read(strings.NewReader(baseline), int64(len(baseline))+5000); !errors.Is(err, ErrBroken) {
		t.Error(err)
	}
	if _, err := Read(strings.NewReader(baseline), -1); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
}
