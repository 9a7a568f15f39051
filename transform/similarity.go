package transform

import (
	"fmt"

	"github.com/davidbyttow/govips/v2/vips"
)

// What quality:auto takes for each pixel beside encoding and decoding.
const (
	similarityTime   = 10 // nanoseconds
	similarityMemory = 10 // bytes
)

// autoProbes is how many qualities are tried for quality:auto.
const autoProbes = 3

// autoSimilarity is the least similarity of a print of quality:auto to the picture that it shows. On photographs of 800 pixels the
// defaults of JPEG and WebP are a little above it, that of AVIF, by this measure, a little below.
const autoSimilarity = 0.955

// autoQualities are the lowest and the highest quality that quality:auto chooses, by format.
var autoQualities = map[*Format][2]int{jpeg: {35, 91}, webp: {35, 91}, avif: {20, 76}}

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
	return similarity(original, shown) >= autoSimilarity, nil
}

// A plane is the lightness of a picture, 0 to 255, row by row.
type plane struct {
	size    Size
	samples []byte
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
	p := plane{size: Size{gray.Width(), gray.Height()}}
	if p.samples, err = samplesOf(gray); err != nil {
		return plane{}, err
	}
	if want := p.size.Pixels(); int64(len(p.samples)) != want {
		return plane{}, fmt.Errorf("the lightness of %d pixels has %d bytes", want, len(p.samples))
	}
	return p, nil
}

// similarity returns the structural similarity of two pictures of one size: 1 for equal ones, less the more they differ. It is the
// mean over squares of 8 pixels, which do not overlap, of the SSIM index (Wang, Bovik, Sheikh and Simoncelli, Image Quality
// Assessment: From Error Visibility to Structural Similarity, 2004).
func similarity(a, b plane) float64 {
	const side = 8
	var sum float64
	count := 0
	for top := 0; top < a.size.Height; top += side {
		for left := 0; left < a.size.Width; left += side {
			sum += windowSimilarity(a, b, left, top, min(left+side, a.size.Width), min(top+side, a.size.Height))
			count++
		}
	}
	return sum / float64(count)
}

// windowSimilarity returns the SSIM index of one window.
func windowSimilarity(a, b plane, left, top, right, bottom int) float64 {
	const c1, c2 = (0.01 * 255) * (0.01 * 255), (0.03 * 255) * (0.03 * 255)
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
	return (2*meanA*meanB + c1) * (2*covariance + c2) / ((meanA*meanA + meanB*meanB + c1) * (varianceA + varianceB + c2))
}
