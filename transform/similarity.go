package transform

import (
	"fmt"
	"math"

	"github.com/davidbyttow/govips/v2/vips"
)

// What quality:auto takes for each pixel beside encoding and decoding.
const (
	similarityTime   = 15 // nanoseconds
	similarityMemory = 14 // bytes
)

// autoProbes is how many qualities are tried for quality:auto.
const autoProbes = 3

// autoDistortion is the most that a print of quality:auto is distorted. Over the photographs of bench/sweep.md it gives prints in each
// format the median score of the defaults, 76 to 78 of SSIMULACRA 2.1, with less spread.
const autoDistortion = 1.9

// autoQualities are the lowest and the highest quality that quality:auto chooses, by format: eight in steps of 4.
var autoQualities = map[*Format][2]int{jpeg: {61, 89}, webp: {64, 92}, avif: {48, 76}, jxl: {61, 89}}

// measuredQuality returns the lowest of eight qualities at which the picture, which stands in memory, looks like itself. Three
// are tried; the highest is taken for granted.
func measuredQuality(picture *vips.ImageRef, f *Format, e Encoding) (int, error) {
	between := autoQualities[f]
	e.gain = nil // what is measured is the picture

	const steps = 1<<autoProbes - 1 // from the lowest to the highest
	quality := func(step int) int { return between[0] + (between[1]-between[0])*step/steps }
	original, err := luma(picture)
	if err != nil {
		return 0, err
	}
	low, high := 0, steps // the lowest that is good lies from low to high
	for low < high {
		middle := (low + high) / 2
		e.Quality = quality(middle)
		encoded, err := encode(picture, f, e)
		if err != nil {
			return 0, err
		}
		good, err := looksLike(encoded, original)
		if err != nil {
			return 0, err
		}
		if good {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return quality(low), nil
}

// looksLike tells whether a file shows a picture as well as quality:auto wants it.
func looksLike(encoded []byte, original plane) (bool, error) {
	probe, err := vips.NewImageFromBuffer(encoded)
	if err != nil {
		return false, err
	}
	defer probe.Close()
	shown, err := luma(probe)
	if err != nil {
		return false, err
	}
	if shown.size != original.size {
		return false, fmt.Errorf("a probe is %s where %s was encoded", shown.size, original.size)
	}
	return distortion(original, shown) <= autoDistortion, nil
}

// A plane is the lightness of a picture, row by row.
type plane struct {
	size    Size
	samples []uint16 // 0 to planeWhite
}

// planeWhite is 255 with six bits behind the point: three times, the mean of four samples is exact.
const planeWhite = 255 << planeBits

const planeBits = 6

// newPlane returns a picture whose lightness is given as 0 to 255.
func newPlane(size Size, lightness []byte) plane {
	p := plane{size, make([]uint16, len(lightness))}
	for i, v := range lightness {
		p.samples[i] = uint16(v) << planeBits
	}
	return p
}

// luma returns the lightness of a picture as it is seen on white.
func luma(picture *vips.ImageRef) (plane, error) {
	gray, err := picture.Copy()
	if err != nil {
		return plane{}, err
	}
	defer gray.Close()
	if gray.HasAlpha() {
		if err := layOn(gray, white); err != nil {
			return plane{}, err
		}
	}
	if err := gray.ToColorSpace(vips.InterpretationBW); err != nil {
		return plane{}, err
	}
	lightness, err := samplesOf(gray)
	if err != nil {
		return plane{}, err
	}
	size := Size{gray.Width(), gray.Height()}
	if want := size.Pixels(); int64(len(lightness)) != want {
		return plane{}, fmt.Errorf("the lightness of %d pixels has %d bytes", want, len(lightness))
	}
	return newPlane(size, lightness), nil
}

// distortionWeights are those of the mean and of the 4-norm of the structural error, at full size, 1/2, 1/4 and 1/8. They are those of
// SSIMULACRA 2.1 (Jon Sneyers, 2023), fitted to the judgement of people, for the lightness; what it gives to colors and edges is left out.
var distortionWeights = [][2]float64{{0, 7.467}, {0, 6.684}, {225.2, 19.21}, {176.4, 24.43}}

// distortion returns how unlike two pictures of one size look: 0 for equal ones, and about 0.4, 1.8, 2.6 and 6 at scores of 90, 76, 70 and
// 50 of SSIMULACRA 2.1.
func distortion(a, b plane) float64 {
	var sum float64
	for scale, weights := range distortionWeights {
		if scale > 0 {
			a, b = half(a), half(b)
		}
		mean, peaks := structuralError(a, b)
		sum += weights[0]*mean + weights[1]*peaks
	}
	return sum
}

// half returns a picture of half the size: the means of squares of two by two. Where a side is odd, its last row or column counts twice.
func half(in plane) plane {
	out := plane{size: Size{(in.size.Width + 1) / 2, (in.size.Height + 1) / 2}}
	out.samples = make([]uint16, out.size.Width*out.size.Height)
	for y := range out.size.Height {
		above := in.samples[2*y*in.size.Width:][:in.size.Width]
		below := in.samples[min(2*y+1, in.size.Height-1)*in.size.Width:][:in.size.Width]
		row := out.samples[y*out.size.Width:][:out.size.Width]
		for x := range row {
			right := min(2*x+1, in.size.Width-1)
			row[x] = uint16((int(above[2*x]) + int(above[right]) + int(below[2*x]) + int(below[right])) / 4)
		}
	}
	return out
}

// structuralError returns the mean and the 4-norm, over squares of 4 pixels that do not overlap, of 1 less the SSIM index (Wang, Bovik,
// Sheikh and Simoncelli, Image Quality Assessment: From Error Visibility to Structural Similarity, 2004).
func structuralError(a, b plane) (mean, peaks float64) {
	const side = 4
	var sum, fours float64
	count := 0
	for top := 0; top < a.size.Height; top += side {
		for left := 0; left < a.size.Width; left += side {
			e := windowError(a, b, left, top, min(left+side, a.size.Width), min(top+side, a.size.Height))
			sum += e
			fours += e * e * e * e
			count++
		}
	}
	return sum / float64(count), math.Sqrt(math.Sqrt(fours / float64(count)))
}

// windowError returns 1 less the SSIM index of one window. As in SSIMULACRA 2, means count by their difference, not by their ratio:
// the samples are as evenly spaced to the eye as they can be.
func windowError(a, b plane, left, top, right, bottom int) float64 {
	const c2 = (0.03 * planeWhite) * (0.03 * planeWhite)
	var sumA, sumB, sumAA, sumBB, sumAB int
	for y := top; y < bottom; y++ {
		rowA := a.samples[y*a.size.Width+left : y*a.size.Width+right]
		rowB := b.samples[y*a.size.Width+left : y*a.size.Width+right]
		for i, v := range rowA {
			va, vb := int(v), int(rowB[i])
			sumA += va
			sumB += vb
			sumAA += va * va
			sumBB += vb * vb
			sumAB += va * vb
		}
	}
	n := float64((right - left) * (bottom - top))
	meanA, meanB := float64(sumA)/n, float64(sumB)/n
	varianceA, varianceB := float64(sumAA)/n-meanA*meanA, float64(sumBB)/n-meanB*meanB
	covariance := float64(sumAB)/n - meanA*meanB
	difference := (meanA - meanB) / planeWhite
	return max(0, 1-(1-difference*difference)*(2*covariance+c2)/(varianceA+varianceB+c2))
}
