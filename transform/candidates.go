package transform

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
)

// A Candidate is one of several prints that show the same in different widths, so that a browser takes the one that it needs.
type Candidate struct {
	Width int  // to which the chain's print is made narrower; 0 for that print itself
	Size  Size // exact
}

// Candidates returns the prints that are as wide as is asked for, from the narrowest to the widest: the print of the chain, whose format
// is settled, made narrower. As nothing is enlarged, what would be wider than it gives way to that print itself. Errors are those of
// NewPlan, and a *SyntaxError for a chain whose print has a width that is not known beforehand, or differs from the pixels of a page.
func (c Chain) Candidates(original Original, limits Limits, widths []int, layers ...Original) ([]Candidate, error) {
	if c.settings[dpr.index()].Set {
		return nil, &SyntaxError{Operation: dpr.Name, Expected: "has no place here: the widths are those of the prints, whatever the density of a screen"}
	}
	whole, err := NewPlan(c, original, limits, layers...)
	if err != nil {
		return nil, err
	}
	if whole.Open {
		return nil, &SyntaxError{Operation: trim.Name, Expected: "has no place here: how wide the print will be is not known before it is made"}
	}
	var candidates []Candidate
	add := func(width int, size Size) { candidates = append(candidates, Candidate{Width: width, Size: size}) }
	for _, width := range widths {
		if width >= whole.Size.Width {
			add(0, whole.Size)
			continue
		}
		narrow, err := c.Resized(width, 0)
		if err != nil {
			return nil, err
		}
		plan, err := NewPlan(narrow, original, limits, layers...)
		if err != nil {
			return nil, err
		}
		add(width, plan.Size)
	}
	slices.SortFunc(candidates, func(a, b Candidate) int { return cmp.Compare(a.Size.Width, b.Size.Width) })
	return slices.CompactFunc(candidates, func(a, b Candidate) bool { return a.Size.Width == b.Size.Width }), nil
}

// Narrowed returns the chain of a candidate: of the one that Candidates was called on, or of the same with presets in it.
func (c Chain) Narrowed(to Candidate) (Chain, error) {
	if to.Width == 0 {
		return c, nil
	}
	return c.Resized(to.Width, 0)
}

// Resized returns the chain with a resize at its end, to a box in pixels. A side of 0 follows from the shape of the picture.
func (c Chain) Resized(width, height int) (Chain, error) {
	if len(c.Calls) == maxCalls {
		return Chain{}, &SyntaxError{Operation: resize.Name, Expected: fmt.Sprintf("is one operation too many: at most %d are taken", maxCalls)}
	}
	call, err := resize.call(segment{}, []string{strconv.Itoa(width), strconv.Itoa(height)})
	if err != nil {
		return Chain{}, err
	}
	c.Calls = append(slices.Clip(c.Calls), call)
	return c, nil
}
