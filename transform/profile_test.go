package transform

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"hash/crc32"
	stdimage "image"
	"image/color"
	"math"
	"slices"
	"testing"

	"github.com/davidbyttow/govips/v2/vips"
)

// withProfile puts an ICC profile into a PNG.
func withProfile(t testing.TB, png []byte, p profile) []byte {
	t.Helper()
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	if _, err := w.Write(p); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return withChunk(png, "iCCP", append([]byte("test\x00\x00"), packed.Bytes()...))
}

// withChunk puts a chunk behind the header of a PNG.
func withChunk(png []byte, name string, data []byte) []byte {
	const header = 8 + 25
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	chunk = append(append(chunk, name...), data...)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
	return append(append(bytes.Clone(png[:header]), chunk...), png[header:]...)
}

// rgbProfile makes a profile of version 2: primaries in XYZ relative to D50, red, green, blue, and a gamma.
func rgbProfile(primaries [3][3]float64, gamma float64) profile {
	type entry struct {
		name string
		data []byte
	}
	number := func(b []byte, v float64) []byte {
		return binary.BigEndian.AppendUint32(b, uint32(int32(math.Round(65536*v))))
	}
	xyz := func(v [3]float64) []byte {
		b := []byte("XYZ \x00\x00\x00\x00")
		for _, c := range v {
			b = number(b, c)
		}
		return b
	}
	curve := append([]byte("curv\x00\x00\x00\x00\x00\x00\x00\x01"), byte(int(gamma)), byte(math.Round(256*(gamma-math.Floor(gamma)))), 0, 0)
	description := append([]byte("desc\x00\x00\x00\x00\x00\x00\x00\x05Test\x00"), make([]byte, 79)...)
	entries := []entry{
		{"desc", description},
		{"cprt", []byte("text\x00\x00\x00\x00none\x00\x00\x00\x00")},
		{"wtpt", xyz([3]float64{0.9642, 1, 0.8249})},
		{"rXYZ", xyz(primaries[0])},
		{"gXYZ", xyz(primaries[1])},
		{"bXYZ", xyz(primaries[2])},
		{"rTRC", curve},
		{"gTRC", curve},
		{"bTRC", curve},
	}
	header := make([]byte, 128)
	copy(header[8:], "\x02\x10\x00\x00mntrRGB XYZ ")
	copy(header[36:], "acsp")
	white := xyz([3]float64{0.9642, 1, 0.8249})
	copy(header[68:], white[8:])
	table := binary.BigEndian.AppendUint32(nil, uint32(len(entries)))
	var data []byte
	start := len(header) + 4 + 12*len(entries)
	for _, e := range entries {
		table = append(table, e.name...)
		table = binary.BigEndian.AppendUint32(table, uint32(start+len(data)))
		table = binary.BigEndian.AppendUint32(table, uint32(len(e.data)))
		data = append(data, e.data...)
		data = append(data, make([]byte, (4-len(data)%4)%4)...)
	}
	p := append(append(header, table...), data...)
	binary.BigEndian.PutUint32(p, uint32(len(p)))
	return p
}

var (
	adobePrimaries = [3][3]float64{{0.60974, 0.31111, 0.01947}, {0.20528, 0.62567, 0.06087}, {0.14919, 0.06322, 0.74457}}
	srgbPrimaries  = [3][3]float64{{0.43607, 0.22249, 0.01392}, {0.38515, 0.71687, 0.09708}, {0.14307, 0.06061, 0.71410}}
)

// decoded returns the samples of a print as they stand in it, whatever its profile, and the profile.
func decoded(t testing.TB, body []byte) (*stdimage.NRGBA, profile) {
	t.Helper()
	picture := readByVips(t, body)
	p := profileOf(picture)
	if err := picture.RemoveICCProfile(); err != nil {
		t.Fatal(err)
	}
	png, _, err := picture.ExportPng(vips.NewPngExportParams())
	if err != nil {
		t.Fatal(err)
	}
	return pixels(t, png), p
}

// close8 tells whether two colors differ by no more than a tolerance in each sample.
func close8(a, b color.NRGBA, tolerance int) bool {
	near := func(x, y uint8) bool { return max(int(x)-int(y), int(y)-int(x)) <= tolerance }
	return near(a.R, b.R) && near(a.G, b.G) && near(a.B, b.B) && near(a.A, b.A)
}

// What pure colors of sRGB are in Display P3, by the matrices of CSS Color Module Level 4.
var inP3 = map[byte]color.NRGBA{'r': {234, 51, 35, 255}, 'g': {117, 251, 76, 255}, 'b': {0, 0, 245, 255}, 'w': {255, 255, 255, 255}, 'k': {0, 0, 0, 255}}

