package main

import (
	"fmt"
	"io"
	"math"
	"slices"
)

// A summary is what an encoding comes to over all pictures.
type summary struct {
	bits        float64 // a pixel, geometric mean
	nanoseconds float64 // a pixel, over all pixels together
	scores      []float64
}

func (s *sweep) summarize(e encoding) summary {
	var sum summary
	var logs, nanoseconds, pixels float64
	for _, p := range s.Pictures {
		of := p.Samples[e.chain()]
		logs += math.Log(8 * float64(of.Bytes) / p.pixels())
		nanoseconds += of.Nanoseconds * p.pixels()
		pixels += p.pixels()
		sum.scores = append(sum.scores, of.Score)
	}
	slices.Sort(sum.scores)
	sum.bits = math.Exp(logs / float64(len(s.Pictures)))
	sum.nanoseconds = nanoseconds / pixels
	return sum
}

// quantile returns the score that the share q, 0 to 1, of the pictures is not above, interpolated.
func (s summary) quantile(q float64) float64 {
	at := q * float64(len(s.scores)-1)
	low := int(at)
	high := min(low+1, len(s.scores)-1)
	return s.scores[low] + (at-float64(low))*(s.scores[high]-s.scores[low])
}

func (s summary) median() float64 { return s.quantile(0.5) }

// atScore returns the bytes and the nanoseconds for each pixel that a picture takes on a curve to have a score: between two measured
// points bytes are taken to grow by equal factors and times by equal steps for equal steps of the score, and outside of them as between the
// two nearest.
func (c curve) atScore(p *picture, score float64) (bytes, nanoseconds float64) {
	var samples []sample
	for _, e := range c.at() {
		samples = append(samples, p.Samples[e.chain()])
	}
	i := 1
	for i < len(samples)-1 && samples[i].Score < score {
		i++
	}
	a, b := samples[i-1], samples[i]
	share := (score - a.Score) / (b.Score - a.Score)
	bytes = float64(a.Bytes) * math.Pow(float64(b.Bytes)/float64(a.Bytes), share)
	return bytes, a.Nanoseconds + share*(b.Nanoseconds-a.Nanoseconds)
}

// against returns the bytes and the time of a curve at the quality that an encoding gives each picture, to those of the encoding: of bytes
// the geometric mean of the pictures' ratios, of time, which is known less well for small pictures, the ratio of the sums.
func (s *sweep) against(c curve, e encoding) (bytes, time float64) {
	var logs, ours, theirs float64
	for _, p := range s.Pictures {
		other := p.Samples[e.chain()]
		bytes, nanoseconds := c.atScore(p, other.Score)
		logs += math.Log(bytes / float64(other.Bytes))
		ours += nanoseconds * p.pixels()
		theirs += other.Nanoseconds * p.pixels()
	}
	return math.Exp(logs / float64(len(s.Pictures))), ours / theirs
}

// print writes the sweep as Markdown.
func (s *sweep) print(out io.Writer) {
	pixels := 0.0
	for _, p := range s.Pictures {
		pixels += p.pixels() / 1e6
	}
	fmt.Fprintf(out, "# Quality, bytes and time of the encoders\n\n")
	fmt.Fprintf(out, "`make sweep` wrote this page and its plot; [README.md](README.md#the-sweep-of-the-encoders) says how. %s, %d CPUs, "+
		"%d pictures of %d and %d pixels, %.1f megapixels in all.\n\n![](sweep.svg)\n\n",
		s.System, s.CPUs, len(s.Pictures), sweepSides[0], sweepSides[1], pixels)

	rows := [][]string{{"defaults", "bits a pixel", "SSIMULACRA2, median", "10th percentile", "90th percentile", "encoder, ns a pixel"}}
	row := func(name string, e encoding) {
		of := s.summarize(e)
		rows = append(rows, []string{
			name, fmt.Sprintf("%.2f", of.bits), fmt.Sprintf("%.1f", of.median()),
			fmt.Sprintf("%.1f", of.quantile(0.1)), fmt.Sprintf("%.1f", of.quantile(0.9)), number(of.nanoseconds),
		})
	}
	for i, e := range sweepDefaults {
		row("Calotype: "+e.String(), e)
		if peer, ok := peerOf(e.Format); ok {
			row("imgproxy: "+peer.String(), peer)
		}
		row("measured: "+sweepMeasured[i].String(), sweepMeasured[i])
	}
	fmt.Fprintln(out, table(rows))

	fmt.Fprintf(out, "Bytes and encoder time at equal quality, picture by picture, to those of imgproxy's default of the format, and of "+
		"JPEG with the defaults of Calotype:\n\n")
	rows = [][]string{{"curve", "bytes to imgproxy's", "time to imgproxy's", "bytes to JPEG", "time to JPEG"}}
	for _, c := range sweepCurves {
		cells := []string{c.String(), "-", "-"}
		if peer, ok := peerOf(c.format); ok {
			bytes, time := s.against(c, peer)
			cells = []string{c.String(), fmt.Sprintf("%.3f", bytes), fmt.Sprintf("%.2f", time)}
		}
		bytes, time := s.against(c, sweepDefaults[0])
		rows = append(rows, append(cells, fmt.Sprintf("%.3f", bytes), fmt.Sprintf("%.2f", time)))
	}
	fmt.Fprintln(out, table(rows))

	fmt.Fprintf(out, "The points of the curves:\n\n")
	rows = [][]string{{"encoding", "bits a pixel", "SSIMULACRA2, median", "encoder, ns a pixel"}}
	for _, c := range sweepCurves {
		for _, e := range c.at() {
			of := s.summarize(e)
			rows = append(rows, []string{e.String(), fmt.Sprintf("%.2f", of.bits), fmt.Sprintf("%.1f", of.median()), number(of.nanoseconds)})
		}
	}
	fmt.Fprint(out, table(rows))
}
