package transform

// #include "vips.h"
import "C"

import (
	"fmt"

	"github.com/davidbyttow/govips/v2/vips"
)

var trim = &Operation{
	Name: "trim",
	Doc: "Cuts off edges of one color. A picture that is nothing else stays as it is. How large the print will be is known only when it " +
		"is made.",
	Forms: []Form{{Params: []Param{
		{Name: "tolerance", Doc: "How far, of 255, an edge may differ from its color.", Kind: Integer, Max: 255, Default: "10"},
		{Name: "bg", Doc: "The color to cut off; if it is not given, that of the top left pixel. Transparent pixels are cut off with it.", Kind: Color, Keyed: true},
	}}},
	Examples: []string{"pad:60,bg=white/trim", "pad:60,bg=white/trim:30,bg=white"},
	Check: func(c Call) (parameter, expected string) {
		if a := c.Color("bg").A; a != 0 && a != 255 {
			return "bg", "must be a color without transparency, or transparent"
		}
		return "", ""
	},
	Plan: func(_ Size, c Call) ([]Step, error) {
		return []Step{trimming{tolerance: int(c.Number("tolerance")), given: c.Has("bg"), color: c.Color("bg")}}, nil
	},
}

// trimming cuts off the edges that are of one color.
type trimming struct {
	tolerance int
	given     bool // the color is; else it is that of the top left pixel
	color     RGBA

	// Where the planning goes on when the size is known.
	next    int  // call of the chain
	resized bool // by one before
}

// Size returns the most that can be left.
func (s trimming) Size(in Size) Size { return in }

func (s trimming) random()  {}
func (s trimming) colored() {}

func (s trimming) decide(first *vips.ImageRef) (directStep, error) {
	whole := extract{size: Size{first.Width(), first.Height()}}
	frame, err := first.Copy()
	if err != nil {
		return nil, err
	}
	defer frame.Close()
	var values []C.double
	seeThrough := s.given && s.color.A == 0
	if s.given {
		if err := prepareFor(frame, s.color); err != nil {
			return nil, err
		}
		if values, err = ink(frame, s.color); err != nil {
			return nil, err
		}
	} else {
		// Not by govips, which takes it for granted that there are three colors.
		values = make([]C.double, frame.Bands())
		if C.calotype_corner(image(frame), &values[0]) != 0 {
			return nil, vipsError()
		}
		seeThrough = frame.HasAlpha() && values[len(values)-1] == 0
	}
	color := &values[0]
	if seeThrough {
		color = nil
	}
	var box [4]C.int
	if C.calotype_find_trim(image(frame), C.double(float64(s.tolerance)*unitOf(frame)), color, &box[0]) != 0 {
		return nil, vipsError()
	}
	part := extract{left: int(box[0]), top: int(box[1]), size: Size{int(box[2]), int(box[3])}}
	if part.size.Pixels() == 0 {
		return whole, nil
	}
	return part, nil
}

func (s trimming) cost() float64 { return 20 }

func (s trimming) String() string {
	if !s.given {
		return fmt.Sprintf("cut off edges of the color of the corner, within %d", s.tolerance)
	}
	return fmt.Sprintf("cut off edges of %s, within %d", s.color, s.tolerance)
}
