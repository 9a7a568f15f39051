package transform

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	stdimage "image"
	"image/color"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/davidbyttow/govips/v2/vips"

	"calotype/transform/dib"
)

// kindsOfPicture are small originals of all kinds.
func kindsOfPicture(t testing.TB) map[string][]byte {
	kinds := map[string]stdimage.Image{
		"transparent": draws("rg.y", "b.kw", "wyrg"),
		"one pixel":   draws("r"),
		"one column":  draws("r", "g", "b", "."),
		"one row":     draws("rgb.ykw"),
		"photo":       photo(64, 40),
	}
	gray, gray16, rgba64 := stdimage.NewGray(stdimage.Rect(0, 0, 9, 7)), stdimage.NewGray16(stdimage.Rect(0, 0, 9, 7)), stdimage.NewNRGBA64(stdimage.Rect(0, 0, 9, 7))
	palette := stdimage.NewPaletted(stdimage.Rect(0, 0, 9, 7), color.Palette{letters['r'], letters['g'], letters['.']})
	for i := range 63 {
		gray.Set(i%9, i/9, color.Gray{uint8(4 * i)})
		gray16.Set(i%9, i/9, color.Gray16{uint16(1000 * i)})
		rgba64.Set(i%9, i/9, color.NRGBA64{uint16(1000 * i), uint16(900 * i), 7, uint16(1000 * i)})
		palette.Set(i%9, i/9, palette.Palette[i%3])
	}
	opaque := stdimage.NewPaletted(palette.Rect, color.Palette{letters['r'], letters['g'], letters['b']})
	bits := stdimage.NewPaletted(palette.Rect, color.Palette{letters['k'], letters['y']})
	rgb64 := stdimage.NewRGBA64(palette.Rect)
	for i := range palette.Pix {
		opaque.Pix[i], bits.Pix[i] = palette.Pix[i], palette.Pix[i]%2
		rgb64.Set(i%9, i/9, color.RGBA64{uint16(1000 * i), uint16(900 * i), 7, 65535})
	}
	kinds["gray"], kinds["gray, 16 bits"], kinds["transparent, 16 bits"], kinds["transparent palette"] = gray, gray16, rgba64, palette
	kinds["palette"], kinds["palette, 1 bit"], kinds["color, 16 bits"] = opaque, bits, rgb64
	encoded := map[string][]byte{
		"JPEG": encodeJPEG(t, photo(64, 40)), "turned JPEG": withOrientation(encodeJPEG(t, photo(64, 40)), 5),
		"JPEG on its side": withOrientation(encodeJPEG(t, photo(64, 40)), 6), "gray JPEG": encodeJPEG(t, gray),
		"animated GIF": flicker(t, "rgb"), "PNG, 1 bit": oneBitPNG(9, 7), "CMYK TIFF": cmykTIFF(9, 7),
	}
	for name, picture := range kinds {
		encoded[name] = encodePNG(t, picture)
	}
	if slowdown == 1 { // else a worker compiles its decoder for longer than a print may take
		encoded["HEIC"] = canary(t, "heic")
	}
	encoded["BMP"] = encodeBMP(t, photo(64, 40))
	encoded["icon"] = dib.EncodeIcon(encodePNG(t, photo(64, 40)), 64, 40)
	// What the standard library does not write, libvips does.
	printed := func(name, of, path string) { encoded[name] = mustRender(t, encoded[of], path).Body }
	printed("gray and alpha", "transparent", "/grayscale.png")
	printed("gray and alpha, 16 bits", "transparent, 16 bits", "/grayscale.png")
	printed("TIFF", "photo", ".tif")
	printed("TIFF, 16 bits", "color, 16 bits", ".tif")
	printed("gray TIFF, 16 bits", "gray, 16 bits", ".tif")
	printed("animated WebP", "animated GIF", ".webp")
	printed("transparent WebP", "transparent", "/lossless.webp")
	printed("transparent AVIF", "transparent", ".avif")
	encoded["CMYK JPEG"] = savedByVips(t, encoded["photo"], func(picture *vips.ImageRef) ([]byte, error) {
		if err := picture.ToColorSpace(vips.InterpretationCMYK); err != nil {
			return nil, err
		}
		data, _, err := picture.ExportJpeg(vips.NewJpegExportParams())
		return data, err
	})
	encoded["AVIF, 10 bits"] = savedByVips(t, encoded["photo"], func(picture *vips.ImageRef) ([]byte, error) {
		p := vips.NewAvifExportParams()
		p.Bitdepth = 10
		data, _, err := picture.ExportAvif(p)
		return data, err
	})
	return encoded
}

