package transform

import (
	"fmt"
)

// An Original is what a plan must know of the image that a print is made of.
type Original struct {
	Format      string // name of the format: jpeg, png, …
	Size        Size   // as stored, before orientation
	Orientation int    // EXIF 1 to 8
	Frames      int    // 1 for a still
	Depth       int    // bits per sample
	Alpha       bool
}

// Upright returns the size that a viewer sees.
func (o Original) Upright() Size {
	if o.Orientation >= 5 {
		return o.Size.turned()
	}
	return o.Size
}

// Limits bound the work of one print. Zero means no limit.
type Limits struct {
	Pixels int64 // of all frames together, of the original and after each step
	Side   int   // width or height after any step
}

// A Plan is the work that makes a print: what is loaded, which steps are done, how the result is encoded.
type Plan struct {
	Original Original
	Format   *Format
	Size     Size    // of the print, exact but for what ErrBroken uncovers
	Frames   int     // of the print
	Steps    []Step  // in the order in which they run
	Density  float64 // the dpr that came true
	Shrink   int     // the factor by which the JPEG decoder shrinks: 1, 2, 4 or 8
	Encoding Encoding

	chain Chain // that it was made from
}

// NewPlan works out how the print of an original that chain asks for is made. It looks at no pixel, and what it
// refuses costs nothing: ErrOutside, ErrTooLarge, or a *SyntaxError for a setting that the format lacks.
// The chain's format must be settled (see Chain.Settle).
func NewPlan(chain Chain, original Original, limits Limits) (*Plan, error) {
	p := &Plan{chain: chain, Original: original, Format: chain.Format, Frames: 1, Density: 1, Shrink: 1}
	if chain.Format.Animation {
		p.Frames = max(1, original.Frames)
	}
	if err := chain.refuseForeignSettings(); err != nil {
		return nil, err
	}
	p.Encoding = encodingOf(&chain)
	if err := limits.check("the original", original.Size, p.Frames); err != nil {
		return nil, err
	}
	size := original.Size
	add := func(steps []Step) error {
		for _, s := range steps {
			size = s.Size(size)
			if err := limits.check(s.String(), size, p.Frames); err != nil {
				return err
			}
			p.Steps = append(p.Steps, s)
		}
		return nil
	}
	if err := add(uprightSteps(chain.orientation(original.Orientation))); err != nil {
		return nil, err
	}
	resized := false
	for _, call := range chain.Calls {
		if call.Operation.Resizes && !resized {
			resized = true
			p.Density = chain.Get(dpr).X
			if p.Density > 1 && call.Operation.Density != nil {
				p.Density = call.Operation.Density(size, call, p.Density)
			}
		}
		if resized {
			call.density = p.Density
		}
		steps, err := call.Operation.Plan(size, call)
		if err != nil {
			return nil, err
		}
		if err := add(steps); err != nil {
			return nil, err
		}
	}
	if most := chain.Format.MaxSide; size.Width > most || size.Height > most {
		return nil, fmt.Errorf("%w: the print would be %s, and %s holds %d pixels a side at most", ErrTooLarge, size, chain.Format.Name, most)
	}
	p.Size = size
	p.scaleFirst()
	p.shrinkOnLoad()
	return p, nil
}

// check refuses a picture that is over the limits.
func (l Limits) check(what string, size Size, frames int) error {
	switch pixels := size.Pixels() * int64(frames); {
	case l.Pixels > 0 && pixels > l.Pixels:
		return fmt.Errorf("%w: %s has %d pixels (%s, %d frames), at most %d are taken", ErrTooLarge, what, pixels, size, frames, l.Pixels)
	case l.Side > 0 && (size.Width > l.Side || size.Height > l.Side):
		return fmt.Errorf("%w: %s is %s, a side may have at most %d pixels", ErrTooLarge, what, size, l.Side)
	}
	return nil
}

// scaleFirst moves a scale before the turns and mirrors that make the original upright: the same picture within the
// rounding of the resampling, and the turns then move few pixels.
func (p *Plan) scaleFirst() {
	for i, s := range p.Steps {
		switch s := s.(type) {
		case turn, mirror:
			continue
		case scale:
			for _, before := range p.Steps[:i] {
				if before.Size(Size{1, 2}) != (Size{1, 2}) {
					s.size = s.size.turned()
				}
			}
			copy(p.Steps[1:], p.Steps[:i])
			p.Steps[0] = s
		}
		return
	}
}

// shrinkOnLoad lets the JPEG decoder do a part of a leading reduction, which it does nearly for free by leaving out
// high frequencies. It averages over blocks where the resampling would filter, so that enough must be left to the latter: a
// decoder that shrinks by 2 leaves it a factor of 1.8, by 4 of 3, by 8 of 4. TestShortcutsLookTheSame holds the difference.
func (p *Plan) shrinkOnLoad() {
	if p.Original.Format != "jpeg" || len(p.Steps) == 0 {
		return
	}
	s, isScale := p.Steps[0].(scale)
	if !isScale || s.kernel == "nearest" {
		return
	}
	factor := min(float64(p.Original.Size.Width)/float64(s.size.Width), float64(p.Original.Size.Height)/float64(s.size.Height))
	switch {
	case factor >= 32:
		p.Shrink = 8
	case factor >= 12:
		p.Shrink = 4
	case factor >= 3.6:
		p.Shrink = 2
	}
}

// Describe tells the plan in words: how the original is loaded, each step, how the print is written.
func (p *Plan) Describe() []string {
	load := fmt.Sprintf("load %s %s", p.Original.Format, p.Original.Size)
	if p.Shrink > 1 {
		load += fmt.Sprintf(" at 1/%d", p.Shrink)
	}
	if p.Frames > 1 {
		load += fmt.Sprintf(", %d frames", p.Frames)
	}
	lines := []string{load}
	for _, s := range p.Steps {
		lines = append(lines, s.String())
	}
	return append(lines, fmt.Sprintf("write %s %s", p.Format.Name, p.Size))
}