// p3 makes an original in Display P3 by the converter itself, whose result TestConvertToP3 compares to known numbers.
func p3(t testing.TB, rows ...string) []byte {
	t.Helper()
	return mustRender(t, encodePNG(t, draws(rows...)), "/icc:p3.png").Body
}

func TestConvertToP3(t *testing.T) {
	for _, path := range []string{"/icc:p3.png", "/icc:p3/lossless:1.webp", "/icc:p3.tif"} {
		got, p := decoded(t, mustRender(t, encodePNG(t, draws("rgbwk")), path).Body)
		if !p.isDisplayP3() || !p.wide() {
			t.Errorf("%s: the profile, of %d bytes, is not Display P3", path, len(p))
		}
		for x, letter := range []byte("rgbwk") {
			if c := got.NRGBAAt(x, 0); !close8(c, inP3[letter], 1) {
				t.Errorf("%s: %c is %v, want %v", path, letter, c, inP3[letter])
			}
		}
	}
	rendition := mustRender(t, encodePNG(t, draws("rgb")), "/icc:p3.png")
	if len(rendition.Notes) != 1 || rendition.Notes[0] != notes[notedP3] {
		t.Errorf("it says %q of itself", rendition.Notes)
	}
}

// An original in Display P3 stays there, sample for sample, through geometry and by all formats that carry profiles; the others and
// who asks for it get sRGB.
func TestP3Survives(t *testing.T) {
	original := p3(t, "rgb", "kwr")
	want, _ := decoded(t, original)
	for _, path := range []string{".png", "/lossless:1.webp", ".tif", "/icc:keep.png", "/icc:p3.png", "/rotate:90/rotate:270.png", "/crop:0,0,3,2.png"} {
		got, p := decoded(t, mustRender(t, original, path).Body)
		if !bytes.Equal(got.Pix, want.Pix) || !p.isDisplayP3() {
			t.Errorf("%s has other samples, or a profile of %d bytes that is not Display P3", path, len(p))
		}
	}
	for _, path := range []string{"/quality:95.jpg", "/quality:90.avif", "/resize:6,4,up/blur:1.png", "/resize:2.webp", "/brightness:10.jpg"} {
		if _, p := decoded(t, mustRender(t, original, path).Body); !p.isDisplayP3() {
			t.Errorf("%s is not Display P3", path)
		}
	}
	for _, path := range []string{"/icc:srgb.png", "/icc:srgb.tif", "/icc:srgb/lossless:1.webp", ".gif"} {
		got, p := decoded(t, mustRender(t, original, path).Body)
		if len(p) > 0 {
			t.Errorf("%s has a profile", path)
		}
		for x, letter := range []byte("rgb") {
			if c := got.NRGBAAt(x, 0); !close8(c, letters[letter], 3) {
				t.Errorf("%s: %c is %v", path, letter, c)
			}
		}
	}
	if _, err := render(t, original, "/icc:keep.gif"); !errors.Is(err, ErrSyntax) {
		t.Errorf("a profile for GIF: %v", err)
	}
	if r := mustRender(t, encodePNG(t, draws("rgb")), "/flip:h.png"); len(r.Notes) != 0 {
		t.Errorf("an sRGB original says %q", r.Notes)
	}
}

// Colors in an address are sRGB and look so on a print in Display P3; operations that leave other colors than the picture's leave
// sRGB.
func TestPaintedColorsOnP3(t *testing.T) {
	original := p3(t, "bb", "bb")
	for path, at := range map[string][2]int{"/pad:1,bg=red.png": {0, 0}, "/border:1,f00.png": {3, 3}, "/pad:1/background:red.png": {0, 0}, "/resize:40,k=nearest,up/rotate:45,bg=red.png": {0, 0}} {
		got, p := decoded(t, mustRender(t, original, path).Body)
		if c := got.NRGBAAt(at[0], at[1]); !close8(c, inP3['r'], 1) || !p.isDisplayP3() {
			t.Errorf("%s: red is %v, and the profile has %d bytes", path, c, len(p))
		}
		if c := got.NRGBAAt(got.Rect.Dx()/2, got.Rect.Dy()/2); !close8(c, inP3['b'], 1) {
			t.Errorf("%s: blue is %v", path, c)
		}
	}
	for path, want := range map[string]color.NRGBA{"/duotone:red,red.png": letters['r'], "/grayscale/background:red.png": {76, 76, 76, 255}} {
		got, p := decoded(t, mustRender(t, original, path).Body)
		if c := got.NRGBAAt(0, 0); !close8(c, want, 4) || len(p) > 0 {
			t.Errorf("%s: %v, want %v, with a profile of %d bytes", path, c, want, len(p))
		}
	}
	got, p := decoded(t, mustRender(t, original, "/duotone:red,red/icc:p3.png").Body)
	if c := got.NRGBAAt(0, 0); !close8(c, inP3['r'], 1) || !p.isDisplayP3() {
		t.Errorf("asked for, red is %v", c)
	}
	if mustRender(t, original, "/trim:5,bg=blue.png").Size != (Size{2, 2}) {
		t.Error("a picture of blue alone is trimmed")
	}
	if size := mustRender(t, mustRender(t, original, "/pad:1,bg=red.png").Body, "/trim:5,bg=red.png").Size; size != (Size{2, 2}) {
		t.Errorf("a red edge is not trimmed: %s", size)
	}
}