// readByVips has the libvips of this process read a picture, which is closed with the test.
func readByVips(t testing.TB, data []byte) *vips.ImageRef {
	t.Helper()
	if err := startVips(); err != nil {
		t.Fatal(err)
	}
	picture, err := vips.NewImageFromBuffer(data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(picture.Close)
	return picture
}

// savedByVips has libvips write a picture in a way that prints are not written in.
func savedByVips(t testing.TB, data []byte, save func(*vips.ImageRef) ([]byte, error)) []byte {
	t.Helper()
	saved, err := save(readByVips(t, data))
	if err != nil {
		t.Fatal(err)
	}
	return saved
}

// oneBitPNG is a gray PNG of 1 bit a sample, whose rows fill whole bytes.
func oneBitPNG(width, height int) []byte {
	var pixels, file bytes.Buffer
	deflate := zlib.NewWriter(&pixels)
	for y := range height {
		deflate.Write(append([]byte{0}, bytes.Repeat([]byte{0b1010_0110 ^ byte(y)}, (width+7)/8)...))
	}
	deflate.Close()
	header := append(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(width)), uint32(height)), 1, 0, 0, 0, 0)
	file.WriteString("\x89PNG\r\n\x1a\n")
	for _, chunk := range []struct {
		name string
		data []byte
	}{{"IHDR", header}, {"IDAT", pixels.Bytes()}, {"IEND", nil}} {
		binary.Write(&file, binary.BigEndian, uint32(len(chunk.data)))
		named := append([]byte(chunk.name), chunk.data...)
		file.Write(binary.BigEndian.AppendUint32(named, crc32.ChecksumIEEE(named)))
	}
	return file.Bytes()
}

// cmykTIFF is an uncompressed TIFF of four inks.
func cmykTIFF(width, height int) []byte {
	const fields, ends = 10, 8 + 2 + 12*10 + 4
	file := binary.LittleEndian.AppendUint16([]byte("II\x2a\x00\x08\x00\x00\x00"), fields)
	field := func(tag, kind uint16, count, value int) {
		file = binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(file, tag), kind)
		file = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(file, uint32(count)), uint32(value))
	}
	const short, long = 3, 4
	field(256, long, 1, width)
	field(257, long, 1, height)
	field(258, short, 4, ends) // bits of each sample
	field(259, short, 1, 1)    // not compressed
	field(262, short, 1, 5)    // separated into inks
	field(273, long, 1, ends+8)
	field(277, short, 1, 4)
	field(278, long, 1, height)
	field(279, long, 1, 4*width*height)
	field(284, short, 1, 1) // samples of a pixel lie together
	file = append(file, 0, 0, 0, 0, 8, 0, 8, 0, 8, 0, 8, 0)
	for i := range 4 * width * height {
		file = append(file, byte(37*i))
	}
	return file
}

// valueOf returns the text of an allowed value of a parameter: a bound, or something between them.
func valueOf(p *Param, r *rand.Rand) string {
	pick := func(values ...string) string { return values[r.IntN(len(values))] }
	number := func(v float64) string { return string((&Param{Kind: Number}).append(nil, Value{X: v})) }
	text := ""
	switch p.Kind {
	case Integer, Number:
		text = pick(number(p.Min), number(p.Max), number(float64(int(p.Min)+1)), "90", "45", "-10.5")
		if _, ok := p.parse(text); !ok {
			text = number(p.Min)
		}
	case Length:
		text = pick("1", "2", "5", "40", "300", "50p", "0.1p", "130p", "0")
		if p.Min < 0 {
			text = pick(text, "-3", "-20p", "-1000")
		}
	case Word:
		text = pick(p.Words...)
	case Words:
		text = pick(p.Words...)
	case Flag:
		return p.Name
	case Color:
		text = pick("red", "fff", "00000080", "transparent", "gray")
	case Point:
		text = pick("0x0", "1x1", "0.3x0.7")
	case Ratio:
		text = pick("1x1", "16x9", "0.001x65535", "3x100")
	case Switch:
		text = pick("0", "1")
	case ID:
		text = ExampleImage
	case Text:
		text = pick("SGVsbG8", "YQpiIMOk", "4oCcV2VsbCwgdGhlbuKAnQ")
	}
	if p.Keyed {
		return p.Name + "=" + text
	}
	return text
}

