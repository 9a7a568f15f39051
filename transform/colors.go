package transform

var background = &Operation{
	Name: "background",
	Doc:  "Lays the picture on a color, where it is transparent.",
	Forms: []Form{{Params: []Param{
		{Name: "color", Doc: "The color; one that is half transparent leaves the print half transparent.", Kind: Color},
	}}},
	Examples: []string{"background:gold"},
	Idle:     func(c Call) bool { return c.Color("color").A == 0 },
	Plan: func(_ Size, c Call) ([]Step, error) {
		return []Step{flatten{color: c.Color("color")}}, nil
	},
}

var grayscale = &Operation{
	Name:     "grayscale",
	Doc:      "Takes the colors out and keeps the lightness.",
	Forms:    []Form{{}},
	Examples: []string{"grayscale"},
	Plan:     func(Size, Call) ([]Step, error) { return []Step{desaturate{}}, nil },
}

var bitonal = &Operation{
	Name: "bitonal",
	Doc:  "Leaves black and white only.",
	Forms: []Form{{Params: []Param{
		{Name: "level", Doc: "The darkest gray, of 255, that becomes white.", Kind: Integer, Max: 255, Default: "128"},
	}}},
	Examples: []string{"bitonal", "bitonal:80"},
	Plan: func(_ Size, c Call) ([]Step, error) {
		return []Step{desaturate{}, threshold{least: c.Number("level") / 255}}, nil
	},
}

var invert = &Operation{
	Name:     "invert",
	Doc:      "Makes a negative; transparency stays.",
	Forms:    []Form{{}},
	Examples: []string{"invert"},
	Plan: func(_ Size, c Call) ([]Step, error) {
		return []Step{affine{name: c.String(), factors: times(-1), offsets: equally(255)}}, nil
	},
}

var sepia = &Operation{
	Name: "sepia",
	Doc:  "Gives the brown of old photographs, as CSS's sepia does.",
	Forms: []Form{{Params: []Param{
		{Name: "percent", Doc: "How much of it.", Kind: Number, Max: 100, Default: "100"},
	}}},
	Examples: []string{"sepia", "sepia:50"},
	Idle:     zeroPercent,
	Plan: func(_ Size, c Call) ([]Step, error) {
		// The matrix of the sepia filter, Filter Effects Module Level 1.
		full := [9]float64{0.393, 0.769, 0.189, 0.349, 0.686, 0.168, 0.272, 0.534, 0.131}
		share, plain := c.Number("percent")/100, times(1)
		for i := range full {
			full[i] = share*full[i] + (1-share)*plain[i]
		}
		return []Step{affine{name: c.String(), factors: full}}, nil
	},
}

var tint = &Operation{
	Name: "tint",
	Doc:  "Gives all of the picture the hue of one color and keeps its lightness.",
	Forms: []Form{{Params: []Param{
		{Name: "color", Doc: "The color; how light it is does not count.", Kind: Color, Opaque: true},
	}}},
	Examples: []string{"tint:teal"},
	Plan: func(_ Size, c Call) ([]Step, error) {
		return []Step{hueOf{color: c.Color("color")}}, nil
	},
}

var duotone = &Operation{
	Name: "duotone",
	Doc:  "Puts one color in the place of black, another in that of white, and mixtures of both between them.",
	Forms: []Form{{Params: []Param{
		{Name: "dark", Doc: "What becomes of black.", Kind: Color, Opaque: true},
		{Name: "light", Doc: "What becomes of white.", Kind: Color, Opaque: true},
	}}},
	Examples: []string{"duotone:2b1055,ffd36e"},
	Plan: func(_ Size, c Call) ([]Step, error) {
		dark, light := c.Color("dark"), c.Color("light")
		mix := affine{name: c.String(), offsets: [3]float64{float64(dark.R), float64(dark.G), float64(dark.B)}}
		for i, ends := range [3][2]uint8{{dark.R, light.R}, {dark.G, light.G}, {dark.B, light.B}} {
			mix.factors[3*i] = (float64(ends[1]) - float64(ends[0])) / 255
		}
		return []Step{desaturate{}, mix}, nil
	},
}

var opacity = &Operation{
	Name: "opacity",
	Doc:  "Makes the picture transparent.",
	Forms: []Form{{Params: []Param{
		{Name: "percent", Doc: "What is left of its opacity: 0 is invisible.", Kind: Number, Max: 100},
	}}},
	Examples: []string{"opacity:40"},
	Idle:     func(c Call) bool { return c.Number("percent") == 100 },
	Plan: func(_ Size, c Call) ([]Step, error) {
		return []Step{fade{factor: c.Number("percent") / 100}}, nil
	},
}
