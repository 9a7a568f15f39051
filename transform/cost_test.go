package transform

import (
	"fmt"
	stdimage "image"
	"image/draw"
	"testing"
	"time"
)

// Admission keeps the memory of all prints within a budget by what is predicted for each, so that a prediction must be above what
// a print takes; and a worker that takes more is stopped, so that it must be above that for every print that is to succeed.
func TestPredictedMemoryIsEnough(t *testing.T) {
	if testing.Short() {
		t.Skip("makes very many prints, one after the other")
	}
	// Every print has a worker of its own, whose peak is then that of the print.
	e, seen := own(t, Options{Workers: 2, JobsPerWorker: 1, Deadline: time.Minute})
	source := encodePNG(t, photo(900, 700))
	for _, from := range writable(t) { // the others are looked at in TestCostOfOtherOriginals
		if from == jxl {
			continue // whose size only a worker tells
		}
		path := "." + from.Extension
		if from == gif {
			path = "/resize:300.gif" // the search for a palette is slow
		}
		if from == ico {
			path = "/resize:256,256,stretch.ico"
		}
		made, err := order(t, t.Context(), e, source, path, Asker{})
		if err != nil {
			t.Fatalf("%s: %v", from.Name, err)
		}
		paths := []string{
			"/resize:500.jpg", "/resize:500.webp", "/resize:500.avif", "/resize:500.png", "/rotate:90/resize:500.jpg", "/crop:0,0,200,200.png",
			".jpg", "/progressive.jpg", ".png", "/progressive.png", "/resize:200.gif", ".webp", "/lossless.webp", ".avif", ".tif",
			"/rotate:90.jpg", "/rotate:45.jpg", "/blur:20.webp", "/sharpen.webp", "/resize:3000,up.jpg", "/resize:300,300,cover,smart.jpg",
		}
		paths = append(paths, "/median:15.jpg", "/median.jpg", "/pixelate:8.jpg", "/round:max.webp", "/pad:200,fill=blur.jpg", "/pad:200,fill=mirror.jpg",
			"/tint:red.jpg", "/normalize.jpg", "/trim.jpg", "/duotone:navy,gold.jpg", "/saturation:50.jpg", "/gamma:2.jpg", "/opacity:50.webp", "/lossless:1.avif", "/colors:16.png", "/colors:256.png", "/colors:4.gif", "/icc:p3.jpg")
		if from != png {
			paths = paths[:7] // what is written does not depend on what was read
		}
		for _, path := range paths {
			plan := planFor(t, made.Body, path)
			before := len(seen())
			_, err := order(t, t.Context(), e, made.Body, path, Asker{})
			got := seen()[before]
			cost := plan.Cost()
			report := fmt.Sprintf("%5s %-30s took %4d ms and %4d MiB, predicted %4d ms and %4d MiB", from.Extension, path,
				got.CPU.Milliseconds(), got.Memory>>20, cost.Time.Milliseconds(), cost.Memory>>20)
			if err != nil {
				t.Errorf("%s: %v", report, err)
				continue
			}
			if got.Memory > cost.Memory {
				t.Error(report)
			} else {
				t.Log(report)
			}
		}
	}
}

// Transparent pictures and those of 16 bits are computed in other ways, which take no more than was predicted either.
func TestPredictedMemoryIsEnoughForEveryOperation(t *testing.T) {
	if testing.Short() {
		t.Skip("makes very many prints, one after the other")
	}
	e, seen := own(t, Options{Workers: 2, JobsPerWorker: 1, Deadline: time.Minute})
	deep := stdimage.NewNRGBA64(stdimage.Rect(0, 0, 480, 320))
	draw.Draw(deep, deep.Bounds(), photo(480, 320), stdimage.Point{}, draw.Src)
	for i := 6; i < len(deep.Pix); i += 8 {
		deep.Pix[i] = uint8(i)
	}
	original := encodePNG(t, deep)
	paths := []string{"/crop:20,20,smart", "/crop:20,20,entropy", "/depth:8/crop:20,20,entropy", "/resize:20,20,cover,entropy"}
	for _, o := range Operations {
		paths = append(paths, "/"+o.Examples[0])
	}
	for _, path := range paths {
		plan := planFor(t, original, path+".png")
		before := len(seen())
		_, err := order(t, t.Context(), e, original, path+".png", Asker{})
		if got := seen()[before]; err != nil || got.Memory > plan.Cost().Memory {
			t.Errorf("%s took %d MiB, predicted %d MiB: %v", path, got.Memory>>20, plan.Cost().Memory>>20, err)
		}
	}
}

// planFor is the plan of the print of data that path asks for.
func planFor(t testing.TB, data []byte, path string) *Plan {
	t.Helper()
	target, err := Parse(id + path)
	if err != nil {
		t.Fatal(err)
	}
	target.Chain = withExamples(t, target.Chain)
	original, err := engine(t).Inspect(t.Context(), open(t, data), Asker{})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := NewPlan(target.Chain.Settle(original, ""), original, engine(t).Limits(), layersOf(&target.Chain)...)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}
