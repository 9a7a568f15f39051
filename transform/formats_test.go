package transform

import (
	"bytes"
	"errors"
	stdimage "image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	stdbmp "golang.org/x/image/bmp"

	"calotype/transform/dib"
)

func encodeBMP(t testing.TB, picture stdimage.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := stdbmp.Encode(&b, picture); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A BMP and an icon become prints like any other original, pixel by pixel.
func TestOriginalsThatAreBitmaps(t *testing.T) {
	f := func(data []byte, path, want string) {
		t.Helper()
		r := mustRender(t, data, path)
		if got := reads(pixels(t, r.Body)); got != want || r.Format != png {
			t.Errorf("%s is %s, a %s, want %s", path, got, r.Format.Name, want)
		}
	}
	picture := draws("rgb", "wky")
	f(encodeBMP(t, picture), ".png", "rgb wky")
	f(encodeBMP(t, picture), "", "rgb wky")
	f(encodeBMP(t, picture), "/rotate:90", "wr kg yb")
	f(encodeBMP(t, picture), "/crop:1,0,2,2/flip:h", "bg yk")
	holes := draws("r.b", "wk.")
	icon := dib.EncodeIcon(encodePNG(t, holes), 3, 2)
	f(icon, "", "r.b wk.")
	f(icon, "/rotate:180", ".kw b.r")
	small, large := encodePNG(t, draws("r")), encodePNG(t, holes)
	two := append([]byte("\x00\x00\x01\x00\x02\x00"), iconEntry(38, small)...)
	two = append(append(append(two, iconEntry(38+len(small), large)...), small...), large...)
	f(two, "", "r.b wk.")
}

// iconEntry is the entry of a directory for a picture that begins at an offset.
func iconEntry(offset int, picture []byte) []byte {
	n := len(picture)
	return []byte{16, 16, 0, 0, 1, 0, 32, 0, byte(n), byte(n >> 8), 0, 0, byte(offset), byte(offset >> 8), 0, 0}
}

// An icon is written as one PNG of 32 bits with the transparency of the original, and comes back as it was.
func TestIcons(t *testing.T) {
	for _, rows := range [][]string{{"r.b", "wk."}, {"rgb", "wky"}, {"kwk"}} {
		made := mustRender(t, encodePNG(t, draws(rows...)), ".ico")
		if got := reads(pixels(t, mustRender(t, made.Body, ".png").Body)); got != strings.Join(rows, " ") {
			t.Errorf("%v becomes %s", rows, got)
		}
		icon, err := dib.ChooseIcon(bytes.NewReader(made.Body), int64(len(made.Body)))
		if err != nil || !icon.PNG || icon.Offset+icon.Length != int64(len(made.Body)) {
			t.Fatalf("%+v, %v", icon, err)
		}
		if depth, kind := made.Body[icon.Offset+24], made.Body[icon.Offset+25]; depth != 8 || kind != 6 {
			t.Errorf("%v: a PNG of %d bits and color type %d", rows, depth, kind)
		}
	}
	photograph := encodePNG(t, photo(300, 200))
	if r := mustRender(t, photograph, "/resize:256.ico"); r.Size.Width != 256 || r.Body[6] != 0 || int(r.Body[7]) != r.Size.Height {
		t.Errorf("an icon of %s says that it is %d×%d", r.Size, r.Body[6], r.Body[7])
	}
	if _, err := render(t, photograph, ".ico"); !errors.Is(err, ErrTooLarge) {
		t.Errorf("an icon of 300×200: %v", err)
	}
}

// BMPs whose pixels are cut short, or point outside of the file, are damaged; those of a kind that is not read are unsupported.
func TestDamagedBitmaps(t *testing.T) {
	whole := encodeBMP(t, photo(64, 40))
	f := func(what string, data []byte, want error) {
		t.Helper()
		if _, err := render(t, data, ".png"); !errors.Is(err, want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	f("half a BMP", whole[:len(whole)/2], ErrBroken)
	f("the header of a BMP", whole[:30], ErrBroken)
	jpegInside := bytes.Clone(whole)
	jpegInside[30] = 4
	f("JPEG in a BMP", jpegInside, ErrUnsupported)
	huge := bytes.Clone(whole)
	copy(huge[18:], "\xff\xff\xff\x7f\x01\x00\x00\x00")
	f("a BMP of 2³¹ pixels", huge, ErrTooLarge)
	icon := dib.EncodeIcon(encodePNG(t, photo(64, 40)), 64, 40)
	f("half an icon", icon[:len(icon)/2], ErrBroken)
}

// Every BMP of Go's own tests is what Go's decoder makes of it.
func TestBitmapsOfOthers(t *testing.T) {
	files, _ := filepath.Glob("../../shared/corpus/good/*.bmp")
	if len(files) == 0 {
		t.Skip("the corpus is not beside the repository")
	}
	compared := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want, err := stdbmp.Decode(bytes.NewReader(data))
		if err != nil {
			continue
		}
		compared++
		got := pixels(t, mustRender(t, data, ".png").Body)
		for y := range got.Rect.Dy() {
			for x := range got.Rect.Dx() {
				if got.At(x, y) != got.ColorModel().Convert(want.At(x, y)) {
					t.Fatalf("%s: %v at %d,%d, want %v", file, got.At(x, y), x, y, want.At(x, y))
				}
			}
		}
	}
	if compared < 6 {
		t.Errorf("%d files were compared", compared)
	}
}

// Every format that is read and not written has a canary, so that a worker that cannot read it is found out.
func TestEveryFormatHasACanary(t *testing.T) {
	for _, f := range Originals {
		if f.Written() {
			continue
		}
		data, err := canaries.ReadFile("canaries/canary." + f.Name)
		if err != nil {
			t.Error(err)
			continue
		}
		if o, err := inspect(bytes.NewReader(data), int64(len(data)), Limits{}); err != nil || o.Format != f.Name {
			t.Errorf("%s: %+v, %v", f.Name, o, err)
		}
	}
}
