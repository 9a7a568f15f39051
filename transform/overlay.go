package transform

import "fmt"

// layingParams say how something is laid on the picture; they follow the parameters that are its own.
func layingParams(own ...Param) []Param {
	return append(own,
		Param{Name: "gravity", Doc: "Where on the picture it lies.", Kind: Word, Words: gravityWords, Default: "southeast"},
		Param{Name: "dx", Doc: "Moves it away from the left or right edge at which it lies, or to the right; negative: beyond it.", Kind: Length, Keyed: true, Min: -65535, Max: 65535, Usual: [2]float64{-50, 50}, Scaled: true, Default: "0"},
		Param{Name: "dy", Doc: "Moves it away from the upper or lower edge at which it lies, or down.", Kind: Length, Axis: Vertical, Keyed: true, Min: -65535, Max: 65535, Usual: [2]float64{-50, 50}, Scaled: true, Default: "0"},
		Param{Name: "angle", Doc: "Turns it clockwise.", Kind: Number, Unit: Degrees, Keyed: true, Wrap: 360, Usual: [2]float64{-180, 180}, Default: "0"},
		Param{Name: "blend", Doc: "How its colors and the picture's become one: as CSS's mix-blend-mode has it; add adds them, mask leaves of the picture what it covers, cut what it does not.", Kind: Word, Keyed: true, Words: blendWords(), Default: "normal"},
		Param{Name: "tile", Doc: "Repeats it over the whole picture.", Kind: Flag},
		Param{Name: "gap", Doc: "Room between repetitions; percent are of the picture's width.", Kind: Length, Keyed: true, Max: 65535, Usual: [2]float64{0, 25}, Scaled: true, Default: "0"},
	)
}

func checkLaying(c Call) (parameter, expected string) {
	if c.Has("gap") && !c.Flag("tile") {
		return "gap", "needs tile beside it"
	}
	return "", ""
}

// layingOf reads the parameters of layingParams for a picture of size in.
func layingOf(in Size, c Call) laying {
	return laying{
		on: in, gravity: c.Word("gravity"), dx: c.Length("dx", in), dy: c.Length("dy", in), angle: c.Number("angle"),
		blend: c.Word("blend"), tile: c.Flag("tile"), gap: c.Length("gap", in),
	}
}

var overlay = &Operation{
	Name: "overlay",
	Doc: "Lays another uploaded image on the picture, in its own size or as large as the picture allows. Of an animation it is the first " +
		"frame. What lies beyond the edges is cut off. A chain takes four overlays at most.",
	Forms: []Form{{Params: layingParams(
		Param{Name: "image", Doc: "Id of the image.", Kind: ID},
		Param{Name: "w", Doc: "Width of the box that it is fitted into, which may enlarge it; percent are of the picture's.", Kind: Length, Keyed: true, Max: 65535, Scaled: true},
		Param{Name: "h", Doc: "Height of the box that it is fitted into; percent are of the picture's.", Kind: Length, Axis: Vertical, Keyed: true, Max: 65535, Scaled: true},
		Param{Name: "op", Doc: "How opaque it is, in percent.", Kind: Number, Keyed: true, Max: 100, Default: "100"},
	)}},
	Examples: []string{
		"resize:240/overlay:" + ExampleImage + ",w=30p,dx=8,dy=8", "resize:240/overlay:" + ExampleImage + ",center,h=100p,blend=multiply",
		"resize:240/overlay:" + ExampleImage + ",w=20p,op=60,angle=-20,tile,gap=10", "resize:240/overlay:" + ExampleImage + ",center,h=100p,blend=mask",
	},
	Check: checkLaying,
	Plan: func(in Size, c Call) ([]Step, error) {
		source, err := c.layer.fitted(overlaySize(c.layer.original.Upright(), in, c))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Operation.Name, err)
		}
		return []Step{overlaid{laying: layingOf(in, c), layer: c.layer.index, source: source, opacity: c.Number("op") / 100}}, nil
	},
}

// ExampleImage stands for the id of an uploaded image in examples.
const ExampleImage = "01934f6e-8d5c-7b3a-9c1e-0a1b2c3d4e5f"

// overlaySize is the size that an overlay gets on a picture of size in.
func overlaySize(own, in Size, c Call) Size {
	w, h := c.Length("w", in), c.Length("h", in)
	factor := c.scale()
	if w == 0 && h == 0 {
		w, h = in.Width, in.Height
	} else {
		factor = 65535
	}
	if w > 0 {
		factor = min(factor, float64(w)/float64(own.Width))
	}
	if h > 0 {
		factor = min(factor, float64(h)/float64(own.Height))
	}
	return scaled(own, factor)
}

