package transform

// #include "vips.h"
import "C"

import (
	"fmt"
	"math"

	"github.com/davidbyttow/govips/v2/vips"
)

// embed lays the picture on a larger canvas, with its top left corner at (left, top).
type embed struct {
	left, top int
	size      Size
	color     RGBA
}

func (s embed) Size(Size) Size { return s.size }

func (s embed) colored() {}

func (s embed) Run(frame *vips.ImageRef) error {
	if err := prepareFor(frame, s.color); err != nil {
		return err
	}
	return embedOn(frame, s.left, s.top, s.size, s.color)
}

func (s embed) String() string {
	return fmt.Sprintf("embed in %s at %d,%d on %s", s.size, s.left, s.top, s.color)
}

// prolong lays the picture on a larger canvas, on which it goes on: as its own mirror image, or with the pixels of its edges.
type prolong struct {
	left, top int
	size      Size
	mirrored  bool
}

func (s prolong) Size(Size) Size { return s.size }

func (s prolong) random()  {}
func (s prolong) colored() {}

func (s prolong) Run(frame *vips.ImageRef) error {
	extend := C.VipsExtend(C.VIPS_EXTEND_COPY)
	if s.mirrored {
		extend = C.VIPS_EXTEND_MIRROR
	}
	return replace(frame, func(in *C.VipsImage, out **C.VipsImage) C.int {
		return C.calotype_embed_edges(in, out, C.int(s.left), C.int(s.top), C.int(s.size.Width), C.int(s.size.Height), extend)
	})
}

func (s prolong) String() string {
	if s.mirrored {
		return fmt.Sprintf("embed in %s at %d,%d, mirrored at the edges", s.size, s.left, s.top)
	}
	return fmt.Sprintf("embed in %s at %d,%d, with the edges going on", s.size, s.left, s.top)
}

// backdrop lays the picture on a blurred copy of itself that covers a larger canvas.
type backdrop struct {
	left, top int
	size      Size
}

func (s backdrop) Size(Size) Size { return s.size }

func (s backdrop) random()  {}
func (s backdrop) colored() {}

// sigma leaves nothing to be recognised, on canvases of every size.
func (s backdrop) sigma() float64 {
	return min(max(1, float64(min(s.size.Width, s.size.Height))/24), 100)
}

func (s backdrop) Run(frame *vips.ImageRef) error {
	weights, sum := gaussianWeights(s.sigma())
	return replace(frame, func(in *C.VipsImage, out **C.VipsImage) C.int {
		return C.calotype_embed_blurred(in, out, C.int(s.left), C.int(s.top), C.int(s.size.Width), C.int(s.size.Height),
			(*C.double)(&weights[0]), C.int(len(weights)), C.double(sum))
	})
}

func (s backdrop) cost() float64 { return 60 + 2*s.sigma() }

func (s backdrop) String() string {
	return fmt.Sprintf("embed in %s at %d,%d on a blurred copy", s.size, s.left, s.top)
}

// curb makes the corners of the picture transparent, outside of ellipses with these radii, in pixels.
type curb struct{ across, down float64 }

func (s curb) Size(in Size) Size { return in }

func (s curb) colored() {}

func (s curb) Run(frame *vips.ImageRef) error {
	return fadeBy(frame, 1, s.mask(Size{frame.Width(), frame.Height()}))
}

// mask returns how much of each pixel lies within the rounded rectangle, from 0 to 255, row by row.
func (s curb) mask(size Size) []byte {
	w, h := size.Width, size.Height
	across, down := min(s.across, float64(w)/2), min(s.down, float64(h)/2)
	mask := make([]byte, w*h)
	for i := range mask {
		mask[i] = 255
	}
	if across <= 0 || down <= 0 {
		return mask
	}
	columns, rows := min(w, int(math.Ceil(across))), min(h, int(math.Ceil(down)))
	for y := range rows {
		for x := range columns {
			inside := byte(math.Round(255 * within(across-float64(x)-0.5, down-float64(y)-0.5, across, down)))
			for _, at := range [4]int{y*w + x, y*w + w - 1 - x, (h-1-y)*w + x, (h-1-y)*w + w - 1 - x} {
				mask[at] = min(mask[at], inside)
			}
		}
	}
	return mask
}

// within returns how much of the pixel at (x, y) from the center of an ellipse lies in it, from 0 to 1: one half at its edge, by the
// distance from that to first order.
func within(x, y, across, down float64) float64 {
	if x <= 0 || y <= 0 {
		return 1
	}
	u, v := x/across, y/down
	f := u*u + v*v - 1
	slope := 2 * math.Hypot(u/across, v/down)
	return min(max(0.5-f/slope, 0), 1)
}

func (s curb) cost() float64 { return 10 }

func (s curb) String() string { return fmt.Sprintf("round corners by %g and %g", s.across, s.down) }
