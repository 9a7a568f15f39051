package transform

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	stdimage "image"
	"image/color"
	"image/draw"
	stdgif "image/gif"
	stdjpeg "image/jpeg"
	stdpng "image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	RunWorker()
	os.Exit(m.Run())
}

// testEngine is one engine for all tests. Its workers end with the process.
var testEngine = sync.OnceValues(func() (*Engine, error) {
	return NewEngine(Options{Workers: 2, Deadline: time.Minute, Limits: Limits{Pixels: 50_000_000, Side: 65535}})
})

func engine(t testing.TB) *Engine {
	t.Helper()
	e, err := testEngine()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// open writes bytes to a file and opens it as an original.
func open(t testing.TB, data []byte) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "original")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}

// render makes the print of data that path, such as /rotate:90.png, asks for.
func render(t testing.TB, data []byte, path string) (*Rendition, error) {
	t.Helper()
	target, err := Parse(id + path)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	target.Chain = withExamples(t, target.Chain)
	file := open(t, data)
	original, err := engine(t).Inspect(t.Context(), file, Asker{})
	if err != nil {
		return nil, err
	}
	plan, err := NewPlan(target.Chain.Settle(original, ""), original, engine(t).Limits(), layersOf(&target.Chain)...)
	if err != nil {
		return nil, err
	}
	return engine(t).Render(t.Context(), Job{Open: opener(data), OpenLayer: openStamp, Plan: plan})
}

// layersOf is what the plan of a chain must know of the images that it names: all are the stamp.
func layersOf(c *Chain) (layers []Original) {
	for range c.Images() {
		layers = append(layers, Original{Format: "png", Size: Size{6, 4}, Frames: 1, Depth: 8, Alpha: true})
	}
	return layers
}

// openStamp gives the image that stands for every image which a chain names: 6×4, its left half red, its right half half
// transparent blue.
func openStamp(ctx context.Context, _ int) (*os.File, error) {
	picture := stdimage.NewNRGBA(stdimage.Rect(0, 0, 6, 4))
	for i := range 24 {
		picture.SetNRGBA(i%6, i/6, color.NRGBA{R: 255, A: 255})
		if i%6 >= 3 {
			picture.SetNRGBA(i%6, i/6, color.NRGBA{B: 255, A: 128})
		}
	}
	var b bytes.Buffer
	if err := stdpng.Encode(&b, picture); err != nil {
		return nil, err
	}
	return opener(b.Bytes())(ctx)
}

// writable are the formats that the linked libvips writes.
func writable(t testing.TB) []*Format {
	t.Helper()
	return slices.DeleteFunc(slices.Clone(Formats), func(f *Format) bool { return !engine(t).writes(f) })
}

func mustRender(t testing.TB, data []byte, path string) *Rendition {
	t.Helper()
	rendition, err := render(t, data, path)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return rendition
}