// A layer is an image that a chain names beside the original.
type layer struct {
	index    int // among Chain.Images
	original Original
	limits   Limits
	deep     bool // its samples are to have 16 bits
}

// fitted returns the plan of the layer in a size. It is never encoded.
func (l *layer) fitted(size Size) (*Plan, error) {
	p := &Plan{limits: l.limits, Original: l.original, Format: png, Size: size, Frames: 1, Density: 1, Shrink: 1, Deep: l.deep}
	if err := l.limits.check("the image", l.original.Size, 1); err != nil {
		return nil, err
	}
	steps := uprightSteps(l.original.Orientation)
	if size != l.original.Upright() {
		steps = append(steps, scale{size: size, kernel: "lanczos3"})
	}
	if _, err := p.add(steps, l.original.Size); err != nil {
		return nil, err
	}
	p.scaleFirst()
	p.shrinkOnLoad()
	return p, nil
}

// image tells whether the call names an image beside the original.
func (c *Call) image() bool {
	params := c.Operation.Forms[c.form].Params
	return len(params) > 0 && params[0].Kind == ID
}

// maxImages is how many images a chain may name: each is read and decoded.
const maxImages = 4

// Images returns the ids of the images that the chain names beside the original, as often and in the order in which it does.
func (c *Chain) Images() []string { return imagesOf(c.Calls) }

func imagesOf(calls []Call) (ids []string) {
	for i := range calls {
		if calls[i].image() {
			ids = append(ids, calls[i].Text())
		}
	}
	return ids
}

// maxLetter is the largest size of a font, in pixels.
const maxLetter = 4096

var writing = &Operation{
	Name: "text",
	Doc: "Writes on the picture. Lines break where the text has newlines, and between words where it becomes wider than w. What lies " +
		"beyond the edges is cut off.",
	Forms: []Form{{Params: layingParams(
		Param{Name: "text", Doc: "The words, in base64url, which every proxy leaves alone: SGVsbG8 is Hello.", Kind: Text},
		Param{Name: "size", Doc: "Size of the font; percent are of the picture's height.", Kind: Length, Axis: Vertical, Keyed: true, Min: 1, Max: maxLetter, Usual: [2]float64{1, 50}, Scaled: true, Default: "8p"},
		Param{Name: "font", Doc: "The font. All of them have Latin, Greek and Cyrillic letters.", Kind: Word, Keyed: true, Words: fontWords(), Default: "sans"},
		Param{Name: "color", Doc: "Color of the letters.", Kind: Color, Keyed: true, Default: "white"},
		Param{Name: "w", Doc: "Width at which lines are broken; percent are of the picture's.", Kind: Length, Keyed: true, Min: 1, Max: 65535, Scaled: true, Default: "100p"},
		Param{Name: "align", Doc: "Where lines that are shorter than others stand; by itself on the side of the gravity.", Kind: Word, Keyed: true, Words: []string{"left", "center", "right"}},
	)}},
	Examples: []string{
		"resize:240/text:Q2Fsb3R5cGU,dx=8,dy=4", "resize:240/text:T25lIG9yaWdpbmFsLCBhbnkgbnVtYmVyIG9mIHByaW50cw,north,w=60p,size=16,font=sans-bold,color=gold,align=center",
		"resize:240/text:wqkgMjAyNg,size=14,color=ffffff80,angle=-30,tile,gap=24", "resize:240/text:Q0FMTw,center,size=50p,font=sans-bold,blend=mask",
	},
	Check: checkLaying,
	Plan: func(in Size, c Call) ([]Step, error) {
		s := lettering{
			laying: layingOf(in, c), text: c.Text(), font: c.Word("font"), size: max(1, c.Length("size", in)), color: c.Color("color"),
			wrap: max(1, c.Length("w", in)), align: c.Word("align"),
		}
		if s.size > maxLetter {
			return nil, fmt.Errorf("%w: letters of %d pixels, at most %d are written", ErrTooLarge, s.size, maxLetter)
		}
		if err := canWriteText(s.text, s.font); err != nil {
			return nil, err
		}
		if s.align == "" {
			s.align = []string{"left", "center", "right"}[int(2*gravities[s.gravity][0])]
		}
		return []Step{s}, nil
	},
}
