package transform

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Policy says which chains are served. It looks at a chain as it stands in an address, not at what is in its presets: whoever may
// write those has decided. Nil serves all.
type Policy struct {
	// PresetsOnly serves originals and, of prints, those of one preset, in any format.
	PresetsOnly bool
	// Names are the operations and settings that are served, if there are any. Presets always are, and so is what says how
	// a print is sent or described.
	Names []string
	// Sizes are the sides that a resize may have, in pixels, from the smallest to the largest; none means all. With them a dpr is 1, 2, 3 or 4.
	Sizes []int
	// Snap has a side, or a dpr, that is none of them become the next larger one.
	Snap bool
}

// NewPolicy checks a policy and returns it, or nil for one that serves all.
func NewPolicy(p Policy) (*Policy, error) {
	for _, name := range p.Names {
		known := slices.ContainsFunc(Operations, func(o *Operation) bool { return o.Name == name }) ||
			slices.ContainsFunc(Settings, func(s *Setting) bool { return s.Name == name })
		if !known {
			return nil, &SyntaxError{Expected: unknownName(name), Got: name}
		}
	}
	p.Sizes = slices.Compact(slices.Sorted(slices.Values(p.Sizes)))
	most := int(resize.Forms[0].Params[0].Max)
	for _, size := range p.Sizes {
		if size < 1 || size > most {
			return nil, fmt.Errorf("a size is from 1 to %d pixels, not %d", most, size)
		}
	}
	if p.Snap && len(p.Sizes) == 0 {
		return nil, errors.New("there are no sizes to snap to")
	}
	if !p.PresetsOnly && len(p.Names) == 0 && len(p.Sizes) == 0 {
		return nil, nil
	}
	return &p, nil
}

// Apply returns the chain that is served for c, which is c itself unless sizes are snapped. Errors wrap ErrNotAllowed and say what is.
func (p *Policy) Apply(c Chain) (Chain, error) {
	if p == nil || c.IsOriginal() {
		return c, nil
	}
	if p.PresetsOnly {
		return c, c.onlyPreset()
	}
	if err := p.checkNames(&c); err != nil {
		return c, err
	}
	if len(p.Sizes) == 0 {
		return c, nil
	}
	return p.snap(c)
}

// Served returns the names of the operations and settings that are served; nil if all are.
func (p *Policy) Served() []string {
	if p == nil || !p.PresetsOnly && len(p.Names) == 0 {
		return nil
	}
	names := []string{preset.Name}
	if !p.PresetsOnly {
		names = append(names, p.Names...)
	}
	for _, s := range Settings {
		if always := s.Delivery || s == describe || s == format; always && !slices.Contains(names, s.Name) {
			names = append(names, s.Name)
		}
	}
	return names
}

// IsPreset tells whether the chain is one preset, in any format, and says nothing else of the print.
func (c *Chain) IsPreset() bool {
	print := c.Print()
	return len(c.Calls) == 1 && c.Calls[0].Operation == preset && print.settings == [maxSettings]Value{}
}

// onlyPreset refuses what is not one preset.
func (c *Chain) onlyPreset() error {
	if c.IsPreset() {
		return nil
	}
	return fmt.Errorf("%w: a print is asked for by one preset, as in /%s.webp, and nothing else", ErrNotAllowed, preset.Examples[0])
}

// checkNames refuses operations and settings that are not named.
func (p *Policy) checkNames(c *Chain) error {
	if len(p.Names) == 0 {
		return nil
	}
	refuse := func(name string) error {
		return fmt.Errorf("%w: %s; there is %s", ErrNotAllowed, name, strings.Join(append(slices.Clone(p.Names), preset.Name), ", "))
	}
	for i := range c.Calls {
		if o := c.Calls[i].Operation; o != preset && !slices.Contains(p.Names, o.Name) {
			return refuse(o.Name)
		}
	}
	for i, s := range Settings {
		if c.settings[i].Set && !s.Delivery && s != describe && !slices.Contains(p.Names, s.Name) {
			return refuse(s.Name)
		}
	}
	return nil
}

// densities are those that are served beside sizes.
var densities = []int{1, 2, 3, 4}

// snap returns the chain with sizes and densities that are allowed.
func (p *Policy) snap(c Chain) (Chain, error) {
	c.Calls = slices.Clone(c.Calls)
	for i := range c.Calls {
		if c.Calls[i].Operation == resize {
			if err := p.snapCall(&c.Calls[i]); err != nil {
				return c, err
			}
		}
	}
	if v := &c.settings[dpr.index()]; v.Set {
		density, ok := p.allowed(v.X, densities)
		if !ok {
			return c, p.refuse(dpr.Name, dpr.Name, string(dpr.Param.append(nil, *v)), densities)
		}
		v.X = density
		if !c.hasPresets() {
			c.dropDefaults()
		}
	}
	return c, nil
}

// Widths returns the widths that are served of those that are wanted, or all that are if none is wanted in particular.
func (p *Policy) Widths(wanted, usual []int) ([]int, error) {
	switch {
	case p == nil || len(p.Sizes) == 0:
		return wanted, nil
	case slices.Equal(wanted, usual):
		return p.Sizes, nil
	}
	served := make([]int, len(wanted))
	for i, width := range wanted {
		size, ok := p.allowed(float64(width), p.Sizes)
		if !ok {
			return nil, p.refuse("widths", "each", strconv.Itoa(width), p.Sizes)
		}
		served[i] = int(size)
	}
	return served, nil
}

// snapCall does so for a resize. Two sides that would have to grow by different factors are those of another shape: only where
// the picture keeps its own, they may.
func (p *Policy) snapCall(call *Call) error {
	keeps := call.Word("mode") == "fit" || call.Word("mode") == "outside" || call.values[0].X == 0 || call.values[1].X == 0
	for i := range 2 { // width and height
		v := &call.values[i]
		if v.X == 0 {
			continue
		}
		size, ok := p.allowed(v.X, p.Sizes)
		if !ok || v.Percent || size != v.X && !keeps {
			param := &call.Operation.Forms[0].Params[i]
			return p.refuse(resize.Name, param.Name, string(param.append(nil, *v)), p.Sizes)
		}
		v.X = size
	}
	return nil
}

// allowed returns the number of a list that is served for x.
func (p *Policy) allowed(x float64, list []int) (float64, bool) {
	for _, n := range list {
		if x == float64(n) || p.Snap && x < float64(n) {
			return float64(n), true
		}
	}
	return 0, false
}

func (p *Policy) refuse(name, what, got string, list []int) error {
	var numbers []string
	for _, n := range list {
		numbers = append(numbers, strconv.Itoa(n))
	}
	return fmt.Errorf("%w: %s: %s must be %s, not %s", ErrNotAllowed, name, what, oneOf(numbers), got)
}
