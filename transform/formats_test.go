package transform

import (
	"bytes"
	"encoding/binary"
	"errors"
	stdimage "image"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

// withProperty returns canary.heic with one more property of its primary picture, such as a rotation. All of its tables lie before the pixels.
func withProperty(t testing.TB, box string) []byte {
	t.Helper()
	data := string(canary(t, "heic"))
	grow := func(data, kind string, by int) string {
		at := strings.Index(data, kind) - 4
		return data[:at] + string(binary.BigEndian.AppendUint32(nil, binary.BigEndian.Uint32([]byte(data[at:]))+uint32(by))) + data[at+4:]
	}
	ipma := strings.Index(data, "ipma") - 4
	end := ipma + int(data[ipma+3])
	// The primary picture, whose associations come last, gets its third one: to the property behind the four that there are.
	data = data[:end-3] + "\x03" + data[end-2:end] + "\x85" + data[end:]
	data = data[:ipma] + box + data[ipma:]
	data = grow(grow(grow(grow(data, "ipco", len(box)), "ipma", 1), "iprp", len(box)+1), "meta", len(box)+1)
	pixels := strings.Index(data, "iloc") + 18
	return []byte(data[:pixels] + string(binary.BigEndian.AppendUint32(nil, uint32(strings.Index(data, "mdat")+4))) + data[pixels+4:])
}

func canary(t testing.TB, format string) []byte {
	t.Helper()
	data, err := canaries.ReadFile("canaries/canary." + format)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// quarters returns what the middles of the four quarters of a picture look like, by the letters of draws.
func quarters(t testing.TB, body []byte) string {
	t.Helper()
	picture := pixels(t, body)
	var s strings.Builder
	for i := range 4 {
		c := picture.NRGBAAt((1+2*(i%2))*picture.Rect.Dx()/4, (1+2*(i/2))*picture.Rect.Dy()/4)
		best, distance := byte('?'), 3*24
		for letter, l := range letters {
			d := max(c.R, l.R) - min(c.R, l.R)
			if sum := int(d) + int(max(c.G, l.G)-min(c.G, l.G)) + int(max(c.B, l.B)-min(c.B, l.B)); l.A == 255 && sum < distance {
				best, distance = letter, sum
			}
		}
		s.WriteByte(best)
	}
	return s.String()
}

// A HEIC becomes a print: its own rotations and mirrors are done, once, and its colors are what it says they are.
func TestHEIC(t *testing.T) {
	f := func(what string, data []byte, path, want string, size Size) {
		t.Helper()
		r := mustRender(t, data, path)
		if got := quarters(t, r.Body); got != want || r.Size != size {
			t.Errorf("%s, %s: %s, %s, want %s, %s", what, path, got, r.Size, want, size)
		}
	}
	plain := canary(t, "heic")
	f("plain", plain, ".png", "rgby", Size{64, 48})
	f("plain", plain, "/resize:32.png", "rgby", Size{32, 24})
	f("plain", plain, "/rotate:90.png", "bryg", Size{48, 64})
	f("turned by 90° to the left", withProperty(t, "\x00\x00\x00\x09irot\x01"), ".png", "gyrb", Size{48, 64})
	f("turned by 180°", withProperty(t, "\x00\x00\x00\x09irot\x02"), ".png", "ybgr", Size{64, 48})
	f("mirrored", withProperty(t, "\x00\x00\x00\x09imir\x01"), ".png", "gryb", Size{64, 48})
	r := mustRender(t, plain, "")
	if r.Format != jpeg {
		t.Errorf("without an extension the print is %s", r.Format.Name)
	}
	full := mustRender(t, withProperty(t, "\x00\x00\x00\x13colrnclx\x00\x01\x00\x0d\x00\x06\x80"), "/grayscale.png").Body
	narrow := mustRender(t, withProperty(t, "\x00\x00\x00\x13colrnclx\x00\x01\x00\x0d\x00\x06\x00"), "/grayscale.png").Body
	if err := startVips(); err != nil { // which loads libheif
		t.Fatal(err)
	}
	// Before 1.16, libheif leaves out of account what the tables say of the range.
	if bytes.Equal(full, narrow) && !libheifDecodesHEVC() {
		t.Error("the range of the samples makes no difference")
	}
}

// swappedProfile is an ICC profile of a display whose red is the green of sRGB, and the other way round (ICC.1, 7.2 and 10).
func swappedProfile() string {
	number := func(f float64) string { return string(binary.BigEndian.AppendUint32(nil, uint32(int32(f*65536)))) }
	count := func(n int) string { return string(binary.BigEndian.AppendUint32(nil, uint32(n))) }
	xyz := func(x, y, z float64) string { return "XYZ \x00\x00\x00\x00" + number(x) + number(y) + number(z) }
	gamma := "curv\x00\x00\x00\x00\x00\x00\x00\x01\x02\x33\x00\x00"
	tags := []struct{ name, data string }{
		{"wtpt", xyz(0.9642, 1, 0.8249)},
		{"rXYZ", xyz(0.3851, 0.7169, 0.0971)},
		{"gXYZ", xyz(0.4360, 0.2225, 0.0139)},
		{"bXYZ", xyz(0.1431, 0.0606, 0.7141)},
		{"rTRC", gamma},
		{"gTRC", gamma},
		{"bTRC", gamma},
	}
	table, data := count(len(tags)), ""
	for _, tag := range tags {
		table += tag.name + count(128+4+12*len(tags)+len(data)) + count(len(tag.data))
		data += tag.data
	}
	head := "\x00\x00\x00\x00\x00\x00\x00\x00\x02\x10\x00\x00mntrRGB XYZ " + strings.Repeat("\x00", 12) + "acsp" + strings.Repeat("\x00", 28) +
		number(0.9642) + number(1) + number(0.8249)
	profile := head + strings.Repeat("\x00", 128-len(head)) + table + data
	return count(len(profile)) + profile[4:]
}

// A color profile in a HEIC is applied like any other.
func TestProfileOfHEIC(t *testing.T) {
	profile := swappedProfile()
	data := withProperty(t, string(binary.BigEndian.AppendUint32(nil, uint32(12+len(profile))))+"colrprof"+profile)
	if got := quarters(t, mustRender(t, data, ".png").Body); got != "grby" {
		t.Errorf("with red and green swapped: %s", got)
	}
}

func TestDamagedHEIC(t *testing.T) {
	whole := canary(t, "heic")
	if _, err := render(t, whole[:len(whole)-60], ".png"); err != nil && !errors.Is(err, ErrBroken) {
		t.Errorf("pixels cut short: %v", err)
	}
	if _, err := render(t, whole[:200], ".png"); !errors.Is(err, ErrBroken) {
		t.Errorf("tables cut short: %v", err)
	}
	broken := bytes.Clone(whole)
	for i := range 60 {
		broken[bytes.Index(whole, []byte("hvcC"))+30+i] = 0xff
	}
	if _, err := render(t, broken, ".png"); !errors.Is(err, ErrBroken) {
		t.Errorf("no parameters of the codec: %v", err)
	}
}

// Every format that is read and not written has a canary, so that a worker that cannot read it is found out.
func TestEveryFormatHasACanary(t *testing.T) {
	for _, f := range Originals {
		if f.Written() {
			continue
		}
		data := canary(t, f.Name)
		if o, err := inspect(bytes.NewReader(data), int64(len(data)), Limits{}); err != nil || o.Format != f.Name {
			t.Errorf("%s: %+v, %v", f.Name, o, err)
		}
	}
}

// What the originals that are only read need of memory is within what is predicted, in a worker of their own.
func TestCostOfOtherOriginals(t *testing.T) {
	if testing.Short() {
		t.Skip("makes very many prints, one after the other")
	}
	e, seen := own(t, Options{Workers: 1, JobsPerWorker: 1, Deadline: time.Minute})
	for what, data := range map[string][]byte{
		"BMP": encodeBMP(t, photo(3000, 2000)), "HEIC": canary(t, "heic"), "icon": dib.EncodeIcon(encodePNG(t, photo(256, 256)), 256, 256),
	} {
		for _, path := range []string{"/resize:200.jpg", ".png", "/rotate:90.webp"} {
			original, err := inspect(bytes.NewReader(data), int64(len(data)), e.Limits())
			if err != nil {
				t.Fatal(err)
			}
			target, err := Parse(id + path)
			if err != nil {
				t.Fatal(err)
			}
			plan, err := NewPlan(target.Chain.Settle(original, ""), original, e.Limits())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := order(t, t.Context(), e, data, path, Asker{}); err != nil {
				t.Errorf("%s, %s: %v", what, path, err)
				continue
			}
			jobs := seen()
			if used, cost := jobs[len(jobs)-1].Memory, plan.Cost(); used > cost.Memory {
				t.Errorf("%s, %s took %d MB, and %d MB were predicted", what, path, used>>20, cost.Memory>>20)
			}
		}
	}
}
