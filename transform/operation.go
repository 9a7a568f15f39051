// Package transform knows what a print is: the grammar of the URL's chain, the operations and settings in it,
// the plan that follows from them, and the engine (libvips) that makes it.
//
// It knows no HTTP and no storage: a chain comes in as text, an original as an open file, a print goes out as bytes.
package transform

// An Operation is one step of a chain as a URL writes it, such as crop or rotate. All that is known of it stands in
// this value: the parser, the checks and their messages, the canonical spelling, the plan, the reference, the API
// description and the tests read it and nothing else.
type Operation struct {
	Name string // as written in a URL
	Doc  string // the first sentence is the summary
	// Forms are the argument lists that the operation takes. They differ in the number of their positional arguments.
	Forms []Form
	// Examples are calls that the reference shows as samples and the tests run. There is one at least.
	Examples []string

	// First is set if the operation may only stand at the head of a chain.
	First bool
	// Resizes is set if the operation is of the resize family: from the first such operation on, dpr multiplies pixel lengths.
	Resizes bool
	// Density returns the highest dpr in 1…max at which the operation on a picture of size in does not enlarge it. Nil means max.
	Density func(in Size, c Call, max float64) float64
	// Check returns what no single parameter can say: the parameter in question and what was expected of it, or "". Nil
	// means that there is nothing of the kind.
	Check func(c Call) (parameter, expected string)
	// Plan returns the steps that do the work of call c on a picture of size in. None means that nothing is to be done.
	Plan func(in Size, c Call) ([]Step, error)
	// Idle tells whether the call changes no picture at all, so that the canonical form leaves it out. Nil means never.
	Idle func(c Call) bool
}

// A Form is one argument list of an operation.
type Form struct {
	Doc    string // what this form does; empty for the only form of an operation
	Params []Param
	// Rectangle names the parameters that are the left, the top, the width and the height of a part of the picture, which an editor has
	// drawn on it; nil if there are none.
	Rectangle []string
	// Start is the call with which an editor begins; "" means that of the first example that has this form.
	Start string
}

// Kind is the type of a parameter's value.
type Kind int

const (
	Integer Kind = iota // 12
	Number              // 12.5, at most three decimals
	Length              // 200 pixels or 12.5p percent of the picture's side
	Word                // one of Words
	Words               // one or more of Words, in a setting
	Flag                // the bare name of the parameter, or nothing
	Color               // ff0000, f00, ff000080, red, transparent
	Point               // 0.3x0.7: shares of width and height from the top left corner
	Ratio               // 16x9
	Switch              // 1 or 0
	ID                  // the id of an image in the store
	Text                // words to be read, in base64url
	Name                // a word of the user's own
)

// kindNames are the names of kinds in the API description.
var kindNames = [...]string{
	Integer: "integer", Number: "number", Length: "length", Word: "word", Words: "words", Flag: "flag", Color: "color", Point: "point",
	Ratio: "ratio", Switch: "switch", ID: "id", Text: "base64url", Name: "name",
}

func (k Kind) String() string { return kindNames[k] }

// Unit is what the number of a parameter counts.
type Unit string

const (
	NoUnit  Unit = ""
	Pixels  Unit = "pixels"
	Degrees Unit = "degrees"
)

// Axis is the side of the picture that a Length in percent is taken of.
type Axis int

const (
	Horizontal Axis = iota
	Vertical
)

// A Param describes one argument of an operation or a setting.
type Param struct {
	Name, Doc string
	Kind      Kind
	Unit      Unit
	// Keyed parameters are written as name=value and have no position; words and flags need no name to be told apart.
	Keyed bool
	Axis  Axis
	// Min, Max and Step bound a number, or the pixels of a Length; a Step makes the value a multiple of it. Max is also the most
	// characters of a Name.
	Min, Max, Step float64
	// Wrap reduces a number modulo itself: 450 degrees are 90.
	Wrap float64
	// Scaled parameters are lengths on the print: dpr multiplies them.
	Scaled bool
	// Words are the values of a Word, and what may stand in a Words, of which there are at most 16. The words of two parameters of one form are disjoint.
	Words []string
	// Synonyms are other spellings of words. They are read and never written.
	Synonyms map[string]string
	// Default is the value of an argument that is left out, as a URL writes it. Parameters without one are required, but
	// for keyed ones and flags, which are then unset.
	Default string
	// Needed marks a keyed parameter that must be written all the same.
	Needed bool
	// Lower marks a Name in which upper case is the same as lower case, which is what the canonical form has.
	Lower bool
	// Opaque marks a Color that lets nothing shine through.
	Opaque bool
	// Usual is what a slider offers, where far more is possible than is ever wanted: the ends of a range of the number, or for a Length of percent of
	// the picture's side. Zero means all that is possible, and 0 to 100 percent.
	Usual [2]float64
}

