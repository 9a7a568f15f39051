package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// The color of a format in a plot.
var plotColors = map[string]string{"jpg": "#444444", "webp": "#1f6fb4", "avif": "#c2410c"}

// plotDashes draw the curves of a format: the one that the default is on is solid, the others follow in this order.
var plotDashes = []string{"7 3", "2 3", "10 3 2 3"}

// An axis leads from values to places in a plot.
type axis struct {
	from, to    float64 // values
	start, end  float64 // places
	logarithmic bool
}

func (a axis) at(value float64) float64 {
	from, to := a.from, a.to
	if a.logarithmic {
		from, to, value = math.Log(from), math.Log(to), math.Log(value)
	}
	return a.start + (value-from)/(to-from)*(a.end-a.start)
}

// A panel is one diagram of a plot.
type panel struct {
	out         *strings.Builder
	across, up  axis
	left, right float64
	top, bottom float64
}

// draw writes the frame, the lines of the given values, and the captions.
func (p panel) draw(title, across, up string, valuesAcross, valuesUp []float64) {
	fmt.Fprintf(p.out, "<text x='%.0f' y='%.0f' class='title'>%s</text>\n", p.left, p.top-14, title)
	for _, v := range valuesAcross {
		x := p.across.at(v)
		fmt.Fprintf(p.out, "<path d='M%.1f %.1fV%.1f' class='grid'/><text x='%.1f' y='%.1f' text-anchor='middle'>%g</text>\n", x, p.top, p.bottom, x, p.bottom+16, v)
	}
	for _, v := range valuesUp {
		y := p.up.at(v)
		fmt.Fprintf(p.out, "<path d='M%.1f %.1fH%.1f' class='grid'/><text x='%.1f' y='%.1f' text-anchor='end'>%g</text>\n", p.left, y, p.right, p.left-6, y+4, v)
	}
	fmt.Fprintf(p.out, "<text x='%.0f' y='%.0f' text-anchor='middle'>%s</text>\n", (p.left+p.right)/2, p.bottom+36, across)
	middle := (p.top + p.bottom) / 2
	fmt.Fprintf(p.out, "<text x='%.0f' y='%.0f' text-anchor='middle' transform='rotate(-90 %.0f %.0f)'>%s</text>\n", p.left-38, middle, p.left-38, middle, up)
}

// line draws a line through points; a point is a value across and one up.
func (p panel) line(points [][2]float64, color, dashes string) {
	fmt.Fprintf(p.out, "<polyline fill='none' stroke='%s' stroke-width='1.6' stroke-dasharray='%s' points='", color, dashes)
	for _, at := range points {
		fmt.Fprintf(p.out, "%.1f,%.1f ", p.across.at(at[0]), p.up.at(at[1]))
	}
	p.out.WriteString("'/>\n")
}

// dot marks a default of this server, full, or one of the peer's, a ring around it.
func (p panel) dot(across, up float64, color string, full bool) {
	x, y := p.across.at(across), p.up.at(up)
	if full {
		fmt.Fprintf(p.out, "<circle cx='%.1f' cy='%.1f' r='4.5' fill='%s'/>\n", x, y, color)
	} else {
		fmt.Fprintf(p.out, "<circle cx='%.1f' cy='%.1f' r='7.5' fill='none' stroke='%s' stroke-width='1.6'/>\n", x, y, color)
	}
}

// plot returns the sweep as an SVG picture: quality against bytes on the left, and time against bytes at the quality of JPEG on the
// right.
func (s *sweep) plot() []byte {
	var out strings.Builder
	out.WriteString("<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 1080 500' font-family='sans-serif' font-size='12' fill='#222'>\n" +
		"<style>.grid{stroke:#ddd}.title{font-weight:bold;font-size:13px}</style><rect width='1080' height='500' fill='#fff'/>\n")
	left := panel{
		out: &out, left: 60, right: 520, top: 40, bottom: 440,
		across: axis{0.4, 3, 60, 520, true}, up: axis{45, 90, 440, 40, false},
	}
	left.draw("Quality against bytes", "bits a pixel, geometric mean", "SSIMULACRA2, median",
		[]float64{0.4, 0.5, 0.7, 1, 1.5, 2, 3}, []float64{50, 60, 70, 80, 90})
	right := panel{
		out: &out, left: 590, right: 880, top: 40, bottom: 440,
		across: axis{0.6, 1.4, 590, 880, false}, up: axis{5, 1000, 440, 40, true},
	}
	right.draw("At the quality of JPEG 80", "bytes to those of JPEG", "encoder, ns a pixel",
		[]float64{0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3, 1.4}, []float64{5, 10, 20, 50, 100, 200, 500, 1000})
	base := s.summarize(sweepDefaults[0]).nanoseconds
	others := map[string]int{}
	for i, c := range sweepCurves {
		color, dashes, radius := plotColors[c.format], "", 5.0
		if !slices.ContainsFunc(sweepDefaults, c.holds) {
			dashes, radius = plotDashes[others[c.format]], 3
			others[c.format]++
		}
		var points [][2]float64
		for _, e := range c.at() {
			of := s.summarize(e)
			points = append(points, [2]float64{of.bits, of.median()})
		}
		left.line(points, color, dashes)
		bytes, time := s.against(c, sweepDefaults[0])
		x, y := right.across.at(bytes), right.up.at(base*time)
		beside := y + 4
		if c.subsample != "" {
			beside = y - 5 // it is near to that without
		}
		fmt.Fprintf(&out, "<circle cx='%.1f' cy='%.1f' r='%g' fill='%s'/><text x='%.1f' y='%.1f'>%s</text>\n", x, y, radius, color, x+8, beside, c)
		at := 60 + 22*float64(i)
		fmt.Fprintf(&out, "<path d='M905 %.0fH940' stroke='%s' stroke-width='1.6' stroke-dasharray='%s'/><text x='948' y='%.0f'>%s</text>\n", at, color, dashes, at+4, c)
	}
	for _, marked := range []struct {
		encodings []encoding
		full      bool
	}{{sweepDefaults, true}, {sweepPeer, false}} {
		for _, e := range marked.encodings {
			of := s.summarize(e)
			left.dot(of.bits, of.median(), plotColors[e.Format], marked.full)
		}
	}
	out.WriteString("<circle cx='922' cy='330' r='4.5'/><text x='948' y='334'>Calotype's default</text>\n" +
		"<circle cx='922' cy='356' r='7.5' fill='none' stroke='#222' stroke-width='1.6'/><text x='948' y='360'>imgproxy's default</text>\n</svg>\n")
	return []byte(out.String())
}
