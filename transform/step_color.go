package transform

// #include "vips.h"
import "C"

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/davidbyttow/govips/v2/vips"
)

// flatten lays the picture on a color.
type flatten struct{ color RGBA }

func (s flatten) Size(in Size) Size { return in }

func (s flatten) colored() {}

func (s flatten) Run(frame *vips.ImageRef) error {
	if !frame.HasAlpha() {
		return nil
	}
	if err := prepareFor(frame, s.color); err != nil {
		return err
	}
	return layOn(frame, s.color)
}

func (s flatten) String() string { return "lay on " + s.color.String() }

// desaturate takes the colors out.
type desaturate struct{}

func (s desaturate) Size(in Size) Size { return in }

func (s desaturate) colored() {}

func (s desaturate) Run(frame *vips.ImageRef) error {
	if err := toSRGB(frame); err != nil {
		return err
	}
	if deep(frame) {
		return frame.ToColorSpace(vips.InterpretationGrey16)
	}
	return frame.ToColorSpace(vips.InterpretationBW)
}

func (s desaturate) String() string { return "take the colors out" }

// affine computes each color as a sum of all colors, times factors, and an offset. Samples count from 0 to 255.
type affine struct {
	name    string
	factors [9]float64 // three rows
	offsets [3]float64
}

func (s affine) Size(in Size) Size { return in }

func (s affine) colored() {}

// level makes all colors of a gray pixel the same, so that a picture without hue stays one.
func (s affine) level() bool {
	row := func(i int) float64 { return s.factors[3*i] + s.factors[3*i+1] + s.factors[3*i+2] }
	const tolerance = 1e-9
	return math.Abs(row(0)-row(1)) < tolerance && math.Abs(row(0)-row(2)) < tolerance &&
		s.offsets[0] == s.offsets[1] && s.offsets[0] == s.offsets[2]
}

func (s affine) Run(frame *vips.ImageRef) error {
	factors, offsets, n := s.factors[:], s.offsets, 3
	if frame.Bands() < 3 {
		factors = []float64{factors[0] + factors[1] + factors[2], factors[3] + factors[4] + factors[5], factors[6] + factors[7] + factors[8]}
		if s.level() {
			n = 1
		}
	}
	unit := unitOf(frame)
	for i := range offsets {
		offsets[i] *= unit
	}
	return replace(frame, func(in *C.VipsImage, out **C.VipsImage) C.int {
		return C.calotype_affine(in, out, (*C.double)(&factors[0]), (*C.double)(&offsets[0]), C.int(n))
	})
}

func (s affine) cost() float64 { return 12 }

func (s affine) String() string { return s.name }

// curve replaces each sample of a color by a function of it, both counting from 0 to 1.
type curve interface {
	Step
	at(v float64) float64
}

// bend has a frame's colors follow a curve.
func bend(frame *vips.ImageRef, c curve) error {
	if !deep(frame) {
		var table [256]uint8
		for i := range table {
			table[i] = uint8(math.Round(255 * c.at(float64(i)/255)))
		}
		return mapSamples(frame, unsafe.Pointer(&table[0]))
	}
	table := make([]uint16, 65536)
	for i := range table {
		table[i] = uint16(math.Round(65535 * c.at(float64(i)/65535)))
	}
	return mapSamples(frame, unsafe.Pointer(&table[0]))
}

func mapSamples(frame *vips.ImageRef, table unsafe.Pointer) error {
	is := truth(deep(frame))
	return replace(frame, func(in *C.VipsImage, out **C.VipsImage) C.int { return C.calotype_map(in, out, table, is) })
}

// power raises samples to a power.
type power struct{ exponent float64 }

func (s power) Size(in Size) Size { return in }

func (s power) colored() {}

func (s power) at(v float64) float64 { return math.Pow(v, s.exponent) }

func (s power) Run(frame *vips.ImageRef) error { return bend(frame, s) }

func (s power) String() string { return fmt.Sprintf("raise to the power of %.4g", s.exponent) }

// threshold makes samples black or white.
type threshold struct{ least float64 } // that is white, from 0 to 1

func (s threshold) Size(in Size) Size { return in }

func (s threshold) colored() {}

func (s threshold) at(v float64) float64 {
	if v >= s.least {
		return 1
	}
	return 0
}

func (s threshold) Run(frame *vips.ImageRef) error { return bend(frame, s) }

func (s threshold) String() string { return fmt.Sprintf("white from %.3g, black below", s.least) }

// hueOf gives all pixels the hue and chroma of one color; they keep their lightness.
type hueOf struct{ color RGBA }

func (s hueOf) Size(in Size) Size { return in }

func (s hueOf) colored() {}

func (s hueOf) Run(frame *vips.ImageRef) error {
	if err := toSRGB(frame); err != nil {
		return err
	}
	values := []C.double{C.double(s.color.R), C.double(s.color.G), C.double(s.color.B)}
	return replace(frame, func(in *C.VipsImage, out **C.VipsImage) C.int { return C.calotype_tint(in, out, &values[0]) })
}

func (s hueOf) cost() float64 { return 150 }

func (s hueOf) String() string { return "tint with " + s.color.String() }

// spread makes the lightness of pixels reach from black to white, but for one in a hundred at either end.
type spread struct{}

func (s spread) Size(in Size) Size { return in }

func (s spread) random()  {}
func (s spread) colored() {}

func (s spread) decide(first *vips.ImageRef) (directStep, error) {
	var darkest, lightest C.int
	if C.calotype_levels(image(first), 1, &darkest, &lightest) != 0 {
		return nil, vipsError()
	}
	unit := unitOf(first)
	low, high := float64(darkest)/unit, float64(lightest)/unit
	name := fmt.Sprintf("spread %.0f to %.0f over all of the range", low, high)
	if high <= low { // of one lightness
		low, high = 0, 255
	}
	factor := 255 / (high - low)
	return affine{name: name, factors: [9]float64{factor, 0, 0, 0, factor, 0, 0, 0, factor}, offsets: [3]float64{-low * factor, -low * factor, -low * factor}}, nil
}

func (s spread) cost() float64 { return 25 }

func (s spread) String() string { return "spread the lightness over all of the range" }

// fade multiplies alpha.
type fade struct{ factor float64 }

func (s fade) Size(in Size) Size { return in }

func (s fade) colored() {}

func (s fade) Run(frame *vips.ImageRef) error { return fadeBy(frame, s.factor, nil) }

func (s fade) String() string { return fmt.Sprintf("make %.3g opaque", s.factor) }

// fadeBy multiplies alpha by a factor and, unless mask is nil, by a mask of one byte a pixel.
func fadeBy(frame *vips.ImageRef, factor float64, mask []byte) error {
	if !frame.HasAlpha() {
		if err := frame.AddAlpha(); err != nil {
			return err
		}
	}
	return replace(frame, func(in *C.VipsImage, out **C.VipsImage) C.int {
		return C.calotype_fade(in, out, C.double(factor), unsafe.Pointer(unsafe.SliceData(mask)))
	})
}