// free tells whether the value is a string of the user's own, and no number. A form has one such parameter at most, the first, so that
// what a user writes there is never taken for a word of the grammar.
func (p *Param) free() bool { return p.Kind == ID || p.Kind == Text || p.Kind == Name }

// positional tells whether the argument is known by its place.
func (p *Param) positional() bool {
	return !p.Keyed && p.Kind != Word && p.Kind != Flag
}

// Required tells whether the argument must be written.
func (p *Param) Required() bool {
	return p.Needed || p.Default == "" && !p.Keyed && p.Kind != Flag
}

// maxParams is the most parameters that a form has.
const maxParams = 14

// A Value is one parsed argument. Its fields are read by kind:
// a number, an index into Words, a bit for each of Words, 1 for a flag, 0xRRGGBBAA for a color in X; the two parts of a Point or Ratio in X and Y;
// an ID, Text or Name in Text.
type Value struct {
	X, Y    float64
	Text    string
	Percent bool // X is percent of the picture's side
	Set     bool // written in the URL
}

// A Call is an operation with its arguments, already checked against its parameters. It is a plain value and comparable.
type Call struct {
	Operation *Operation
	form      int
	density   float64 // factor on Scaled parameters; 0 means 1
	values    [maxParams]Value
	layer     *layer // the image of an ID; known while a plan is made
}

// find returns the place of the parameter called name in the form of c, or -1 if another form has it.
// It panics if no form of the operation has it; every operation is run by the tests.
func (c *Call) find(name string) int {
	params := c.Operation.Forms[c.form].Params
	for i := range params {
		if params[i].Name == name {
			return i
		}
	}
	for _, form := range c.Operation.Forms {
		for _, p := range form.Params {
			if p.Name == name {
				return -1
			}
		}
	}
	panic("transform: " + c.Operation.Name + " has no parameter " + name)
}

// Has tells whether the argument called name was written in the URL.
func (c *Call) Has(name string) bool {
	i := c.find(name)
	return i >= 0 && c.values[i].Set
}

// Number returns the number called name, multiplied by the dpr if the parameter is Scaled.
func (c *Call) Number(name string) float64 {
	i := c.find(name)
	if i < 0 {
		return 0
	}
	if c.Operation.Forms[c.form].Params[i].Scaled {
		return c.values[i].X * c.scale()
	}
	return c.values[i].X
}

// Length returns the length called name in whole pixels of a picture of size in. A length in percent that is not zero is
// one pixel at least. Halves are rounded up.
func (c *Call) Length(name string, in Size) int {
	i := c.find(name)
	if i < 0 {
		return 0
	}
	v, p := c.values[i], &c.Operation.Forms[c.form].Params[i]
	if v.X == 0 {
		return 0
	}
	pixels := v.X
	switch {
	case v.Percent && p.Axis == Horizontal:
		pixels = v.X / 100 * float64(in.Width)
	case v.Percent:
		pixels = v.X / 100 * float64(in.Height)
	case p.Scaled:
		pixels *= c.scale()
	}
	if n := round(pixels); n != 0 {
		return n
	}
	if v.X < 0 {
		return -1
	}
	return 1
}

// Pixels returns the length called name in pixels as written, without dpr, and false if it is zero or in percent.
func (c *Call) Pixels(name string) (float64, bool) {
	i := c.find(name)
	if i < 0 || c.values[i].Percent || c.values[i].X == 0 {
		return 0, false
	}
	return c.values[i].X, true
}

// Word returns the word called name, or "" if it is neither written nor has a default.
func (c *Call) Word(name string) string {
	i := c.find(name)
	if i < 0 {
		return ""
	}
	p := &c.Operation.Forms[c.form].Params[i]
	if !c.values[i].Set && p.Default == "" {
		return ""
	}
	return p.Words[int(c.values[i].X)]
}

// Flag tells whether the flag called name is written.
func (c *Call) Flag(name string) bool {
	i := c.find(name)
	return i >= 0 && c.values[i].Set
}

// Text returns the value of the free parameter: an id, or the text as it is to be read.
func (c *Call) Text() string { return c.values[0].Text }

// Color returns the color called name.
func (c *Call) Color(name string) RGBA {
	i := c.find(name)
	if i < 0 {
		return RGBA{}
	}
	return unpackColor(c.values[i].X)
}

// Pair returns the two parts of the Point or Ratio called name.
func (c *Call) Pair(name string) (x, y float64) {
	i := c.find(name)
	if i < 0 {
		return 0, 0
	}
	return c.values[i].X, c.values[i].Y
}

func (c *Call) scale() float64 {
	if c.density == 0 {
		return 1
	}
	return c.density
}
