package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// lawful is a sweep in which each encoding of each picture is known: the score is the quality number, five points of score double the
// bytes, and each adds a nanosecond.
func lawful() *sweep {
	s := &sweep{System: "test", CPUs: 2}
	for i, size := range []int{1000, 400} {
		p := &picture{Name: fmt.Sprint(size), Width: size, Height: size, Samples: map[string]sample{}}
		for _, e := range sweepEncodings() {
			score := 75.0
			if _, err := fmt.Sscan(e.Quality, &score); err != nil && e.Quality != "auto" {
				panic(err)
			}
			p.Samples[e.chain()] = sample{
				Bytes:       int(math.Round(float64(size*size) * math.Pow(2, (score-float64(40+i))/5))),
				Nanoseconds: score - 30,
				Score:       score,
			}
		}
		s.Pictures = append(s.Pictures, p)
	}
	return s
}

func near(a, b float64) bool { return math.Abs(a/b-1) < 1e-3 }

func TestBytesAtAScore(t *testing.T) {
	s := lawful()
	c := curve{"webp", "3", ""}
	for score := 50.0; score <= 95; score += 3 { // below the first point and above the last one, too
		bytes, nanoseconds := c.atScore(s.Pictures[0], score)
		if want := 1e6 * math.Pow(2, (score-40)/5); !near(bytes, want) {
			t.Errorf("score %g takes %g bytes, not %g", score, bytes, want)
		}
		if want := score - 30; !near(nanoseconds, want) {
			t.Errorf("score %g takes %g ns, not %g", score, nanoseconds, want)
		}
	}
}

func TestCurvesAgainstAnEncoding(t *testing.T) {
	s := lawful()
	for _, c := range sweepCurves {
		if bytes, time := s.against(c, sweepPeer[0]); !near(bytes, 1) || !near(time, 1) {
			t.Errorf("%v: %g of the bytes and %g of the time", c, bytes, time)
		}
	}
	// A format that takes a third more bytes and half the time in the larger picture of the two.
	cheap := curve{"avif", "0", ""}
	for _, e := range cheap.at() {
		of := s.Pictures[0].Samples[e.chain()]
		s.Pictures[0].Samples[e.chain()] = sample{of.Bytes * 4 / 3, of.Nanoseconds / 2, of.Score}
	}
	if bytes, time := s.against(cheap, sweepPeer[0]); !near(bytes, math.Sqrt(4.0/3)) || !near(time, (1e6/2+16e4)/(1e6+16e4)) {
		t.Errorf("%g of the bytes and %g of the time", bytes, time)
	}
}

func TestSummary(t *testing.T) {
	of := lawful().summarize(encoding{Format: "jpg", Quality: "55", Effort: "4"})
	if want := 8 * math.Pow(2, (55-40.5)/5); !near(of.bits, want) {
		t.Errorf("%g bits a pixel, not %g", of.bits, want)
	}
	if want := 25.0; !near(of.nanoseconds, want) {
		t.Errorf("%g ns, not %g", of.nanoseconds, want)
	}
	scores := summary{scores: []float64{10, 20, 30, 60}}
	for q, want := range map[float64]float64{0: 10, 0.5: 25, 1: 60, 0.1: 13} {
		if got := scores.quantile(q); !near(got, want) {
			t.Errorf("the %g quantile is %g, not %g", q, got, want)
		}
	}
}

func TestSweepPage(t *testing.T) {
	var out bytes.Buffer
	lawful().print(&out)
	for _, want := range []string{"2 pictures", "| Calotype: webp, quality 80, effort 6 ", "| imgproxy: avif, quality 63, effort 1 ", "| measured: jpg, quality auto "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestSweepPlot(t *testing.T) {
	plot := lawful().plot()
	lines := 0
	for d := xml.NewDecoder(bytes.NewReader(plot)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("no well-formed XML: %v", err)
		}
		if element, ok := token.(xml.StartElement); ok && element.Name.Local == "polyline" {
			lines++
		}
	}
	if lines != len(sweepCurves) {
		t.Errorf("%d lines for %d curves", lines, len(sweepCurves))
	}
	if bytes.Contains(plot, []byte("NaN")) {
		t.Error("a place that is no number")
	}
}

func TestChainsOfTheSweep(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range sweepEncodings() {
		if seen[e.chain()] {
			t.Errorf("%s is made twice", e.chain())
		}
		seen[e.chain()] = true
	}
	for _, want := range []string{"/quality:80/effort:4.jpg", "/quality:auto.avif", "/quality:63/effort:1/subsample:444.avif"} {
		if !seen[want] {
			t.Errorf("no %s", want)
		}
	}
	if got := (encoding{Format: "jpg"}).mediaType(); got != "image/jpeg" {
		t.Error(got)
	}
}

// The clock of a process runs with its work, and by far less without.
func TestProcessClock(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("other processes' CPU time is measured on Linux only")
	}
	before, err := processClock(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	var after time.Duration
	for after, err = before, error(nil); err == nil && after-before < 20*time.Millisecond; {
		after, err = processClock(os.Getpid())
	}
	if err != nil {
		t.Fatal(err)
	}
	// What /proc says is rounded for each thread, and others go on between the two.
	coarse, _ := cpuTime(os.Getpid())
	if difference := (coarse - after).Abs(); difference > 200*time.Millisecond+coarse/3 {
		t.Errorf("the clock says %v, and /proc %v", after, coarse)
	}
	if _, err := processClock(1 << 22); err == nil {
		t.Error("a process that there is not has a clock")
	}
}
