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
