package transform

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	stdimage "image"
	"image/color"
	stdgif "image/gif"
	"math"
	"os"
	"strings"
	"testing"
)

// plain is a picture of one color.
func plain(width, height int, c color.NRGBA) *stdimage.NRGBA {
	picture := stdimage.NewNRGBA(stdimage.Rect(0, 0, width, height))
	for i := range width * height {
		picture.SetNRGBA(i%width, i/width, c)
	}
	return picture
}

// The stamp of the tests, of 6×4 pixels, lies where it is wanted. Shown are the pixels of a white picture that it made red.
func TestOverlayLiesWhereItIsWanted(t *testing.T) {
	original := encodePNG(t, plain(20, 12, color.NRGBA{255, 255, 255, 255}))
	red := func(path string) stdimage.Rectangle {
		t.Helper()
		picture := pixels(t, mustRender(t, original, path+".png").Body)
		var box stdimage.Rectangle
		for i := range 20 * 12 {
			if picture.NRGBAAt(i%20, i/20) == (color.NRGBA{255, 0, 0, 255}) {
				box = box.Union(stdimage.Rect(i%20, i/20, i%20+1, i/20+1))
			}
		}
		return box
	}
	for arguments, want := range map[string]stdimage.Rectangle{
		"":                                 stdimage.Rect(14, 8, 17, 12),
		",northwest":                       stdimage.Rect(0, 0, 3, 4),
		",center":                          stdimage.Rect(7, 4, 10, 8),
		",northwest,dx=2,dy=1":             stdimage.Rect(2, 1, 5, 5),
		",dx=2,dy=1":                       stdimage.Rect(12, 7, 15, 11),
		",center,dx=-2,dy=1":               stdimage.Rect(5, 5, 8, 9),
		",northwest,dx=-2,dy=-3":           stdimage.Rect(0, 0, 1, 1),
		",dx=10p,dy=50p":                   stdimage.Rect(12, 2, 15, 6),
		",northwest,dx=30":                 {},
		",northwest,dx=-10000p":            {},
		",northwest,w=12":                  stdimage.Rect(0, 0, 5, 8), // the pixel between the halves is neither color
		",northwest,w=12,h=4":              stdimage.Rect(0, 0, 3, 4),
		",northwest,h=100p":                stdimage.Rect(0, 0, 8, 12),
		",northwest,angle=180":             stdimage.Rect(3, 0, 6, 4),
		",northwest,angle=90":              stdimage.Rect(0, 0, 4, 3),
		",northwest,tile,gap=1,dx=7,dy=-5": stdimage.Rect(0, 0, 17, 12),
	} {
		if got := red("/overlay:" + ExampleImage + arguments); got != want {
			t.Errorf("overlay:…%s is red at %v, want %v", arguments, got, want)
		}
	}
	if got := red("/resize:20/overlay:" + ExampleImage + ",northwest/dpr:0.5"); got != stdimage.Rect(0, 0, 1, 2) {
		t.Errorf("at half of the density it is red at %v", got)
	}
}

// An overlay that is larger than the picture becomes as large as that.
func TestOverlayFitsThePicture(t *testing.T) {
	picture := pixels(t, mustRender(t, encodePNG(t, plain(3, 9, color.NRGBA{255, 255, 255, 255})), "/overlay:"+ExampleImage+",north.png").Body)
	if got := picture.NRGBAAt(0, 1); got.G > 60 {
		t.Errorf("it does not begin at the left edge: %v", got)
	}
	if got := picture.NRGBAAt(0, 2); got != (color.NRGBA{255, 255, 255, 255}) {
		t.Errorf("it is higher than its shape allows: %v", got)
	}
}

