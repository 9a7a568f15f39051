//go:build hostile

package test

import (
	"bytes"
	"compress/zlib"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"slices"
	"testing"
	"time"
)

// Each bomb is small, is made in a moment, and is the same each time.
func TestBombs(t *testing.T) {
	const fewest, largest = 45, 8 << 20
	list := bombs()
	if len(list) < fewest {
		t.Errorf("there are %d bombs", len(list))
	}
	names := map[string]bool{}
	var longest time.Duration
	slowest, visible := "", 0
	for _, bomb := range list {
		if names[bomb.name] {
			t.Errorf("two bombs are called %s", bomb.name)
		}
		names[bomb.name] = true
		if bomb.visible {
			visible++
		}
		began := time.Now()
		data := bomb.build()
		if took := time.Since(began); took > longest {
			longest, slowest = took, bomb.name
		}
		if len(data) == 0 || len(data) > largest {
			t.Errorf("%s has %d bytes", bomb.name, len(data))
		}
		if !bytes.Equal(data, bomb.build()) {
			t.Errorf("%s is not the same a second time", bomb.name)
		}
	}
	t.Logf("%d bombs, %d of them visible; the longest to make is %s: %v",
		len(list), visible, slowest, longest.Round(time.Millisecond))
}

// What packs zeros is right: other decoders read small files of the kinds that the bombs are made of.
func TestBombsAreSound(t *testing.T) {
	decoded := func(name string, picture image.Image, err error, width, height int) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if size := picture.Bounds().Size(); size != (image.Point{width, height}) {
			t.Errorf("%s is %v", name, size)
		}
	}
	for _, color := range []byte{pngGray, pngRGB, pngRGBA} {
		for _, interlaced := range []bool{false, true} {
			picture, err := png.Decode(bytes.NewReader(pngBlack(301, 203, 8, color, interlaced)))
			decoded("a PNG", picture, err, 301, 203)
		}
	}
	picture, err := png.Decode(bytes.NewReader(pngBlack(3, 3, 1, pngGray, true)))
	decoded("a PNG with empty passes", picture, err, 3, 3)
	picture, err = jpeg.Decode(bytes.NewReader(jpegFlat(301, 203, 3)))
	decoded("a JPEG", picture, err, 301, 203)
	picture, err = jpeg.Decode(bytes.NewReader(jpegProgressive(301, 203, 3, 300)))
	decoded("a JPEG in 300 scans", picture, err, 301, 203)
	for _, side := range []int{1, 2, 3, 17, 100, 4000} { // the last needs the table of codes more than once
		n := uint16(side)
		file := append(join(gifScreen(n, n), gifImage(0, 0, n, n, lzw(side*side, false))), ';')
		picture, err := gif.Decode(bytes.NewReader(file))
		decoded("a GIF", picture, err, side, side)
	}
	if got := bytes.Count(jpegProgressive(9, 9, 3, 300), []byte{0xff, markSOS}); got != 300 {
		t.Errorf("%d scans of 300", got)
	}

	const count = 3<<20 + 7
	r, err := zlib.NewReader(bytes.NewReader(deflated([]byte("start"), count)))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r) // which compares the checksum
	if err != nil || !bytes.HasPrefix(text, []byte("start")) || len(text) != 5+count || slices.Max(text[5:]) != 0 {
		t.Errorf("%d bytes: %v", len(text), err)
	}
}
