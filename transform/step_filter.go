package transform

// #include "vips.h"
import "C"

import (
	"fmt"

	"github.com/davidbyttow/govips/v2/vips"
)

// gaussian blurs.
type gaussian struct{ sigma float64 }

func (s gaussian) Size(in Size) Size { return in }

func (s gaussian) random()  {}
func (s gaussian) colored() {}

func (s gaussian) Run(frame *vips.ImageRef) error {
	return onPremultiplied(frame, func() error { return frame.GaussianBlur(s.sigma) })
}

func (s gaussian) cost() float64 { return 20 + 2*s.sigma }

func (s gaussian) String() string { return fmt.Sprintf("blur with sigma %g", s.sigma) }

// unsharp sharpens the lightness.
type unsharp struct{ sigma float64 }

func (s unsharp) Size(in Size) Size { return in }

func (s unsharp) random()  {}
func (s unsharp) colored() {}

// Run uses libvips' defaults for the two parameters that are not ours: flat areas up to a difference of 2 of 100 in
// lightness stay as they are, edges change by three times their difference from the blurred picture.
func (s unsharp) Run(frame *vips.ImageRef) error { return frame.Sharpen(s.sigma, 2, 3) }

func (s unsharp) cost() float64 { return 180 }

func (s unsharp) String() string { return fmt.Sprintf("sharpen with sigma %g", s.sigma) }

// mosaic averages over squares.
type mosaic struct{ side int }

func (s mosaic) Size(in Size) Size { return in }

func (s mosaic) random()  {}
func (s mosaic) colored() {}

func (s mosaic) Run(frame *vips.ImageRef) error {
	return onPremultiplied(frame, func() error {
		return replace(frame, func(in *C.VipsImage, out **C.VipsImage) C.int { return C.calotype_pixelate(in, out, C.int(s.side)) })
	})
}

func (s mosaic) cost() float64 { return 20 }

func (s mosaic) String() string { return fmt.Sprintf("average over squares of %d", s.side) }

// middle takes for each pixel the median of a square around it.
type middle struct{ side int }

func (s middle) Size(in Size) Size { return in }

func (s middle) random()  {}
func (s middle) colored() {}

func (s middle) Run(frame *vips.ImageRef) error {
	return onPremultiplied(frame, func() error {
		return replace(frame, func(in *C.VipsImage, out **C.VipsImage) C.int { return C.calotype_median(in, out, C.int(s.side)) })
	})
}

func (s middle) cost() float64 { return 60 * float64(s.side) }

func (s middle) String() string { return fmt.Sprintf("median of squares of %d", s.side) }
