package transform

var flip = &Operation{
	Name: "flip",
	Doc:  "Mirrors the picture.",
	Forms: []Form{{Params: []Param{
		{Name: "axis", Doc: "h swaps left and right, v swaps top and bottom, hv does both.", Kind: Word, Words: []string{"h", "v", "hv"}},
	}}},
	Examples: []string{"flip:h", "flip:v"},
	Plan: func(_ Size, c Call) ([]Step, error) {
		switch c.Word("axis") {
		case "h":
			return []Step{mirror{}}, nil
		case "v":
			return []Step{mirror{vertical: true}}, nil
		default:
			return []Step{turn{quarters: 2}}, nil
		}
	},
}
