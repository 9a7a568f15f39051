//go:build corpus

package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"image/png"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"calotype/transform"
)

// The files of good/ that are no images of a kind that is read here, or are damaged after all, by what is wrong with them.
var notGood = map[string]int{
	".svg":                   http.StatusUnsupportedMediaType,
	"tiff_testdata_0x0.tiff": http.StatusUnprocessableEntity, "tiff_testdata_0x1.tiff": http.StatusUnprocessableEntity,
	"tiff_testdata_1x0.tiff": http.StatusUnprocessableEntity,
	"65536-uint32-limit.png": http.StatusUnprocessableEntity, "giant-image.jpg": http.StatusUnprocessableEntity,
	"corrupt-header.jpg": http.StatusUnprocessableEntity,
}

// Those whose header is sound, so that they are taken, and whose pixels cannot be decoded.
var notDecodable = []string{"truncated.jpg", "truncated.png"}

// Lossless JPEG, which some builds of libvips decode and others refuse, in the header or later.
const sometimesDecodable = "testimgl.jpg"

var corpusEvery = flag.Int("corpus-every", 1, "TestGoodCorpus takes one of so many files")

// Every valid image is taken and comes back in every format, in the size that .json says.
func TestGoodCorpus(t *testing.T) {
	files := corpus(t, "good")
	s := start(t, func(c *serveCommand) { c.Deadline, c.QueueWait, c.MaxUploadBytes = 2*time.Minute, time.Minute, 256e6 })
	var prints atomic.Int64
	check := func(file string) {
		name := filepath.Base(file)
		status, id := s.post(read(t, file))
		want := http.StatusCreated
		for ending, refused := range notGood {
			if strings.HasSuffix(name, ending) {
				want = refused
			}
		}
		damaged := slices.ContainsFunc(notDecodable, func(ending string) bool { return strings.HasSuffix(name, ending) })
		sometimes := strings.HasSuffix(name, sometimesDecodable)
		if sometimes && status == http.StatusUnprocessableEntity {
			return
		}
		if status != want {
			t.Errorf("%s: the upload answers %d, want %d", name, status, want)
		}
		if status != http.StatusCreated {
			return
		}
		for _, f := range transform.Formats {
			if f.Name == "ico" || f.Name == "jxl" {
				continue // most are too large for the one, and the pinned libvips does not write the other
			}
			status, head, body := s.get("/download/" + id + "." + f.Extension)
			if sometimes && status == http.StatusUnprocessableEntity {
				continue
			}
			if damaged {
				if status != http.StatusUnprocessableEntity {
					t.Errorf("%s: its %s is %d", name, f.Name, status)
				}
				continue
			}
			if status != http.StatusOK || head.Get("Content-Type") != f.Type || len(body) == 0 {
				t.Errorf("%s: its %s is %d %s, %d bytes: %.200s", name, f.Name, status, head.Get("Content-Type"), len(body), body)
				continue
			}
			prints.Add(1)
			_, _, text := s.get("/download/" + id + "/format:" + f.Extension + ".json")
			var promised struct{ Width, Height, Bytes int }
			if err := json.Unmarshal(text, &promised); err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			_, again := s.post(body)
			_, _, text = s.get("/download/" + again + "/orient:none.json")
			var real struct {
				Original struct{ Width, Height, Bytes int }
			}
			if err := json.Unmarshal(text, &real); err != nil {
				t.Errorf("%s: its %s cannot be read: %s", name, f.Name, text)
				continue
			}
			if real.Original != promised {
				t.Errorf("%s: its %s is %v, promised was %v", name, f.Name, real.Original, promised)
			}
		}
	}
	next := make(chan string)
	var clients sync.WaitGroup
	for range 3 { // so that two cores always have something to do
		clients.Go(func() {
			for file := range next {
				check(file)
			}
		})
	}
	taken := 0
	for i, file := range files {
		if i%*corpusEvery == 0 {
			next <- file
			taken++
		}
	}
	close(next)
	clients.Wait()
	t.Logf("%d files, %d prints", taken, prints.Load())
}

// All eight orientations of one photograph give the same upright print.
func TestOrientationCorpus(t *testing.T) {
	var files []string
	for _, file := range corpus(t, "good") {
		if strings.Contains(file, "exif-orientation-examples") {
			files = append(files, file)
		}
	}
	if len(files) < 18 {
		t.Fatalf("%d files", len(files))
	}
	s := start(t, nil)
	pixels := func(file string) (string, []uint8) {
		_, id := s.post(read(t, file))
		_, _, body := s.get("/download/" + id + "/resize:60,60.png")
		picture, err := png.Decode(bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		var values []uint8
		for y := range picture.Bounds().Dy() {
			for x := range picture.Bounds().Dx() {
				r, g, b, _ := picture.At(x, y).RGBA()
				values = append(values, uint8(r>>8), uint8(g>>8), uint8(b>>8))
			}
		}
		return fmt.Sprint(picture.Bounds().Size()), values
	}
	upright := map[string][]uint8{}
	sizes := map[string]string{}
	for _, file := range files {
		kind := strings.SplitN(filepath.Base(file), "_", 99)
		name := strings.ToLower(kind[len(kind)-2])
		size, got := pixels(file)
		if upright[name] == nil {
			upright[name], sizes[name] = got, size
			continue
		}
		if size != sizes[name] {
			t.Errorf("%s is %s, want %s", file, size, sizes[name])
			continue
		}
		difference := 0
		for i := range got {
			difference += max(int(got[i])-int(upright[name][i]), int(upright[name][i])-int(got[i]))
		}
		if mean := float64(difference) / float64(len(got)); mean > 12 {
			t.Errorf("%s differs by %.1f in the mean from the first of its kind", file, mean)
		}
	}
	if len(upright) != 2 {
		t.Errorf("kinds: %v", sizes)
	}
}