// pixels decodes a PNG print by the standard library.
func pixels(t testing.TB, body []byte) *stdimage.NRGBA {
	t.Helper()
	decoded, _, err := stdimage.Decode(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	picture := stdimage.NewNRGBA(decoded.Bounds())
	draw.Draw(picture, picture.Bounds(), decoded, decoded.Bounds().Min, draw.Src)
	return picture
}

func encodePNG(t testing.TB, picture stdimage.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := stdpng.Encode(&b, picture); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// letters are the colors of pictures in tests.
var letters = map[byte]color.NRGBA{
	'r': {255, 0, 0, 255}, 'g': {0, 255, 0, 255}, 'b': {0, 0, 255, 255}, 'y': {255, 255, 0, 255},
	'k': {0, 0, 0, 255}, 'w': {255, 255, 255, 255}, '.': {},
}

// draws makes a picture of rows of letters: draws("rg", "by") is red, green above blue, yellow.
func draws(rows ...string) *stdimage.NRGBA {
	picture := stdimage.NewNRGBA(stdimage.Rect(0, 0, len(rows[0]), len(rows)))
	for y, row := range rows {
		for x := range row {
			picture.SetNRGBA(x, y, letters[row[x]])
		}
	}
	return picture
}

// reads is the inverse of draws; a color that is no letter is a question mark.
func reads(picture *stdimage.NRGBA) string {
	var rows []string
	for y := range picture.Bounds().Dy() {
		var row strings.Builder
		for x := range picture.Bounds().Dx() {
			letter := byte('?')
			c := picture.NRGBAAt(x, y)
			for l, known := range letters {
				if c == known || c.A == 0 && l == '.' {
					letter = l
				}
			}
			row.WriteByte(letter)
		}
		rows = append(rows, row.String())
	}
	return strings.Join(rows, " ")
}

// ofFourColors checks what a chain makes of red and green above blue and yellow.
func ofFourColors(t *testing.T) (check func(path, want string)) {
	original := encodePNG(t, draws("rg", "by"))
	return func(path, want string) {
		t.Helper()
		if got := reads(pixels(t, mustRender(t, original, path+".png").Body)); got != want {
			t.Errorf("%s gives %s, want %s", path, got, want)
		}
	}
}

// Geometry moves pixels and changes none, in the order in which the address has it.
func TestGeometryIsExact(t *testing.T) {
	f := ofFourColors(t)
	f("", "rg by")
	f("/rotate:90", "br yg")
	f("/rotate:180", "yb gr")
	f("/rotate:270", "gy rb")
	f("/rotate:-90", "gy rb")
	f("/flip:h", "gr yb")
	f("/flip:v", "by rg")
	f("/flip:hv", "yb gr")
	f("/crop:1,0,1,1", "g")
	f("/crop:0,1,2,1", "by")
	f("/crop:1,0,0,0", "g y")
	f("/crop:-1,-1,1,1", "y")
	f("/crop:50p,0,50p,100p", "g y")
	f("/crop:1,1,9,9", "y")
	f("/crop:-5,-5,4,5", "r b")
	f("/crop:1,1,southeast", "y")
	f("/crop:1,1,northeast", "g")
	f("/crop:1,2,fp=0.9x0.5", "g y")
	f("/crop:1,2,west,dx=1", "g y")
	f("/crop:ar=2x1,south", "by")
	f("/crop:ar=1x2,east", "g y")
	f("/crop:0,0,2,1/rotate:90", "r g")
	f("/rotate:90/crop:0,0,2,1", "br")
	f("/orient:6", "br yg")
	f("/orient:2", "gr yb")
	f("/orient:5", "rb gy")
	f("/orient:7", "yg br")
	f("/resize:4,4,up,k=nearest", "rrgg rrgg bbyy bbyy")
	f("/resize:4,2,pad", ".rg. .by.")
	f("/resize:4,2,pad,west,bg=white", "rgww byww")
	f("/resize:2,4,pad,south,bg=ff0", "yy yy rg by")
	f("/resize:1,2,cover,east", "g y")
	f("/resize:8,4,cover,south", "by")
	f("/rotate:90/flip:h", "rb gy")
	f("/flip:h/rotate:90", "yg br")
}

func TestResizeGivesThePlannedSize(t *testing.T) {
	original := encodePNG(t, stdimage.NewNRGBA(stdimage.Rect(0, 0, 400, 300)))
	f := func(path, want string) {
		t.Helper()
		rendition := mustRender(t, original, path+".png")
		if got := rendition.Size.String(); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
		if got := pixels(t, rendition.Body).Bounds().Size(); (Size{got.X, got.Y}) != rendition.Size {
			t.Errorf("%s is said to be %s and is %s", path, rendition.Size, got)
		}
	}
	f("/resize:200", "200×150")
	f("/resize:0,150", "200×150")
	f("/resize:200,200", "200×150")
	f("/resize:200,200,cover", "200×200")
	f("/resize:200,200,stretch", "200×200")
	f("/resize:200,200,pad", "200×200")
	f("/resize:200,200,outside", "267×200")
	f("/resize:50p", "200×150")
	f("/resize:50p,10p,stretch", "200×30")
	f("/resize:800", "400×300")
	f("/resize:800,up", "800×600")
	f("/resize:800,200,cover", "400×100")
	f("/resize:800,200,cover,up", "800×200")
	f("/resize:800,200,stretch", "400×100")
	f("/resize:800,600,pad", "800×600")
	f("/resize:1000,10,outside", "400×300")
	f("/resize:1", "1×1")
	f("/resize:7", "7×5")
	f("/resize:100/dpr:2", "200×150")
	f("/resize:300/dpr:2", "400×300")
	f("/resize:300,up/dpr:2", "600×450")
	f("/resize:100/dpr:0.5", "50×38")
	f("/resize:300/crop:150,150/dpr:4", "200×200")
	f("/crop:200,200/resize:50/dpr:2", "100×100")
	f("/rotate:45", "495×495")
	f("/rotate:30", "496×460")
	f("/rotate:90/resize:150", "150×200")
}

// The laws hold for any picture: a path on the left gives the same pixels as the one on the right.
func TestLaws(t *testing.T) {
	picture := stdimage.NewNRGBA(stdimage.Rect(0, 0, 37, 23))
	for i := range picture.Pix {
		picture.Pix[i] = uint8(i * i >> 3)
	}
	original := encodePNG(t, picture)
	same := func(left, right string) {
		t.Helper()
		a, b := mustRender(t, original, left+".png"), mustRender(t, original, right+".png")
		if a.Size != b.Size || !bytes.Equal(pixels(t, a.Body).Pix, pixels(t, b.Body).Pix) {
			t.Errorf("%s differs from %s", left, right)
		}
	}
	same("/rotate:90/rotate:90/rotate:90/rotate:90", "")
	same("/rotate:90/rotate:270", "")
	same("/rotate:180", "/flip:h/flip:v")
	same("/flip:h/flip:h", "")
	same("/flip:v/flip:v", "")
	same("/flip:hv", "/flip:v/flip:h")
	same("/crop:0,0,37,23", "")
	same("/crop:0,0,100p,100p", "")
	same("/crop:5,3,20,15/crop:2,4,10,10", "/crop:7,7,10,10")
	same("/crop:5,3,20,15/flip:h", "/flip:h/crop:12,3,20,15")
	same("/crop:5,3,20,15/rotate:90", "/rotate:90/crop:5,5,15,20")
	same("/resize:37", "")
	same("/resize:37,23,stretch", "")
	same("/grayscale/grayscale", "/grayscale")
	same("/background:red/background:blue", "/background:red")
	same("/rotate:90/crop:23,37", "/rotate:90")
	if bytes.Equal(mustRender(t, original, "/crop:0,0,20,10/rotate:90.png").Body, mustRender(t, original, "/rotate:90/crop:0,0,20,10.png").Body) {
		t.Error("the order of operations has no effect")
	}
}

// photo is a picture with soft shapes and some detail, as far as arithmetic goes.
func photo(width, height int) *stdimage.NRGBA {
	picture := stdimage.NewNRGBA(stdimage.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			picture.SetNRGBA(x, y, color.NRGBA{
				R: uint8(x * 255 / width), G: uint8(y * 255 / height),
				B: uint8(128 + (x*y/64)%64), A: 255,
			})
		}
	}
	return picture
}

func encodeJPEG(t testing.TB, picture stdimage.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := stdjpeg.Encode(&b, picture, &stdjpeg.Options{Quality: 92}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withOrientation puts an EXIF block with the orientation behind the start marker of a JPEG.
func withOrientation(data []byte, orientation byte) []byte {
	exif := append([]byte("\xff\xe1\x00\x22Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00"), orientation, 0, 0, 0, 0, 0, 0)
	return append(append(append([]byte{}, data[:2]...), exif...), data[2:]...)
}

// What a plan does otherwise than written, for speed, must look the same as what is written.
func TestShortcutsLookTheSame(t *testing.T) {
	plain := encodeJPEG(t, photo(1600, 1200))
	f := func(original []byte, quick, naive string) {
		t.Helper()
		a, b := pixels(t, mustRender(t, original, quick+".png").Body), pixels(t, mustRender(t, original, naive+".png").Body)
		if a.Bounds() != b.Bounds() {
			t.Fatalf("%s is %v, %s is %v", quick, a.Bounds(), naive, b.Bounds())
		}
		sum, most := 0, 0
		for i := range a.Pix {
			d := max(int(a.Pix[i])-int(b.Pix[i]), int(b.Pix[i])-int(a.Pix[i]))
			sum += d
			most = max(most, d)
		}
		if mean := float64(sum) / float64(len(a.Pix)); mean > 1.5 || most > 60 {
			t.Errorf("%s differs from %s by %.2f in the mean, %d at most", quick, naive, mean, most)
		}
	}
	// A crop of everything but nothing keeps the decoder from shrinking.
	f(plain, "/resize:400", "/blur:0.3/resize:400")
	f(plain, "/resize:100", "/blur:0.3/resize:100")
	f(plain, "/resize:40", "/blur:0.3/resize:40")
	f(withOrientation(plain, 6), "/resize:300", "/orient:none/rotate:90/blur:0.3/resize:300")
	f(withOrientation(plain, 7), "/resize:300,300,cover,north", "/orient:none/rotate:270/flip:h/blur:0.3/resize:300,300,cover,north")
}

func TestAnimationKeepsItsFrames(t *testing.T) {
	animation := &stdgif.GIF{LoopCount: 3}
	for i, row := range []string{"rg", "gb", "by"} {
		frame := stdimage.NewPaletted(stdimage.Rect(0, 0, 2, 1), color.Palette{letters['r'], letters['g'], letters['b'], letters['y']})
		for x := range row {
			frame.Set(x, 0, letters[row[x]])
		}
		animation.Image = append(animation.Image, frame)
		animation.Delay = append(animation.Delay, 10*(i+1))
	}
	var b bytes.Buffer
	if err := stdgif.EncodeAll(&b, animation); err != nil {
		t.Fatal(err)
	}
	rendition := mustRender(t, b.Bytes(), "/flip:h/resize:4,2,stretch,up,k=nearest.gif")
	if rendition.Frames != 3 || rendition.Size != (Size{4, 2}) {
		t.Errorf("the print has %d frames of %s", rendition.Frames, rendition.Size)
	}
	got, err := stdgif.DecodeAll(bytes.NewReader(rendition.Body))
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got.Delay) != "[10 20 30]" {
		t.Errorf("delays %v", got.Delay)
	}
	if got.LoopCount != 3 {
		t.Errorf("loop count %d", got.LoopCount)
	}
	if row := reads(pixels(t, mustRender(t, b.Bytes(), "/flip:h.png").Body)); row != "gr" {
		t.Errorf("the still print shows %s, want the first frame", row)
	}
	for _, path := range []string{".webp", "/rotate:90.webp", "/rotate:30.webp", "/crop:1,1,smart.webp", "/blur:1.gif"} {
		if r := mustRender(t, b.Bytes(), path); r.Frames != 3 {
			t.Errorf("%s has %d frames", path, r.Frames)
		}
	}
}

func TestSmartCropFindsWhatStandsOut(t *testing.T) {
	picture := stdimage.NewNRGBA(stdimage.Rect(0, 0, 300, 100))
	draw.Draw(picture, picture.Bounds(), stdimage.NewUniform(color.NRGBA{90, 90, 90, 255}), stdimage.Point{}, draw.Src)
	draw.Draw(picture, stdimage.Rect(240, 30, 280, 70), stdimage.NewUniform(letters['r']), stdimage.Point{}, draw.Src)
	for _, path := range []string{"/crop:100,100,smart", "/crop:100,100,entropy", "/resize:100,100,cover,smart"} {
		got := pixels(t, mustRender(t, encodePNG(t, picture), path+".png").Body)
		red := 0
		for i := 0; i < len(got.Pix); i += 4 {
			if got.Pix[i] > 200 && got.Pix[i+1] < 60 {
				red++
			}
		}
		if red < 1200 {
			t.Errorf("%s holds %d of 1600 red pixels", path, red)
		}
	}
}

func TestBackgroundShowsWhereThePictureIsTransparent(t *testing.T) {
	original := encodePNG(t, draws("r."))
	if got := reads(pixels(t, mustRender(t, original, "/background:blue.png").Body)); got != "rb" {
		t.Errorf("got %s", got)
	}
	if got := pixels(t, mustRender(t, original, ".jpg").Body).NRGBAAt(1, 0); got.R < 200 {
		t.Errorf("a JPEG of a transparent pixel has %v, want something near white", got)
	}
	if got := pixels(t, mustRender(t, original, "/background:0000ff80.png").Body).NRGBAAt(1, 0); got != (color.NRGBA{0, 0, 255, 128}) {
		t.Errorf("half transparent blue gives %v", got)
	}
}

func TestSixteenBitsStay(t *testing.T) {
	picture := stdimage.NewGray16(stdimage.Rect(0, 0, 3, 1))
	for x := range 3 {
		picture.SetGray16(x, 0, color.Gray16{uint16(0x1234 * (x + 1))})
	}
	decoded, err := stdpng.Decode(bytes.NewReader(mustRender(t, encodePNG(t, picture), "/flip:h.png").Body))
	if err != nil {
		t.Fatal(err)
	}
	if got := color.Gray16Model.Convert(decoded.At(0, 0)); got != (color.Gray16{0x369c}) {
		t.Errorf("got %v", got)
	}
}

func TestEverySettingHasAnEffectAndEveryFormatIsDeterministic(t *testing.T) {
	if testing.Short() {
		t.Skip("makes very many prints, one after the other")
	}
	original := encodePNG(t, photo(320, 240))
	deep := stdimage.NewGray16(stdimage.Rect(0, 0, 9, 9))
	deep.SetGray16(3, 3, color.Gray16{0x1234})
	for _, f := range writable(t) {
		plain := mustRender(t, original, "/resize:200."+f.Extension)
		if again := mustRender(t, original, "/resize:200."+f.Extension); !bytes.Equal(plain.Body, again.Body) {
			t.Errorf("%s: the same address gives other bytes", f.Name)
		}
		for _, s := range f.Settings {
			data, plain, setting := original, plain, s.Example
			switch s { // settings that concern some originals only
			case depth:
				data = encodePNG(t, deep)
			case frames:
				data = flicker(t, "rg")
			case maxbytes:
				setting = fmt.Sprintf("maxbytes:%d", len(plain.Body)*2/3)
			}
			if s == depth || s == frames {
				plain = mustRender(t, data, "/resize:200."+f.Extension)
			}
			other := mustRender(t, data, "/resize:200/"+setting+"."+f.Extension)
			if bytes.Equal(plain.Body, other.Body) {
				t.Errorf("%s: %s changes nothing", f.Name, setting)
			}
		}
	}
}

func TestLosslessIsLossless(t *testing.T) {
	original := encodePNG(t, photo(64, 48))
	for _, path := range []string{"/lossless:1.webp", "/lossless:1.avif", ".tif"} {
		lossless := mustRender(t, original, path)
		back := mustRender(t, lossless.Body, ".png")
		if !bytes.Equal(pixels(t, back.Body).Pix, photo(64, 48).Pix) {
			t.Errorf("%s is not lossless", path)
		}
	}
	// Sides that are odd, alpha, and every color that has one sample of 0 or 255.
	odd := stdimage.NewNRGBA(stdimage.Rect(0, 0, 257, 7))
	for x := range 256 {
		v := uint8(x)
		for y, c := range []color.NRGBA{{v, 0, 0, 255}, {0, v, 255, 255}, {255, 0, v, 255}, {v, 255, v, 255}, {v, v, 0, 255}, {v, 255 - v, 77, 255}, {90, v, 200, max(1, v)}} {
			odd.SetNRGBA(x, y, c)
		}
	}
	odd.SetNRGBA(256, 6, color.NRGBA{1, 2, 3, 255})
	for _, path := range []string{"/lossless:1.webp", "/lossless:1.avif", "/lossless:1/effort:4.avif"} {
		back := pixels(t, mustRender(t, mustRender(t, encodePNG(t, odd), path).Body, ".png").Body)
		for y := range 7 {
			for x := range 257 {
				if got, want := back.NRGBAAt(x, y), odd.NRGBAAt(x, y); got != want && want.A > 0 {
					t.Fatalf("%s: at %d,%d %v became %v", path, x, y, want, got)
				}
			}
		}
	}
}

// The orientation of an original is applied to its prints, and no print tells viewers to apply it again.
func TestPrintsAreUprightForEveryViewer(t *testing.T) {
	original := withOrientation(encodeJPEG(t, photo(60, 40)), 6)
	for _, f := range writable(t) {
		for _, which := range []string{"strip", "copyright", "keep"} {
			r := mustRender(t, original, "/metadata:"+which+"."+f.Extension)
			if r.Size != (Size{40, 60}) {
				t.Errorf("%s, metadata:%s: the print is %s", f.Name, which, r.Size)
			}
			again, err := engine(t).Inspect(t.Context(), open(t, r.Body), Asker{})
			if err != nil || again.Upright() != r.Size || again.Orientation != 1 {
				t.Errorf("%s, metadata:%s: a viewer sees %v, %v", f.Name, which, again, err)
			}
		}
	}
}

// EXIF fields are kept as far as the address asks for them.
func TestMetadata(t *testing.T) {
	original := encodeJPEG(t, photo(16, 16))
	// One IFD with Artist (0x013b) and Software (0x0131), each a short text behind it.
	ifd := "MM\x00\x2a\x00\x00\x00\x08\x00\x02" +
		"\x01\x31\x00\x02\x00\x00\x00\x08\x00\x00\x00\x26" +
		"\x01\x3b\x00\x02\x00\x00\x00\x08\x00\x00\x00\x2e" +
		"\x00\x00\x00\x00" + "Camera7\x00" + "Talbot9\x00"
	segment := "\xff\xe1\x00" + string(rune(2+6+len(ifd))) + "Exif\x00\x00" + ifd
	original = append(append([]byte(original[:2:2]), segment...), original[2:]...)
	f := func(path string, artist, software bool) {
		t.Helper()
		body := mustRender(t, original, path).Body
		if got := bytes.Contains(body, []byte("Talbot9")); got != artist {
			t.Errorf("%s: the artist is there: %t", path, got)
		}
		if got := bytes.Contains(body, []byte("Camera7")); got != software {
			t.Errorf("%s: the camera is there: %t", path, got)
		}
	}
	for _, extension := range []string{"jpg", "png", "webp", "avif"} {
		f("."+extension, false, false)
		// Before 8.15, libvips writes EXIF to PNG as it was read or not at all.
		f("/metadata:copyright."+extension, extension != "png" || LibvipsVersion() >= "8.15", false)
		f("/metadata:keep."+extension, true, true)
	}
}

func TestForeignSettings(t *testing.T) {
	original := encodePNG(t, draws("rg", "by"))
	if _, err := render(t, original, "/quality:50.png"); !errors.Is(err, ErrSyntax) {
		t.Errorf("quality of a PNG: %v", err)
	}
	if _, err := render(t, original, "/quality:50"); !errors.Is(err, ErrSyntax) {
		t.Errorf("quality of an original that is PNG: %v", err)
	}
	if r := mustRender(t, original, "/quality:50.auto"); r.Format != jpegFormat() {
		t.Errorf("negotiated to %s", r.Format.Name)
	}
}

func jpegFormat() *Format { return FormatNamed("jpeg") }

func TestRefusals(t *testing.T) {
	small := encodePNG(t, draws("rg", "by"))
	f := func(data []byte, path string, want error) {
		t.Helper()
		if _, err := render(t, data, path); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", path, err, want)
		}
	}
	f(small, "/crop:2,0,1,1.png", ErrOutside)
	f(small, "/crop:0,-9,1,2.png", ErrOutside)
	f(small, "/resize:60000,60000,stretch,up.png", ErrTooLarge)
	f(small, "/resize:1000,20000,stretch,up.webp", ErrTooLarge)
	f([]byte("<html>"), ".png", ErrUnsupported)
	f(nil, ".png", ErrUnsupported)
	f(small[:len(small)/2], ".png", ErrBroken)
	f(encodeJPEG(t, photo(300, 200))[:2000], "/resize:100.png", ErrBroken)
}

// A JPEG that goes over its picture again and again, and metadata beyond reason, are refused by their structure.
func TestExpensiveStructuresAreRefused(t *testing.T) {
	original := encodeJPEG(t, photo(16, 16))
	start := bytes.Index(original, []byte("\xff\xc0"))
	progressive := bytes.Clone(original)
	progressive[start+1] = 0xc2
	scan := []byte("\xff\xda\x00\x08\x01\x01\x00\x00\x00\x00")
	end := bytes.Index(progressive, []byte("\xff\xda"))
	f := func(what string, data []byte) {
		t.Helper()
		if _, err := engine(t).Inspect(t.Context(), open(t, data), Asker{}); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: got %v", what, err)
		}
	}
	f("101 scans", append(append(append([]byte{}, progressive[:end]...), bytes.Repeat(scan, maxScans+1)...), 0xff, 0xd9))
	comment := append([]byte("\xff\xfe\xff\xff"), make([]byte, 0xfffd)...)
	f("comments of 17 MB", append(append(append([]byte{}, original[:2]...), bytes.Repeat(comment, 272)...), original[2:]...))
}

