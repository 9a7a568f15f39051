package transform

var orient = &Operation{
	Name: "orient",
	Doc: "Says how the original is to be held, before anything else is done. Without it the orientation that the camera noted in EXIF is " +
		"applied, so that coordinates are those that the viewer sees.",
	Forms: []Form{{Params: []Param{
		{Name: "as", Doc: "auto follows EXIF, none ignores it, 1 to 8 takes the place of the number that stands there.", Kind: Word, Words: []string{"auto", "none", "1", "2", "3", "4", "5", "6", "7", "8"}},
	}}},
	Examples: []string{"orient:6", "orient:none"},
	First:    true,
	Idle:     func(c Call) bool { return c.Word("as") == "auto" },
	// The planner reads the call itself, since it replaces a step that has been planned before the chain.
	Plan: func(Size, Call) ([]Step, error) { return nil, nil },
}

// orientation returns the EXIF orientation that a chain asks for, given the original's.
func (c *Chain) orientation(original int) int {
	if len(c.Calls) > 0 && c.Calls[0].Operation == orient {
		switch as := c.Calls[0].Word("as"); as {
		case "auto":
		case "none":
			return 1
		default:
			return int(as[0] - '0')
		}
	}
	return original
}

// uprightSteps undo the EXIF orientations 1 to 8 (Exif 2.32, tag 274); others count as 1.
func uprightSteps(orientation int) []Step {
	switch orientation {
	case 2:
		return []Step{mirror{}}
	case 3:
		return []Step{turn{quarters: 2}}
	case 4:
		return []Step{mirror{vertical: true}}
	case 5:
		return []Step{turn{quarters: 1}, mirror{}}
	case 6:
		return []Step{turn{quarters: 1}}
	case 7:
		return []Step{turn{quarters: 3}, mirror{}}
	case 8:
		return []Step{turn{quarters: 3}}
	}
	return nil
}
