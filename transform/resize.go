package transform

import "math"

// modes of resize, the first being the default.
var resizeModes = []string{"fit", "cover", "stretch", "pad", "outside"}

var resize = &Operation{
	Name: "resize",
	Doc: "Changes the size. A side that is left out or 0 follows from the shape of the picture. Without up nothing is enlarged: " +
		"cover and stretch then keep the shape of the box and make it smaller.",
	Forms: []Form{{Params: append([]Param{
		{Name: "width", Doc: "Width of the box; 0 leaves it to the height.", Kind: Length, Max: 65535, Scaled: true},
		{Name: "height", Doc: "Height of the box; 0 leaves it to the width.", Kind: Length, Axis: Vertical, Max: 65535, Scaled: true, Default: "0"},
		{Name: "mode", Doc: "fit: inside the box. cover: fills the box, the rest is cut off. stretch: exactly the box, out of shape. pad: inside the box, the rest is filled. outside: covers the box, nothing is cut off.", Kind: Word, Words: resizeModes, Default: "fit"},
	}, placeParams(
		Param{Name: "up", Doc: "Allows enlarging.", Kind: Flag},
		Param{Name: "bg", Doc: "Color of the filling of pad.", Kind: Color, Keyed: true, Default: "transparent"},
		Param{Name: "k", Doc: "Kernel of the resampling.", Kind: Word, Keyed: true, Words: []string{"lanczos3", "lanczos2", "cubic", "linear", "nearest"}, Default: "lanczos3"},
	)...)}},
	Examples: []string{"resize:240", "resize:200,200,cover", "resize:200,200,pad,bg=gold", "resize:50p", "resize:200,80,stretch"},
	Resizes:  true,
	Density:  resizeDensity,
	Check: func(c Call) (parameter, expected string) {
		switch {
		case c.values[0].X == 0 && c.values[1].X == 0:
			return "", "needs a width or a height above 0"
		case c.Word("mode") == "pad" && (c.Word("gravity") == "smart" || c.Word("gravity") == "entropy"):
			return "gravity", "must be a place where the mode is pad: the whole picture is kept"
		}
		return checkPlace(c)
	},
	Plan: planResize,
}

func planResize(in Size, c Call) ([]Step, error) {
	width, height := float64(c.Length("width", in)), float64(c.Length("height", in))
	up := c.Flag("up")
	mode := c.Word("mode")
	across, down := width/float64(in.Width), height/float64(in.Height)
	if width == 0 || height == 0 {
		// One side is given: every mode is the same.
		factor := max(across, down)
		if !up {
			factor = min(factor, 1)
		}
		return scaleTo(in, scaled(in, factor), c), nil
	}
	box := Size{Width: int(width), Height: int(height)}
	switch mode {
	case "stretch":
		if limit := 1 / max(across, down); !up && limit < 1 {
			box = Size{Width: atLeastOne(width * limit), Height: atLeastOne(height * limit)}
		}
		return scaleTo(in, box, c), nil
	case "cover":
		factor := max(across, down)
		if !up && factor > 1 {
			box = Size{Width: min(in.Width, atLeastOne(width/factor)), Height: min(in.Height, atLeastOne(height/factor))}
			factor = 1
		}
		size := scaled(in, factor)
		size = Size{Width: max(size.Width, box.Width), Height: max(size.Height, box.Height)}
		return append(scaleTo(in, size, c), cutPart(size, box, c, 0, 0)...), nil
	}
	factor := min(across, down)
	if mode == "outside" {
		factor = max(across, down)
	}
	if !up {
		factor = min(factor, 1)
	}
	size := scaled(in, factor)
	steps := scaleTo(in, size, c)
	if mode == "pad" {
		size = Size{Width: min(size.Width, box.Width), Height: min(size.Height, box.Height)}
		steps = append(scaleTo(in, size, c), padTo(size, box, c)...)
	}
	return steps, nil
}

// scaled multiplies a size, each side being one pixel at least.
func scaled(in Size, factor float64) Size {
	return Size{Width: atLeastOne(float64(in.Width) * factor), Height: atLeastOne(float64(in.Height) * factor)}
}

func scaleTo(in, size Size, c Call) []Step {
	if size == in {
		return nil
	}
	return []Step{scale{size: size, kernel: c.Word("k")}}
}

// padTo lays a picture of size in on a canvas of size box.
func padTo(in, box Size, c Call) []Step {
	if in == box {
		return nil
	}
	left, top := place(box, in, c.Word("gravity"))
	if c.Has("fp") {
		x, y := c.Pair("fp")
		left, top = round(x*float64(box.Width-in.Width)), round(y*float64(box.Height-in.Height))
	}
	return []Step{embed{left: left, top: top, size: box, color: c.Color("bg")}}
}

// resizeDensity returns the factor on the box at which the picture would be kept at its size, but no more than most and
// no less than 1.
func resizeDensity(in Size, c Call, most float64) float64 {
	if c.Flag("up") {
		return most
	}
	width, isWidth := c.Pixels("width")
	height, isHeight := c.Pixels("height")
	across, down := math.Inf(1), math.Inf(1)
	if isWidth {
		across = float64(in.Width) / width
	}
	if isHeight {
		down = float64(in.Height) / height
	}
	limit := min(across, down)
	if mode := c.Word("mode"); (mode == "fit" || mode == "pad") && isWidth && isHeight {
		limit = max(across, down)
	}
	return min(most, max(limit, 1))
}