// Enlarging and turning keep everything in its place: the middle of a pixel lies at half its width, on both sides.
func TestWhatIsResampledStaysInItsPlace(t *testing.T) {
	row := stdimage.NewGray(stdimage.Rect(0, 0, 4, 1))
	copy(row.Pix, []uint8{0, 90, 30, 120})
	f := func(path string, want ...uint8) {
		t.Helper()
		got := pixels(t, mustRender(t, encodePNG(t, row), path+".png").Body)
		for x, v := range want {
			if c := got.NRGBAAt(x, 0).R; max(c, v)-min(c, v) > 1 {
				t.Errorf("%s: pixel %d of %d is %d, want %d", path, x, got.Bounds().Dx(), c, v)
			}
		}
	}
	f("/resize:12,1,stretch,up,k=linear", 0, 0, 30, 60, 90, 70, 50, 30, 60, 90, 120, 120)
	f("/resize:8,1,stretch,up,k=linear", 0, 23, 68, 75, 45, 53, 98, 120)
	f("/resize:12,1,stretch,up,k=nearest", 0, 0, 0, 90, 90, 90, 30, 30, 30, 120, 120, 120)
	f("/resize:4,5,stretch,up", 0, 90, 30, 120)
	f("/resize:2,3,stretch,up,k=nearest", 90, 120)

	white := stdimage.NewUniform(color.White)
	square := stdimage.NewNRGBA(stdimage.Rect(0, 0, 41, 41))
	draw.Draw(square, square.Bounds(), white, stdimage.Point{}, draw.Src)
	square.SetNRGBA(20, 20, color.NRGBA{0, 0, 0, 255})
	for _, angle := range []int{-60, 10, 30, 45, 100, 135} {
		got := pixels(t, mustRender(t, encodePNG(t, square), fmt.Sprintf("/rotate:%d,bg=white.png", angle)).Body)
		var x, y, sum float64
		for i := range got.Bounds().Dx() * got.Bounds().Dy() {
			dark := 255 - float64(got.Pix[4*i])
			x, y, sum = x+dark*float64(i%got.Bounds().Dx()), y+dark*float64(i/got.Bounds().Dx()), sum+dark
		}
		if x, y = x/sum, y/sum; max(x-float64(got.Bounds().Dx()-1)/2, float64(got.Bounds().Dx()-1)/2-x, y-float64(got.Bounds().Dy()-1)/2, float64(got.Bounds().Dy()-1)/2-y) > 0.1 {
			t.Errorf("rotate:%d: what was in the middle lies at %.2f,%.2f of %v", angle, x, y, got.Bounds().Size())
		}
	}
}

// What is computed on colors that are multiplied by alpha becomes neither darker nor lighter by it.
func TestTransparencyKeepsColors(t *testing.T) {
	faint := stdimage.NewNRGBA(stdimage.Rect(0, 0, 60, 60))
	for i := range 60 * 60 {
		faint.SetNRGBA(i%60, i/60, color.NRGBA{uint8(i), 200, uint8(7 * i), uint8(60 + i%190)})
	}
	got := pixels(t, mustRender(t, encodePNG(t, faint), "/median:3/rotate:90/resize:120,60,stretch,up.png").Body)
	want := pixels(t, mustRender(t, encodePNG(t, faint), "/rotate:90.png").Body)
	var is, was float64
	for i := 1; i < len(got.Pix); i += 4 {
		is += float64(got.Pix[i]) / float64(len(got.Pix)/4)
	}
	for i := 1; i < len(want.Pix); i += 4 {
		was += float64(want.Pix[i]) / float64(len(want.Pix)/4)
	}
	if math.Abs(is-was) > 0.3 {
		t.Errorf("a green of %.2f becomes %.2f in the mean", was, is)
	}
}
