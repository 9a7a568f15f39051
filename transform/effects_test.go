package transform

import (
	"errors"
	"flag"
	"fmt"
	stdimage "image"
	"image/color"
	"image/draw"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// A canvas grows exactly by what was asked for, and shows the filling that was asked for.
func TestCanvas(t *testing.T) {
	f := ofFourColors(t)
	f("/pad:1", ".... .rg. .by. ....")
	f("/pad:1,bg=white", "wwww wrgw wbyw wwww")
	f("/pad:0,1", ".rg. .by.")
	f("/pad:1,0,2", ".. rg by .. ..")
	f("/pad:0,1,0,2,bg=black", "kkrgk kkbyk")
	f("/pad:50p,bg=black", "kkkk krgk kbyk kkkk")
	f("/pad:1,fill=edge", "rrgg rrgg bbyy bbyy")
	f("/pad:2,0,0,fill=mirror", "by rg rg by")
	f("/pad:0,0,0,2,fill=mirror", "grrg ybby")
	f("/extend:4,2", ".rg. .by.")
	f("/extend:4,0,west,bg=black", "rgkk bykk")
	f("/extend:1,1", "rg by")
	f("/extend:3,3,southeast,bg=white", "www wrg wby")
	f("/extend:2,4,south,fill=edge", "rg rg rg by")
	f("/border:1", "kkkk krgk kbyk kkkk")
	f("/border:1,red", "rrrr rrgr rbyr rrrr")
	f("/trim", "rg by")
	f("/pad:3,bg=white/trim", "rg by")
	f("/pad:3/trim", "rg by")
	f("/pad:3,0,0,bg=black/trim:0", "rg by")
	f("/pad:1,2,3,4,bg=white/trim/pad:1,bg=black", "kkkk krgk kbyk kkkk")
	f("/pad:2,bg=white/trim:0,bg=black", "wwwwww wwwwww wwrgww wwbyww wwwwww wwwwww")
	f("/pad:2,bg=white/trim/resize:4,4,up,k=nearest", "rrgg rrgg bbyy bbyy")
	f("/pad:2/trim:0,bg=transparent", "rg by")
	f("/pad:2,bg=white/trim/crop:50p,0,0,0", "g y")
}

// Colors come out as the definitions of the operations say, to a step of rounding.
func TestColors(t *testing.T) {
	f := func(path string, in, want color.NRGBA) {
		t.Helper()
		picture := stdimage.NewNRGBA(stdimage.Rect(0, 0, 3, 2))
		for i := range 6 {
			picture.SetNRGBA(i%3, i/3, in)
		}
		got := pixels(t, mustRender(t, encodePNG(t, picture), path+".png").Body).NRGBAAt(1, 1)
		near := func(a, b uint8) bool { return max(a, b)-min(a, b) <= 1 }
		if !near(got.R, want.R) || !near(got.G, want.G) || !near(got.B, want.B) || !near(got.A, want.A) {
			t.Errorf("%s of %v is %v, want %v", path, in, got, want)
		}
	}
	orange, gray := color.NRGBA{200, 120, 40, 255}, color.NRGBA{100, 100, 100, 255}
	pale := color.NRGBA{200, 120, 40, 128}
	f("/brightness:20", orange, color.NRGBA{251, 171, 91, 255})
	f("/brightness:-100", orange, color.NRGBA{0, 0, 0, 255})
	f("/brightness:100", pale, color.NRGBA{255, 255, 255, 128})
	f("/contrast:100", orange, color.NRGBA{255, 113, 0, 255})
	f("/contrast:-100", orange, color.NRGBA{128, 128, 128, 255})
	f("/contrast:50", gray, color.NRGBA{86, 86, 86, 255})
	f("/saturation:-100", orange, color.NRGBA{131, 131, 131, 255})
	f("/saturation:100", orange, color.NRGBA{255, 109, 0, 255})
	f("/saturation:50", gray, gray)
	f("/hue:0", orange, orange)
	f("/hue:120", gray, gray)
	f("/hue:180", orange, color.NRGBA{62, 142, 222, 255})
	f("/gamma:2", gray, color.NRGBA{160, 160, 160, 255})
	f("/gamma:0.5", gray, color.NRGBA{39, 39, 39, 255})
	f("/invert", pale, color.NRGBA{55, 135, 215, 128})
	f("/sepia", gray, color.NRGBA{135, 120, 94, 255})
	f("/sepia:50", gray, color.NRGBA{118, 110, 97, 255})
	f("/bitonal:100", gray, color.NRGBA{255, 255, 255, 255})
	f("/bitonal:101", gray, color.NRGBA{0, 0, 0, 255})
	f("/duotone:000,fff", gray, gray)
	f("/duotone:ff0000,0000ff", gray, color.NRGBA{155, 0, 100, 255})
	f("/opacity:50", orange, color.NRGBA{200, 120, 40, 128})
	f("/opacity:50", pale, color.NRGBA{200, 120, 40, 64})
	f("/opacity:0/background:red", orange, color.NRGBA{255, 0, 0, 255})
	f("/tint:gray", orange, color.NRGBA{139, 139, 139, 255})
	f("/median:5", pale, pale)
	f("/pixelate:2", pale, pale)
}

// A tint keeps the lightness, and so turns a picture that is already of its color into itself.
func TestTintKeepsLightness(t *testing.T) {
	teal := stdimage.NewNRGBA(stdimage.Rect(0, 0, 1, 1))
	teal.SetNRGBA(0, 0, color.NRGBA{0, 128, 128, 255})
	got := pixels(t, mustRender(t, encodePNG(t, teal), "/tint:teal.png").Body).NRGBAAt(0, 0)
	if got.R > 2 || got.G < 126 || got.G > 130 || got.B < 126 || got.B > 130 {
		t.Errorf("teal tinted with teal is %v", got)
	}
}

// Normalize gives a dull picture all of the range, and leaves one that has it, and one that has nothing to spread.
func TestNormalize(t *testing.T) {
	ramp := func(from, to int) []byte {
		picture := stdimage.NewGray(stdimage.Rect(0, 0, 200, 10))
		for i := range 2000 {
			picture.SetGray(i%200, i/200, color.Gray{uint8(from + (to-from)*(i%200)/199)})
		}
		return encodePNG(t, picture)
	}
	f := func(from, to, left, right int) {
		t.Helper()
		got := pixels(t, mustRender(t, ramp(from, to), "/normalize.png").Body)
		a, b := int(got.NRGBAAt(0, 5).R), int(got.NRGBAAt(199, 5).R)
		if max(a-left, left-a) > 3 || max(b-right, right-b) > 3 {
			t.Errorf("%d to %d becomes %d to %d, want %d to %d", from, to, a, b, left, right)
		}
	}
	f(100, 150, 0, 255)
	f(0, 255, 0, 255)
	f(77, 77, 77, 77)
}

// One pixel in a hundred does not count at either end: of 200 two.
func TestNormalizeLeavesOutOneInAHundred(t *testing.T) {
	picture := stdimage.NewGray(stdimage.Rect(0, 0, 200, 1))
	for x := range 200 {
		picture.SetGray(x, 0, color.Gray{uint8(100 + x/4)})
	}
	for i, v := range []uint8{0, 10, 240, 255} {
		picture.SetGray(50*i, 0, color.Gray{v})
	}
	got := pixels(t, mustRender(t, encodePNG(t, picture), "/normalize.png").Body)
	if a, b := got.NRGBAAt(1, 0).R, got.NRGBAAt(199, 0).R; a != 0 || b != 255 {
		t.Errorf("100 and 149, the third from either end, become %d and %d", a, b)
	}
}

// A line of one pixel becomes a Gaussian of the standard deviation that is asked for, and what is flat stays flat.
func TestBlurIsGaussian(t *testing.T) {
	line := stdimage.NewGray(stdimage.Rect(0, 0, 101, 5))
	for y := range 5 {
		line.SetGray(50, y, color.Gray{255})
	}
	flat := stdimage.NewUniform(color.Gray{131})
	plain := stdimage.NewGray(stdimage.Rect(0, 0, 40, 30))
	draw.Draw(plain, plain.Bounds(), flat, stdimage.Point{}, draw.Src)
	for _, sigma := range []float64{0.3, 0.5, 0.8, 1, 1.5, 2, 3, 4, 6, 10} {
		path := fmt.Sprintf("/blur:%g.png", sigma)
		sum := 0.0
		for x := -50; x <= 50; x++ {
			sum += math.Exp(-float64(x*x) / (2 * sigma * sigma))
		}
		got := pixels(t, mustRender(t, encodePNG(t, line), path).Body)
		for x := -50; x <= 50; x++ {
			want := 255 * math.Exp(-float64(x*x)/(2*sigma*sigma)) / sum
			if v := float64(got.NRGBAAt(50+x, 2).R); math.Abs(v-want) > 4 {
				t.Errorf("%s: %d from the line it is %g, want %.1f", path, x, v, want)
			}
		}
		if c := pixels(t, mustRender(t, encodePNG(t, plain), path).Body).NRGBAAt(20, 15); c.R != 131 {
			t.Errorf("%s: a flat 131 becomes %d", path, c.R)
		}
	}
}

// Squares start in the top left corner, and are of the color that is their average.
func TestPixelate(t *testing.T) {
	original := encodePNG(t, draws("kwkkk", "wkkkk", "wwkkr"))
	got := pixels(t, mustRender(t, original, "/pixelate:2.png").Body)
	for at, want := range map[stdimage.Point]color.NRGBA{
		{X: 0, Y: 0}: {128, 128, 128, 255}, {X: 1, Y: 1}: {128, 128, 128, 255}, {X: 3, Y: 0}: {0, 0, 0, 255},
		{X: 0, Y: 2}: {255, 255, 255, 255}, {X: 4, Y: 2}: {255, 0, 0, 255},
	} {
		if c := got.NRGBAAt(at.X, at.Y); max(c.R, want.R)-min(c.R, want.R) > 1 || max(c.G, want.G)-min(c.G, want.G) > 1 {
			t.Errorf("%v is %v, want %v", at, c, want)
		}
	}
}

func TestMedianTakesSpecksAway(t *testing.T) {
	original := encodePNG(t, draws("rrrrr", "rrbrr", "rrrrr"))
	if got := reads(pixels(t, mustRender(t, original, "/median.png").Body)); got != "rrrrr rrrrr rrrrr" {
		t.Errorf("the median is %s", got)
	}
}

// Corners are transparent outside of their radius, opaque inside, and half of each at it.
func TestRound(t *testing.T) {
	white := stdimage.NewNRGBA(stdimage.Rect(0, 0, 40, 20))
	for i := range white.Pix {
		white.Pix[i] = 255
	}
	f := func(path string, x, y, least, most int) {
		t.Helper()
		got := int(pixels(t, mustRender(t, encodePNG(t, white), path+".png").Body).NRGBAAt(x, y).A)
		if got < least || got > most {
			t.Errorf("%s: at %d,%d alpha is %d, want %d to %d", path, x, y, got, least, most)
		}
	}
	for _, corner := range [][2]int{{0, 0}, {39, 0}, {0, 19}, {39, 19}} {
		f("/round:8", corner[0], corner[1], 0, 0)
		f("/round:max", corner[0], corner[1], 0, 0)
	}
	f("/round:8", 20, 0, 255, 255)
	f("/round:8", 0, 10, 255, 255)
	f("/round:8", 4, 4, 255, 255)
	f("/round:8", 2, 2, 100, 255)
	f("/round:max", 20, 10, 255, 255)
	f("/round:max", 19, 0, 230, 255)
	f("/round:max", 0, 9, 200, 255)
	f("/round:max", 2, 2, 0, 0)
	f("/round:50", 10, 10, 255, 255)
	f("/round:8,bg=red", 0, 0, 255, 255)
	if got := pixels(t, mustRender(t, encodePNG(t, white), "/round:8,bg=red.png").Body).NRGBAAt(0, 0); got != (color.NRGBA{255, 0, 0, 255}) {
		t.Errorf("a corner on red is %v", got)
	}
}

// A gray picture with transparent edges, which has two bands, loses just these.
func TestTrimOfGrayWithAlpha(t *testing.T) {
	frame := stdimage.NewNRGBA(stdimage.Rect(0, 0, 9, 7))
	for i := range 5 * 3 {
		v := uint8(10 + 17*i)
		frame.SetNRGBA(2+i%5, 1+i/5, color.NRGBA{v, v, v, 255})
	}
	// Taking the colors out leaves gray and alpha.
	gray := mustRender(t, encodePNG(t, frame), "/grayscale.png").Body
	for _, chain := range []string{"/trim:0", "/trim", "/trim:100", "/trim:254", "/depth:16/trim:60"} {
		if r := mustRender(t, gray, chain+".png"); r.Size != (Size{5, 3}) {
			t.Errorf("%s is %s", chain, r.Size)
		}
	}
	if r := mustRender(t, gray, "/background:white/trim.png"); r.Size != (Size{5, 3}) {
		t.Errorf("on white it is %s", r.Size)
	}
}

// A print that is trimmed cannot become larger than was admitted: it is refused, and the original is not to blame.
func TestTrimCannotGrow(t *testing.T) {
	line := stdimage.NewNRGBA(stdimage.Rect(0, 0, 400, 400))
	for i := range line.Pix {
		line.Pix[i] = 255
	}
	for x := 50; x < 350; x++ {
		line.SetNRGBA(x, 200, letters['k'])
	}
	original := encodePNG(t, line)
	if _, err := render(t, original, "/trim/resize:0,400,up.png"); err == nil || !strings.Contains(err.Error(), ErrTooLarge.Error()) {
		t.Errorf("a line of 300×1 that is to be 400 high: %v", err)
	}
	if r := mustRender(t, original, "/trim.png"); r.Size != (Size{300, 1}) {
		t.Errorf("trimmed it is %s", r.Size)
	}
}

var boundsEvery = flag.Int("bounds-every", 8, "try every bound on one of so many kinds of picture, in turn; 1 is all")

// Every operation, at every bound of its numbers and with every word, on every kind of picture, gives a picture or a reason.
func TestEveryBoundOnEveryPicture(t *testing.T) {
	if testing.Short() {
		t.Skip("makes very many prints, one after the other")
	}
	pictures := kindsOfPicture(t)
	var tried atomic.Int32
	try := func(call, name string) {
		extension := ".png"
		if strings.HasPrefix(name, "animated") {
			extension = ".webp" // PNG shows the first frame
		}
		tried.Add(1)
		_, err := render(t, pictures[name], "/"+call+"/effort:0"+extension)
		if err != nil && !errors.Is(err, ErrOutside) && !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s of %s: %v", call, name, err)
		}
	}
	names := slices.Sorted(maps.Keys(pictures))
	type trial struct {
		call string
		turn int
	}
	trials := make(chan trial)
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			for t := range trials {
				for i, name := range names {
					if (i+t.turn)%(*boundsEvery*slowdown) == 0 {
						try(t.call, name)
					}
				}
			}
		})
	}
	turn := 0
	for _, o := range ownOperations() {
		for _, call := range boundsOf(o) {
			if _, err := Parse(id + "/" + call + ".png"); err == nil { // the tests of the grammar look at the others
				trials <- trial{call, turn}
				turn++
			}
		}
	}
	close(trials)
	both.Wait()
	t.Logf("%d prints of %d kinds of picture", tried.Load(), len(pictures))
}

