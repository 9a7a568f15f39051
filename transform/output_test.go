package transform

import (
	"bytes"
	"errors"
	"fmt"
	stdimage "image"
	"image/color"
	stdgif "image/gif"
	stdpng "image/png"
	"slices"
	"strings"
	"testing"
)

// flicker is an animation of pictures of one color each, with delays of 10, 20, 30 … hundredths of a second, that runs three times.
func flicker(t testing.TB, names string) []byte {
	t.Helper()
	animation := &stdgif.GIF{LoopCount: 2}
	for i := range names {
		frame := stdimage.NewPaletted(stdimage.Rect(0, 0, 6, 4), color.Palette{letters[names[i]], color.Black})
		animation.Image = append(animation.Image, frame)
		animation.Delay = append(animation.Delay, 10*(i+1))
	}
	var b bytes.Buffer
	if err := stdgif.EncodeAll(&b, animation); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Of an animation one picture can be had as a still, or only the first ones; delays and loops survive.
func TestPageAndFrames(t *testing.T) {
	original := flicker(t, "rgby")
	still := func(path string, want byte) {
		t.Helper()
		got := pixels(t, mustRender(t, original, path+".png").Body).NRGBAAt(2, 2)
		if got != letters[want] {
			t.Errorf("%s.png is %v, want %c", path, got, want)
		}
	}
	still("", 'r')
	still("/page:0", 'r')
	still("/page:2", 'b')
	still("/rotate:90/flip:h", 'r')
	still("/page:3/rotate:90", 'y')
	moves := func(path, want string) {
		t.Helper()
		rendition := mustRender(t, original, path+".gif")
		if rendition.Frames != len(want) {
			t.Errorf("%s.gif says that it has %d frames, want %d", path, rendition.Frames, len(want))
		}
		got, err := stdgif.DecodeAll(bytes.NewReader(rendition.Body))
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Image) != len(want) {
			t.Fatalf("%s.gif has %d frames, want %d", path, len(got.Image), len(want))
		}
		for i, frame := range got.Image {
			if c := color.NRGBAModel.Convert(frame.At(2, 2)); c != letters[want[i]] {
				t.Errorf("%s.gif: frame %d is %v, want %c", path, i, c, want[i])
			}
			if len(want) > 1 && got.Delay[i] != 10*(i+1) {
				t.Errorf("%s.gif: frame %d stays for %d, want %d", path, i, got.Delay[i], 10*(i+1))
			}
		}
		if len(want) > 1 && got.LoopCount != 2 {
			t.Errorf("%s.gif loops %d times more, want 2", path, got.LoopCount)
		}
	}
	moves("", "rgby")
	moves("/rotate:90", "rgby")
	moves("/frames:2", "rg")
	moves("/frames:1", "r")
	moves("/frames:99", "rgby")
	moves("/page:1", "g")
	for _, path := range []string{"/page:4.png", "/page:4.gif"} {
		if _, err := render(t, original, path); !errors.Is(err, ErrOutside) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := render(t, encodePNG(t, draws("r")), "/page:1.png"); !errors.Is(err, ErrOutside) {
		t.Errorf("the second picture of a PNG: %v", err)
	}
	for _, path := range []string{"/page:1/frames:2.gif", "/page:0/frames:2.gif"} {
		if _, err := render(t, original, path); !errors.Is(err, ErrSyntax) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// maxbytes gives the best that fits, and says so where nothing does.
func TestMaxBytes(t *testing.T) {
	if testing.Short() {
		t.Skip("makes very many prints, one after the other")
	}
	original := encodePNG(t, photo(300, 200))
	for _, extension := range []string{"jpg", "webp", "avif"} {
		free := mustRender(t, original, "."+extension)
		most := len(free.Body) / 2
		fitted := mustRender(t, original, fmt.Sprintf("/maxbytes:%d.%s", most, extension))
		if len(fitted.Body) > most {
			t.Errorf("%s has %d bytes, and %d were allowed", extension, len(fitted.Body), most)
		}
		if len(fitted.Body) < most*7/10 {
			t.Errorf("%s has %d bytes only, where %d were allowed", extension, len(fitted.Body), most)
		}
		same := mustRender(t, original, fmt.Sprintf("/maxbytes:%d.%s", len(free.Body), extension))
		if !bytes.Equal(same.Body, free.Body) {
			t.Errorf("%s is changed though it fits", extension)
		}
		if _, err := render(t, encodePNG(t, photo(1600, 1200)), "/maxbytes:1000."+extension); !errors.Is(err, ErrTooLarge) {
			t.Errorf("a large %s in 1000 bytes: %v", extension, err)
		}
	}
	if _, err := render(t, original, "/maxbytes:2000/lossless:1.webp"); !errors.Is(err, ErrSyntax) {
		t.Errorf("maxbytes beside lossless: %v", err)
	}
}

// quality:auto looks like the picture, by the measure that it states, for no more bytes than needed: the next lower of its qualities
// does not.
func TestMeasuredQuality(t *testing.T) {
	if testing.Short() {
		t.Skip("makes very many prints, one after the other")
	}
	original := encodePNG(t, photo(400, 300))
	source := planeOf(t, original)
	for f, between := range autoQualities {
		if !slices.Contains(writable(t), f) {
			continue
		}
		measured := mustRender(t, original, "/quality:auto."+f.Extension)
		if got := distortion(source, planeOf(t, measured.Body)); got > autoDistortion && len(measured.Body) < len(mustRender(t, original, fmt.Sprintf("/quality:%d.%s", between[1], f.Extension)).Body) {
			t.Errorf("%s has a distortion of %.3f", f.Name, got)
		}
		found := false
		for step := range 8 {
			quality := between[0] + (between[1]-between[0])*step/7
			rendition := mustRender(t, original, fmt.Sprintf("/quality:%d.%s", quality, f.Extension))
			if bytes.Equal(rendition.Body, measured.Body) {
				found = true
				t.Logf("%s: quality %d", f.Name, quality)
				break
			}
			if got := distortion(source, planeOf(t, rendition.Body)); got <= autoDistortion {
				t.Errorf("%s: quality %d would do, with %.3f", f.Name, quality, got)
			}
		}
		if !found {
			t.Errorf("%s is none of the eight qualities", f.Name)
		}
	}
}

func planeOf(t testing.TB, data []byte) plane {
	t.Helper()
	p, err := luma(readByVips(t, data))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The measure is 0 for what is the same, and grows with noise.
func TestDistortion(t *testing.T) {
	size := Size{20, 13}
	flat := func(value func(i int) int) plane {
		lightness := make([]byte, size.Pixels())
		for i := range lightness {
			lightness[i] = byte(value(i))
		}
		return newPlane(size, lightness)
	}
	ramp := flat(func(i int) int { return 10 * (i % 20) })
	if d := distortion(ramp, ramp); d != 0 {
		t.Errorf("a picture is unlike itself by %v", d)
	}
	last := 0.0
	for noise := 2; noise < 60; noise *= 2 {
		d := distortion(ramp, flat(func(i int) int { return 10*(i%20) + (i*7919%2)*noise }))
		if d <= last {
			t.Errorf("with noise of %d it is %v, after %v", noise, d, last)
		}
		last = d
	}
}

// Colors are written in the resolution that is asked for.
func TestSubsample(t *testing.T) {
	original := encodePNG(t, photo(64, 40))
	for path, want := range map[string]byte{
		"/subsample:420/quality:95.jpg": 0x22, "/subsample:444/quality:20.jpg": 0x11, "/quality:20.jpg": 0x22, "/quality:95.jpg": 0x11,
	} {
		body := mustRender(t, original, path).Body
		frame := bytes.Index(body, []byte{0xff, 0xc0}) // SOF0: length, depth, sides, 3 components: number, sampling, table
		if frame < 0 || body[frame+11] != want {
			t.Errorf("%s: sampling is %#x, want %#x", path, body[frame+11], want)
		}
	}
	fine, coarse := mustRender(t, original, "/subsample:444.avif"), mustRender(t, original, "/subsample:420.avif")
	if bytes.Equal(fine.Body, coarse.Body) {
		t.Error("subsample changes no AVIF")
	}
}

// Samples of 16 bits stay what they are from PNG and TIFF to PNG and TIFF, unless 8 are asked for.
func TestDepth(t *testing.T) {
	deep := stdimage.NewNRGBA64(stdimage.Rect(0, 0, 8, 8))
	for i := range 64 {
		deep.SetNRGBA64(i%8, i/8, color.NRGBA64{uint16(1000 * i), 777, 65535, 65535})
	}
	original := encodePNG(t, deep)
	depthOf := func(data []byte) int {
		t.Helper()
		o, err := engine(t).Inspect(t.Context(), open(t, data), Asker{})
		if err != nil {
			t.Fatal(err)
		}
		return o.Depth
	}
	for path, want := range map[string]int{
		".png": 16, "/depth:8.png": 8, ".tif": 16, "/depth:8.tif": 8, "/grayscale.png": 16, "/brightness:10/blur:1.png": 16,
	} {
		if got := depthOf(mustRender(t, original, path).Body); got != want {
			t.Errorf("%s has %d bits, want %d", path, got, want)
		}
	}
	if got := depthOf(mustRender(t, encodePNG(t, draws("rg")), "/depth:16.png").Body); got != 16 {
		t.Errorf("8 bits made 16 have %d", got)
	}
	through := mustRender(t, mustRender(t, original, ".tif").Body, ".png")
	decoded, err := stdpng.Decode(bytes.NewReader(through.Body))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 64 {
		if got := color.NRGBA64Model.Convert(decoded.At(i%8, i/8)); got != deep.NRGBA64At(i%8, i/8) {
			t.Fatalf("by way of a TIFF pixel %d is %v, was %v", i, got, deep.NRGBA64At(i%8, i/8))
		}
	}
}

// A palette has no more colors than were asked for, holds those of a simple picture exactly, transparency too, and makes a PNG of a
// photograph smaller.
func TestPalette(t *testing.T) {
	if testing.Short() {
		t.Skip("makes very many prints, one after the other")
	}
	original := encodePNG(t, photo(300, 200))
	for _, extension := range []string{"png", "gif"} {
		for _, most := range []int{2, 4, 16, 256} {
			got, _, err := stdimage.Decode(bytes.NewReader(mustRender(t, original, fmt.Sprintf("/colors:%d.%s", most, extension)).Body))
			if err != nil {
				t.Fatal(err)
			}
			paletted, ok := got.(*stdimage.Paletted)
			if !ok || len(paletted.Palette) > most {
				t.Errorf("%d colors in %s: %T", most, extension, got)
			}
		}
	}
	original = encodePNG(t, grainy(300, 200))
	if small, full := mustRender(t, original, "/colors:256.png"), mustRender(t, original, ".png"); len(small.Body) > len(full.Body)*2/3 {
		t.Errorf("256 colors take %d bytes, all %d", len(small.Body), len(full.Body))
	}
	for _, rows := range [][]string{{"rgby", "by.k"}, {"rrgg", "bb.."}, {"kw"}} {
		if got := reads(pixels(t, mustRender(t, encodePNG(t, draws(rows...)), "/colors:16.png").Body)); got != strings.Join(rows, " ") {
			t.Errorf("%v became %s", rows, got)
		}
	}
	if _, err := render(t, original, "/colors:16/depth:16.png"); !errors.Is(err, ErrSyntax) {
		t.Errorf("16 bits of 16 colors: %v", err)
	}
	deep := stdimage.NewNRGBA64(stdimage.Rect(0, 0, 4, 4))
	for i := range deep.Pix {
		deep.Pix[i] = 255
	}
	if got := reads(pixels(t, mustRender(t, encodePNG(t, deep), "/colors:2.png").Body)); got != "wwww wwww wwww wwww" {
		t.Errorf("16 bits became %s", got)
	}
}
