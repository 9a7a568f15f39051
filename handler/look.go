package handler

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"image"
	"image/png"
	"math"
	"slices"

	"github.com/bbrks/go-blurhash"
	"github.com/valyala/fasthttp"
	"go.n16f.net/thumbhash"
	"golang.org/x/image/draw"
)

// lookDescription tells what a print looks like.
type lookDescription struct {
	Alpha       bool     `json:"alpha"`       // something is transparent
	Color       string   `json:"color"`       // the one that most pixels are near to, as #rrggbb
	Colors      []string `json:"colors"`      // at most six, the most frequent first
	BlurHash    string   `json:"blurhash"`    // 4×3 components, or 3×4, or 3×3
	ThumbHash   string   `json:"thumbhash"`   // base64
	Hash        string   `json:"phash"`       // 64 bits in hexadecimal digits: prints that look alike differ in few of them
	Placeholder string   `json:"placeholder"` // a data URI of a few hundred bytes
}

// sketchMark ends the keys of sketches. No address has a space in it.
const sketchMark = " look"

// look makes a sketch of the print that is wanted, which is kept like a print, and describes it.
func (h *Handler) look(ctx *fasthttp.RequestCtx, wanted order) (*lookDescription, error) {
	sketched := *wanted.print
	sketched.key += sketchMark
	wanted.print, wanted.look = &sketched, true
	p, _, err := h.loadPrint(ctx, wanted)
	if err != nil {
		return nil, err
	}
	sketch, err := p.rendition.Sketch()
	if err != nil {
		return nil, err
	}
	return describeLook(sketch)
}

func describeLook(sketch *image.NRGBA) (*lookDescription, error) {
	across, down := components(sketch)
	blur, err := blurhash.Encode(across, down, onWhite(sketch))
	if err != nil {
		return nil, err
	}
	placeholder, err := dataURI(sketch)
	if err != nil {
		return nil, err
	}
	colors := palette(sketch)
	return &lookDescription{
		Alpha: !sketch.Opaque(), Color: colors[0], Colors: colors, BlurHash: blur,
		ThumbHash: base64.StdEncoding.EncodeToString(thumbhash.EncodeImage(sketch)),
		Hash:      fmt.Sprintf("%016x", differenceHash(sketch)), Placeholder: placeholder,
	}, nil
}

// components are how many waves a BlurHash is made of, in each direction.
func components(sketch *image.NRGBA) (across, down int) {
	across, down = 3, 3
	switch w, h := sketch.Rect.Dx(), sketch.Rect.Dy(); {
	case w > h:
		across = 4
	case h > w:
		down = 4
	}
	return across, down
}

// onWhite returns the picture as it is seen on a white page.
func onWhite(picture *image.NRGBA) *image.NRGBA {
	page := image.NewNRGBA(picture.Rect)
	draw.Draw(page, page.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(page, page.Rect, picture, picture.Rect.Min, draw.Over)
	return page
}

// dataURI returns a PNG of at most 10 pixels a side, to be shown blurred until the print is there.
func dataURI(picture *image.NRGBA) (string, error) {
	const side = 10
	w, h := picture.Rect.Dx(), picture.Rect.Dy()
	factor := min(1, side/float64(max(w, h)))
	small := image.NewNRGBA(image.Rect(0, 0, max(1, int(math.Round(float64(w)*factor))), max(1, int(math.Round(float64(h)*factor)))))
	draw.ApproxBiLinear.Scale(small, small.Rect, picture, picture.Rect, draw.Src, nil)
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, small); err != nil {
		return "", err
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes()), nil
}

// mostColors is how many colors a palette has at most.
const mostColors = 6

// palette returns the colors that most pixels are near to, as #rrggbb, the most frequent first; white if nothing is to be seen.
// Pixels are sorted into cubes of 32 levels a side; each color is the mean of a cube, and cubes that touch one that was chosen are
// passed over, as being of the same color.
func palette(picture *image.NRGBA) []string {
	type cube struct {
		at               [3]int
		weight           int
		red, green, blue int
	}
	all := 0
	cubes := map[[3]int]*cube{}
	for i := 0; i < len(picture.Pix); i += 4 {
		r, g, b, a := int(picture.Pix[i]), int(picture.Pix[i+1]), int(picture.Pix[i+2]), int(picture.Pix[i+3])
		at := [3]int{r >> 5, g >> 5, b >> 5}
		c := cubes[at]
		if c == nil {
			c = &cube{at: at}
			cubes[at] = c
		}
		c.weight += a
		all += a
		c.red += r * a
		c.green += g * a
		c.blue += b * a
	}
	var sorted []*cube
	for _, c := range cubes {
		if c.weight > all/100 { // the colors of what is nearly transparent are noise
			sorted = append(sorted, c)
		}
	}
	slices.SortFunc(sorted, func(a, b *cube) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), slices.Compare(a.at[:], b.at[:]))
	})
	var chosen []*cube
	var colors []string
	for _, c := range sorted {
		near := slices.ContainsFunc(chosen, func(d *cube) bool {
			return max(c.at[0]-d.at[0], d.at[0]-c.at[0]) <= 1 && max(c.at[1]-d.at[1], d.at[1]-c.at[1]) <= 1 && max(c.at[2]-d.at[2], d.at[2]-c.at[2]) <= 1
		})
		if near || len(colors) == mostColors {
			continue
		}
		chosen = append(chosen, c)
		colors = append(colors, fmt.Sprintf("#%02x%02x%02x", c.red/c.weight, c.green/c.weight, c.blue/c.weight))
	}
	if len(colors) == 0 {
		return []string{"#ffffff"}
	}
	return colors
}

// differenceHash is the dHash of Neal Krawetz (Kind of Like That, 2013): of 9×8 pixels of lightness, row by row, whether each is
// lighter than the one to its left.
func differenceHash(picture *image.NRGBA) (hash uint64) {
	small := image.NewGray(image.Rect(0, 0, 9, 8))
	draw.ApproxBiLinear.Scale(small, small.Rect, onWhite(picture), picture.Rect, draw.Src, nil)
	for y := range 8 {
		for x := range 8 {
			hash <<= 1
			if small.GrayAt(x+1, y).Y > small.GrayAt(x, y).Y {
				hash |= 1
			}
		}
	}
	return hash
}