// callOf writes a call with random arguments.
func callOf(o *Operation, r *rand.Rand) string {
	form := o.Forms[r.IntN(len(o.Forms))]
	var arguments []string
	placed := true
	for i := range form.Params {
		p := &form.Params[i]
		if p.positional() {
			placed = placed && (p.Required() || r.IntN(2) == 0)
			if placed {
				arguments = append(arguments, valueOf(p, r))
			}
		} else if p.Required() || r.IntN(4) == 0 {
			arguments = append(arguments, valueOf(p, r))
		}
	}
	if len(arguments) == 0 {
		return o.Name
	}
	return o.Name + ":" + strings.Join(arguments, ",")
}

// Whatever chain the grammar takes, on whatever kind of picture: the print has the planned size, or the plan says why not.
// The engine itself compares what it made with the plan.
func TestRandomChainsGiveWhatWasPlanned(t *testing.T) {
	if testing.Short() {
		t.Skip("makes very many prints, one after the other")
	}
	const rounds = 900 / slowdown
	r := rand.New(rand.NewPCG(1, 2))
	operations := ownOperations()
	pictures := kindsOfPicture(t)
	names := slices.Sorted(maps.Keys(pictures))
	formats := writable(t)
	count, done, doneDense := map[string]int{}, map[*Operation]int{}, map[*Operation]int{}
	for round := range rounds {
		path := ""
		var used []*Operation
		for i := range 1 + r.IntN(4) {
			o := operations[r.IntN(len(operations))]
			if i == 0 {
				o = operations[round%len(operations)] // each has its turn
			}
			if o.First && i > 0 {
				continue
			}
			used = append(used, o)
			path += "/" + callOf(o, r)
		}
		dense := r.IntN(3) == 0
		if dense {
			path += fmt.Sprintf("/dpr:%g", 0.5+float64(r.IntN(8))/2)
		}
		path += "." + formats[r.IntN(len(formats))].Extension
		if _, err := Parse(id + path); err != nil {
			if !errors.Is(err, ErrSyntax) {
				t.Errorf("%s: %v", path, err)
			}
			count["refused by the grammar"]++
			continue
		}
		name := names[r.IntN(len(names))]
		rendition, err := render(t, pictures[name], path)
		switch {
		case err == nil:
			if bounds := decodedSize(t, rendition); bounds != rendition.Size {
				t.Errorf("%s of %s: is %s, was planned as %s", path, name, bounds, rendition.Size)
			}
			count["rendered"]++
			for _, o := range used {
				done[o]++
				if dense {
					doneDense[o]++
				}
			}
			plan := planFor(t, pictures[name], path)
			if !plan.Open && rendition.Size != plan.Size {
				t.Errorf("%s of %s: is %s, and the plan says %s", path, name, rendition.Size, plan.Size)
			}
		case errors.Is(err, ErrOutside), errors.Is(err, ErrTooLarge):
			count["refused by the plan"]++
		default:
			t.Errorf("%s of %s: %v", path, name, err)
		}
	}
	t.Log(count)
	for _, o := range operations {
		if slowdown == 1 && (done[o] < 10 || doneDense[o] < 3) {
			t.Errorf("%s was in %d prints, in %d with dpr", o.Name, done[o], doneDense[o])
		}
	}
	if count["rendered"] < rounds/2 {
		t.Errorf("too few were rendered to mean anything: %v", count)
	}
}

// decodedSize returns the size of a print by another reader than the engine.
func decodedSize(t *testing.T, r *Rendition) Size {
	t.Helper()
	original, err := engine(t).Inspect(t.Context(), open(t, r.Body), Asker{})
	if err != nil {
		t.Fatal(err)
	}
	return original.Size
}
