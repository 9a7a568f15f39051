//go:build differential

package test

import (
	"fmt"
	"image"
	"math"
	"slices"
)

// isPartOf accepts every cut-out of the picture that has the size which is asked for.
func isPartOf(size func(in raster) (width, height int)) func(in, out raster) error {
	return func(in, out raster) error {
		if width, height := size(in); out.width != width || out.height != height {
			return fmt.Errorf("is %d×%d, want %d×%d", out.width, out.height, width, height)
		}
		for top := range in.height - out.height + 1 {
			for left := range in.width - out.width + 1 {
				if isAt(in, out, left, top) {
					return nil
				}
			}
		}
		return fmt.Errorf("is no part of the picture")
	}
}

func isAt(in, out raster, left, top int) bool {
	for y := range out.height {
		i, k := 4*(y*out.width), 4*((top+y)*in.width+left)
		if !slices.Equal(out.samples[i:i+4*out.width], in.samples[k:k+4*out.width]) {
			return false
		}
	}
	return true
}

// trimmed cuts a picture to the box around all pixels of which a color differs by more than the tolerance from that of the top left
// one, transparent pixels being laid on that color; where the latter is transparent, around all that are more opaque than the tolerance.
func trimmed(tolerance float64) func(in raster) raster {
	return func(in raster) raster {
		corner, step := in.at(0, 0), 1.0
		if slices.ContainsFunc(in.samples, func(v float64) bool { return v != math.Trunc(v) }) {
			step = 1.0 / 257 // of 16 bits
		}
		var box image.Rectangle
		for y := range in.height {
			for x := range in.width {
				p := in.at(x, y)
				differs := corner[3] == 0 && p[3] > tolerance
				for i := range 3 {
					// It is laid on in whole steps, like every color.
					on := step * math.Floor((p[i]*p[3]+corner[i]*(255-p[3]))/255/step+1e-6)
					differs = differs || corner[3] > 0 && math.Abs(on-corner[i]) > tolerance
				}
				if differs {
					box = box.Union(image.Rect(x, y, x+1, y+1))
				}
			}
		}
		if box.Empty() {
			return in
		}
		return in.cut(box)
	}
}

// roundedBy multiplies alpha by the share of each pixel that lies within the picture with its corners cut off along ellipses of these
// radii. It is counted over 16×16 points of each pixel.
func roundedBy(radii func(in raster) (across, down float64)) func(in raster) raster {
	return func(in raster) raster {
		across, down := radii(in)
		const points = 16
		return in.each(func(x, y int, out []float64) {
			inside := 0
			for i := range points * points {
				px, py := float64(x)+(float64(i%points)+0.5)/points, float64(y)+(float64(i/points)+0.5)/points
				dx := max(across-px, px-(float64(in.width)-across), 0) / across
				dy := max(down-py, py-(float64(in.height)-down), 0) / down
				if dx == 0 || dy == 0 || dx*dx+dy*dy <= 1 {
					inside++
				}
			}
			copy(out, in.at(x, y))
			out[3] *= float64(inside) / (points * points)
		})
	}
}

// around computes each sample of the visible colors and of alpha from those of a square around it, which goes on with the edges.
func around(in raster, radius int, of func(samples []float64) float64) raster {
	visible := in.premultiplied()
	samples := make([]float64, 0, (2*radius+1)*(2*radius+1))
	return in.each(func(x, y int, out []float64) {
		for band := range out {
			samples = samples[:0]
			for dy := -radius; dy <= radius; dy++ {
				for dx := -radius; dx <= radius; dx++ {
					samples = append(samples, visible.at(x+dx, y+dy)[band])
				}
			}
			out[band] = of(samples)
		}
	}).straight()
}

// medianOf takes the median of a square around each pixel.
func medianOf(side int) func(in raster) raster {
	return func(in raster) raster {
		return around(in, side/2, func(samples []float64) float64 {
			slices.Sort(samples)
			return samples[len(samples)/2]
		})
	}
}

// mosaicOf averages over squares. Those that reach over the right or the bottom edge have the pixels of the edge beyond it.
func mosaicOf(side int) func(in raster) raster {
	return func(in raster) raster {
		visible := in.premultiplied()
		side := min(side, max(in.width, in.height))
		return in.each(func(x, y int, out []float64) {
			for dy := range side {
				for dx := range side {
					for band, v := range visible.at(x/side*side+dx, y/side*side+dy) {
						out[band] += v / float64(side*side)
					}
				}
			}
		}).straight()
	}
}

