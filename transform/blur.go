package transform

import "strconv"

var blur = &Operation{
	Name: "blur",
	Doc:  "Blurs by a Gaussian.",
	Forms: []Form{{Params: []Param{
		{Name: "sigma", Doc: "Standard deviation.", Kind: Number, Unit: Pixels, Min: 0.3, Max: 250, Usual: [2]float64{0.3, 40}, Scaled: true},
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

var pixelate = &Operation{
	Name: "pixelate",
	Doc:  "Makes squares of one color each, so that nobody is recognised. They start in the top left corner.",
	Forms: []Form{{Params: []Param{
		{Name: "side", Doc: "Side of the squares.", Kind: Integer, Unit: Pixels, Min: 2, Max: 512, Usual: [2]float64{2, 100}, Scaled: true},
	}}},
	Examples: []string{"pixelate:16"},
	Plan: func(in Size, c Call) ([]Step, error) {
		side := max(1, round(c.Number("side")))
		return []Step{mosaic{side: min(side, max(in.Width, in.Height))}}, nil
	},
}

var median = &Operation{
	Name: "median",
	Doc:  "Takes away specks and keeps edges: each pixel becomes the median of a square around it.",
	Forms: []Form{{Params: []Param{
		{Name: "side", Doc: "Side of the square, in pixels of the picture.", Kind: Word, Words: []string{"3", "5", "7", "9", "11", "13", "15"}, Default: "3"},
	}}},
	Examples: []string{"median:9"},
	Plan: func(_ Size, c Call) ([]Step, error) {
		side, err := strconv.Atoi(c.Word("side"))
		return []Step{middle{side: side}}, err
	},
}