func TestOverlayRepeats(t *testing.T) {
	original := encodePNG(t, plain(20, 12, color.NRGBA{255, 255, 255, 255}))
	picture := pixels(t, mustRender(t, original, "/overlay:"+ExampleImage+",center,tile,gap=2.png").Body)
	for i := range 20 * 12 {
		x, y := i%20, i/20
		// The stamp that lies at the center has its corner at 7,4; the others are 8 and 6 apart.
		inX, inY := (x-7+16)%8, (y-4+12)%6
		want := color.NRGBA{255, 255, 255, 255}
		switch {
		case inX < 3 && inY < 4:
			want = color.NRGBA{255, 0, 0, 255}
		case inX < 6 && inY < 4:
			want = color.NRGBA{127, 127, 255, 255}
		}
		if got := picture.NRGBAAt(x, y); !close8(got, want, 1) {
			t.Fatalf("%d,%d is %v, want %v", x, y, got, want)
		}
	}
}

// Each blend mode computes what Compositing and Blending Level 1 of the W3C says (sections 9 and 10.1), here for an opaque picture.
func TestBlendModes(t *testing.T) {
	softLight := func(b, s float64) float64 {
		if s <= 0.5 {
			return b - (1-2*s)*b*(1-b)
		}
		d := math.Sqrt(b)
		if b <= 0.25 {
			d = ((16*b-12)*b + 4) * b
		}
		return b + (2*s-1)*(d-b)
	}
	hardLight := func(b, s float64) float64 {
		if s <= 0.5 {
			return b * 2 * s
		}
		return b + (2*s - 1) - b*(2*s-1)
	}
	formulas := map[string]func(below, above float64) float64{
		"normal": func(_, s float64) float64 { return s }, "multiply": func(b, s float64) float64 { return b * s },
		"screen": func(b, s float64) float64 { return b + s - b*s }, "overlay": func(b, s float64) float64 { return hardLight(s, b) },
		"darken": math.Min, "lighten": math.Max, "hard-light": hardLight, "soft-light": softLight,
		"color-dodge": func(b, s float64) float64 {
			switch {
			case b == 0:
				return 0
			case s == 1:
				return 1
			}
			return min(1, b/(1-s))
		},
		"color-burn": func(b, s float64) float64 {
			switch {
			case b == 1:
				return 1
			case s == 0:
				return 0
			}
			return 1 - min(1, (1-b)/s)
		},
		"difference": func(b, s float64) float64 { return math.Abs(b - s) }, "exclusion": func(b, s float64) float64 { return b + s - 2*b*s },
		"add": func(b, s float64) float64 { return min(1, b+s) },
	}
	below := color.NRGBA{200, 90, 30, 255}
	original := encodePNG(t, plain(6, 4, below))
	for _, word := range blendWords() {
		picture := pixels(t, mustRender(t, original, "/overlay:"+ExampleImage+",blend="+word+".png").Body)
		formula := formulas[word]
		for x, above := range map[int]color.NRGBA{0: {255, 0, 0, 255}, 5: {0, 0, 255, 128}} {
			got, want := picture.NRGBAAt(x, 1), below
			alpha := float64(above.A) / 255
			switch {
			case word == "mask":
				want.A = above.A
			case word == "cut":
				want.A = 255 - above.A
			case formula == nil:
				t.Fatalf("nothing is known of %s", word)
			default:
				mix := func(b, s uint8) uint8 {
					low, high := float64(b)/255, float64(s)/255
					if word == "add" {
						return uint8(math.Round(255 * formula(low, high*alpha)))
					}
					return uint8(math.Round(255 * (low*(1-alpha) + alpha*formula(low, high))))
				}
				want = color.NRGBA{mix(below.R, above.R), mix(below.G, above.G), mix(below.B, above.B), 255}
			}
			if want.A == 0 {
				got.R, got.G, got.B = want.R, want.G, want.B
			}
			if !close8(got, want, 2) {
				t.Errorf("%s: %v on %v is %v, want %v", word, above, below, got, want)
			}
		}
	}
}

