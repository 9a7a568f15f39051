package transform

// #include "vips.h"
import "C"

import (
	"fmt"
	stdimage "image"
	"unsafe"

	"github.com/davidbyttow/govips/v2/vips"
)

// blends are the ways in which two pictures become one, in the order of the reference.
var blends = []struct {
	word string
	mode C.VipsBlendMode
}{
	{"normal", C.VIPS_BLEND_MODE_OVER},
	{"multiply", C.VIPS_BLEND_MODE_MULTIPLY},
	{"screen", C.VIPS_BLEND_MODE_SCREEN},
	{"overlay", C.VIPS_BLEND_MODE_OVERLAY},
	{"darken", C.VIPS_BLEND_MODE_DARKEN},
	{"lighten", C.VIPS_BLEND_MODE_LIGHTEN},
	{"color-dodge", C.VIPS_BLEND_MODE_COLOUR_DODGE},
	{"color-burn", C.VIPS_BLEND_MODE_COLOUR_BURN},
	{"hard-light", C.VIPS_BLEND_MODE_HARD_LIGHT},
	{"soft-light", C.VIPS_BLEND_MODE_SOFT_LIGHT},
	{"difference", C.VIPS_BLEND_MODE_DIFFERENCE},
	{"exclusion", C.VIPS_BLEND_MODE_EXCLUSION},
	{"add", C.VIPS_BLEND_MODE_ADD},
	{"mask", C.VIPS_BLEND_MODE_DEST_IN},
	{"cut", C.VIPS_BLEND_MODE_DEST_OUT},
}

func blendWords() []string {
	words := make([]string, len(blends))
	for i, b := range blends {
		words[i] = b.word
	}
	return words
}

// laying says how a second picture, the stamp, is laid on the picture.
type laying struct {
	on      Size // of the picture
	gravity string
	dx, dy  int     // inwards from the edges that the gravity names
	angle   float64 // clockwise, in degrees
	blend   string
	tile    bool
	gap     int // between tiles
}

// corner returns where the top left corner of a stamp lies.
func (l laying) corner(stamp Size) (left, top int) {
	left, top = place(l.on, stamp, l.gravity)
	dx, dy := l.dx, l.dy
	if gravities[l.gravity][0] == 1 {
		dx = -dx
	}
	if gravities[l.gravity][1] == 1 {
		dy = -dy
	}
	return left + dx, top + dy
}

// removes tells whether the picture is more transparent afterwards.
func (l laying) removes() bool { return l.blend == "mask" || l.blend == "cut" }

// mixes tells whether colors become others before they are laid on.
func (l laying) mixes() bool { return l.blend != "normal" && l.blend != "add" && !l.removes() }

// String tells how, to follow what is laid.
func (l laying) String() string {
	text := "at the " + l.gravity
	if l.tile {
		text = "everywhere"
	}
	if l.angle != 0 {
		text += fmt.Sprintf(", turned by %g°", l.angle)
	}
	if l.blend != "normal" {
		text += " (" + l.blend + ")"
	}
	return text
}

// finish gives a picture in sRGB, or in the space of the frames, the bands, the angle and the opacity of a stamp, and the colors of the
// frames, which are like the first. It takes the picture over.
func (l laying) finish(j *job, stamp, first *vips.ImageRef, opacity float64) (*laid, error) {
	work := func() error {
		if err := prepareFor(stamp, RGBA{R: 1}); err != nil { // a color that needs all bands
			return err
		}
		if l.angle != 0 {
			if err := turning(Size{stamp.Width(), stamp.Height()}, l.angle, RGBA{}).Run(stamp); err != nil {
				return err
			}
		}
		if opacity < 1 {
			if err := fadeBy(stamp, opacity, nil); err != nil {
				return err
			}
		}
		if first.Bands() >= 3 && carriesProfile(first) && !carriesProfile(stamp) {
			if err := toSpaceOf(stamp, first); err != nil {
				return err
			}
		}
		return j.compute(stamp, func() error { return toMemory(stamp) })
	}
	if err := work(); err != nil {
		stamp.Close()
		return nil, err
	}
	return &laid{laying: l, stamp: stamp}, nil
}

