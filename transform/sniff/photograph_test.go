package sniff

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

// What a camera writes: of itself in the first directory, of the picture in a second, of the place in a third.
func text(number int, value string) tag { return tag{number, 2, len(value) + 1, value + "\x00"} }

func ratio(number, above, below int) tag { return tag{number, 5, 1, le32(above, below)} }

// photograph is an EXIF block of two directories. The second one begins where the first one says.
func photograph(about, taken []tag) string {
	about = append(about, long(tagEXIF, 0))
	second := len(tiffOf(about))
	about[len(about)-1] = long(tagEXIF, second)
	return tiffOf(about) + strings.TrimPrefix(shifted(taken, second), "II*\x00"+le32(8))
}

// shifted is a TIFF of one directory whose offsets count from a header that stands as many bytes before.
func shifted(tags []tag, by int) string {
	after := by + 2 + 12*len(tags) + 4
	entries, values := le16(len(tags)), ""
	for _, t := range tags {
		value := t.value + "\x00\x00\x00\x00"
		if len(t.value) > 4 {
			value = le32(after + len(values))
			values += t.value
		}
		entries += le16(t.number, t.kind) + le32(t.count) + value[:4]
	}
	return "II*\x00" + le32(8) + entries + le32(0) + values
}

var (
	aboutCamera = []tag{
		text(tagDescription, "A tree\non a hill "), text(tagMake, "Calo"), text(tagModel, "T"), short(tagOrientation, 6), text(tagArtist, "Zoë"), text(tagCopyright, "CC0"),
	}
	aboutShot = []tag{
		ratio(tagExposureTime, 1, 250), ratio(tagFNumber, 28, 10), short(tagISO, 400), text(tagTaken, "2024:05:01 12:30:00"), text(tagTakenOffset, "+02:00"),
		ratio(tagFocalLength, 50, 1), short(tagFocalLength35, 75), text(tagLensMake, "Lens & Co"), text(tagLensModel, "50mm F1.8"),
	}
	shot = EXIF{
		Make: "Calo", Model: "T", LensMake: "Lens & Co", LensModel: "50mm F1.8", ExposureTime: 0.004, FNumber: 2.8, ISO: 400, FocalLength: 50, FocalLength35: 75,
		Taken: "2024-05-01T12:30:00+02:00", Description: "A tree on a hill", Artist: "Zoë", Copyright: "CC0",
	}
)

