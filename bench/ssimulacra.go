package main

import (
	"fmt"
	"image"
	"math"
)

// This file measures how alike two pictures look, by SSIMULACRA 2.1 (Jon Sneyers, github.com/cloudinary/ssimulacra2, 2023): errors of
// three kinds, in three channels, at six scales, of which two norms each are weighted as fits the judgement of people best. 100 is
// no difference, 90 cannot be told from the original side by side, 70 is high quality, 50 medium, 30 low. Worse than that it goes below zero.

// metricScales is how many scales are compared: the picture, and each time half of it.
const metricScales = 6

// leastMetricSide is the shortest side in pixels of a picture that has all scales.
const leastMetricSide = 8 << (metricScales - 2)

// The kinds of error, in the order of metricWeights.
const (
	structure = iota // what SSIM misses
	ringing          // edges that the original lacks
	blurring         // edges of the original that are gone
)

// metricWeights are the weights of the errors: by channel (X, Y, B-Y), scale, norm (1 and 4) and kind. They are data of the metric,
// as published.
var metricWeights = [3][metricScales][2][3]float64{
	{
		{{0, 0.0007376606707406586, 0}, {0, 0.0007793481682867309, 0}},
		{{0, 0.0004371155730107379, 0}, {1.1041726426657346, 0.00066284834129271, 0.00015231632783718752}},
		{{0, 0.0016406437456599754, 0}, {1.8422455520539298, 11.441172603757666, 0}},
		{{0.0007989109436015163, 0.000176816438078653, 0}, {1.8787594979546387, 10.94906990605142, 0}},
		{{0.0007289346991508072, 0.9677937080626833, 0}, {0.00014003424285435884, 0.9981766977854967, 0.00031949755934435053}},
		{{0.0004550992113792063, 0, 0}, {0.0013648766163243398, 0, 0}},
	},
	{
		{{0, 0, 0}, {7.466890328078848, 0, 17.445833984131262}},
		{{0.0006235601634041466, 0, 0}, {6.683678146179332, 0.00037724407979611296, 1.027889937768264}},
		{{225.20515300849274, 0, 0}, {19.213238186143016, 0.0011401524586618361, 0.001237755635509985}},
		{{176.39317598450694, 0, 0}, {24.43300999870476, 0.28520802612117757, 0.0004485436923833408}},
		{{0, 0, 0}, {34.77906344483772, 44.835625328877896, 0}},
		{{0, 0, 0}, {0, 0, 0}},
	},
	{
		{{0, 0.0008680556573291698, 0}, {0, 0, 0}},
		{{0, 0.0005313191874358747, 0}, {0.00016533814161379112, 0, 0}},
		{{0, 0, 0}, {0.0004179171803251336, 0.0017290828234722833, 0}},
		{{0.0020827005846636437, 0, 0}, {8.826982764996862, 23.19243343998926, 0}},
		{{95.1080498811086, 0.9863978034400682, 0.9834382792465353}, {0.0012286405048278493, 171.2667255897307, 0.9807858872435379}},
		{{0, 0, 0}, {0.0005130064588990679, 0, 0.00010854057858411537}},
	},
}

// planes are the three channels of a picture, row by row.
type planes struct {
	width, height int
	channels      [3][]float32
}

func newPlanes(width, height int) planes {
	p := planes{width: width, height: height}
	for c := range p.channels {
		p.channels[c] = make([]float32, width*height)
	}
	return p
}

// A sight is a picture as the metric sees it at one scale.
type sight struct {
	values  planes // in XYB, each channel about 0 to 1
	means   planes // the values, blurred
	squares planes // their squares, blurred
}

// A view is a picture prepared for comparison.
type view [metricScales]sight

// newView prepares a picture in sRGB. What is transparent is laid on white.
func newView(picture image.Image) (*view, error) {
	size := picture.Bounds().Size()
	if size.X < leastMetricSide || size.Y < leastMetricSide {
		return nil, fmt.Errorf("a picture of %dx%d pixels is too small to be judged: %d are needed", size.X, size.Y, leastMetricSide)
	}
	light := linear(picture)
	var v view
	for scale := range v {
		if scale > 0 {
			light = half(light)
		}
		values := perceived(light)
		v[scale] = sight{values, blurred(values), blurred(product(values, values))}
	}
	return &v, nil
}

// likeness returns the score of b as a picture of a. The two have one size.
func likeness(a, b *view) float64 {
	var sum float64
	for scale := range a {
		products := blurred(product(a[scale].values, b[scale].values))
		for c := range metricWeights {
			errors := errorNorms(&a[scale], &b[scale], products.channels[c], c)
			for norm, kinds := range metricWeights[c][scale] {
				for kind, weight := range kinds {
					sum += weight * errors[norm][kind]
				}
			}
		}
	}
	sum *= 0.9562382616834844
	sum = 2.326765642916932*sum - 0.020884521182843837*sum*sum + 6.248496625763138e-05*sum*sum*sum
	if sum <= 0 {
		return 100
	}
	return 100 - 10*math.Pow(sum, 0.6276336467831387)
}

// errorNorms returns the mean and the 4-norm of each kind of error in channel c; products are the values of a times those of b,
// blurred.
func errorNorms(a, b *sight, products []float32, c int) (norms [2][3]float64) {
	const c2 = 0.0009
	valuesA, valuesB := a.values.channels[c], b.values.channels[c]
	meansA, meansB := a.means.channels[c], b.means.channels[c]
	squaresA, squaresB := a.squares.channels[c], b.squares.channels[c]
	var ones, fours [3]float64
	add := func(kind int, e float64) {
		ones[kind] += e
		fours[kind] += e * e * e * e
	}
	for i, meanA := range meansA {
		meanB := meansB[i]
		closeness := 1 - (meanA-meanB)*(meanA-meanB)
		together := 2*(products[i]-meanA*meanB) + c2
		apart := (squaresA[i] - meanA*meanA) + (squaresB[i] - meanB*meanB) + c2
		add(structure, max(0, 1-float64(closeness)*float64(together)/float64(apart)))
		edgeA, edgeB := math.Abs(float64(valuesA[i]-meanA)), math.Abs(float64(valuesB[i]-meanB))
		change := (1+edgeB)/(1+edgeA) - 1
		if change > 0 {
			add(ringing, change)
		} else {
			add(blurring, -change)
		}
	}
	n := float64(len(meansA))
	for kind := range ones {
		norms[0][kind] = ones[kind] / n
		norms[1][kind] = math.Sqrt(math.Sqrt(fours[kind] / n))
	}
	return norms
}
