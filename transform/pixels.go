package transform

// #include "vips.h"
import "C"

import (
	"math"
	"runtime"

	"github.com/davidbyttow/govips/v2/vips"
)

// setUp makes libvips fit for hostile bytes, and C's heap for many threads.
func setUp() {
	C.calotype_set_up()
	// A copy for ever: C keeps the pointer.
	C.calotype_set_display_p3(C.CBytes(displayP3), C.size_t(len(displayP3)))
}

// keepMemory has C's heap keep what is freed, for the next job.
func keepMemory() { C.calotype_keep_memory() }

// releaseMemory gives memory back to the system, if much of it is free.
func releaseMemory() { C.calotype_release_memory() }

// deep tells whether the frame has 16 bits a sample.
func deep(frame *vips.ImageRef) bool { return frame.BandFormat() == vips.BandFormatUshort }

// unitOf returns how much in the samples of the frame one step of 8 bits is.
func unitOf(frame *vips.ImageRef) float64 {
	if deep(frame) {
		return 257
	}
	return 1
}

var kernels = map[string]C.VipsKernel{
	"lanczos3": C.VIPS_KERNEL_LANCZOS3,
	"lanczos2": C.VIPS_KERNEL_LANCZOS2,
	"cubic":    C.VIPS_KERNEL_CUBIC,
	"linear":   C.VIPS_KERNEL_LINEAR,
	"nearest":  C.VIPS_KERNEL_NEAREST,
}

// resample changes the size of the frame.
func resample(frame *vips.ImageRef, size Size, kernel string) error {
	return replace(frame, func(in *C.VipsImage, out **C.VipsImage) C.int {
		return C.calotype_resample(in, out, C.int(size.Width), C.int(size.Height), kernels[kernel])
	})
}

// prepareFor gives the frame the bands that it needs to hold a color: hue, if the color has any, and alpha, unless it is opaque.
func prepareFor(frame *vips.ImageRef, color RGBA) error {
	if !color.gray() && frame.Bands() < 3 {
		if err := toSRGB(frame); err != nil {
			return err
		}
		space := vips.InterpretationSRGB
		if deep(frame) {
			space = vips.InterpretationRGB16
		}
		if err := frame.ToColorSpace(space); err != nil {
			return err
		}
	}
	if color.A < 255 && !frame.HasAlpha() {
		return frame.AddAlpha()
	}
	return nil
}

// ink returns the color in the bands and the space of the frame.
func ink(frame *vips.ImageRef, color RGBA) ([]C.double, error) {
	rgb := [3]float64{float64(color.R), float64(color.G), float64(color.B)}
	if carriesProfile(frame) {
		var err error
		if rgb, err = inkIn(frame, color); err != nil {
			return nil, err
		}
	}
	samples := rgb[:]
	if frame.Bands() < 3 {
		samples = samples[:1]
	}
	if frame.HasAlpha() {
		samples = append(samples, float64(color.A))
	}
	unit := unitOf(frame)
	values := make([]C.double, len(samples))
	for i, s := range samples {
		values[i] = C.double(s * unit)
	}
	return values, nil
}

// embedOn lays the frame on a canvas of one color, with its corner at (left, top); what is outside is cut off.
func embedOn(frame *vips.ImageRef, left, top int, size Size, color RGBA) error {
	values, err := ink(frame, color)
	if err != nil {
		return err
	}
	return replace(frame, func(in *C.VipsImage, out **C.VipsImage) C.int {
		return C.calotype_embed(in, out, C.int(left), C.int(top), C.int(size.Width), C.int(size.Height), &values[0], C.int(len(values)))
	})
}

// spinOn rotates the frame by any angle and centers it on a canvas of one color.
func spinOn(frame *vips.ImageRef, angle float64, size Size, color RGBA) error {
	values, err := ink(frame, color)
	if err != nil {
		return err
	}
	sine, cosine := math.Sincos(angle * math.Pi / 180)
	return replace(frame, func(in *C.VipsImage, out **C.VipsImage) C.int {
		return C.calotype_spin(in, out, C.double(sine), C.double(cosine), C.int(size.Width), C.int(size.Height), &values[0], C.int(len(values)))
	})
}