// A mask cuts away what the overlay does not reach.
func TestMaskReachesAllOfThePicture(t *testing.T) {
	original := encodePNG(t, plain(20, 12, color.NRGBA{255, 255, 255, 255}))
	picture := pixels(t, mustRender(t, original, "/overlay:"+ExampleImage+",northwest,blend=mask.png").Body)
	for at, want := range map[stdimage.Point]uint8{{X: 1, Y: 1}: 255, {X: 4, Y: 1}: 128, {X: 7, Y: 1}: 0, {X: 19, Y: 11}: 0} {
		if got := picture.NRGBAAt(at.X, at.Y).A; got != want {
			t.Errorf("at %v alpha is %d, want %d", at, got, want)
		}
	}
}

// What is laid on fits all kinds of picture: gray ones get colors, deep ones keep their 16 bits, and every frame of an animation has it.
func TestOverlayOnEveryKindOfPicture(t *testing.T) {
	path := "/overlay:" + ExampleImage + ",northwest.png"
	gray := stdimage.NewGray(stdimage.Rect(0, 0, 20, 12))
	if got := pixels(t, mustRender(t, encodePNG(t, gray), path).Body).NRGBAAt(1, 1); got != (color.NRGBA{255, 0, 0, 255}) {
		t.Errorf("on gray it is %v", got)
	}
	deep := stdimage.NewNRGBA64(stdimage.Rect(0, 0, 20, 12))
	for i := range 20 * 12 {
		deep.SetNRGBA64(i%20, i/20, color.NRGBA64{R: 0x1234, G: 0x1234, B: 0x1234, A: 0xffff})
	}
	decoded, _, err := stdimage.Decode(bytes.NewReader(mustRender(t, encodePNG(t, deep), path).Body))
	if err != nil {
		t.Fatal(err)
	}
	at := func(x, y int) color.NRGBA64 { return color.NRGBA64Model.Convert(decoded.At(x, y)).(color.NRGBA64) }
	if got := at(1, 1); got != (color.NRGBA64{0xffff, 0, 0, 0xffff}) {
		t.Errorf("on 16 bits it is %v", got)
	}
	if got := at(10, 10); got.R != 0x1234 {
		t.Errorf("beside it a picture of 16 bits is %v", got)
	}
	moving := flicker(t, "rgb")
	animation, err := stdgif.DecodeAll(bytes.NewReader(mustRender(t, moving, "/overlay:"+ExampleImage+",northwest,w=100p,h=100p.gif").Body))
	if err != nil {
		t.Fatal(err)
	}
	if len(animation.Image) != 3 {
		t.Fatalf("%d frames", len(animation.Image))
	}
	for i, frame := range animation.Image {
		// A frame leaves out what is as in the one before.
		if r, g, b, a := frame.At(0, 0).RGBA(); (i == 0 || a > 0) && (r>>8 != 255 || g|b != 0) {
			t.Errorf("frame %d is %d %d %d there", i, r>>8, g>>8, b>>8)
		}
	}
}

func TestOverlaysAreRead(t *testing.T) {
	same := func(path, want string) {
		t.Helper()
		if got := canonical(t, path); got != want {
			t.Errorf("%s is spelled %s, want %s", path, got, want)
		}
	}
	plainID := strings.ReplaceAll(ExampleImage, "-", "")
	same("/overlay:"+strings.ToUpper(plainID)+".png", "/overlay:"+ExampleImage+".png")
	same("/overlay:"+ExampleImage+",southeast,dx=0,blend=normal,op=100.png", "/overlay:"+ExampleImage+".png")
	same("/overlay:center,center.png", "/overlay:center,center.png") // an id may look like a word
	same("/text:SGVsbG8=,tile.png", "/text:SGVsbG8,tile.png")
	same("/text=SGVsbG8~north.png", "/text:SGVsbG8,north.png")
}