// linear and encoded are the transfer function of sRGB (IEC 61966-2-1) and its inverse; linear light counts from 0 to 1.
func linear(v float64) float64 {
	if v /= 255; v > 0.04045 {
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return v / 12.92
}

func encoded(v float64) float64 {
	v = min(max(v, 0), 1)
	if v > 0.0031308 {
		return 255 * (1.055*math.Pow(v, 1/2.4) - 0.055)
	}
	return 255 * 12.92 * v
}

// grayOf is the gray of the same luminance.
func grayOf(p []float64) float64 {
	return encoded(0.2126*linear(p[0]) + 0.7152*linear(p[1]) + 0.0722*linear(p[2]))
}

// bitonalAt is black and white by the gray of the same luminance.
func bitonalAt(level float64) func(in raster) raster {
	return func(in raster) raster {
		return in.each(func(x, y int, out []float64) {
			p := in.at(x, y)
			if out[3] = p[3]; grayOf(p)+0.5 >= level {
				out[0], out[1], out[2] = 255, 255, 255
			}
		})
	}
}

// normalized spreads the colors so that the darkest gray but one in a hundred becomes black, the lightest white.
func normalized(in raster) raster {
	grays := make([]float64, 0, in.width*in.height)
	for i := 0; i < len(in.samples); i += 4 {
		grays = append(grays, grayOf(in.samples[i:i+4]))
	}
	slices.Sort(grays)
	low, high := grays[len(grays)/100], grays[len(grays)-1-len(grays)/100]
	if high <= low {
		low, high = 0, 255
	}
	return in.each(func(x, y int, out []float64) {
		p := in.at(x, y)
		for i := range 3 {
			out[i] = min(max((p[i]-low)*255/(high-low), 0), 255)
		}
		out[3] = p[3]
	})
}

// The white of D65 and the steps between sRGB, XYZ and CIE L*a*b* (IEC 61966-2-1, CIE 15).
var whiteD65 = [3]float64{0.950470, 1, 1.088827}

func toLab(p []float64) (lab [3]float64) {
	r, g, b := linear(p[0]), linear(p[1]), linear(p[2])
	xyz := [3]float64{0.4124*r + 0.3576*g + 0.1805*b, 0.2126*r + 0.7152*g + 0.0722*b, 0.0193*r + 0.1192*g + 0.9505*b}
	var f [3]float64
	for i := range xyz {
		if v := xyz[i] / whiteD65[i]; v > 216.0/24389 {
			f[i] = math.Cbrt(v)
		} else {
			f[i] = (24389.0/27*v + 16) / 116
		}
	}
	return [3]float64{116*f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])}
}

func fromLab(lab [3]float64) (r, g, b float64) {
	y := (lab[0] + 16) / 116
	f := [3]float64{y + lab[1]/500, y, y - lab[2]/200}
	var xyz [3]float64
	for i := range f {
		if v := f[i] * f[i] * f[i]; v > 216.0/24389 {
			xyz[i] = v * whiteD65[i]
		} else {
			xyz[i] = (116*f[i] - 16) * 27 / 24389 * whiteD65[i]
		}
	}
	return encoded(3.2406*xyz[0] - 1.5372*xyz[1] - 0.4986*xyz[2]),
		encoded(-0.9689*xyz[0] + 1.8758*xyz[1] + 0.0415*xyz[2]),
		encoded(0.0557*xyz[0] - 0.2040*xyz[1] + 1.0570*xyz[2])
}

// tinted keeps the lightness of CIE L*a*b* and takes hue and chroma from a color.
func tinted(color ...float64) func(in raster) raster {
	of := toLab(color)
	return func(in raster) raster {
		return in.each(func(x, y int, out []float64) {
			p := in.at(x, y)
			out[0], out[1], out[2] = fromLab([3]float64{toLab(p)[0], of[1], of[2]})
			out[3] = p[3]
		})
	}
}

