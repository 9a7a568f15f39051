package dib

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// letters are the colors of small pictures, as bytes of a BMP: blue, green, red and alpha.
var letters = map[byte]string{
	'k': "\x00\x00\x00\xff", 'w': "\xff\xff\xff\xff", 'r': "\x00\x00\xff\xff", 'g': "\x00\xff\x00\xff", 'b': "\xff\x00\x00\xff",
	'.': "\x00\x00\x00\x00",
}

func le16(numbers ...int) (s string) {
	for _, n := range numbers {
		s += string(binary.LittleEndian.AppendUint16(nil, uint16(n)))
	}
	return s
}

func le32(numbers ...int) (s string) {
	for _, n := range numbers {
		s += string(binary.LittleEndian.AppendUint32(nil, uint32(n)))
	}
	return s
}

// info is a header of 40 bytes.
func info(width, height, bits, coded, colors int) string {
	return le32(40, width, height) + le16(1, bits) + le32(coded, 0, 0, 0, colors, 0)
}

// colors is a palette.
func colors(text string) (s string) {
	for i := range len(text) {
		s += letters[text[i]]
	}
	return s
}

func bmpOf(header, palette, pixels string) string {
	offset := fileHeader + len(header) + len(palette)
	return "BM" + le32(offset+len(pixels), 0, offset) + header + palette + pixels
}

// board is a canvas that tests look at.
type board struct {
	width, bands int
	pixels       []byte
}

func (b *board) make(width, height, bands int) ([]byte, error) {
	if width*height > 1<<22 {
		return nil, fmt.Errorf("%d×%d pixels", width, height)
	}
	b.width, b.bands, b.pixels = width, bands, make([]byte, width*height*bands)
	return b.pixels, nil
}

// String shows the picture by letters, row by row; what has no letter is ?.
func (b *board) String() string {
	var s strings.Builder
	for at := 0; at < len(b.pixels); at += b.bands {
		if at > 0 && at%(b.width*b.bands) == 0 {
			s.WriteByte(' ')
		}
		p := b.pixels[at:]
		alpha := byte(255)
		if b.bands == 4 {
			alpha = p[3]
		}
		letter := byte('?')
		for l, c := range letters {
			if alpha == 0 && l == '.' || alpha != 0 && c == string([]byte{p[2], p[1], p[0], alpha}) {
				letter = l
			}
		}
		s.WriteByte(letter)
	}
	return s.String()
}

func decodeBMP(file string) (string, error) {
	var b board
	err := DecodeBMP(strings.NewReader(file), int64(len(file)), b.make)
	return b.String(), err
}

// Every kind of BMP shows the picture that was put in, whose rows lie from bottom to top.
func TestBMP(t *testing.T) {
	const want = "rgb wkr"
	palette := colors("krgbw")
	v3 := func(bits int, masks ...int) string {
		return strings.Replace(info(3, 2, bits, codedMasks, 0), le32(40), le32(56), 1) + le32(masks...)
	}
	f := func(what, file string) {
		t.Helper()
		if got, err := decodeBMP(file); got != want || err != nil {
			t.Errorf("%s: %s, %v", what, got, err)
		}
	}
	f("8 bits", bmpOf(info(3, 2, 8, codedPlain, 5), palette, "\x04\x00\x01\x00"+"\x01\x02\x03\x00"))
	f("8 bits from top to bottom", bmpOf(info(3, -2, 8, codedPlain, 5), palette, "\x01\x02\x03\x00"+"\x04\x00\x01\x00"))
	f("4 bits", bmpOf(info(3, 2, 4, codedPlain, 5), palette, "\x40\x10\x00\x00"+"\x12\x30\x00\x00"))
	f("4 bits, the palette of OS/2", bmpOf(le32(12)+le16(3, 2, 1, 4),
		"\x00\x00\x00"+"\x00\x00\xff"+"\x00\xff\x00"+"\xff\x00\x00"+"\xff\xff\xff", "\x40\x10\x00\x00"+"\x12\x30\x00\x00"))
	f("16 bits, 5 for each color", bmpOf(info(3, 2, 16, codedPlain, 0), "", le16(0x7fff, 0, 0x7c00, 0)+le16(0x7c00, 0x3e0, 0x1f, 0)))
	f("16 bits, 6 for green", bmpOf(info(3, 2, 16, codedMasks, 0)+le32(0xf800, 0x7e0, 0x1f), "", le16(0xffff, 0, 0xf800, 0)+le16(0xf800, 0x7e0, 0x1f, 0)))
	f("24 bits", bmpOf(info(3, 2, 24, codedPlain, 0), "", "\xff\xff\xff\x00\x00\x00\x00\x00\xff\x00\x00\x00"+"\x00\x00\xff\x00\xff\x00\xff\x00\x00\x00\x00\x00"))
	f("32 bits, the fourth byte unused", bmpOf(info(3, 2, 32, codedPlain, 0), "", le32(0xffffff, 0, 0xff0000)+le32(0xff0000, 0xff00, 0xff)))
	f("32 bits, masks", bmpOf(info(3, 2, 32, codedMasks, 0)+le32(0xff, 0xff00, 0xff0000), "", le32(0xffffff, 0, 0xff)+le32(0xff, 0xff00, 0xff0000)))
	f("32 bits, 10 for each color", bmpOf(v3(32, 0x3ff00000, 0xffc00, 0x3ff, 0), "", le32(0x3fffffff, 0, 0x3ff00000)+le32(0x3ff00000, 0xffc00, 0x3ff)))
	f("32 bits, alpha that is not set", bmpOf(v3(32, 0xff0000, 0xff00, 0xff, 0xff<<24), "", le32(0xffffff, 0, 0xff0000)+le32(0xff0000, 0xff00, 0xff)))
	f("32 bits, a palette that nobody needs", bmpOf(info(3, 2, 32, codedPlain, 5), palette, le32(0xffffff, 0, 0xff0000)+le32(0xff0000, 0xff00, 0xff)))
	f("RLE8", bmpOf(info(3, 2, 8, codedRLE8, 5), palette, "\x01\x04\x01\x00\x01\x01\x00\x00"+"\x00\x03\x01\x02\x03\x00\x00\x01"))
	f("RLE8 that leaps over black", bmpOf(info(3, 2, 8, codedRLE8, 5), palette, "\x01\x04\x00\x02\x01\x00\x01\x01\x00\x00"+"\x00\x03\x01\x02\x03\x00\x00\x01"))
	f("RLE8 with a run over the edge", bmpOf(info(3, 2, 8, codedRLE8, 5), palette, "\x01\x04\x01\x00\xff\x01\x00\x00"+"\x00\x03\x01\x02\x03\x00\x00\x00"))
	f("RLE4", bmpOf(info(3, 2, 4, codedRLE4, 5), palette, "\x02\x40\x01\x10\x00\x00"+"\x00\x03\x12\x30\x00\x01"))
}