// boundsOf writes a call for each bound and word of each parameter, the others being the first value that they take.
func boundsOf(o *Operation) (calls []string) {
	for _, form := range o.Forms {
		for i := range form.Params {
			for _, bound := range boundValues(&form.Params[i]) {
				var arguments []string
				for k := range form.Params {
					p := &form.Params[k]
					switch {
					case k == i:
						arguments = append(arguments, bound)
					case p.Required() || p.positional():
						arguments = append(arguments, boundValues(p)[len(boundValues(p))-1])
					}
				}
				calls = append(calls, o.Name+":"+strings.Join(arguments, ","))
			}
		}
		if len(form.Params) == 0 {
			calls = append(calls, o.Name)
		}
	}
	return calls
}

// boundValues are texts of the least and the greatest value of a parameter, or of all its words, and last a harmless one.
func boundValues(p *Param) (texts []string) {
	switch p.Kind {
	case Word:
		texts = p.Words
	case Flag:
		return []string{p.Name}
	case Color:
		texts = []string{"transparent", "00000001", "gold"}
	case Point:
		texts = []string{"0x0", "1x1", "0.5x0.5"}
	case ID:
		texts = []string{ExampleImage}
	case Text:
		texts = []string{"4pi6", "Lg", "SGVsbG8"}
	case Ratio:
		texts = []string{"0.001x65535", "65535x0.001", "1x1"}
	case Length:
		texts = []string{fmt.Sprint(p.Min), fmt.Sprint(p.Max), "0.001p", "100p", "2"}
	default:
		texts = []string{fmt.Sprint(p.Min), fmt.Sprint(p.Max), fmt.Sprint(min(max(2, p.Min), p.Max))}
	}
	if !p.Keyed {
		return texts
	}
	named := make([]string, len(texts))
	for i, t := range texts {
		named[i] = p.Name + "=" + t
	}
	return named
}
