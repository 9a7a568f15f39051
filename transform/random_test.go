package transform

import (
	"errors"
	"fmt"
	stdimage "image"
	"image/color"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"calotype/transform/dib"
)

// kindsOfPicture are small originals of all kinds that the standard library writes.
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
	kinds["gray"], kinds["gray, 16 bits"], kinds["color, 16 bits"], kinds["palette"] = gray, gray16, rgba64, palette
	encoded := map[string][]byte{"JPEG": encodeJPEG(t, photo(64, 40)), "turned JPEG": withOrientation(encodeJPEG(t, photo(64, 40)), 5)}
	for name, picture := range kinds {
		encoded[name] = encodePNG(t, picture)
	}
	encoded["HEIC"] = canary(t, "heic")
	encoded["BMP"] = encodeBMP(t, photo(64, 40))
	encoded["icon"] = dib.EncodeIcon(encodePNG(t, photo(64, 40)), 64, 40)
	return encoded
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
	const rounds = 800
	r := rand.New(rand.NewPCG(1, 2))
	pictures := kindsOfPicture(t)
	names := slices.Sorted(maps.Keys(pictures))
	count := map[string]int{}
	for range rounds {
		path := ""
		for i := range 1 + r.IntN(4) {
			o := Operations[r.IntN(len(Operations))]
			if o.First && i > 0 {
				continue
			}
			path += "/" + callOf(o, r)
		}
		if r.IntN(3) == 0 {
			path += fmt.Sprintf("/dpr:%g", 0.5+float64(r.IntN(8))/2)
		}
		path += "." + []string{"png", "jpg", "webp", "gif"}[r.IntN(4)]
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
		case errors.Is(err, ErrOutside), errors.Is(err, ErrTooLarge):
			count["refused by the plan"]++
		default:
			t.Errorf("%s of %s: %v", path, name, err)
		}
	}
	t.Log(count)
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
