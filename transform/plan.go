package transform

import (
	"fmt"
	"slices"
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
	Original    Original
	Format      *Format
	Size        Size    // of the print, exact unless Open
	Open        bool    // the size depends on what is in the picture; Size is a guess until then
	Page        int     // the first frame that is loaded
	Frames      int     // of the print, as many as are loaded
	Deep        bool    // samples have 16 bits
	Steps       []Step  // in the order in which they run
	Density     float64 // the dpr that came true
	Orientation int     // the EXIF orientation that is undone, 1 to 8
	Shrink      int     // the factor by which the JPEG decoder shrinks: 1, 2, 4 or 8
	Encoding    Encoding

	chain  Chain      // that it was made from
	layers []Original // the images that it names
	limits Limits
}

// NewPlan works out how the print of an original that chain asks for is made. It looks at no pixel, and what it
// refuses costs nothing: ErrOutside, ErrTooLarge, or a *SyntaxError for a setting that the format lacks.
// The chain's format must be settled (see Chain.Settle). The layers are what Chain.Images names.
func NewPlan(chain Chain, original Original, limits Limits, layers ...Original) (*Plan, error) {
	p := &Plan{limits: limits, Original: original, Format: chain.Format, Frames: 1, Density: 1, Shrink: 1, layers: layers}
	if named := len(chain.Images()); named != len(layers) {
		return nil, fmt.Errorf("the chain names %d images, and %d are known", named, len(layers))
	}
	if err := chain.refuseForeignSettings(); err != nil {
		return nil, err
	}
	if err := chain.refuseContradictions(); err != nil {
		return nil, err
	}
	p.chain = chain.Print()
	if err := p.chooseFrames(); err != nil {
		return nil, err
	}
	p.Deep = chain.Format.Deep && original.Depth > 8
	if bits := chain.Word(depth); bits != "" {
		p.Deep = bits == "16"
	}
	p.Encoding = encodingOf(&chain)
	p.Deep = p.Deep && p.Encoding.Colors == 0
	if err := limits.check("the original", original.Size, p.Frames); err != nil {
		return nil, err
	}
	p.Orientation = chain.orientation(original.Orientation)
	size, err := p.add(uprightSteps(p.Orientation), original.Size)
	if err != nil {
		return nil, err
	}
	if err := p.lower(0, false, size); err != nil {
		return nil, err
	}
	p.scaleFirst()
	p.shrinkOnLoad()
	return p, nil
}

// chooseFrames says which frames of the original are loaded.
func (p *Plan) chooseFrames() error {
	all := 1
	if FormatNamed(p.Original.Format).Animation {
		all = max(1, p.Original.Frames)
	}
	if p.Format.Animation {
		p.Frames = all
	}
	if v := p.chain.Get(frames); v.Set {
		p.Frames = min(p.Frames, int(v.X))
	}
	if v := p.chain.Get(page); v.Set {
		p.Page, p.Frames = int(v.X), 1
	}
	if p.Page >= all {
		return fmt.Errorf("%w: there is no picture %d, the first being 0: the original has %d", ErrOutside, p.Page, all)
	}
	return nil
}

// lower adds the steps of the calls from one on, for a picture of a size; resized tells whether one before has resized it.
func (p *Plan) lower(from int, resized bool, size Size) error {
	layers := len(imagesOf(p.chain.Calls[:from])) // that were named before
	for i, call := range p.chain.Calls[from:] {
		if call.image() {
			call.layer = &layer{index: layers, original: p.layers[layers], limits: p.limits, deep: p.Deep}
			layers++
		}
		if call.Operation.Resizes && !resized {
			resized = true
			p.Density = p.chain.Get(dpr).X
			if p.Density > 1 && call.Operation.Density != nil {
				p.Density = call.Operation.Density(size, call, p.Density)
			}
		}
		if resized {
			call.density = p.Density
		}
		steps, err := call.Operation.Plan(size, call)
		if err != nil {
			return err
		}
		for k, s := range steps {
			if t, open := s.(trimming); open {
				p.Open = true
				t.next, t.resized = from+i+1, resized
				steps[k] = t
			}
		}
		if size, err = p.add(steps, size); err != nil {
			return err
		}
	}
	p.Size = size
	return p.fits(size)
}

// fits refuses a size that the format cannot hold.
func (p *Plan) fits(size Size) error {
	if most := p.Format.MaxSide; size.Width > most || size.Height > most {
		return fmt.Errorf("%w: the print would be %s, and %s holds %d pixels a side at most", ErrTooLarge, size, p.Format.Name, most)
	}
	return nil
}

// add appends steps to be done on a picture of a size and returns that of the result.
func (p *Plan) add(steps []Step, size Size) (Size, error) {
	for _, s := range steps {
		size = s.Size(size)
		if err := p.limits.check(s.String(), size, p.Frames); err != nil {
			return Size{}, err
		}
		p.Steps = append(p.Steps, s)
	}
	return size, nil
}

// after returns the plan for what follows on the step at i, a trimming that has left a picture of a size. What was predicted for the
// whole plan was let in, so that more is refused.
func (p *Plan) after(i int, size Size) (*Plan, error) {
	t := p.Steps[i].(trimming)
	rest := *p
	rest.Open = false
	rest.Steps = append(slices.Clone(p.Steps[:i]), extract{size: size})
	if err := rest.lower(t.next, t.resized, size); err != nil {
		return nil, err
	}
	if rest.Cost().Memory > p.Cost().Memory {
		return nil, fmt.Errorf("%w: after trimming to %s the print would be %s, larger than without", ErrTooLarge, size, rest.Size)
	}
	return &rest, nil
}

// Within returns the limits of l, and of all where l has none or a higher one.
func (l Limits) Within(all Limits) Limits {
	if l.Pixels <= 0 || all.Pixels > 0 && l.Pixels > all.Pixels {
		l.Pixels = all.Pixels
	}
	if l.Side <= 0 || all.Side > 0 && l.Side > all.Side {
		l.Side = all.Side
	}
	return l
}

// Check returns ErrTooLarge for an original with too many pixels.
func (l Limits) Check(o Original) error {
	l.Side = 0 // which is for what is made
	return l.check("the image", o.Size, o.Frames)
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
	if p.Page > 0 {
		load += fmt.Sprintf(", picture %d", p.Page)
	}
	if p.Frames > 1 {
		load += fmt.Sprintf(", %d frames", p.Frames)
	}
	lines := []string{load}
	for _, s := range p.Steps {
		lines = append(lines, s.String())
		if _, open := s.(trimming); open {
			lines = append(lines, "and then, if nothing were cut off:")
		}
	}
	if p.Open {
		return append(lines, "write "+p.Format.Name)
	}
	return append(lines, fmt.Sprintf("write %s %s", p.Format.Name, p.Size))
}