// A text that no one could read, and an image that is none, are refused by the grammar.
func TestOverlaysAreRefused(t *testing.T) {
	encoded := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	for path, want := range map[string]string{
		"/text:Hello!World": "base64url", "/text:" + encoded(" \n"): "not blank", "/text:" + encoded("a\x00b"): "control characters",
		"/text:" + encoded("\xff"): "UTF-8", "/text:" + encoded(strings.Repeat("x", maxText+1)): "1024", "/text": "is missing",
		"/overlay": "is missing", "/overlay:a_b": "must be the id of an image", "/overlay:" + ExampleImage + ",gap=3": "needs tile",
		"/overlay:" + ExampleImage + ",blend=dissolve": "blend", "/text:SGVsbG8,font=Comic": "sans",
		strings.Repeat("/overlay:"+ExampleImage, maxImages+1): "one image too many",
	} {
		if _, err := Parse(id + path + ".png"); !errors.Is(err, ErrSyntax) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, which does not say %q", path, err, want)
		}
	}
	original := encodePNG(t, plain(20, 12, color.NRGBA{A: 255}))
	for path, want := range map[string]error{
		"/text:" + encoded("漢"):                               ErrNoGlyph,
		"/text:SGVsbG8,size=9999p":                            nil,
		"/resize:2000,2000,stretch,up/text:SGVsbG8,size=300p": ErrTooLarge,
		"/overlay:" + ExampleImage + ",w=10000p,h=10000p":     nil,
	} {
		if _, err := render(t, original, path+".png"); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
	// What is only told how to be written needs no letter of its own.
	mustRender(t, original, "/text:"+encoded("a\u200db\ufe0f\u00a0c\u00ad")+".png")
}

// written returns the alpha of a text that is written in white on nothing.
func written(t *testing.T, width, height int, text, arguments string) *stdimage.NRGBA {
	t.Helper()
	path := "/text:" + base64.RawURLEncoding.EncodeToString([]byte(text)) + arguments + ".png"
	return pixels(t, mustRender(t, encodePNG(t, plain(width, height, color.NRGBA{})), path).Body)
}

// inked is the box around all pixels that are not transparent.
func inked(picture *stdimage.NRGBA) (box stdimage.Rectangle) {
	for y := range picture.Rect.Dy() {
		for x := range picture.Rect.Dx() {
			if picture.NRGBAAt(x, y).A > 0 {
				box = box.Union(stdimage.Rect(x, y, x+1, y+1))
			}
		}
	}
	return box
}

// Text is as large, as wide and of the color that was asked for.
func TestText(t *testing.T) {
	block := written(t, 100, 100, "█", ",northwest,size=40,color=ff8000")
	if got := block.NRGBAAt(5, 20); got != (color.NRGBA{255, 128, 0, 255}) {
		t.Errorf("a letter is %v", got)
	}
	faint := written(t, 100, 100, "█", ",northwest,size=40,color=ff800080")
	if got := faint.NRGBAAt(5, 20); !close8(got, color.NRGBA{255, 128, 0, 128}, 1) {
		t.Errorf("a faint letter is %v", got)
	}
	small, large := inked(written(t, 200, 100, "HH", ",northwest,size=20")), inked(written(t, 200, 100, "HH", ",northwest,size=40"))
	if w, h := large.Dx()-2*small.Dx(), large.Dy()-2*small.Dy(); max(w, -w) > 2 || max(h, -h) > 2 {
		t.Errorf("twice the size is %v against %v", large, small)
	}
	if percent := inked(written(t, 200, 100, "HH", ",northwest,size=40p")); percent != large {
		t.Errorf("40 %% of 100 is %v, 40 is %v", percent, large)
	}
	one, two := inked(written(t, 300, 100, "one two", ",north,size=20")), inked(written(t, 300, 100, "one two", ",north,size=20,w=60"))
	if two.Dx() >= one.Dx() || two.Dy() < one.Dy()+18 {
		t.Errorf("broken into lines it is %v, in one line %v", two, one)
	}
	if lines := inked(written(t, 300, 100, "one\ntwo", ",north,size=20")); lines != two {
		t.Errorf("a newline breaks otherwise than room that ends: %v, %v", lines, two)
	}
	edge := map[string]func(short, long stdimage.Rectangle) bool{
		"left":  func(short, long stdimage.Rectangle) bool { return short.Min.X-long.Min.X <= 2 },
		"right": func(short, long stdimage.Rectangle) bool { return long.Max.X-short.Max.X <= 2 },
		"center": func(short, long stdimage.Rectangle) bool {
			return math.Abs(float64(short.Min.X+short.Max.X-long.Min.X-long.Max.X)) <= 3
		},
	}
	for align, fits := range edge {
		picture := written(t, 300, 100, "HHHHHH\nH", ",center,size=30,align="+align)
		middle := inked(picture).Min.Y + inked(picture).Dy()/2
		long := inked(picture.SubImage(stdimage.Rect(0, 0, 300, middle)).(*stdimage.NRGBA))
		short := stdimage.Rectangle{}
		for y := middle; y < 100; y++ {
			for x := range 300 {
				if picture.NRGBAAt(x, y).A > 0 {
					short = short.Union(stdimage.Rect(x, y, x+1, y+1))
				}
			}
		}
		if !fits(short, long) {
			t.Errorf("%s: the short line is at %v, the long one at %v", align, short, long)
		}
	}
	if bold := coverage(written(t, 200, 100, "Bold", ",size=40,font=sans-bold")); bold < 1.2*coverage(written(t, 200, 100, "Bold", ",size=40")) {
		t.Error("a bold font has no more ink")
	}
	// Cut off at the edges, not refused.
	if got := inked(written(t, 30, 30, "Calotype", ",northwest,size=60")); got.Max != (stdimage.Point{X: 30, Y: 30}) {
		t.Errorf("a text that is too large covers %v", got)
	}
}

