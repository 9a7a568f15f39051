package transform

import (
	"bytes"
	"fmt"
	stdimage "image"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/go-text/typesetting/di"
	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/font/opentype"
	"github.com/go-text/typesetting/language"
	"github.com/go-text/typesetting/shaping"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gobolditalic"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// A typeface is a font by its name in a URL.
type typeface struct {
	word string
	font func() (*font.Font, error)
}

// fonts are all fonts that there are, in the order of the reference: the Go family, which is part of the program. So a text has the
// same letters on every machine, and no file of fonts is opened for what a stranger wrote.
var fonts = []typeface{
	{"sans", parsedOnce(goregular.TTF)},
	{"sans-bold", parsedOnce(gobold.TTF)},
	{"sans-italic", parsedOnce(goitalic.TTF)},
	{"sans-bold-italic", parsedOnce(gobolditalic.TTF)},
	{"mono", parsedOnce(gomono.TTF)},
	{"mono-bold", parsedOnce(gomonobold.TTF)},
}

func parsedOnce(data []byte) func() (*font.Font, error) {
	return sync.OnceValues(func() (*font.Font, error) {
		face, err := font.ParseTTF(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		return face.Font, nil
	})
}

func fontWords() []string {
	words := make([]string, len(fonts))
	for i, f := range fonts {
		words[i] = f.word
	}
	return words
}

// onlyFace lets one font write all.
type onlyFace struct{ *font.Face }

func (f onlyFace) ResolveFace(rune) *font.Face { return f.Face }

func fontNamed(name string) (*font.Font, error) {
	return fonts[slices.IndexFunc(fonts, func(f typeface) bool { return f.word == name })].font()
}

// canWriteText returns ErrNoGlyph if a font lacks a letter of a text. Spaces and what only tells how others are written need none.
func canWriteText(text, name string) error {
	f, err := fontNamed(name)
	if err != nil {
		return err
	}
	for _, r := range text {
		if _, has := f.NominalGlyph(r); !has && !unicode.In(r, unicode.White_Space, unicode.Cf, unicode.Variation_Selector) {
			return fmt.Errorf("%w: the font %s has no letter %q (%U)", ErrNoGlyph, name, r, r)
		}
	}
	return nil
}

// draw returns the letters as a mask, as large as the text or, if that is larger, the picture.
func (s lettering) draw() (*stdimage.Alpha, error) {
	f, err := fontNamed(s.font)
	if err != nil {
		return nil, err
	}
	face := font.NewFace(f)
	lines := s.lines(face)
	pitch, ascent := lineMetrics(face, s.size)
	width := 1
	for _, line := range lines {
		width = max(width, advance(line).Ceil())
	}
	box := Size{Width: min(width, s.on.Width), Height: min(max(1, (pitch*fixed.Int26_6(len(lines))).Ceil()), s.on.Height)}
	canvas := vector.NewRasterizer(box.Width, box.Height)
	baseline := ascent
	for _, line := range lines {
		if (baseline - pitch).Floor() > box.Height {
			break
		}
		slack := fixed.I(width) - advance(line)
		dot := fixed.Point26_6{Y: baseline}
		switch s.align {
		case "center":
			dot.X = slack / 2
		case "right":
			dot.X = slack
		}
		for _, run := range line {
			dot.X = drawRun(canvas, run, dot)
		}
		baseline += pitch
	}
	mask := stdimage.NewAlpha(stdimage.Rect(0, 0, box.Width, box.Height))
	canvas.Draw(mask, mask.Rect, stdimage.Opaque, stdimage.Point{})
	return mask, nil
}

// lines shapes the text and breaks it into lines, each of runs from left to right.
func (s lettering) lines(face *font.Face) (lines [][]shaping.Output) {
	var segmenter shaping.Segmenter
	var shaper shaping.HarfbuzzShaper
	for paragraph := range strings.SplitSeq(s.text, "\n") {
		letters := []rune(paragraph)
		inputs := segmenter.Split(shaping.Input{
			Text: letters, RunEnd: len(letters), Direction: di.DirectionLTR, Size: fixed.I(s.size), Language: language.NewLanguage("en"),
		}, onlyFace{face})
		runs := make([]shaping.Output, len(inputs))
		for i, input := range inputs {
			runs[i] = shaper.Shape(input)
		}
		var wrapper shaping.LineWrapper
		wrapped, _ := wrapper.WrapParagraph(shaping.WrapConfig{}, s.wrap, letters, shaping.NewSliceIterator(runs))
		for _, line := range wrapped {
			ordered := slices.Clone(line)
			slices.SortFunc(ordered, func(a, b shaping.Output) int { return int(a.VisualIndex - b.VisualIndex) })
			lines = append(lines, ordered)
		}
		if len(wrapped) == 0 {
			lines = append(lines, nil)
		}
	}
	return lines
}

// lineMetrics returns how far lines are apart, and how far the first baseline is from the top.
func lineMetrics(face *font.Face, size int) (pitch, ascent fixed.Int26_6) {
	extents, _ := face.FontHExtents()
	scale := func(units float32) fixed.Int26_6 {
		return fixed.Int26_6(units * float32(size) * 64 / float32(face.Upem()))
	}
	return scale(extents.Ascender - extents.Descender + extents.LineGap), scale(extents.Ascender)
}

func advance(line []shaping.Output) (sum fixed.Int26_6) {
	for _, run := range line {
		sum += run.Advance
	}
	return sum
}

// drawRun draws letters from a dot on, and returns where the dot is then.
func drawRun(canvas *vector.Rasterizer, run shaping.Output, dot fixed.Point26_6) fixed.Int26_6 {
	scale := float32(run.Size) / 64 / float32(run.Face.Upem())
	for _, g := range run.Glyphs {
		outline, _ := run.Face.GlyphDataOutline(g.GlyphID)
		x, y := float32(dot.X+g.XOffset)/64, float32(dot.Y-g.YOffset)/64
		if size := canvas.Size(); x < float32(size.X)+float32(run.Size)/64 {
			drawOutline(canvas, outline, x, y, scale)
		}
		dot.X += g.Advance
	}
	return dot.X
}

// drawOutline adds the shape of a letter, in units of the font with y upwards, with its origin at (x, y).
func drawOutline(canvas *vector.Rasterizer, outline font.GlyphOutline, x, y, scale float32) {
	at := func(p opentype.SegmentPoint) (float32, float32) { return x + p.X*scale, y - p.Y*scale }
	for _, s := range outline.Segments {
		ax, ay := at(s.Args[0])
		bx, by := at(s.Args[1])
		switch s.Op {
		case opentype.SegmentOpMoveTo:
			canvas.ClosePath()
			canvas.MoveTo(ax, ay)
		case opentype.SegmentOpLineTo:
			canvas.LineTo(ax, ay)
		case opentype.SegmentOpQuadTo:
			canvas.QuadTo(ax, ay, bx, by)
		case opentype.SegmentOpCubeTo:
			cx, cy := at(s.Args[2])
			canvas.CubeTo(ax, ay, bx, by, cx, cy)
		}
	}
	canvas.ClosePath()
}