// Other wide spaces become Display P3; keep leaves them as they are.
func TestOtherProfiles(t *testing.T) {
	plain := encodePNG(t, draws("gw", "kg"))
	adobe := rgbProfile(adobePrimaries, 2.2)
	original := withProfile(t, plain, adobe)
	got, p := decoded(t, mustRender(t, original, ".png").Body)
	// The green of Adobe RGB lies a little beyond that of P3: red would be negative.
	if c := got.NRGBAAt(0, 0); !close8(c, color.NRGBA{0, 250, 46, 255}, 2) || !p.isDisplayP3() {
		t.Errorf("Adobe's green is %v", c)
	}
	for _, path := range []string{"/icc:keep.png", "/icc:keep.tif", "/icc:keep/lossless:1.webp"} {
		rendition := mustRender(t, original, path)
		got, p = decoded(t, rendition.Body)
		if want := draws("gw", "kg"); !bytes.Equal(got.Pix, want.Pix) || !bytes.Equal(p, adobe) {
			t.Errorf("%s: the samples or the profile are changed: %v", path, got.Pix)
		}
		if !slices.Contains(rendition.Notes, notes[notedProfile]) {
			t.Errorf("%s says %q", path, rendition.Notes)
		}
	}
	// Red of sRGB in Adobe RGB.
	if got, _ = decoded(t, mustRender(t, original, "/pad:1,bg=red/icc:keep.png").Body); !close8(got.NRGBAAt(0, 0), color.NRGBA{219, 0, 0, 255}, 2) {
		t.Errorf("red on Adobe RGB is %v", got.NRGBAAt(0, 0))
	}
	// A space as large as sRGB with another curve is converted.
	got, p = decoded(t, mustRender(t, withProfile(t, encodePNG(t, draws("rg")), rgbProfile(srgbPrimaries, 1.8)), ".png").Body)
	if !close8(got.NRGBAAt(0, 0), letters['r'], 2) || !close8(got.NRGBAAt(1, 0), letters['g'], 2) || len(p) > 0 {
		t.Errorf("got %v, with a profile of %d bytes", got.Pix, len(p))
	}
}

// A profile that is damaged, for other bands or too large does no harm and is not kept.
func TestHostileProfiles(t *testing.T) {
	adobe := rgbProfile(adobePrimaries, 2.2)
	gray := bytes.Clone(adobe)
	copy(gray[16:], "GRAY")
	large := append(bytes.Clone(adobe), make([]byte, maxKeptProfile)...)
	binary.BigEndian.PutUint32(large, uint32(len(large)))
	beyond := bytes.Clone(adobe)
	binary.BigEndian.PutUint32(beyond[132+4:], 0xfffffff0)
	profiles := map[string]profile{
		"a gray one": gray, "a large one": large, "one cut off in its tags": adobe[:140], "one cut off in its header": adobe[:20],
		"one whose tags lie beyond it": beyond, "text": []byte("this is no profile at all, though it is long enough to be one"),
	}
	for what, p := range profiles {
		original := withProfile(t, encodePNG(t, draws("rg", "bw")), p)
		for _, path := range []string{".png", "/icc:keep.png", "/icc:p3.png", "/icc:srgb.png", "/icc:keep/quality:90.jpg", "/icc:keep/pad:1,bg=red.webp"} {
			rendition, err := render(t, original, path)
			if err != nil {
				t.Errorf("%s, %s: %v", what, path, err)
				continue
			}
			if _, kept := decoded(t, rendition.Body); len(kept) > 0 && !kept.isDisplayP3() {
				t.Errorf("%s is kept by %s", what, path)
			}
		}
	}
	for cut := range len(adobe) {
		adobe[:cut].wide()
		adobe[:cut].isDisplayP3()
	}
}