func TestBMPOfFewBits(t *testing.T) {
	if got, err := decodeBMP(bmpOf(info(9, 1, 1, codedPlain, 0), colors("rg"), "\xa0\x80\x00\x00")); got != "grgrrrrrg" || err != nil {
		t.Errorf("1 bit: %s, %v", got, err)
	}
	if got, err := decodeBMP(bmpOf(info(5, 1, 2, codedPlain, 0), colors("rgbw"), "\x1b\xc0\x00\x00")); got != "rgbww" || err != nil {
		t.Errorf("2 bits: %s, %v", got, err)
	}
	if got, err := decodeBMP(bmpOf(info(2, 1, 8, codedPlain, 2), colors("rg"), "\x01\xee\x00\x00")); got != "gk" || err != nil {
		t.Errorf("an index outside of the palette: %s, %v", got, err)
	}
}

func TestBMPWithAlpha(t *testing.T) {
	header := strings.Replace(info(3, 1, 32, codedMasks, 0), le32(40), le32(56), 1) + le32(0xff0000, 0xff00, 0xff, 0xff<<24)
	if got, err := decodeBMP(bmpOf(header, "", le32(0xffff0000, 0x12345, 0xff0000ff))); got != "r.b" || err != nil {
		t.Errorf("%s, %v", got, err)
	}
}

func TestBrokenBMP(t *testing.T) {
	palette := colors("krgbw")
	for what, file := range map[string]string{
		"nothing":                  "",
		"no pixels":                bmpOf(info(3, 2, 8, codedPlain, 5), palette, ""),
		"half the pixels":          bmpOf(info(3, 2, 8, codedPlain, 5), palette, "\x01\x02\x03\x00"),
		"no palette":               bmpOf(info(3, 2, 8, codedPlain, 5), "", "\x01\x02\x03\x00\x01\x02\x03\x00"),
		"pixels in the header":     "BM" + le32(60, 0, 20) + info(1, 1, 24, codedPlain, 0) + "rgb\x00",
		"pixels outside":           "BM" + le32(60, 0, 2000) + info(1, 1, 24, codedPlain, 0) + "rgb\x00",
		"more rows than there are": bmpOf(info(3, 1<<30, 8, codedPlain, 5), palette, "\x01\x02\x03\x00"),
		"rows of 8 GB":             bmpOf(info(1<<31-1, 1, 32, codedPlain, 0), "", "\x01\x02\x03\x00"),
		"runs without an end":      bmpOf(info(3, 2, 8, codedRLE8, 5), palette, "\x01\x04"),
		"a run cut short":          bmpOf(info(3, 2, 8, codedRLE8, 5), palette, "\x00\x09\x01"),
	} {
		if got, err := decodeBMP(file); !errors.Is(err, ErrBroken) {
			t.Errorf("%s: %s, %v", what, got, err)
		}
	}
}

// iconOf is an ICO of these pictures; its directory says that all are of 16×16.
func iconOf(pictures ...string) string {
	directory, data := "", ""
	for _, p := range pictures {
		directory += "\x10\x10\x00\x00" + le16(1, 32) + le32(len(p), icoHeader+icoEntry*len(pictures)+len(data))
		data += p
	}
	return le16(0, 1, len(pictures)) + directory + data
}