func readEXIF(t *testing.T, file string) EXIF {
	t.Helper()
	e, err := ReadEXIF(strings.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestReadEXIF(t *testing.T) {
	block := photograph(aboutCamera, aboutShot)
	a := still(4, 3)
	a.items, a.locations = append(a.items, infe(2, "Exif")), []int{6, 4 + len(block)}
	a.after = boxOf("free", be32(0), block)
	inAVIF := strings.Replace(a.String(), be16(2, 0, 1)+be32(0, 4+len(block)), be16(2, 0, 1)+be32(len(a.String())-4-len(block), 4+len(block)), 1)
	page := append([]tag{long(256, 4), long(257, 3)}, aboutCamera...)
	for name, file := range map[string]string{
		"jpeg":             jpegOf(segment(0xe1, "Exif\x00\x00"+block), sof(0, 8, 4, 3, 3), scan(3)),
		"jpeg, two blocks": jpegOf(segment(0xe1, "http://ns.adobe.com/xap/1.0/\x00"), segment(0xe1, "Exif\x00\x00"+block), segment(0xe1, "Exif\x00\x00"+exif(1)), sof(0, 8, 4, 3, 3), scan(3)),
		"png":              pngOf(ihdr(4, 3, 8, 2), chunk("eXIf", block), chunk("IDAT", "x")),
		"webp":             riff(vp8x(8, 4, 3), vp8(4, 3), riffChunk("EXIF", block)),
		"webp, with name":  riff(vp8x(8, 4, 3), vp8(4, 3), riffChunk("EXIF", "Exif\x00\x00"+block)),
		"tiff":             photograph(page, aboutShot),
		"avif":             inAVIF,
	} {
		if got := readEXIF(t, file); got != shot {
			t.Errorf("%s: %+v, want %+v", name, got, shot)
		}
	}
	for name, file := range map[string]string{
		"jpeg": jpegOf(sof(0, 8, 4, 3, 3), scan(3)), "gif": "GIF89a" + le16(4, 3) + "\x00\x00\x00,\x00\x00\x00\x00" + le16(4, 3) + "\x00\x02\x00;",
		"png, after the pixels": pngOf(ihdr(4, 3, 8, 2), chunk("IDAT", "x"), chunk("eXIf", block)),
	} {
		if got := readEXIF(t, file); got != (EXIF{}) {
			t.Errorf("%s without EXIF: %+v", name, got)
		}
	}
	if _, err := ReadEXIF(strings.NewReader("nothing"), 7); !errors.Is(err, ErrUnknown) {
		t.Errorf("of no image: %v", err)
	}
}

// What makes no sense is left out, and the rest is told.
func TestReadEXIFOfNonsense(t *testing.T) {
	f := func(what string, about, taken []tag, want EXIF) {
		t.Helper()
		if got := readEXIF(t, jpegOf(segment(0xe1, "Exif\x00\x00"+photograph(about, taken)), sof(0, 8, 4, 3, 3), scan(3))); got != want {
			t.Errorf("%s: %+v, want %+v", what, got, want)
		}
	}
	f("nothing", nil, nil, EXIF{})
	f("ratios", nil, []tag{ratio(tagExposureTime, 1, 0), ratio(tagFNumber, 0, 1), ratio(tagFocalLength, -1, 1), short(tagISO, 1)}, EXIF{FocalLength: 1<<32 - 1, ISO: 1})
	f("other types", []tag{short(tagMake, 7), {tagModel, 99, 3, "abc"}, {tagArtist, 2, 0, ""}}, []tag{{tagISO, 2, 2, "a\x00"}, {tagTaken, 7, 4, "abcd"}, short(tagFNumber, 3)}, EXIF{})
	f("texts", []tag{{tagMake, 2, 4, "abcd"}, text(tagModel, "  a \t\x01 b\x00c"), text(tagArtist, "\xff\xfeé"), {tagCopyright, 129, 3, "é\x00"}}, nil, EXIF{Make: "abcd", Model: "a b", Artist: "\ufffdé", Copyright: "é"})
	f("a long text", []tag{text(tagCopyright, strings.Repeat("x", 3000))}, nil, EXIF{Copyright: strings.Repeat("x", maxText)})
	f("a value outside", []tag{{tagMake, 2, 60_000, "abcdefgh"}, text(tagModel, "T")}, nil, EXIF{Model: "T"})
	f("a large number", nil, []tag{long(tagISO, 1<<31)}, EXIF{})
	for date, want := range map[string]string{
		"2024:05:01 12:30:00": "2024-05-01T12:30:00", "2024:02:30 12:30:00": "", "0000:00:00 00:00:00": "", "    :  :     :  :  ": "", "2024-05-01 12:30:00": "", "2024:05:01": "",
	} {
		f(date, nil, []tag{text(tagTaken, date), text(tagTakenOffset, "2:00")}, EXIF{Taken: want})
	}
	for _, broken := range []string{"", "II", "II*\x00" + le32(1<<31), "II*\x00" + le32(8) + le16(9), "XX*\x00" + le32(8)} {
		if got := readEXIF(t, jpegOf(segment(0xe1, "Exif\x00\x00"+broken), sof(0, 8, 4, 3, 3), scan(3))); got != (EXIF{}) {
			t.Errorf("%q: %+v", broken, got)
		}
	}
	// A directory that leads to itself.
	if got := readEXIF(t, jpegOf(segment(0xe1, "Exif\x00\x00"+tiffOf([]tag{long(tagEXIF, 8), short(tagISO, 5)})), sof(0, 8, 4, 3, 3), scan(3))); got != (EXIF{ISO: 5}) {
		t.Errorf("a circle: %+v", got)
	}
}

func TestReadEXIFPassesOnErrorsOfTheReader(t *testing.T) {
	file := jpegOf(segment(0xe1, "Exif\x00\x00"+photograph(aboutCamera, aboutShot)), sof(0, 8, 4, 3, 3), scan(3))
	if _, err := ReadEXIF(iotestReader{}, int64(len(file))); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("got %v", err)
	}
}

type iotestReader struct{}

func (iotestReader) ReadAt([]byte, int64) (int, error) { return 0, io.ErrNoProgress }

// FuzzReadEXIF: whatever is in a file, what is told of it is short and clean, and little of it is read.
func FuzzReadEXIF(f *testing.F) {
	block := photograph(aboutCamera, aboutShot)
	for _, e := range examples {
		f.Add([]byte(e.file))
	}
	f.Add([]byte(jpegOf(segment(0xe1, "Exif\x00\x00"+block), sof(0, 8, 4, 3, 3), scan(3))))
	f.Add([]byte(photograph(append([]tag{long(256, 4), long(257, 3)}, aboutCamera...), aboutShot)))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &counter{ReaderAt: bytes.NewReader(data)}
		e, err := ReadEXIF(c, int64(len(data)))
		if c.longest > lastWindow || c.bytes > 8*len(data)+2*maxPages*leapWindow {
			t.Fatalf("%d bytes read of %d, %d at once", c.bytes, len(data), c.longest)
		}
		if _, known := Read(bytes.NewReader(data), int64(len(data))); (err == nil) != (known == nil) || err != nil && e != (EXIF{}) {
			t.Fatalf("%v and %+v, of the header %v", err, e, known)
		}
		for _, s := range []string{e.Make, e.Model, e.LensMake, e.LensModel, e.Taken, e.Description, e.Artist, e.Copyright} {
			if len(s) > 3*maxText || strings.ContainsAny(s, "\x00\n\r\x1b") || strings.ToValidUTF8(s, "") != s {
				t.Fatalf("%q", s)
			}
		}
		if e.ISO < 0 || e.FocalLength35 < 0 || !(e.ExposureTime >= 0 && e.FNumber >= 0 && e.FocalLength >= 0 && e.FocalLength < 1<<33) {
			t.Fatalf("%+v", e)
		}
	})
}