// laid lays a stamp on the picture. It has the number format of the picture, 3 colors and alpha, and stands in memory.
type laid struct {
	laying
	stamp *vips.ImageRef
}

func (s laid) Size(in Size) Size { return in }

func (s laid) Run(frame *vips.ImageRef) error {
	if err := prepareFor(frame, RGBA{R: 1, A: 255}); err != nil {
		return err
	}
	stamp := Size{s.stamp.Width(), s.stamp.Height()}
	left, top := s.corner(stamp)
	gap := C.int(-1)
	if s.tile {
		gap = C.int(s.gap)
	} else {
		// However far outside it lies, that is outside.
		left = min(max(left, -stamp.Width), s.on.Width)
		top = min(max(top, -stamp.Height), s.on.Height)
	}
	return replace(frame, func(in *C.VipsImage, out **C.VipsImage) C.int {
		return C.calotype_lay_over(in, image(s.stamp), out, C.int(left), C.int(top), gap, s.mode(), truth(s.removes()))
	})
}

func (l laying) mode() C.VipsBlendMode {
	for _, b := range blends {
		if b.word == l.blend {
			return b.mode
		}
	}
	return C.VIPS_BLEND_MODE_OVER
}

// overlaid lays one of the images that the chain names on the picture.
type overlaid struct {
	laying
	layer   int
	source  *Plan // of the image, in the size that it gets
	opacity float64
}

func (s overlaid) Size(in Size) Size { return in }

func (s overlaid) colored() {}

func (s overlaid) fetch(j *job, first *vips.ImageRef) (*laid, error) {
	stamp, err := j.layer(s.layer, s.source)
	if err != nil {
		return nil, err
	}
	return s.finish(j, stamp, first, s.opacity)
}

func (s overlaid) cost() float64 { return layingTime }

func (s overlaid) sourceCost() (nanoseconds, bytes float64) {
	nanoseconds, bytes = s.source.making()
	pixels := float64(boundingBox(s.source.Size, s.angle).Pixels())
	return nanoseconds + pixels*layingTime, bytes + 3*pixels*pixelMemory*s.source.depthFactor()
}

func (s overlaid) String() string {
	return fmt.Sprintf("lay an image of %s %s", s.source.Size, s.laying)
}

// lettering writes on the picture.
type lettering struct {
	laying
	text, font string
	size       int // of the font, in pixels
	color      RGBA
	wrap       int // width at which lines are broken
	align      string
}

func (s lettering) Size(in Size) Size { return in }

func (s lettering) colored() {}

func (s lettering) fetch(j *job, first *vips.ImageRef) (*laid, error) {
	mask, err := s.draw()
	if err != nil {
		return nil, err
	}
	stamp, err := painted(mask, s.color)
	if err != nil {
		return nil, err
	}
	if err := toWorking(stamp, deep(first), inSRGB); err != nil {
		stamp.Close()
		return nil, err
	}
	return s.finish(j, stamp, first, 1)
}

func (s lettering) cost() float64 { return layingTime }

func (s lettering) sourceCost() (nanoseconds, bytes float64) {
	const letterTime = 20_000
	pixels := float64(s.on.Pixels()) // at most
	return letterTime*float64(len(s.text)) + pixels*layingTime, pixels * 8 * pixelMemory
}

func (s lettering) String() string {
	return fmt.Sprintf("write %d letters of %d pixels in %s, %s, %s", len([]rune(s.text)), s.size, s.font, s.color, s.laying)
}

// painted returns a picture of one color whose alpha is a mask.
func painted(mask *stdimage.Alpha, color RGBA) (*vips.ImageRef, error) {
	size := mask.Rect.Size()
	samples := make([]byte, 0, 4*len(mask.Pix))
	for _, a := range mask.Pix {
		samples = append(samples, color.R, color.G, color.B, uint8((int(a)*int(color.A)+127)/255))
	}
	var out *C.VipsImage
	if C.calotype_from_samples(unsafe.Pointer(&samples[0]), C.int(size.X), C.int(size.Y), &out) != 0 {
		return nil, vipsError()
	}
	return wrap(out), nil
}
