package transform

var blur = &Operation{
	Name: "blur",
	Doc:  "Blurs by a Gaussian.",
	Forms: []Form{{Params: []Param{
		{Name: "sigma", Doc: "Standard deviation.", Kind: Number, Unit: Pixels, Min: 0.3, Max: 250, Scaled: true},
	}}},
	Examples: []string{"blur:6"},
	Plan: func(_ Size, c Call) ([]Step, error) {
		return []Step{gaussian{sigma: c.Number("sigma")}}, nil
	},
}

var sharpen = &Operation{
	Name: "sharpen",
	Doc:  "Sharpens edges and leaves flat areas alone (unsharp mask on the lightness).",
	Forms: []Form{{Params: []Param{
		{Name: "sigma", Doc: "Standard deviation of the mask.", Kind: Number, Unit: Pixels, Min: 0.3, Max: 10, Scaled: true, Default: "1"},
	}}},
	Examples: []string{"sharpen", "sharpen:3"},
	Plan: func(_ Size, c Call) ([]Step, error) {
		return []Step{unsharp{sigma: c.Number("sigma")}}, nil
	},
}