func coverage(picture *stdimage.NRGBA) (sum float64) {
	for i := 3; i < len(picture.Pix); i += 4 {
		sum += float64(picture.Pix[i])
	}
	return sum
}

// A layer that kills its worker takes only the prints with it that show it: nobody else's picture is refused for it.
func TestBrokenOverlayPoisonsNoOriginal(t *testing.T) {
	e, _ := own(t, Options{Workers: 1})
	target, err := Parse(id + "/overlay:" + ExampleImage + ".png")
	if err != nil {
		t.Fatal(err)
	}
	data := encodePNG(t, plain(20, 12, color.NRGBA{A: 255}))
	asker := Asker{Original: "good", Layers: []string{"bad"}}
	original := Original{Format: "png", Size: Size{20, 12}, Frames: 1, Depth: 8, Alpha: true}
	plan, err := NewPlan(target.Chain, original, e.Limits(), Original{Format: "png", Size: Size{6, 4}, Frames: 1, Depth: 8})
	if err != nil {
		t.Fatal(err)
	}
	damaged := func(ctx context.Context, _ int) (*os.File, error) {
		return opener([]byte("\x89PNG\r\n\x1a\nnonsense"))(ctx)
	}
	if _, err := e.Render(t.Context(), Job{Open: opener(data), OpenLayer: damaged, Plan: plan, Asker: asker}); !errors.Is(err, ErrBroken) {
		t.Errorf("a damaged overlay: %v", err)
	}
	if err := e.Refuses(plan, asker); !errors.Is(err, ErrBroken) {
		t.Errorf("the same print again: %v", err)
	}
	if _, err := order(t, t.Context(), e, data, "/rotate:90.png", Asker{Original: "good"}); err != nil {
		t.Errorf("a print without it: %v", err)
	}
}

// On a print in Display P3 an overlay has the colors that it has on one in sRGB.
func TestOverlayTakesTheColorsOfThePrint(t *testing.T) {
	original := p3(t, "wwwwwwwwww", "wwwwwwwwww", "wwwwwwwwww", "wwwwwwwwww")
	for _, settings := range []string{"", "/icc:keep"} {
		border, _ := decoded(t, mustRender(t, original, "/border:1,red"+settings+".png").Body)
		laid, profile := decoded(t, mustRender(t, original, "/overlay:"+ExampleImage+",northwest"+settings+".png").Body)
		if got, want := laid.NRGBAAt(1, 1), border.NRGBAAt(0, 0); !profile.isDisplayP3() || !close8(got, want, 1) || want.R > 240 {
			t.Errorf("%s: the overlay is %v, a red border is %v", settings, got, want)
		}
	}
}
