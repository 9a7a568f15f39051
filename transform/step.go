package transform

import (
	"fmt"

	"github.com/davidbyttow/govips/v2/vips"
)

// A Step is one piece of work that a plan lowers calls to. Unlike a call it knows exactly what it does: its numbers are
// pixels. A step is a comparable value.
type Step interface {
	fmt.Stringer
	// Size returns the size of the result, given that of the picture.
	Size(in Size) Size
}

// A directStep is done on each frame by itself. All others become one first.
type directStep interface {
	Step
	// Run does the work on one frame, in place.
	Run(frame *vips.ImageRef) error
}

// A randomStep reads pixels in another order than top to bottom, so that the picture must stand in memory.
type randomStep interface{ random() }

// A decidingStep depends on what is in the picture. The first frame decides for all.
type decidingStep interface {
	// decide returns the step that does the work. It may run over the pixels of the frame and leaves them as they are.
	decide(first *vips.ImageRef) (directStep, error)
}

// A layingStep lays something on the picture, the same on all frames.
type layingStep interface {
	// mixes tells whether the picture is read twice where something is laid on it.
	mixes() bool
	// fetch makes what is laid on frames that are like the first one. The caller closes its stamp.
	fetch(j *job, first *vips.ImageRef) (*laid, error)
}

// A coloredStep paints or computes in color: it must not run before the picture is in the working color space.
type coloredStep interface{ colored() }

// extract cuts out a rectangle that lies in the picture.
type extract struct {
	left, top int
	size      Size
}

func (s extract) Size(Size) Size { return s.size }

func (s extract) Run(frame *vips.ImageRef) error {
	return frame.ExtractArea(s.left, s.top, s.size.Width, s.size.Height)
}

func (s extract) String() string { return fmt.Sprintf("extract %s at %d,%d", s.size, s.left, s.top) }

// attend cuts out the rectangle that draws most attention (libvips' smartcrop).
type attend struct {
	size    Size
	entropy bool
}

func (s attend) Size(Size) Size { return s.size }

func (s attend) random()  {}
func (s attend) colored() {}

func (s attend) decide(first *vips.ImageRef) (directStep, error) {
	trial, err := first.Copy()
	if err != nil {
		return nil, err
	}
	defer trial.Close()
	if deep(trial) {
		// Of all samples that are no bytes libvips makes histograms of 16 bits. It keeps one for each slice that it weighs, which takes
		// more memory than most pictures.
		if err := toWorking(trial, false, inSRGB); err != nil {
			return nil, err
		}
	}
	before := [2]int{trial.OffsetX(), trial.OffsetY()}
	if err := smartCrop(trial, s.size, s.entropy); err != nil {
		return nil, err
	}
	// libvips notes in the offset of a cut-out where it came from, as the negative of its corner.
	left, top := before[0]-trial.OffsetX(), before[1]-trial.OffsetY()
	return extract{
		left: min(max(left, 0), first.Width()-s.size.Width),
		top:  min(max(top, 0), first.Height()-s.size.Height),
		size: s.size,
	}, nil
}

func (s attend) String() string {
	if s.entropy {
		return fmt.Sprintf("extract %s with most detail", s.size)
	}
	return fmt.Sprintf("extract %s that draws most attention", s.size)
}

// scale resamples to a size.
type scale struct {
	size   Size
	kernel string
}

func (s scale) Size(Size) Size { return s.size }

func (s scale) Run(frame *vips.ImageRef) error { return resample(frame, s.size, s.kernel) }

func (s scale) cost() float64 { return 30 }

func (s scale) String() string { return fmt.Sprintf("scale to %s (%s)", s.size, s.kernel) }

// turn rotates clockwise by quarter turns, 1 to 3.
type turn struct{ quarters int }

func (s turn) Size(in Size) Size {
	if s.quarters%2 == 1 {
		return in.turned()
	}
	return in
}

func (s turn) random() {}

func (s turn) Run(frame *vips.ImageRef) error { return frame.Rotate(vips.Angle(s.quarters)) }

func (s turn) String() string { return fmt.Sprintf("turn by %d°", 90*s.quarters) }

// mirror swaps left and right, or top and bottom.
type mirror struct{ vertical bool }

func (s mirror) Size(in Size) Size { return in }

func (s mirror) random() {}

func (s mirror) Run(frame *vips.ImageRef) error {
	if s.vertical {
		return frame.Flip(vips.DirectionVertical)
	}
	return frame.Flip(vips.DirectionHorizontal)
}

func (s mirror) String() string {
	if s.vertical {
		return "mirror top and bottom"
	}
	return "mirror left and right"
}

// spin rotates clockwise by any angle, in degrees, on a canvas of the given size.
type spin struct {
	angle float64
	size  Size
	color RGBA
}

func (s spin) Size(Size) Size { return s.size }

func (s spin) random()  {}
func (s spin) colored() {}

func (s spin) Run(frame *vips.ImageRef) error {
	if err := prepareFor(frame, s.color); err != nil {
		return err
	}
	return spinOn(frame, s.angle, s.size, s.color)
}

func (s spin) cost() float64 { return 200 }

func (s spin) String() string {
	return fmt.Sprintf("spin by %g° on %s of %s", s.angle, s.size, s.color)
}
