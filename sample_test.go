package main

import (
	"image"
	"image/color"
	"math"
)

// landscape paints the picture that the reference shows its samples on, so that no photograph has to be shipped: an evening
// sky over hills and a lake, with a sun at the right, a house at the left and a tree. It has soft gradients, hard edges,
// fine texture and an up and a down. Without a sky, what would be sky is transparent.
func landscape(width, height int, sky bool) *image.NRGBA {
	picture := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			picture.SetNRGBA(x, y, landscapeAt(float64(x)/float64(width), float64(y)/float64(height), sky))
		}
	}
	return picture
}

const waterline = 0.72

// landscapeAt is the color at a point, given in shares of width and height.
func landscapeAt(x, y float64, sky bool) color.NRGBA {
	if y > waterline {
		// The lake mirrors what is above it, darker, shifted by ripples.
		depth := (y - waterline) / (1 - waterline)
		ripple := 0.012 * depth * math.Sin(260*math.Sqrt(depth)+9*math.Sin(13*x))
		above := land(x+ripple, waterline-(y-waterline)*1.6, true)
		return mix(above, color.NRGBA{24, 44, 78, 255}, 0.25+0.45*depth)
	}
	return land(x, y, sky)
}

func land(x, y float64, sky bool) color.NRGBA {
	if c, ok := house(x, y); ok {
		return c
	}
	if c, ok := tree(x, y); ok {
		return c
	}
	ridges := []struct {
		base, swing, pitch, phase float64
		color                     color.NRGBA
	}{
		{0.64, 0.03, 9, 1.3, color.NRGBA{30, 60, 52, 255}},
		{0.54, 0.06, 6, 0.2, color.NRGBA{52, 82, 88, 255}},
		{0.42, 0.09, 4, 2.1, color.NRGBA{98, 112, 136, 255}},
	}
	for _, r := range ridges {
		top := r.base + r.swing*math.Sin(r.pitch*x+r.phase) + r.swing/3*math.Sin(3.7*r.pitch*x) + 0.006*math.Sin(90*x+r.phase)
		if y > top {
			grain := 0.08 * math.Sin(310*x+40*math.Sin(170*y)) * math.Sin(270*y)
			return mix(r.color, color.NRGBA{220, 190, 160, 255}, 0.12+grain-0.2*(y-top))
		}
	}
	if !sky {
		return color.NRGBA{}
	}
	distance := math.Hypot((x-0.74)*1.5, y-0.3)
	if distance < 0.075 {
		return color.NRGBA{255, 236, 190, 255}
	}
	dusk := mix(color.NRGBA{58, 78, 138, 255}, color.NRGBA{246, 166, 104, 255}, math.Min(1, y/0.5))
	cloud := 0.5 + 0.5*math.Sin(14*x+5*math.Sin(22*y))
	return mix(mix(dusk, color.NRGBA{255, 222, 170, 255}, 0.8*math.Exp(-9*(distance-0.075))), color.NRGBA{240, 214, 214, 255}, 0.16*cloud*cloud)
}

// house has a lit window, so that its left and right differ.
func house(x, y float64) (color.NRGBA, bool) {
	switch {
	case x > 0.14 && x < 0.26 && y > 0.58 && y < waterline:
		if x > 0.215 && x < 0.24 && y > 0.62 && y < 0.66 {
			return color.NRGBA{255, 214, 92, 255}, true
		}
		if x > 0.155 && x < 0.18 && y > 0.64 {
			return color.NRGBA{74, 40, 34, 255}, true
		}
		return color.NRGBA{176, 62, 52, 255}, true
	case y > 0.5 && y <= 0.58 && math.Abs(x-0.2) < 0.075*(y-0.5)/0.08:
		return color.NRGBA{62, 50, 58, 255}, true
	}
	return color.NRGBA{}, false
}

func tree(x, y float64) (color.NRGBA, bool) {
	if math.Abs(x-0.36) < 0.006 && y > 0.6 && y < waterline {
		return color.NRGBA{60, 44, 36, 255}, true
	}
	edge := 0.055 + 0.008*math.Sin(40*math.Atan2(y-0.55, x-0.36))
	if r := math.Hypot((x-0.36)*1.5, (y-0.55)*0.9); r < edge {
		return mix(color.NRGBA{36, 78, 44, 255}, color.NRGBA{150, 170, 80, 255}, 0.5+0.5*math.Sin(160*x)*math.Sin(130*y)-6*r), true
	}
	return color.NRGBA{}, false
}

// mix goes from one color to another by a share, which is held to 0…1.
func mix(a, b color.NRGBA, share float64) color.NRGBA {
	share = math.Max(0, math.Min(1, share))
	part := func(p, q uint8) uint8 { return uint8(float64(p) + (float64(q)-float64(p))*share + 0.5) }
	return color.NRGBA{part(a.R, b.R), part(a.G, b.G), part(a.B, b.B), part(a.A, b.A)}
}
