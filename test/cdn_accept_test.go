//go:build cdn

package test

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"net/http"
	"os"
	"testing"
)

// accepted are the Accept headers of twelve kinds of client for an img tag, or for an address that is opened.
var accepted = []string{
	"image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",         // Chrome
	"image/avif,image/webp,image/apng,image/*,*/*;q=0.8",                       // Chrome 121
	"image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5",    // Firefox 128
	"image/avif,image/webp,*/*",                                                // Firefox 92
	"image/webp,*/*",                                                           // Firefox 66
	"image/webp,image/apng,image/*,*/*;q=0.8",                                  // Chrome 79
	"image/webp,image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5", // Safari 14
	"image/webp,image/avif,image/jxl,image/heic,image/heic-sequence,video/*;q=0.8,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5",            // Safari 17
	"image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5",                                                                           // Safari 13
	"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7", // Chrome, address bar
	"*/*", // curl
	"image/avif;q=0, image/webp;q=0.000, image/*;q=0.5", // no browser: what is not wanted
}

// animation is a GIF of two frames.
func animation(t testing.TB) []byte {
	t.Helper()
	palette := color.Palette{color.White, color.Black, color.RGBA{200, 30, 30, 255}}
	a := &gif.GIF{}
	for frame := range 2 {
		picture := image.NewPaletted(image.Rect(0, 0, 40, 30), palette)
		for i := range picture.Pix {
			picture.Pix[i] = uint8((i/7 + frame) % len(palette))
		}
		a.Image, a.Delay = append(a.Image, picture), append(a.Delay, 10)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, a); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Every client gets from a proxy what it would get from the program itself, and however many kinds of client there are, a proxy keeps
// at most four objects of a negotiated address.
func TestCDNNegotiatedAddresses(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	cutout, err := os.ReadFile(sample(t, "cutout.png"))
	if err != nil {
		t.Fatal(err)
	}
	photo := e.landscape()
	for _, c := range []struct{ name, target string }{
		{"opaque", "/download/" + photo + "/resize:40.auto"},
		{"alpha", "/download/" + e.upload("image/png", cutout) + "/resize:40.auto"},
		{"animated", "/download/" + e.upload("image/gif", animation(t)) + "/resize:20.auto"},
		{"under an extension that caches know", "/download/" + photo + "/resize:40/format:auto.jpg"},
		{"in another spelling", "/download/" + photo + "/Resize=41/format%3Aauto.jpg"},
	} {
		for _, p := range e.proxies() {
			t.Run(c.name+" by "+p.name, func(t *testing.T) {
				types, misses := map[string]bool{}, 0
				for range 2 {
					for _, accept := range accepted {
						want := get(t, e.address(), c.target, "Accept", accept).must(t, 200, "")
						got := get(t, p.address, c.target, "Accept", accept).must(t, 200, "")
						if got.header.Get("Content-Type") != want.header.Get("Content-Type") || !bytes.Equal(got.body, want.body) {
							t.Errorf("Accept: %s gets %s, want %s", accept, got.header.Get("Content-Type"), want.header.Get("Content-Type"))
						}
						if got.header.Get("Vary") != "Accept" {
							t.Errorf("Vary is %q", got.header.Get("Vary"))
						}
						types[got.header.Get("Content-Type")] = true
						if got.cache() == "MISS" {
							misses++
						}
					}
				}
				if misses > 4 || misses < len(types) {
					t.Errorf("%d objects are kept of %d types", misses, len(types))
				}
			})
		}
	}
	for _, p := range e.proxies() {
		t.Run("errors by "+p.name, func(t *testing.T) {
			target := "/download/00000000-0000-7000-8000-000000000000/resize:40.auto"
			if got := get(t, p.address, target, "Accept", accepted[0]).must(t, 404, ""); got.header.Get("Vary") != "Accept" {
				t.Errorf("Vary is %q", got.header.Get("Vary"))
			}
		})
	}
	// A client with a taste of its own does not choose for the others.
	for _, p := range e.proxies() {
		target := "/download/" + photo + "/resize:43.auto"
		for _, accept := range []string{"image/avif;q=0.1,image/webp", accepted[0]} {
			if got := get(t, p.address, target, "Accept", accept).must(t, http.StatusOK, ""); got.header.Get("Content-Type") != "image/avif" {
				t.Errorf("by %s Accept: %s gets %s", p.name, accept, got.header.Get("Content-Type"))
			}
		}
	}
	// What is not negotiated is one object.
	for _, p := range e.proxies() {
		target := "/download/" + photo + "/resize:42.png"
		get(t, p.address, target, "Accept", accepted[0]).must(t, http.StatusOK, "MISS")
		for _, accept := range accepted[1:] {
			get(t, p.address, target, "Accept", accept).must(t, http.StatusOK, "HIT")
		}
	}
}
