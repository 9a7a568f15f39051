package transform

// #include "vips.h"
import "C"

import (
	"fmt"
	"math"

	"github.com/davidbyttow/govips/v2/vips"
)

// gaussian blurs.
type gaussian struct{ sigma float64 }

func (s gaussian) Size(in Size) Size { return in }

func (s gaussian) random()  {}
func (s gaussian) colored() {}

func (s gaussian) Run(frame *vips.ImageRef) error {
	weights, sum := gaussianWeights(s.sigma)
	return onPremultiplied(frame, func() error {
		return replace(frame, func(in *C.VipsImage, out **C.VipsImage) C.int {
			return C.calotype_blur(in, out, (*C.double)(&weights[0]), C.int(len(weights)), C.double(sum))
		})
	})
}

// gaussianWeights returns a mask in the shape of a Gaussian, of whole numbers, and their sum. The masks of libvips' own blur end where they
// have fallen to a fifth: sigmas up to 0.55 do nothing, greater ones less than they say.
func gaussianWeights(sigma float64) (weights []float64, sum float64) {
	// 448 to either side is about the longest mask that libvips computes fast: above a sigma of 180 it ends early.
	radius := min(max(1, int(math.Ceil(2.5*sigma))), 448)
	weights = make([]float64, 2*radius+1)
	total := 0.0
	for i := range weights {
		weights[i] = math.Exp(-float64((i-radius)*(i-radius)) / (2 * sigma * sigma))
		total += weights[i]
	}
	// libvips keeps weights of bytes exactly if all are below 64 and the sum is a power of two. Then a flat area stays as it is.
	for sum = 1; sum < 1<<14 && 2*sum/total < 63.5; {
		sum *= 2
	}
	center, owed := sum, 0.0
	for i := range radius {
		exact := weights[i]*sum/total + owed
		whole := math.Round(exact)
		weights[i], weights[len(weights)-1-i] = whole, whole
		owed = exact - whole
		center -= 2 * whole
	}
	weights[radius] = center
	return weights, sum
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