// layOn lays a frame with alpha on a color.
func layOn(frame *vips.ImageRef, color RGBA) error {
	values, err := ink(frame, color)
	if err != nil {
		return err
	}
	if color.A == 255 {
		values = values[:len(values)-1]
	}
	return replace(frame, func(in *C.VipsImage, out **C.VipsImage) C.int {
		return C.calotype_lay_on(in, out, &values[0], C.int(len(values)))
	})
}

// onPremultiplied runs work on colors that are multiplied by alpha, so that the hidden color of transparent pixels does
// not bleed into visible ones.
func onPremultiplied(frame *vips.ImageRef, work func() error) error {
	if !frame.HasAlpha() {
		return work()
	}
	format := image(frame).BandFmt
	if err := replace(frame, func(in *C.VipsImage, out **C.VipsImage) C.int { return C.calotype_premultiply(in, out) }); err != nil {
		return err
	}
	if err := work(); err != nil {
		return err
	}
	return replace(frame, func(in *C.VipsImage, out **C.VipsImage) C.int { return C.calotype_unpremultiply(in, out, format) })
}

// smartCrop cuts a frame of 8 bits a sample to the part that draws most attention, or has most detail.
func smartCrop(frame *vips.ImageRef, size Size, detail bool) error {
	interesting := C.VipsInteresting(C.VIPS_INTERESTING_ATTENTION)
	if detail {
		interesting = C.VIPS_INTERESTING_ENTROPY
	}
	return replace(frame, func(in *C.VipsImage, out **C.VipsImage) C.int {
		return C.calotype_smart_crop(in, out, C.int(size.Width), C.int(size.Height), interesting)
	})
}

// toMemory computes the pixels of the frame, so that what follows may read them in any order.
func toMemory(frame *vips.ImageRef) error {
	return replace(frame, func(in *C.VipsImage, out **C.VipsImage) C.int { return C.calotype_copy_to_memory(in, out) })
}

// samplesOf computes the pixels of the frame and returns a copy of their samples, row by row.
func samplesOf(frame *vips.ImageRef) ([]byte, error) {
	var length C.size_t
	samples := C.vips_image_write_to_memory(image(frame), &length)
	runtime.KeepAlive(frame)
	if samples == nil {
		return nil, vipsError()
	}
	defer C.g_free(C.gpointer(samples))
	return C.GoBytes(samples, C.int(length)), nil
}

// toWorking converts the frame to RGB of some space, or to gray, with 8 or, if deep, 16 bits a sample.
func toWorking(frame *vips.ImageRef, deep bool, space colors) error {
	return replace(frame, func(in *C.VipsImage, out **C.VipsImage) C.int {
		return C.calotype_to_working(in, out, truth(deep), C.CalotypeColors(space))
	})
}

// splitFrames cuts the column that an animation is loaded as into its frames.
func splitFrames(column *vips.ImageRef, height int) ([]*vips.ImageRef, error) {
	frames := make([]*vips.ImageRef, 0, column.Height()/height)
	for top := 0; top+height <= column.Height(); top += height {
		var out *C.VipsImage
		if C.calotype_frame(image(column), &out, C.int(top), C.int(height)) != 0 {
			closeAll(frames)
			return nil, vipsError()
		}
		frames = append(frames, wrap(out))
	}
	return frames, nil
}

// toStill has a single frame forget that it was one of many.
func toStill(frame *vips.ImageRef, height int) error {
	return replace(frame, func(in *C.VipsImage, out **C.VipsImage) C.int { return C.calotype_frame(in, out, 0, C.int(height)) })
}

// joinFrames stacks frames in a column again.
func joinFrames(frames []*vips.ImageRef) (*vips.ImageRef, error) {
	images := make([]*C.VipsImage, len(frames))
	for i, f := range frames {
		images[i] = image(f)
	}
	var out *C.VipsImage
	code := C.calotype_join(&images[0], C.int(len(images)), C.int(frames[0].Height()), &out)
	runtime.KeepAlive(frames)
	if code != 0 {
		return nil, vipsError()
	}
	return wrap(out), nil
}

func closeAll(frames []*vips.ImageRef) {
	for _, f := range frames {
		f.Close()
	}
}

func truth(b bool) C.int {
	if b {
		return 1
	}
	return 0
}
