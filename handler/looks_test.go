package handler

import (
	"bytes"
	"image"
	"image/color"
	"strings"
	"testing"
	"time"

	"github.com/bbrks/go-blurhash"

	"calotype/store"
)

// shown is the gallery as programs see it, once so many of its images have looks that are noted, of whatever kind.
func (s *site) shown(noted int) map[string]shownDescription {
	s.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		n := 0
		for _, o := range s.originals() {
			if o.Blurhash != "" {
				n++
			}
		}
		if n == noted {
			break
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%d images have looks that are noted, want %d", n, noted)
		}
		time.Sleep(10 * time.Millisecond)
	}
	all := map[string]shownDescription{}
	for _, d := range decode[galleryDescription](s.t, s.mustGet("/download", "Accept", "application/json")).Images {
		all[d.ID] = d
	}
	return all
}

// Nobody looks at an image before it was in the gallery once; then the gallery tells what it looks like.
func TestGalleryTellsWhatImagesLookLike(t *testing.T) {
	s := serve(t)
	filled := func(c color.Color) []byte {
		picture := image.NewNRGBA(image.Rect(0, 0, 60, 40))
		for i := range picture.Pix {
			r, g, b, _ := c.RGBA()
			picture.Pix[i] = []byte{byte(r >> 8), byte(g >> 8), byte(b >> 8), 255}[i%4]
		}
		return encodePNG(t, picture)
	}
	orange := s.upload(filled(color.NRGBA{230, 120, 20, 255}))
	twin := s.upload(filled(color.NRGBA{230, 120, 20, 255}))
	blue := s.upload(filled(color.NRGBA{20, 40, 200, 255}))
	broken := s.upload(cutPixels(t, filled(color.NRGBA{1, 2, 3, 255})))
	if _, err := s.store.Get(t.Context(), mustParse(t, orange.ID)); err != nil {
		t.Fatal(err)
	}
	s.mustGet(orange.URL + "/resize:20.png")
	if first := s.shown(0); len(first) != 4 || first[orange.ID].Blurhash != "" {
		t.Errorf("at first: %+v", first)
	}
	all := s.shown(4)
	f := func(u uploaded, want color.NRGBA) {
		t.Helper()
		hash := all[u.ID].Blurhash
		if across, down, err := blurhash.Components(hash); across != 4 || down != 3 || err != nil {
			t.Errorf("%q has %d×%d components, %v", hash, across, down, err)
			return
		}
		picture, err := blurhash.Decode(hash, 6, 4, 1)
		if err != nil {
			t.Error(err)
			return
		}
		got := color.NRGBAModel.Convert(picture.At(3, 2)).(color.NRGBA)
		if max(distance(got.R, want.R), distance(got.G, want.G), distance(got.B, want.B)) > 8 {
			t.Errorf("%q is %v, want %v", hash, got, want)
		}
	}
	f(orange, color.NRGBA{230, 120, 20, 255})
	f(twin, color.NRGBA{230, 120, 20, 255})
	f(blue, color.NRGBA{20, 40, 200, 255})
	if d := all[broken.ID]; d.Blurhash != "" {
		t.Errorf("what cannot be shown looks like %q", d.Blurhash)
	}
	page := string(s.mustGet("/download", "Accept", "text/html").body)
	if n := strings.Count(page, "data-blurhash="); n != 3 {
		t.Errorf("the page tells of %d images what they look like", n)
	}
	// What manages images is told of by the same tag before and after.
	if a := s.mustGet("/images/" + orange.ID); strings.Contains(string(a.body), "blurhash") {
		t.Errorf("%s", a.body)
	}
}

// While the engine has something to do nobody is looked at, and what is asked for too often is passed over.
func TestLooksAreOfLowPriority(t *testing.T) {
	s := serve(t)
	l := s.handler.looks
	for i := range looksWaiting + 10 {
		l.want(store.Original{Digest: store.Digest{1, byte(i), byte(i >> 8)}, Blurhash: store.NoBlurhash})
	}
	if n := len(l.wanted); n != 0 {
		t.Errorf("%d are wanted that are known", n)
	}
	l.h.cancel() // nobody takes any up
	l.done.Wait()
	for i := range looksWaiting + 10 {
		for range 2 {
			l.want(store.Original{Digest: store.Digest{1, byte(i), byte(i >> 8)}})
		}
	}
	if n := len(l.wanted); n != looksWaiting || len(l.waiting) != n {
		t.Errorf("%d of at most %d are wanted", n, looksWaiting)
	}
}

func distance(a, b byte) int { return max(int(a)-int(b), int(b)-int(a)) }

func mustParse(t *testing.T, id string) store.ID {
	t.Helper()
	parsed, err := store.ParseID(id)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// cutPixels returns a PNG whose header is whole and whose pixels cannot be decoded.
func cutPixels(t *testing.T, data []byte) []byte {
	t.Helper()
	i := bytes.Index(data, []byte("IDAT"))
	if i < 0 {
		t.Fatal("no pixels")
	}
	return data[:i+8]
}