func decodeICO(file string) (string, error) {
	icon, err := ChooseIcon(strings.NewReader(file), int64(len(file)))
	if err != nil || icon.PNG {
		return "", err
	}
	var b board
	err = icon.Decode(strings.NewReader(file), b.make)
	return b.String(), err
}

// Bitmaps in icons are transparent where their mask says so, or their alpha if they have one.
func TestICO(t *testing.T) {
	f := func(what, want string, pictures ...string) {
		t.Helper()
		if got, err := decodeICO(iconOf(pictures...)); got != want || err != nil {
			t.Errorf("%s: %s, %v", what, got, err)
		}
	}
	small := info(1, 2, 8, codedPlain, 1) + colors("r") + "\x00\x00\x00\x00"
	masked := info(3, 4, 4, codedPlain, 5) + colors("krgbw") + "\x40\x10\x00\x00" + "\x12\x30\x00\x00" + "\x40\x00\x00\x00" + "\x20\x00\x00\x00"
	deep := info(3, 4, 32, codedPlain, 0) + le32(0xff0000, 0xffff0000, 0xff0000ff) + le32(0xffffffff, 0, 0xff000000)
	flat := info(3, 4, 32, codedPlain, 0) + le32(0xff0000, 0xff0000, 0xff) + le32(0xffffff, 0, 0)
	f("a mask", "rg. w.r", masked)
	f("alpha", "w.k .rb", deep)
	f("alpha that is not set", "wkk rrb", flat)
	f("alpha that is not set, and a mask", "wk. rrb", flat+"\x00\x00\x00\x00"+"\x20\x00\x00\x00")
	f("the mask cut short", "rgb w.r", masked[:len(masked)-4])
	f("a larger one behind a smaller", "rg. w.r", small, masked)
	f("more bits behind fewer", "w.k .rb", small, masked, deep)
}

func TestIconOfAPNG(t *testing.T) {
	picture := pngSignature + "\x00\x00\x00\x0dIHDR\x00\x00\x01\x00\x00\x00\x01\x00\x08\x06"
	file := string(EncodeIcon([]byte(picture), 256, 256))
	icon, err := ChooseIcon(strings.NewReader(file), int64(len(file)))
	if err != nil || !icon.PNG || file[icon.Offset:][:icon.Length] != picture {
		t.Errorf("%+v, %v", icon, err)
	}
}

func FuzzBMP(f *testing.F) {
	palette := colors("krgbw")
	f.Add([]byte(bmpOf(info(3, 2, 8, codedPlain, 5), palette, "\x04\x00\x01\x00"+"\x01\x02\x03\x00")))
	f.Add([]byte(bmpOf(info(3, 2, 8, codedRLE8, 5), palette, "\x01\x04\x00\x02\x01\x00\x01\x01\x00\x00"+"\x00\x03\x01\x02\x03\x00\x00\x01")))
	f.Add([]byte(bmpOf(info(3, 2, 4, codedRLE4, 5), palette, "\x02\x40\x01\x10\x00\x00"+"\x00\x03\x12\x30\x00\x01")))
	f.Add([]byte(bmpOf(info(3, -2, 32, codedAlphaMasks, 0)+le32(0xff, 0xff00, 0xff0000, 0xff<<24), "", le32(1, 2, 3, 4, 5, 6))))
	f.Fuzz(func(t *testing.T, data []byte) {
		var b board
		check(t, &b, DecodeBMP(bytes.NewReader(data), int64(len(data)), b.make))
	})
}

func FuzzICO(f *testing.F) {
	f.Add([]byte(iconOf(info(3, 4, 4, codedPlain, 5) + colors("krgbw") + strings.Repeat("\x40\x10\x00\x00", 4))))
	f.Add([]byte(iconOf(info(1, 2, 32, codedPlain, 0)+le32(1, 0), info(1, 2, 1, codedPlain, 0)+strings.Repeat("\x40\x10\x00\x00", 4))))
	f.Add(EncodeIcon([]byte(pngSignature+"\x00\x00\x00\x0dIHDR\x00\x00\x01\x00\x00\x00\x01\x00\x08\x06"), 256, 256))
	f.Fuzz(func(t *testing.T, data []byte) {
		var b board
		icon, err := ChooseIcon(bytes.NewReader(data), int64(len(data)))
		if err == nil && icon.Offset+icon.Length > int64(len(data)) {
			t.Fatalf("%+v of %d bytes", icon, len(data))
		}
		if err == nil && !icon.PNG {
			err = icon.Decode(bytes.NewReader(data), b.make)
		}
		check(t, &b, err)
	})
}

// check fails on an error that is none of this package's, unless the canvas was refused.
func check(t *testing.T, b *board, err error) {
	if err != nil && b.pixels != nil && !errors.Is(err, ErrBroken) {
		t.Fatal(err)
	}
}
