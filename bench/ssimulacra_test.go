package main

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"testing"
)

// scene is a picture with gradients, edges, colors and a fine texture: 200 by 150 pixels.
func scene() *image.NRGBA {
	picture := image.NewNRGBA(image.Rect(0, 0, 200, 150))
	random := rand.New(rand.NewPCG(1, 2))
	for y := range 150 {
		for x := range 200 {
			v := color.NRGBA{uint8(x), uint8(y + 60), uint8(200 - x/2), 255}
			if (x-100)*(x-100)+(y-75)*(y-75) < 40*40 {
				v = color.NRGBA{220, uint8(40 + x/4), 60, 255}
			}
			if y > 100 {
				v.G = uint8(int(v.G)/2 + int(random.Uint32()%48))
			}
			picture.SetNRGBA(x, y, v)
		}
	}
	return picture
}

// altered returns the scene with each sample changed.
func altered(change func(v uint8, x, y, channel int) uint8) *image.NRGBA {
	picture := scene()
	for i := range picture.Pix {
		if channel := i % 4; channel < 3 {
			picture.Pix[i] = change(picture.Pix[i], i%picture.Stride/4, i/picture.Stride, channel)
		}
	}
	return picture
}

func coarse(step int) *image.NRGBA {
	return altered(func(v uint8, _, _, _ int) uint8 { return uint8(int(v) / step * step) })
}

func scoreOf(t *testing.T, a, b image.Image) float64 {
	t.Helper()
	original, err := newView(a)
	if err != nil {
		t.Fatal(err)
	}
	changed, err := newView(b)
	if err != nil {
		t.Fatal(err)
	}
	return likeness(original, changed)
}

func TestLikenessOfAPictureToItself(t *testing.T) {
	if got := scoreOf(t, scene(), scene()); got != 100 {
		t.Errorf("%g, not 100", got)
	}
}

func TestLikenessFallsWithTheError(t *testing.T) {
	before := 100.0
	for _, step := range []int{2, 4, 8, 16, 32, 64} {
		got := scoreOf(t, scene(), coarse(step))
		if got >= before {
			t.Errorf("samples in steps of %d: %.2f, where finer ones had %.2f", step, got, before)
		}
		before = got
	}
}

// The scores are those of the program that its author publishes, for the same pictures as PNG. It rounds otherwise.
func TestLikenessAgreesWithThePublishedProgram(t *testing.T) {
	for _, test := range []struct {
		name    string
		picture image.Image
		want    float64
	}{
		{"steps of 8", coarse(8), 70.80},
		{"steps of 32", coarse(32), -32.77},
		{"noise", altered(func(v uint8, x, y, c int) uint8 { return uint8(min(255, int(v)+(x*7+y*13+c*5)%11)) }), 84.13},
		{"one pixel to the right", func() image.Image {
			from := scene()
			return altered(func(_ uint8, x, y, c int) uint8 { return from.Pix[y*from.Stride+max(0, x-1)*4+c] })
		}(), 45.33},
		{"green for blue", func() image.Image {
			from := scene()
			return altered(func(v uint8, x, y, c int) uint8 { return from.Pix[y*from.Stride+x*4+[3]int{0, 2, 1}[c]] })
		}(), -83.63},
	} {
		if got := scoreOf(t, scene(), test.picture); math.Abs(got-test.want) > 0.05 {
			t.Errorf("%s: %.3f, not %.2f", test.name, got, test.want)
		}
	}
}

func TestTransparencyIsJudgedOnWhite(t *testing.T) {
	clear, white := scene(), scene()
	for y := range 40 {
		for x := range 40 {
			clear.SetNRGBA(x, y, color.NRGBA{0, 0, 0, 0})
			white.SetNRGBA(x, y, color.NRGBA{255, 255, 255, 255})
		}
	}
	if got := scoreOf(t, clear, white); got != 100 {
		t.Errorf("%g, not 100", got)
	}
}

func TestPicturesTooSmallToBeJudged(t *testing.T) {
	if _, err := newView(image.NewNRGBA(image.Rect(0, 0, 1000, 127))); err == nil {
		t.Error("127 pixels high and no error")
	}
	if _, err := newView(image.NewNRGBA(image.Rect(0, 0, 128, 129))); err != nil {
		t.Error(err)
	}
}

// The blur has the sum of 1 and the variance of a Gaussian of sigma 1.5.
func TestBlur(t *testing.T) {
	point := newPlanes(21, 21)
	point.channels[1][10*21+10] = 1
	out := blurred(point)
	var sum, variance float64
	for y := range 21 {
		for x := range 21 {
			v := float64(out.channels[1][y*21+x])
			sum += v
			variance += v * float64((x-10)*(x-10))
			if across := float64(out.channels[1][x*21+y]); across != v {
				t.Fatalf("%g at %d,%d and %g at %d,%d", v, x, y, across, y, x)
			}
		}
	}
	if math.Abs(sum-1) > 1e-5 || math.Abs(variance-2.25) > 1e-4 {
		t.Errorf("a sum of %g and a variance of %g", sum, variance)
	}
	for _, other := range []int{0, 2} {
		for i, v := range out.channels[other] {
			if v != 0 {
				t.Fatalf("channel %d has %g at %d", other, v, i)
			}
		}
	}
}

func TestHalf(t *testing.T) {
	in := newPlanes(3, 3)
	copy(in.channels[0], []float32{1, 3, 5, 5, 7, 9, 2, 4, 8})
	out := half(in)
	if out.width != 2 || out.height != 2 {
		t.Fatalf("%dx%d", out.width, out.height)
	}
	for i, want := range []float32{4, 7, 3, 8} {
		if out.channels[0][i] != want {
			t.Errorf("%g at %d, not %g", out.channels[0][i], i, want)
		}
	}
}