// sharpened adds to the lightness of CIE L*a*b* three times what is left of its difference from the blurred one after 2 are taken off:
// 10 at most where it becomes lighter, 20 where it becomes darker.
func sharpened(sigma float64) func(in raster) raster {
	return func(in raster) raster {
		light := make([]float64, in.width*in.height)
		for i := range light {
			light[i] = toLab(in.samples[4*i : 4*i+4])[0]
		}
		// A mask of whole numbers, of which the greatest is 20, that ends where it has fallen to a tenth.
		mask := gaussian(sigma, int(sigma*math.Sqrt(2*math.Ln10)))
		for i := range mask {
			mask[i] = math.Round(20 * mask[i])
		}
		blurred := weighed(light, in.width, in.height, mask)
		return in.each(func(x, y int, out []float64) {
			p := in.at(x, y)
			lab, i := toLab(p), y*in.width+x
			d := lab[0] - blurred[i]
			switch {
			case d > 2:
				lab[0] = min(lab[0]+min(3*(d-2), 10), 100)
			case d < -2:
				lab[0] = max(lab[0]+max(3*(d+2), -20), 0)
			}
			out[0], out[1], out[2] = fromLab(lab)
			out[3] = p[3]
		})
	}
}

// blurred weighs the visible colors by a Gaussian that reaches to four times its standard deviation.
func blurred(sigma float64) func(in raster) raster {
	return func(in raster) raster {
		visible, out := in.premultiplied(), newRaster(in.width, in.height)
		plane := make([]float64, in.width*in.height)
		for band := range 4 {
			for i := range plane {
				plane[i] = visible.samples[4*i+band]
			}
			for i, v := range weighed(plane, in.width, in.height, gaussian(sigma, int(4*sigma)+1)) {
				out.samples[4*i+band] = v
			}
		}
		return out.straight()
	}
}

// gaussian is a mask in the shape of a Gaussian, 1 in the middle.
func gaussian(sigma float64, radius int) []float64 {
	mask := make([]float64, 2*radius+1)
	for i := range mask {
		mask[i] = math.Exp(-float64((i-radius)*(i-radius)) / (2 * sigma * sigma))
	}
	return mask
}

// weighed weighs each sample of a plane and those around it by a mask, across and down. Beyond the edges they go on.
func weighed(plane []float64, width, height int, mask []float64) []float64 {
	total := 0.0
	for _, weight := range mask {
		total += weight
	}
	pass := func(plane []float64, across, down int) []float64 {
		out := make([]float64, len(plane))
		for i := range plane {
			for k, weight := range mask {
				x, y := i%width+(k-len(mask)/2)*across, i/width+(k-len(mask)/2)*down
				out[i] += weight / total * plane[min(max(y, 0), height-1)*width+min(max(x, 0), width-1)]
			}
		}
		return out
	}
	return pass(pass(plane, 1, 0), 0, 1)
}

// mixesIn accepts a picture of which each pixel lies between what it was and a color, and some, if there are many, are another.
func mixesIn(red, green, blue float64) func(in, out raster) error {
	ink := []float64{red, green, blue}
	return func(in, out raster) error {
		if in.width != out.width || in.height != out.height {
			return fmt.Errorf("is %d×%d, was %d×%d", out.width, out.height, in.width, in.height)
		}
		changed := 0
		for y := range in.height {
			for x := range in.width {
				before, after := in.at(x, y), out.at(x, y)
				if !slices.Equal(before, after) {
					changed++
				}
				if before[3] == 0 || after[3] == 0 {
					continue // a color that is not seen
				}
				for i, v := range ink {
					if low, high := min(v, before[i])-1, max(v, before[i])+1; after[i] < low || after[i] > high {
						return fmt.Errorf("at %d,%d it is %.4v and was %.4v", x, y, after, before)
					}
				}
				if after[3] < before[3]-0.51 {
					return fmt.Errorf("at %d,%d it is more transparent: %.4v, was %.4v", x, y, after, before)
				}
			}
		}
		if changed == 0 && min(in.width, in.height) >= 16 {
			return fmt.Errorf("nothing has changed")
		}
		return nil
	}
}

// dodgedByItself lays a picture on itself, moved by a third of its width and a quarter of its height, by the formulas of color-dodge in
// Compositing and Blending Level 1 of the W3C.
func dodgedByItself(in raster) raster {
	return in.each(func(x, y int, out []float64) {
		below := in.at(x, y)
		copy(out, below)
		if x < in.width/3 || y < in.height/4 {
			return
		}
		above := in.at(x-in.width/3, y-in.height/4)
		under, over := below[3]/255, above[3]/255
		out[3] = 255 * (over + under - over*under)
		for i := range 3 {
			b, s := below[i]/255, above[i]/255
			mixed := 1.0
			switch {
			case b == 0:
				mixed = 0
			case s < 1:
				mixed = min(1, b/(1-s))
			}
			s = (1-under)*s + under*mixed
			if out[3] > 0 {
				out[i] = 255 * (s*over + b*under*(1-over)) / (out[3] / 255)
			}
		}
	})
}
