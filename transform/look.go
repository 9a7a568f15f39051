package transform

import (
	"fmt"
	stdimage "image"
	"io"

	"github.com/davidbyttow/govips/v2/vips"

	"calotype/transform/worker"
)

// sketchSide is the longer side of a sketch, in pixels.
const sketchSide = 32

// A sketch crosses from a worker as its width and its height, a byte each, and its pixels, row by row, of 4 bytes: red, green,
// blue, alpha. Nothing in that can be decoded wrongly.
const sketchHeader = 2

// writeSketch scales the first frame of a print down.
func writeSketch(picture *vips.ImageRef, frame Size, out io.Writer) error {
	if err := toWorking(picture, false, inSRGB); err != nil {
		return err
	}
	if picture.Height() > frame.Height {
		if err := picture.ExtractArea(0, 0, frame.Width, frame.Height); err != nil {
			return err
		}
		if err := toStill(picture, frame.Height); err != nil {
			return err
		}
	}
	if picture.Bands() < 3 {
		if err := picture.ToColorSpace(vips.InterpretationSRGB); err != nil {
			return err
		}
	}
	if !picture.HasAlpha() {
		if err := picture.AddAlpha(); err != nil {
			return err
		}
	}
	factor := min(1, sketchSide/float64(max(frame.Width, frame.Height)))
	size := scaled(frame, factor)
	if size != frame {
		if err := resample(picture, size, "linear"); err != nil {
			return err
		}
	}
	samples, err := samplesOf(picture)
	if err != nil {
		return err
	}
	_, err = out.Write(append([]byte{byte(size.Width), byte(size.Height)}, samples...))
	return err
}

// readSketch reads what a worker has written. It wraps worker.ErrGarbled for what is no sketch.
func readSketch(body []byte) (*stdimage.NRGBA, error) {
	if len(body) < sketchHeader {
		return nil, fmt.Errorf("%w: a sketch of %d bytes", worker.ErrGarbled, len(body))
	}
	w, h := int(body[0]), int(body[1])
	if w < 1 || h < 1 || w > sketchSide || h > sketchSide || len(body) != sketchHeader+4*w*h {
		return nil, fmt.Errorf("%w: a sketch of %d×%d in %d bytes", worker.ErrGarbled, w, h, len(body))
	}
	return &stdimage.NRGBA{Pix: body[sketchHeader:], Stride: 4 * w, Rect: stdimage.Rect(0, 0, w, h)}, nil
}

// Sketch returns the small picture that a Job with Look has made.
func (r *Rendition) Sketch() (*stdimage.NRGBA, error) { return readSketch(r.Body) }
