package transform

import "math"

// Weights of red, green and blue in the lightness, as in CSS filters (Filter Effects Module Level 1).
const (
	redWeight   = 0.2126
	greenWeight = 0.7152
	blueWeight  = 0.0722
)

// percentage is a parameter from -100 to 100, of which 0 changes nothing.
func percentage(doc string) []Form {
	return []Form{{Params: []Param{{Name: "percent", Doc: doc, Kind: Number, Min: -100, Max: 100}}}}
}

func zeroPercent(c Call) bool { return c.Number("percent") == 0 }

// times are the factors that multiply each color by itself.
func times(f float64) [9]float64 { return [9]float64{f, 0, 0, 0, f, 0, 0, 0, f} }

func equally(offset float64) [3]float64 { return [3]float64{offset, offset, offset} }

var brightness = &Operation{
	Name:     "brightness",
	Doc:      "Makes all colors lighter or darker by the same amount.",
	Forms:    percentage("100 makes everything white, -100 black."),
	Examples: []string{"brightness:20", "brightness:-20"},
	Idle:     zeroPercent,
	Plan: func(_ Size, c Call) ([]Step, error) {
		return []Step{affine{name: c.String(), factors: times(1), offsets: equally(2.55 * c.Number("percent"))}}, nil
	},
}

var contrast = &Operation{
	Name:     "contrast",
	Doc:      "Moves colors away from middle gray, or towards it.",
	Forms:    percentage("100 doubles their distance from middle gray, -100 makes it zero."),
	Examples: []string{"contrast:40", "contrast:-40"},
	Idle:     zeroPercent,
	Plan: func(_ Size, c Call) ([]Step, error) {
		factor := 1 + c.Number("percent")/100
		return []Step{affine{name: c.String(), factors: times(factor), offsets: equally(127.5 * (1 - factor))}}, nil
	},
}

var saturation = &Operation{
	Name:     "saturation",
	Doc:      "Makes colors more or less vivid; their lightness stays.",
	Forms:    percentage("100 doubles their distance from gray, -100 makes them gray."),
	Examples: []string{"saturation:60", "saturation:-60"},
	Idle:     zeroPercent,
	Plan: func(_ Size, c Call) ([]Step, error) {
		s := 1 + c.Number("percent")/100
		r, g, b := redWeight*(1-s), greenWeight*(1-s), blueWeight*(1-s)
		return []Step{affine{name: c.String(), factors: [9]float64{r + s, g, b, r, g + s, b, r, g, b + s}}}, nil
	},
}

var hue = &Operation{
	Name: "hue",
	Doc:  "Turns all hues around the color circle, as CSS's hue-rotate does: from red over green to blue.",
	Forms: []Form{{Params: []Param{
		{Name: "angle", Doc: "180 gives the complementary colors.", Kind: Number, Unit: Degrees, Wrap: 360},
	}}},
	Examples: []string{"hue:90", "hue:180"},
	Idle:     func(c Call) bool { return c.Number("angle") == 0 },
	Plan: func(_ Size, c Call) ([]Step, error) {
		sin, cos := math.Sincos(c.Number("angle") * math.Pi / 180)
		// The matrix of the hue-rotate filter, Filter Effects Module Level 1.
		const r, g, b = 0.213, 0.715, 0.072
		return []Step{affine{name: c.String(), factors: [9]float64{
			r + cos*(1-r) - sin*r, g - cos*g - sin*g, b - cos*b + sin*(1-b),
			r - cos*r + sin*0.143, g + cos*(1-g) + sin*0.140, b - cos*b - sin*0.283,
			r - cos*r - sin*(1-r), g - cos*g + sin*g, b + cos*(1-b) + sin*b,
		}}}, nil
	},
}

var gamma = &Operation{
	Name: "gamma",
	Doc:  "Makes middle tones lighter or darker; black and white stay.",
	Forms: []Form{{Params: []Param{
		{Name: "value", Doc: "Above 1 is lighter, below darker: samples from 0 to 1 are raised to the power of its inverse.", Kind: Number, Min: 0.1, Max: 10, Usual: [2]float64{0.2, 4}},
	}}},
	Examples: []string{"gamma:1.8", "gamma:0.5"},
	Idle:     func(c Call) bool { return c.Number("value") == 1 },
	Plan: func(_ Size, c Call) ([]Step, error) {
		return []Step{power{exponent: 1 / c.Number("value")}}, nil
	},
}

var normalize = &Operation{
	Name:     "normalize",
	Doc:      "Spreads the lightness over all of the range: the darkest pixels but one in a hundred become black, the lightest white.",
	Forms:    []Form{{}},
	Examples: []string{"contrast:-60/normalize"},
	Plan:     func(Size, Call) ([]Step, error) { return []Step{spread{}}, nil },
}
