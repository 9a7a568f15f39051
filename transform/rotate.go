package transform

import "math"

var rotate = &Operation{
	Name: "rotate",
	Doc: "Turns the picture clockwise. Quarter turns move pixels and change none; by any other angle the canvas grows to hold the whole " +
		"picture, and its corners are filled.",
	Forms: []Form{{Params: []Param{
		{Name: "angle", Doc: "Clockwise angle; negative: counter-clockwise.", Kind: Number, Unit: Degrees, Wrap: 360, Usual: [2]float64{-180, 180}},
		{Name: "bg", Doc: "Color of the corners; a format without transparency shows transparent as white.", Kind: Color, Keyed: true, Default: "transparent"},
	}}},
	Examples: []string{"rotate:90", "rotate:-15", "rotate:30,bg=gold"},
	Idle:     func(c Call) bool { return c.Number("angle") == 0 },
	Plan: func(in Size, c Call) ([]Step, error) {
		return []Step{turning(in, c.Number("angle"), c.Color("bg"))}, nil
	},
}

// turning returns the step that turns a picture of size in by an angle in degrees, from above 0 to below 360, on a color.
func turning(in Size, angle float64, color RGBA) directStep {
	if quarter := angle / 90; quarter == math.Trunc(quarter) {
		return turn{quarters: int(quarter)}
	}
	return spin{angle: angle, size: boundingBox(in, angle), color: color}
}

// boundingBox returns the size of the upright box around a picture turned by an angle in degrees.
func boundingBox(in Size, angle float64) Size {
	sin, cos := math.Sincos(angle * math.Pi / 180)
	sin, cos = math.Abs(sin), math.Abs(cos)
	w, h := float64(in.Width), float64(in.Height)
	return Size{Width: atLeastOne(w*cos + h*sin), Height: atLeastOne(w*sin + h*cos)}
}
