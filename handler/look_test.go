package handler

import (
	"image"
	"image/color"
	"math/bits"
	"net/http"
	"strings"
	"testing"
)

// sketchOf is a picture of columns of colors.
func sketchOf(width, height int, columns ...color.NRGBA) *image.NRGBA {
	picture := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			picture.SetNRGBA(x, y, columns[x*len(columns)/width])
		}
	}
	return picture
}

func TestDescribeLook(t *testing.T) {
	red, blue, clear := color.NRGBA{200, 10, 10, 255}, color.NRGBA{10, 10, 200, 255}, color.NRGBA{}
	look, err := describeLook(sketchOf(32, 20, red, red, blue))
	if err != nil {
		t.Fatal(err)
	}
	if look.Alpha || look.Color != "#c80a0a" || strings.Join(look.Colors, " ") != "#c80a0a #0a0ac8" {
		t.Errorf("got %+v", look)
	}
	if len(look.BlurHash) != 4+2*4*3 || len(look.Hash) != 16 || len(look.ThumbHash) < 20 || !strings.HasPrefix(look.Placeholder, "data:image/png;base64,iVBOR") {
		t.Errorf("got %+v", look)
	}
	if len(look.Placeholder) > 600 {
		t.Errorf("the placeholder has %d bytes", len(look.Placeholder))
	}
	if look, err = describeLook(sketchOf(4, 32, clear, red)); err != nil || !look.Alpha || look.Color != "#c80a0a" {
		t.Errorf("half transparent: %+v, %v", look, err)
	}
	if look, err = describeLook(sketchOf(1, 1, clear)); err != nil || !look.Alpha || look.Color != "#ffffff" {
		t.Errorf("nothing to be seen: %+v, %v", look, err)
	}
}

// A sketch lies beside its print and is at no address: least of all at one that caches would keep for a year.
func TestSketchHasNoAddress(t *testing.T) {
	s := serve(t)
	u := s.upload(draws(t, "rg", "by"))
	s.mustGet(u.URL + "/rotate:90/describe:look.json")
	for _, rest := range []string{"#look", " look", "%20look", "+look"} {
		for range 2 {
			if a := s.raw("GET "+u.URL+"/rotate:90.png"+rest+" HTTP/1.1\r\nHost: h\r\n\r\n", "GET")[0]; a.status != http.StatusBadRequest {
				t.Errorf("%q: %d, %q…", rest, a.status, a.body[:min(20, len(a.body))])
			}
		}
	}
}

// Pictures that look alike have hashes that differ in few bits, others in many.
func TestDifferenceHash(t *testing.T) {
	gray := func(levels ...uint8) *image.NRGBA {
		var columns []color.NRGBA
		for _, l := range levels {
			columns = append(columns, color.NRGBA{l, l, l, 255})
		}
		return sketchOf(32, 24, columns...)
	}
	a, lighter, other := differenceHash(gray(10, 90, 40, 160)), differenceHash(gray(30, 110, 60, 180)), differenceHash(gray(160, 40, 90, 10))
	if n := bits.OnesCount64(a ^ lighter); n > 4 {
		t.Errorf("a lighter copy differs in %d bits", n)
	}
	if n := bits.OnesCount64(a ^ other); n < 16 {
		t.Errorf("another picture differs in %d bits only", n)
	}
}

// The description of a print tells what the print looks like, and not its original.
func TestLookOfAPrint(t *testing.T) {
	s := serve(t)
	u := s.upload(encodePNG(t, sketchOf(300, 200, color.NRGBA{200, 10, 10, 255}, color.NRGBA{10, 10, 200, 255})))
	type look struct {
		Alpha                                     *bool
		Color, Blurhash, Thumbhash, Phash, Format string
		Placeholder                               string
		Colors                                    []string
		Width                                     int
	}
	f := func(path, wantColor string, wantAlpha bool) {
		t.Helper()
		got := decode[look](t, s.mustGet(u.URL+path))
		if got.Color != wantColor || got.Alpha == nil || *got.Alpha != wantAlpha || got.Blurhash == "" || got.Thumbhash == "" || got.Phash == "" {
			t.Errorf("%s: %+v", path, got)
		}
	}
	f("/crop:0,0,140,0/describe:look.json", "#c80a0a", false)
	f("/crop:160,0,0,0/describe:look/format:jpg.json", "#0a0ac8", false)
	f("/crop:160,0,0,0/opacity:50/describe:look.json", "#0a0ac7", true)
	f("/crop:0,0,140,0/grayscale/describe:look.json", "#636363", false)
	if got := decode[look](t, s.mustGet(u.URL+"/crop:0,0,140,0.json")); got.Alpha != nil || got.Color != "" || got.Width != 140 {
		t.Errorf("without look: %+v", got)
	}
	if a := s.get(u.URL + "/describe:look.png"); a.status != 400 {
		t.Errorf("describe of a PNG: %d %s", a.status, a.body)
	}
}
