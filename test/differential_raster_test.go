//go:build differential

package test

import (
	"bufio"
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"slices"
	"strings"
)

// A raster is a picture as both sides see it: red, green, blue and straight alpha of each pixel, row by row, each from 0 to 255. Samples
// of 16 bits are multiples of 1/257.
type raster struct {
	width, height int
	samples       []float64
}

func newRaster(width, height int) raster {
	return raster{width, height, make([]float64, 4*width*height)}
}

// at returns the samples of a pixel, which may be written. Beyond the edges it returns the pixel of the edge.
func (r raster) at(x, y int) []float64 {
	x, y = min(max(x, 0), r.width-1), min(max(y, 0), r.height-1)
	i := 4 * (y*r.width + x)
	return r.samples[i : i+4 : i+4]
}

// each makes a picture of the same size, pixel by pixel.
func (r raster) each(of func(x, y int, out []float64)) raster {
	out := newRaster(r.width, r.height)
	for y := range r.height {
		for x := range r.width {
			of(x, y, out.at(x, y))
		}
	}
	return out
}

// cut returns the part of a picture that lies within a box.
func (r raster) cut(box image.Rectangle) raster {
	return newRaster(box.Dx(), box.Dy()).each(func(x, y int, out []float64) { copy(out, r.at(box.Min.X+x, box.Min.Y+y)) })
}

func (r raster) opaque() bool {
	for i := 3; i < len(r.samples); i += 4 {
		if r.samples[i] != 255 {
			return false
		}
	}
	return true
}

// premultiplied returns the picture with its colors multiplied by alpha, and back.
func (r raster) premultiplied() raster {
	return r.each(func(x, y int, out []float64) {
		p := r.at(x, y)
		out[0], out[1], out[2], out[3] = p[0]*p[3]/255, p[1]*p[3]/255, p[2]*p[3]/255, p[3]
	})
}

func (r raster) straight() raster {
	return r.each(func(x, y int, out []float64) {
		if p := r.at(x, y); p[3] > 0 {
			out[0], out[1], out[2], out[3] = p[0]*255/p[3], p[1]*255/p[3], p[2]*255/p[3], p[3]
		}
	})
}

// readPNG decodes a print by the standard library.
func readPNG(data []byte) (raster, error) {
	decoded, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return raster{}, err
	}
	bounds := decoded.Bounds()
	return newRaster(bounds.Dx(), bounds.Dy()).each(func(x, y int, out []float64) {
		// Not by the color models, which lose the color of what is transparent.
		switch c := decoded.At(bounds.Min.X+x, bounds.Min.Y+y).(type) {
		case color.NRGBA:
			out[0], out[1], out[2], out[3] = float64(c.R), float64(c.G), float64(c.B), float64(c.A)
		case color.NRGBA64:
			out[0], out[1], out[2], out[3] = float64(c.R)/257, float64(c.G)/257, float64(c.B)/257, float64(c.A)/257
		default: // opaque
			r, g, b, _ := c.RGBA()
			out[0], out[1], out[2], out[3] = float64(r)/257, float64(g)/257, float64(b)/257, 255
		}
	}), nil
}

// writePAM encodes a picture as Netpbm's PAM with 16 bits, without alpha if it is opaque.
func (r raster) writePAM() []byte {
	bands, kind := 4, "RGB_ALPHA"
	if r.opaque() {
		bands, kind = 3, "RGB"
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "P7\nWIDTH %d\nHEIGHT %d\nDEPTH %d\nMAXVAL 65535\nTUPLTYPE %s\nENDHDR\n", r.width, r.height, bands, kind)
	for i, v := range r.samples {
		if i%4 < bands {
			n := uint16(math.Round(257 * v))
			b.Write([]byte{byte(n >> 8), byte(n)})
		}
	}
	return b.Bytes()
}

// readPAMs decodes all pictures of a stream of PAM.
func readPAMs(in io.Reader) (all []raster, err error) {
	buffered := bufio.NewReader(in)
	for {
		r, err := readPAM(buffered)
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("picture %d: %w", len(all), err)
		}
		all = append(all, r)
	}
}

func readPAM(in *bufio.Reader) (raster, error) {
	if _, err := in.Peek(1); err != nil {
		return raster{}, err
	}
	var width, height, bands, most int
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return raster{}, fmt.Errorf("in the header: %w", err)
		}
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == "ENDHDR" {
			break
		}
		if field := map[string]*int{"WIDTH": &width, "HEIGHT": &height, "DEPTH": &bands, "MAXVAL": &most}[name]; field != nil {
			fmt.Sscan(value, field)
		}
	}
	if width*height <= 0 || width*height > 1<<24 || bands < 1 || bands > 4 || most != 65535 {
		return raster{}, fmt.Errorf("a header of %d×%d, %d bands, at most %d", width, height, bands, most)
	}
	data := make([]byte, 2*width*height*bands)
	if _, err := io.ReadFull(in, data); err != nil {
		return raster{}, fmt.Errorf("in the samples: %w", err)
	}
	sample := func(pixel, band int) float64 {
		i := 2 * (pixel*bands + band)
		return float64(uint16(data[i])<<8|uint16(data[i+1])) / 257
	}
	return newRaster(width, height).each(func(x, y int, out []float64) {
		pixel := y*width + x
		out[3] = 255
		if bands%2 == 0 {
			out[3] = sample(pixel, bands-1)
		}
		for i := range 3 {
			out[i] = sample(pixel, min(i, (bands-1)/2*2))
		}
	}), nil
}

// A deviation tells how far two pictures are apart, in steps of 8 bits. Of each pixel that sample counts which differs most; colors are
// multiplied by alpha, so that they count as far as they are seen.
type deviation struct {
	mean  float64 // over all pixels
	high  float64 // which one pixel in a hundred exceeds
	most  float64
	where image.Point // of most
}

// noise16 is what 16 bits cannot tell apart.
const noise16 = 1.0 / 256

// apart compares two pictures of one size.
func apart(a, b raster) (d deviation) {
	a, b = a.premultiplied(), b.premultiplied()
	all := make([]float64, a.width*a.height)
	for i := range all {
		for band := range 4 {
			all[i] = max(all[i], math.Abs(a.samples[4*i+band]-b.samples[4*i+band]))
		}
		if all[i] < noise16 {
			all[i] = 0
		}
		d.mean += all[i] / float64(len(all))
		if all[i] > d.most {
			d.most, d.where = all[i], image.Pt(i%a.width, i/a.width)
		}
	}
	slices.Sort(all)
	d.high = all[len(all)-1-len(all)/100]
	return d
}

func (d deviation) String() string {
	return fmt.Sprintf("%.3f in the mean, %.2f in one of a hundred, %.2f at most (at %d,%d)", d.mean, d.high, d.most, d.where.X, d.where.Y)
}
