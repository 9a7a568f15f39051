package strip

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"testing"
)

// files are one image of each format that the standard library writes, and a WebP of one pixel.
func files(t testing.TB) map[string][]byte {
	t.Helper()
	picture := image.NewPaletted(image.Rect(0, 0, 9, 7), color.Palette{color.Black, color.White})
	picture.Pix[5] = 1
	var j, p, g bytes.Buffer
	for _, err := range []error{jpeg.Encode(&j, picture, nil), png.Encode(&p, picture), gif.Encode(&g, picture, nil)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	webp := "RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00"
	return map[string][]byte{"jpeg": j.Bytes(), "png": p.Bytes(), "gif": g.Bytes(), "webp": []byte(webp)}
}

// A file that has no metadata stays as it is, and what stands behind its end goes.
func TestNothingToStrip(t *testing.T) {
	for name, file := range files(t) {
		for _, behind := range []string{"", "behind the end"} {
			got, ok := File(name, append(bytes.Clone(file), behind...), true)
			if !ok || !bytes.Equal(got, file) {
				t.Errorf("%s with %q behind it: %t\n%x\n%x", name, behind, ok, file, got)
			}
		}
	}
	if Knows("tiff") {
		t.Error("TIFF")
	}
	if _, ok := File("tiff", nil, false); ok {
		t.Error("a TIFF is rewritten")
	}
}

// A file whose structure is not known in full is left alone.
func TestUnknownStructures(t *testing.T) {
	f := files(t)
	insert := func(name string, at int, text string) []byte {
		return append(append(bytes.Clone(f[name][:at]), text...), f[name][at:]...)
	}
	gifEnd := len(f["gif"]) - 1
	unknown := map[string][][]byte{
		"jpeg": {insert("jpeg", 2, "text"), insert("jpeg", 2, "\xff\xf0\x00\x04ab"), insert("jpeg", 2, "\xff\xd8"), insert("jpeg", 2, "\xff\xe1\x00\x01")},
		"png":  {insert("png", 33, "\x00\x00\x00\x00ABCD\xdb\x17\x20\xa5"), insert("png", 33, "\x00\x00\x00\x00gAMA\x00\x00\x00\x00"), insert("png", 33, "\xff\xff\xff\xfftEXt")},
		"gif": {
			insert("gif", gifEnd, "text"), insert("gif", gifEnd, "\x21\x01\x01a\x00"), insert("gif", gifEnd, "\x21\xff\x0bNETSCAPE2.0\x03\x02\x00\x00\x00"),
			insert("gif", gifEnd, "\x21\xfe\x09"),
		},
		"webp": {insert("webp", len(f["webp"]), "")[:20], append([]byte("RIFF\xff\xff\xff\x7f"), f["webp"][8:]...)},
	}
	for name, list := range unknown {
		for _, file := range list {
			if got, ok := File(name, file, false); ok {
				t.Errorf("%s: %x became %x", name, file, got)
			}
		}
		for cut := range len(f[name]) {
			if _, ok := File(name, f[name][:cut], false); ok {
				t.Errorf("%s, cut off at %d of %d, is rewritten", name, cut, len(f[name]))
			}
		}
	}
}

// Whatever goes in, what comes out is not larger and has nothing left to strip.
func FuzzFile(f *testing.F) {
	for name, file := range files(f) {
		f.Add(name, file, true)
	}
	f.Fuzz(func(t *testing.T, name string, data []byte, profile bool) {
		once, ok := File(name, data, profile)
		if !ok {
			return
		}
		const padding = 1 // of an odd chunk at the end of a WebP
		if len(once) > len(data)+padding {
			t.Fatalf("%d bytes of %d", len(once), len(data))
		}
		if again, ok := File(name, once, profile); !ok || !bytes.Equal(once, again) {
			t.Fatalf("%t: %x became %x", ok, once, again)
		}
	})
}
