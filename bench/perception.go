package main

import (
	"image"
	"image/color"
	"math"
)

// linear returns the light of a picture in sRGB, laid on white: red, green and blue from 0 to 1.
func linear(picture image.Image) planes {
	bounds := picture.Bounds()
	p := newPlanes(bounds.Dx(), bounds.Dy())
	i := 0
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			at := color.NRGBAModel.Convert(picture.At(x, y)).(color.NRGBA)
			alpha := float32(at.A) / 255
			for c, v := range [3]uint8{at.R, at.G, at.B} {
				p.channels[c][i] = alpha*lightOf[v] + 1 - alpha
			}
			i++
		}
	}
	return p
}

// lightOf leads from a sample of sRGB to its light, 0 to 1 (IEC 61966-2-1).
var lightOf = func() (table [256]float32) {
	for i := range table {
		v := float64(i) / 255
		if v <= 0.04045 {
			table[i] = float32(v / 12.92)
		} else {
			table[i] = float32(math.Pow((v+0.055)/1.055, 2.4))
		}
	}
	return table
}()

// perceived returns light in the color space XYB of JPEG XL (ISO/IEC 18181-1): about the difference of red and green, the lightness,
// and here blue less lightness, each brought into 0 to 1.
func perceived(light planes) planes {
	const bias = 0.0037930732552754493
	darkest := float32(math.Cbrt(bias))
	p := newPlanes(light.width, light.height)
	for i, r := range light.channels[0] {
		g, b := light.channels[1][i], light.channels[2][i]
		long := cubeRoot(0.3*r+0.622*g+0.078*b+bias) - darkest
		middle := cubeRoot(0.23*r+0.692*g+0.078*b+bias) - darkest
		short := cubeRoot(0.24342268924547819*r+0.20476744424496821*g+0.5518098665095536*b+bias) - darkest
		lightness := (long + middle) / 2
		p.channels[0][i] = (long-middle)/2*14 + 0.42
		p.channels[1][i] = lightness + 0.01
		p.channels[2][i] = short - lightness + 0.55
	}
	return p
}

func cubeRoot(x float32) float32 { return float32(math.Cbrt(float64(x))) }

// half returns the means of squares of two by two. Where a side is odd, its last row or column counts twice.
func half(in planes) planes {
	out := newPlanes((in.width+1)/2, (in.height+1)/2)
	for c, samples := range in.channels {
		for y := range out.height {
			above := samples[2*y*in.width:][:in.width]
			below := samples[min(2*y+1, in.height-1)*in.width:][:in.width]
			row := out.channels[c][y*out.width:][:out.width]
			for x := range row {
				right := min(2*x+1, in.width-1)
				row[x] = (above[2*x] + above[right] + below[2*x] + below[right]) / 4
			}
		}
	}
	return out
}

func product(a, b planes) planes {
	out := newPlanes(a.width, a.height)
	for c := range out.channels {
		other := b.channels[c]
		for i, v := range a.channels[c] {
			out.channels[c][i] = v * other[i]
		}
	}
	return out
}

// blurReach is how many samples to each side a blur looks at.
const blurReach = 4

// blurTaps are the weights of a Gaussian blur of sigma 1.5, from the middle outwards. It is not cut off but approximated by three
// cosines that end at zero (Charalampidis, Recursive Implementation of the Gaussian Filter Using Truncated Cosine Functions, 2016), as
// the metric has it.
var blurTaps = truncatedCosines(1.5)

// truncatedCosines returns the approximation for the given sigma. It has the sum of 1 and the variance of the Gaussian.
func truncatedCosines(sigma float64) (taps [blurReach + 1]float32) {
	const radius = blurReach + 1 // where the cosines are zero; of this length for a sigma of 1.5
	var omega, p, r, rho [3]float64
	for i := range omega {
		omega[i] = math.Pi / (2 * radius) * float64(2*i+1)
		sign := float64(1 - 2*(i%2))
		p[i] = sign / math.Tan(omega[i]/2)
		r[i] = sign * p[i] * p[i] / math.Sin(omega[i])
		rho[i] = math.Exp(-sigma*sigma*omega[i]*omega[i]/2) / radius
	}
	d := p[0]*r[1] - r[0]*p[1]
	zeta := [3]float64{(p[1]*r[2] - r[1]*p[2]) / d, (p[2]*r[0] - r[2]*p[0]) / d, 1}
	beta := solve([3][3]float64{p, r, zeta},
		[3]float64{1, radius*radius - sigma*sigma, zeta[0]*rho[0] + zeta[1]*rho[1] + rho[2]})
	for n := range taps {
		for k, b := range beta {
			taps[n] += float32(b * math.Cos(omega[k]*float64(n)))
		}
	}
	return taps
}

// solve returns x with a·x = b, by Cramer's rule.
func solve(a [3][3]float64, b [3]float64) (x [3]float64) {
	determinant := func(m [3][3]float64) float64 {
		return m[0][0]*(m[1][1]*m[2][2]-m[1][2]*m[2][1]) -
			m[0][1]*(m[1][0]*m[2][2]-m[1][2]*m[2][0]) +
			m[0][2]*(m[1][0]*m[2][1]-m[1][1]*m[2][0])
	}
	whole := determinant(a)
	for i := range x {
		replaced := a
		for row := range replaced {
			replaced[row][i] = b[row]
		}
		x[i] = determinant(replaced) / whole
	}
	return x
}

// blurred returns the channels blurred along rows and columns. Outside of the picture there is nothing: its edges get darker.
func blurred(in planes) planes {
	out := newPlanes(in.width, in.height)
	along := make([]float32, in.width*in.height)
	padded := make([]float32, in.width+2*blurReach)
	none := make([]float32, in.width)
	for c, samples := range in.channels {
		for y := range in.height {
			copy(padded[blurReach:], samples[y*in.width:][:in.width])
			row := along[y*in.width:][:in.width]
			for x := range row {
				near := padded[x:][:2*blurReach+1]
				row[x] = blurTaps[0]*near[4] + blurTaps[1]*(near[3]+near[5]) + blurTaps[2]*(near[2]+near[6]) +
					blurTaps[3]*(near[1]+near[7]) + blurTaps[4]*(near[0]+near[8])
			}
		}
		rowAt := func(y int) []float32 {
			if y < 0 || y >= in.height {
				return none
			}
			return along[y*in.width:][:in.width]
		}
		for y := range in.height {
			row := out.channels[c][y*in.width:][:in.width]
			for x, v := range rowAt(y) {
				row[x] = blurTaps[0] * v
			}
			for n := 1; n <= blurReach; n++ {
				above, below, tap := rowAt(y-n), rowAt(y+n), blurTaps[n]
				for x := range row {
					row[x] += tap * (above[x] + below[x])
				}
			}
		}
	}
	return out
}
