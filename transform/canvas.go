package transform

// fillings are what a canvas shows where the picture does not reach.
var fillings = []string{"color", "blur", "mirror", "edge"}

// fillingParams say how the canvas around a picture is filled.
func fillingParams() []Param {
	return []Param{
		{Name: "bg", Doc: "Color of the rest of the canvas; a format without transparency shows transparent as white.", Kind: Color, Keyed: true, Default: "transparent"},
		{Name: "fill", Doc: "color: fills it with bg. blur: with a blurred copy of the picture that covers all. mirror: with its mirror image. edge: with the pixels of its edges.", Kind: Word, Keyed: true, Words: fillings, Default: "color"},
	}
}

func checkFilling(c Call) (parameter, expected string) {
	if c.Has("bg") && c.Word("fill") != "color" {
		return "bg", "cannot stand beside a fill that is no color"
	}
	return "", ""
}

// layOut puts a picture of size in on a canvas of size out, its corner at (left, top).
func layOut(in, out Size, left, top int, c Call) []Step {
	if in == out {
		return nil
	}
	switch c.Word("fill") {
	case "blur":
		return []Step{backdrop{left: left, top: top, size: out}}
	case "mirror", "edge":
		return []Step{prolong{left: left, top: top, size: out, mirrored: c.Word("fill") == "mirror"}}
	}
	return []Step{embed{left: left, top: top, size: out, color: c.Color("bg")}}
}

// margin is a parameter of pad.
func margin(name, doc string, axis Axis) Param {
	return Param{Name: name, Doc: doc, Kind: Length, Axis: axis, Max: 65535, Usual: [2]float64{0, 25}, Scaled: true}
}

var pad = &Operation{
	Name: "pad",
	Doc:  "Puts a margin around the picture. As in CSS one length is for all sides, two are for top and bottom and for the sides, three for top, sides and bottom.",
	Forms: []Form{
		{Doc: "The same margin on all sides.", Params: append([]Param{margin("all", "Margin on each side; percent are of the width.", Horizontal)}, fillingParams()...)},
		{Doc: "One margin above and below, one at the sides.", Params: append([]Param{
			margin("vertical", "Margin above and below.", Vertical), margin("horizontal", "Margin at the sides.", Horizontal),
		}, fillingParams()...)},
		{Doc: "Margins above, at the sides, and below.", Start: "pad:10,20,30", Params: append([]Param{
			margin("top", "Margin above.", Vertical), margin("horizontal", "Margin at the sides.", Horizontal), margin("bottom", "Margin below.", Vertical),
		}, fillingParams()...)},
		{Doc: "A margin for each side, clockwise.", Params: append([]Param{
			margin("top", "Margin above.", Vertical), margin("right", "Margin on the right.", Horizontal),
			margin("bottom", "Margin below.", Vertical), margin("left", "Margin on the left.", Horizontal),
		}, fillingParams()...)},
	},
	Examples: []string{"resize:160/pad:20,bg=gold", "resize:160/pad:10,40,fill=blur", "resize:160/pad:20,fill=mirror", "resize:160/pad:0,30,30,0,bg=teal"},
	Check:    checkFilling,
	Idle: func(c Call) bool {
		for i := range c.Operation.Forms[c.form].Params[:c.form+1] {
			if c.values[i].X != 0 {
				return false
			}
		}
		return true
	},
	Plan: func(in Size, c Call) ([]Step, error) {
		// Of the names below each form knows one for each side; the others are 0.
		all, across, down := c.Length("all", in), c.Length("horizontal", in), c.Length("vertical", in)
		left, right := all+across+c.Length("left", in), all+across+c.Length("right", in)
		top, bottom := all+down+c.Length("top", in), all+down+c.Length("bottom", in)
		return layOut(in, Size{Width: in.Width + left + right, Height: in.Height + top + bottom}, left, top, c), nil
	},
}

var extend = &Operation{
	Name: "extend",
	Doc:  "Makes the canvas at least as large as the given box; the picture keeps its size.",
	Forms: []Form{{Params: append([]Param{
		{Name: "width", Doc: "Least width of the canvas; 0 keeps that of the picture.", Kind: Length, Max: 65535, Usual: [2]float64{0, 200}, Scaled: true},
		{Name: "height", Doc: "Least height of the canvas; 0 keeps that of the picture.", Kind: Length, Axis: Vertical, Max: 65535, Usual: [2]float64{0, 200}, Scaled: true},
		{Name: "gravity", Doc: "Where on the canvas the picture lies.", Kind: Word, Words: gravityWords, Default: "center"},
	}, fillingParams()...)}},
	Examples: []string{"resize:120/extend:200,160,bg=gold", "resize:120/extend:200,160,southeast,bg=teal", "resize:120/extend:200,160,fill=edge"},
	Check:    checkFilling,
	Idle:     func(c Call) bool { return c.values[0].X == 0 && c.values[1].X == 0 },
	Plan: func(in Size, c Call) ([]Step, error) {
		out := Size{Width: max(in.Width, c.Length("width", in)), Height: max(in.Height, c.Length("height", in))}
		left, top := place(out, in, c.Word("gravity"))
		return layOut(in, out, left, top, c), nil
	},
}

var border = &Operation{
	Name: "border",
	Doc:  "Draws a line around the picture, which grows by it.",
	Forms: []Form{{Params: []Param{
		{Name: "width", Doc: "Width of the line; percent are of the width of the picture.", Kind: Length, Min: 0, Max: 65535, Usual: [2]float64{0, 10}, Scaled: true},
		{Name: "color", Doc: "Color of the line.", Kind: Color, Default: "black"},
	}}},
	Examples: []string{"resize:160/border:8,gold"},
	Idle:     func(c Call) bool { return c.values[0].X == 0 },
	Plan: func(in Size, c Call) ([]Step, error) {
		w := c.Length("width", in)
		return []Step{embed{left: w, top: w, size: Size{Width: in.Width + 2*w, Height: in.Height + 2*w}, color: c.Color("color")}}, nil
	},
}

var rounded = &Operation{
	Name: "round",
	Doc:  "Rounds the corners. What lies outside becomes transparent, or bg.",
	Forms: []Form{
		{Doc: "By a radius.", Params: []Param{
			{Name: "radius", Doc: "Radius of the corners, at most half of a side; percent are of the width.", Kind: Length, Max: 65535, Usual: [2]float64{0, 50}, Scaled: true},
			{Name: "bg", Doc: "Color of the corners; a format without transparency shows transparent as white.", Kind: Color, Keyed: true, Default: "transparent"},
		}},
		{Doc: "As far as they go: to a circle or an ellipse.", Params: []Param{
			{Name: "most", Doc: "max: half of each side.", Kind: Word, Words: []string{"max"}},
			{Name: "bg", Doc: "Color of the corners.", Kind: Color, Keyed: true, Default: "transparent"},
		}},
	},
	Examples: []string{"resize:200/round:24", "resize:200,200,cover/round:max", "resize:200/round:12p,bg=gold"},
	Idle:     func(c Call) bool { return c.form == 0 && c.values[0].X == 0 },
	Plan: func(in Size, c Call) ([]Step, error) {
		corners := curb{across: float64(in.Width) / 2, down: float64(in.Height) / 2}
		if c.form == 0 {
			radius := min(float64(c.Length("radius", in)), corners.across, corners.down)
			corners = curb{across: radius, down: radius}
		}
		if bg := c.Color("bg"); bg.A > 0 {
			return []Step{corners, flatten{color: bg}}, nil
		}
		return []Step{corners}, nil
	},
}
