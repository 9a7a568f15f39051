package transform

import "fmt"

var crop = &Operation{
	Name: "crop",
	Doc:  "Cuts a part out of the picture. A part over the edge is cut at the edge; one wholly outside is an error.",
	Forms: []Form{
		{
			Doc:       "The rectangle whose top left corner is (left, top).",
			Rectangle: []string{"left", "top", "width", "height"},
			Start:     "crop:10p,10p,80p,80p",
			Params: []Param{
				{Name: "left", Doc: "Distance from the left edge; negative: from the right edge.", Kind: Length, Min: -65535, Max: 65535, Scaled: true},
				{Name: "top", Doc: "Distance from the top edge; negative: from the bottom edge.", Kind: Length, Axis: Vertical, Min: -65535, Max: 65535, Scaled: true},
				{Name: "width", Doc: "Width of the part; 0 reaches to the right edge.", Kind: Length, Max: 65535, Scaled: true},
				{Name: "height", Doc: "Height of the part; 0 reaches to the bottom edge.", Kind: Length, Axis: Vertical, Max: 65535, Scaled: true},
			},
		},
		{
			Doc: "A part of the given size, placed by gravity, by a focal point, or by what is in the picture.",
			Params: append([]Param{
				{Name: "width", Doc: "Width of the part; 0 takes the whole width.", Kind: Length, Max: 65535, Scaled: true},
				{Name: "height", Doc: "Height of the part; 0 takes the whole height.", Kind: Length, Axis: Vertical, Max: 65535, Scaled: true},
			}, placeParams(
				Param{Name: "dx", Doc: "Moves the part to the right.", Kind: Length, Keyed: true, Min: -65535, Max: 65535, Usual: [2]float64{-50, 50}, Scaled: true},
				Param{Name: "dy", Doc: "Moves the part down.", Kind: Length, Axis: Vertical, Keyed: true, Min: -65535, Max: 65535, Usual: [2]float64{-50, 50}, Scaled: true},
			)...),
		},
		{
			Doc: "The largest part of the given shape.",
			Params: append([]Param{
				{Name: "ar", Doc: "Width to height.", Kind: Ratio, Keyed: true, Needed: true, Min: 0.001, Max: 65535},
			}, placeParams()...),
		},
	},
	Examples: []string{"crop:250,70,220,220", "crop:200,200,southeast", "crop:ar=1x1,fp=0.75x0.5", "crop:-160,-100,160,100"},
	Check:    checkCrop,
	Idle: func(c Call) bool {
		return c.form == 0 && c.values[0].X == 0 && c.values[1].X == 0 && c.values[2].X == 0 && c.values[3].X == 0
	},
	Plan: planCrop,
}

// placeParams are the parameters that say where in the picture something lies, and more that follow them.
func placeParams(more ...Param) []Param {
	return append([]Param{
		{Name: "gravity", Doc: "Where the part lies; smart looks for faces, skin and saturated colors, entropy for detail.", Kind: Word, Words: append(append([]string{}, gravityWords...), attentionWords...), Default: "center"},
		{Name: "fp", Doc: "Focal point: the part lies as central to it as the edges allow.", Kind: Point, Keyed: true, Max: 1},
	}, more...)
}

func checkCrop(c Call) (parameter, expected string) {
	if c.form == 1 && c.values[0].X == 0 && c.values[1].X == 0 {
		return "", "needs a width or a height above 0"
	}
	return checkPlace(c)
}

// checkPlace refuses contradicting places.
func checkPlace(c Call) (parameter, expected string) {
	if c.Has("fp") && c.Has("gravity") {
		return "fp", "cannot stand beside a gravity"
	}
	return "", ""
}

func planCrop(in Size, c Call) ([]Step, error) {
	if c.form == 0 {
		return cropRectangle(in, c)
	}
	part := in
	if c.form == 1 {
		if w := c.Length("width", in); w > 0 {
			part.Width = min(w, in.Width)
		}
		if h := c.Length("height", in); h > 0 {
			part.Height = min(h, in.Height)
		}
	} else {
		across, down := c.Pair("ar")
		if h := float64(in.Width) * down / across; h <= float64(in.Height) {
			part.Height = atLeastOne(h)
		} else {
			part.Width = min(in.Width, atLeastOne(float64(in.Height)*across/down))
		}
	}
	dx, dy := 0, 0
	if c.form == 1 {
		dx, dy = c.Length("dx", in), c.Length("dy", in)
	}
	return cutPart(in, part, c, dx, dy), nil
}

func cropRectangle(in Size, c Call) ([]Step, error) {
	left, top := c.Length("left", in), c.Length("top", in)
	if left < 0 {
		left += in.Width
	}
	if top < 0 {
		top += in.Height
	}
	right, bottom := in.Width, in.Height
	if w := c.Length("width", in); w > 0 {
		right = min(right, left+w)
	}
	if h := c.Length("height", in); h > 0 {
		bottom = min(bottom, top+h)
	}
	left, top = max(left, 0), max(top, 0)
	if left >= right || top >= bottom {
		return nil, fmt.Errorf("%w: %s has no part of the picture, which is %s there", ErrOutside, c, in)
	}
	return extractPart(in, left, top, Size{Width: right - left, Height: bottom - top}), nil
}

// cutPart cuts a box of size part out of a picture of size in, where the place parameters of c say, moved by (dx, dy) as
// far as the edges allow.
func cutPart(in, part Size, c Call, dx, dy int) []Step {
	if part == in {
		return nil
	}
	gravity := c.Word("gravity")
	if gravity == "smart" || gravity == "entropy" {
		return []Step{attend{size: part, entropy: gravity == "entropy"}}
	}
	left, top := place(in, part, gravity)
	if c.Has("fp") {
		x, y := c.Pair("fp")
		left, top = focus(in, part, x, y)
	}
	left = min(max(left+dx, 0), in.Width-part.Width)
	top = min(max(top+dy, 0), in.Height-part.Height)
	return extractPart(in, left, top, part)
}

func extractPart(in Size, left, top int, part Size) []Step {
	if part == in {
		return nil
	}
	return []Step{extract{left: left, top: top, size: part}}
}
