package transform

import (
	"bytes"
	stdimage "image"
	"image/color"
	stdjpeg "image/jpeg"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"calotype/transform/ultrahdr"
)

// gains are numbers of a gain map, each of its own.
var gains = ultrahdr.GainMap{
	Max: [3]float64{8, 8, 8}, Min: [3]float64{0.5, 0.5, 0.5}, Gamma: [3]float64{1.5, 1.5, 1.5},
	OffsetSDR: [3]float64{1.0 / 64, 1.0 / 64, 1.0 / 64}, OffsetHDR: [3]float64{1.0 / 32, 1.0 / 32, 1.0 / 32}, CapacityMin: 1.25, CapacityMax: 8,
}

// withGainMap makes an Ultra HDR image of a picture and a map.
func withGainMap(t testing.TB, picture, gain stdimage.Image) []byte {
	t.Helper()
	encode := func(m stdimage.Image) []byte {
		var b bytes.Buffer
		if err := stdjpeg.Encode(&b, m, &stdjpeg.Options{Quality: 100}); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	m := gains
	m.JPEG = encode(gain)
	file, err := ultrahdr.Join(encode(picture), &m)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// foundGainMap reads a gain map, by libultrahdr. It returns nil if the file has none.
func foundGainMap(t testing.TB, file []byte) (*ultrahdr.GainMap, *stdimage.Gray) {
	t.Helper()
	if err := startVips(); err != nil {
		t.Fatal(err)
	}
	if !can("uhdrload_source") {
		t.Skip("libvips is older than 8.18, or has no libultrahdr")
	}
	original, err := inspect(bytes.NewReader(file), int64(len(file)), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := NewPlan(Chain{Format: jpeg}, original, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	j := job{plan: plan}
	m := j.findGainMap(open(t, file))
	if m == nil {
		return nil, nil
	}
	defer m.picture.Close()
	samples, err := samplesOf(m.picture)
	if err != nil {
		t.Fatal(err)
	}
	gray := stdimage.NewGray(stdimage.Rect(0, 0, m.picture.Width(), m.picture.Height()))
	if len(samples) != len(gray.Pix) {
		t.Fatalf("the map has %d samples, of %s", len(samples), gray.Rect)
	}
	copy(gray.Pix, samples)
	return &m.GainMap, gray
}

// slope is a map that grows by so much with each pixel across and down, and the picture that it is for, four times as large.
func slope(width, height int) (*stdimage.NRGBA, *stdimage.Gray) {
	gain := stdimage.NewGray(stdimage.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			gain.SetGray(x, y, color.Gray{uint8(20 + 2*x + 3*y)})
		}
	}
	return photo(4*width, 4*height), gain
}

// What changes the geometry of the print changes that of its gain map.
func TestGainMapFollows(t *testing.T) {
	picture, gain := slope(40, 20)
	original := withGainMap(t, picture, gain)
	f := func(path string, size Size, at func(x, y float64) (float64, float64)) {
		t.Helper()
		if !strings.Contains(path, "quality") {
			path += "/quality:95"
		}
		rendition := mustRender(t, original, path+".jpg")
		m, got := foundGainMap(t, rendition.Body)
		if m == nil {
			t.Errorf("%s: there is no gain map", path)
			return
		}
		if !slices.Contains(rendition.Notes, notes[notedGainMap]) {
			t.Errorf("%s says %q", path, rendition.Notes)
		}
		if s := (Size{got.Rect.Dx(), got.Rect.Dy()}); s != size {
			t.Errorf("%s: the map is %s, want %s", path, s, size)
			return
		}
		for _, pair := range [][3]float64{
			{m.Max[0], gains.Max[0]},
			{m.Min[1], gains.Min[1]},
			{m.Gamma[2], gains.Gamma[2]},
			{m.OffsetSDR[0], gains.OffsetSDR[0]},
			{m.OffsetHDR[0], gains.OffsetHDR[0]},
			{m.CapacityMin, gains.CapacityMin},
			{m.CapacityMax, gains.CapacityMax},
		} {
			if math.Abs(pair[0]-pair[1]) > 1e-5 {
				t.Errorf("%s: a number is %v, was %v", path, pair[0], pair[1])
			}
		}
		// Edges are left out: what lies beyond them is not on the slope.
		for y := 2; y < size.Height-2; y++ {
			for x := 2; x < size.Width-2; x++ {
				fromX, fromY := at(float64(x)+0.5, float64(y)+0.5)
				want := 20 + 2*(fromX-0.5) + 3*(fromY-0.5)
				if v := float64(got.GrayAt(x, y).Y); math.Abs(v-want) > 2.5 {
					t.Fatalf("%s: at %d,%d the map is %v, want %v", path, x, y, v, want)
				}
			}
		}
	}
	f("", Size{40, 20}, func(x, y float64) (float64, float64) { return x, y })
	f("/rotate:90", Size{20, 40}, func(x, y float64) (float64, float64) { return y, 20 - x })
	f("/rotate:180", Size{40, 20}, func(x, y float64) (float64, float64) { return 40 - x, 20 - y })
	f("/flip:h", Size{40, 20}, func(x, y float64) (float64, float64) { return 40 - x, y })
	f("/orient:6", Size{20, 40}, func(x, y float64) (float64, float64) { return y, 20 - x })
	f("/crop:80,40,80,40", Size{20, 10}, func(x, y float64) (float64, float64) { return x + 20, y + 10 })
	f("/crop:82,41,78,39", Size{20, 10}, func(x, y float64) (float64, float64) { return 20.5 + x*19.5/20, 10.25 + y*9.75/10 })
	f("/resize:80", Size{20, 10}, func(x, y float64) (float64, float64) { return 2 * x, 2 * y })
	f("/resize:320,up", Size{40, 20}, func(x, y float64) (float64, float64) { return x, y })
	f("/crop:80,0,80,80/resize:40,40/flip:v/rotate:270", Size{10, 10}, func(x, y float64) (float64, float64) { return 20 + 2*(10-y), 2 * (10 - x) })
	f("/progressive:1/subsample:444/effort:2", Size{40, 20}, func(x, y float64) (float64, float64) { return x, y })
	f("/quality:auto", Size{40, 20}, func(x, y float64) (float64, float64) { return x, y })
}

// Whatever changes colors, or cannot be done to the map, leaves it out, and says so.
func TestGainMapIsLeftOut(t *testing.T) {
	picture, gain := slope(40, 20)
	original := withGainMap(t, picture, gain)
	for _, path := range []string{"/blur:2.jpg", "/brightness:10.jpg", "/pad:4,bg=red.jpg", "/rotate:5.jpg", "/resize:40/grayscale.jpg", "/maxbytes:900000.jpg", "/metadata:keep.jpg"} {
		rendition := mustRender(t, original, path)
		if m, _ := foundGainMap(t, rendition.Body); m != nil {
			t.Errorf("%s has a gain map", path)
		}
		if !slices.Equal(rendition.Notes, []string{notes[notedNoGainMap]}) {
			t.Errorf("%s says %q", path, rendition.Notes)
		}
	}
	if r := mustRender(t, original, ".webp"); !slices.Equal(r.Notes, []string{notes[notedNoGainMap]}) {
		t.Errorf("the WebP print says %q", r.Notes)
	}
	if r := mustRender(t, encodeJPEG(t, picture), ".jpg"); len(r.Notes) > 0 {
		t.Errorf("a print without says %q", r.Notes)
	}
}

// A viewer that knows no gain maps sees the same picture as without one, and the metadata of the original's map is gone.
func TestGainMapChangesNoPixel(t *testing.T) {
	picture, gain := slope(40, 20)
	var b bytes.Buffer
	if err := stdjpeg.Encode(&b, gain, nil); err != nil {
		t.Fatal(err)
	}
	m := gains
	m.JPEG = append(append([]byte("\xff\xd8\xff\xe1\x00\x20Exif\x00\x00"), "a secret place, of 24 by"...), b.Bytes()[2:]...)
	plain := encodeJPEG(t, picture)
	original, err := ultrahdr.Join(plain, &m)
	if err != nil {
		t.Fatal(err)
	}
	with, without := mustRender(t, original, "/resize:80.jpg").Body, mustRender(t, plain, "/resize:80.jpg").Body
	if found, _ := foundGainMap(t, with); found == nil {
		t.Fatal("there is no gain map")
	}
	if !bytes.Equal(pixels(t, with).Pix, pixels(t, without).Pix) {
		t.Error("the pixels differ")
	}
	if bytes.Contains(with, []byte("secret")) {
		t.Error("metadata of the map survives")
	}
}

// A gain map that is cut short, too large, or no image does no harm.
func TestBrokenGainMaps(t *testing.T) {
	if testing.Short() {
		t.Skip("makes very many prints, one after the other")
	}
	picture, gain := slope(40, 20)
	original := withGainMap(t, picture, gain)
	at := bytes.LastIndex(original, []byte("\xff\xd8\xff"))
	large, _ := slope(80, 40)
	files := map[string][]byte{
		"cut in its header": original[:at+30], "cut in its pixels": original[:at+(len(original)-at)*9/10], "not there": original[:at],
		"of noughts": append(bytes.Clone(original[:at]), make([]byte, len(original)-at)...), "larger than the picture": withGainMap(t, picture, large),
	}
	for what, file := range files {
		rendition, err := render(t, file, "/resize:80.jpg")
		if err != nil {
			t.Errorf("a map %s: %v", what, err)
			continue
		}
		if m, _ := foundGainMap(t, rendition.Body); m != nil {
			t.Errorf("a map %s is in the print", what)
		}
	}
	// One that takes as much memory as the picture.
	progressive := gains
	progressive.JPEG = mustRender(t, encodePNG(t, picture), "/progressive:1.jpg").Body
	file, err := ultrahdr.Join(encodeJPEG(t, picture), &progressive)
	if err != nil {
		t.Fatal(err)
	}
	if r := mustRender(t, file, "/resize:80.jpg"); !slices.Contains(r.Notes, notes[notedNoGainMap]) {
		t.Errorf("a large progressive map: %q", r.Notes)
	}
	for i := 0; i < len(original); i += 37 {
		hostile := bytes.Clone(original)
		hostile[i] ^= 0x55
		if r, err := render(t, hostile, "/resize:80.jpg"); err == nil {
			foundGainMap(t, r.Body)
		}
	}
}

// An image that another program has made keeps its gain map.
func TestGainMapOfTheCorpus(t *testing.T) {
	file := filepath.Join("..", "..", "shared", "corpus", "good", "lovell_sharp__gain-map.jpg")
	original, err := os.ReadFile(file)
	if err != nil {
		t.Skip("the corpus is not beside the repository")
	}
	was, _ := foundGainMap(t, original)
	is, got := foundGainMap(t, mustRender(t, original, "/crop:0,0,1920,1080/resize:640.jpg").Body)
	if was == nil || is == nil {
		t.Fatal("there is no gain map")
	}
	if got.Rect.Dx() != 160 || got.Rect.Dy() != 90 {
		t.Errorf("the map is %s", got.Rect)
	}
	if math.Abs(is.CapacityMax-was.CapacityMax) > 1e-3 || math.Abs(is.Max[0]-was.Max[0]) > 1e-3 {
		t.Errorf("the numbers are %+v, were %+v", is, was)
	}
}
