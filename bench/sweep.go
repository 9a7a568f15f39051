package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// sweepSides are the longest sides in pixels at which photos are encoded: sizes that pages show.
var sweepSides = []int{1000, 400}

// sweepPhotos are the photographs of the corpus, each motif once.
var sweepPhotos = []string{
	"golang_image__testdata_blue-purple-pink-large.png",
	"golang_image__testdata_yellow_rose.png",
	"lovell_sharp__2569067123_aca715a2ee_o.jpg",
	"lovell_sharp__4.webp",
	"lovell_sharp__Channel_digital_image_CMYK_color.jpg",
	"lovell_sharp__Crash_test.gif",
	"lovell_sharp__Landscape_1.jpg",
	"lovell_sharp__Landscape_9.jpg",
	"lovell_sharp__cielab-dagams.tiff",
	"lovell_sharp__concert.jpg",
	"lovell_sharp__embedgravitybird.png",
	"lovell_sharp__gain-map.jpg",
	"lovell_sharp__pitm.avif",
	"lovell_sharp__sdr_cosmos12920_cicp1-13-6_yuv444_full_qp10.avif",
	"recurser_exif-orientation-examples__Landscape_0.jpg",
	"recurser_exif-orientation-examples__Portrait_0.jpg",
}

// A sample is one picture in one encoding.
type sample struct {
	Bytes       int     `json:"bytes"`
	Nanoseconds float64 `json:"cpu_ns_per_pixel"` // of the encoder: what decoding the picture takes is deducted
	Score       float64 `json:"ssimulacra2"`
}

// A picture is a photo at one of the sizes.
type picture struct {
	Name    string            `json:"name"`
	Width   int               `json:"width"`
	Height  int               `json:"height"`
	Samples map[string]sample `json:"samples"` // by the chain of the encoding

	id    string        // of it as an original of the server
	view  *view         // it, to be compared with
	fixed time.Duration // what the server needs to decode it, and to answer
}

func (p *picture) pixels() float64 { return float64(p.Width) * float64(p.Height) }

// A sweep is what it found, and what -json writes.
type sweep struct {
	System   string     `json:"system"`
	CPUs     int        `json:"cpus"`
	Pictures []*picture `json:"pictures"`
}

// runSweep is run with -sweep: it makes sweep.md and sweep.svg in the folder, and prints the former.
func runSweep(ctx context.Context, o options, out, progress io.Writer) error {
	photos, from, err := photosOfSweep(o.photos)
	if err != nil {
		return err
	}
	fmt.Fprintf(progress, "%d photos: %s\n", len(photos), from)
	if o.server == "" {
		return fmt.Errorf("the sweep needs -server: it measures the CPU time of a server that decodes by itself")
	}
	o.serverArgs += " --isolation=off"
	address, pid, stop, err := findServer(ctx, o)
	if err != nil {
		return err
	}
	s := &sweep{System: runtime.GOOS + "/" + runtime.GOARCH, CPUs: runtime.NumCPU()}
	b := &bench{address: address, pid: pid, progress: progress}
	for _, p := range photos {
		for _, side := range sweepSides {
			if err = s.add(ctx, b, p, side); err != nil {
				err = fmt.Errorf("%s at %d pixels: %w", p.name, side, err)
				break
			}
		}
		if err != nil {
			break
		}
	}
	if stopErr := stop(); err == nil {
		err = stopErr
	}
	if err != nil {
		return err
	}
	var table bytes.Buffer
	s.print(&table)
	if _, err := out.Write(table.Bytes()); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(o.sweep, "sweep.md"), table.Bytes(), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(o.sweep, "sweep.svg"), s.plot(), 0o644); err != nil || o.json == "" {
		return err
	}
	return writeJSON(o.json, s)
}

// photosOfSweep returns the JPEG files of dir, or the photos of the corpus, or made ones, and says in words which.
func photosOfSweep(dir string) (photos []photo, from string, err error) {
	if _, err := os.Stat(corpus); dir != "" || err != nil {
		return choosePhotos(dir)
	}
	for _, name := range sweepPhotos {
		data, err := os.ReadFile(filepath.Join(filepath.FromSlash(corpus), name))
		if err != nil {
			return nil, "", err
		}
		photos = append(photos, photo{name: name, data: data})
	}
	return photos, "the photographs of the corpus, each motif once", nil
}

// add measures a photo at one size. It does nothing where the photo is smaller than that, or too narrow to be judged.
func (s *sweep) add(ctx context.Context, b *bench, from photo, side int) error {
	original, err := b.store(from.data, anyType)
	if err != nil {
		return err
	}
	shown, err := b.picture(original + fmt.Sprintf("/resize:%d,%d/background:white", side, side))
	if err != nil {
		return err
	}
	size := shown.Bounds().Size()
	if max(size.X, size.Y) != side || min(size.X, size.Y) < leastMetricSide {
		return nil
	}
	fmt.Fprintf(b.progress, "%s, %dx%d\n", from.name, size.X, size.Y)
	p := &picture{Name: from.name, Width: size.X, Height: size.Y, Samples: map[string]sample{}}
	if p.view, err = newView(shown); err != nil {
		return err
	}
	var stored bytes.Buffer
	// What decodes fastest hides the time of the encoder least.
	if err := (&png.Encoder{CompressionLevel: png.NoCompression}).Encode(&stored, shown); err != nil {
		return err
	}
	if p.id, err = b.store(stored.Bytes(), anyType); err != nil {
		return err
	}
	if len(s.Pictures) == 0 {
		// What codecs do once, at their first use, is nobody's.
		for _, e := range sweepDefaults {
			warm, err := b.store(append(stored.Bytes(), 0), anyType)
			if err != nil {
				return err
			}
			if _, _, err := b.timed(warm, e.chain(), e.mediaType()); err != nil {
				return err
			}
		}
	}
	if p.fixed, err = b.fixedTime(p.id); err != nil {
		return err
	}
	if err := p.measure(ctx, b); err != nil {
		return err
	}
	s.Pictures = append(s.Pictures, p)
	return nil
}

// measure makes every encoding of a picture, one after the other, and then judges them.
func (p *picture) measure(ctx context.Context, b *bench) error {
	encodings := sweepEncodings()
	prints := make([][]byte, len(encodings))
	samples := make([]sample, len(encodings))
	for i, e := range encodings {
		if err := ctx.Err(); err != nil {
			return err
		}
		body, took, err := b.timed(p.id, e.chain(), e.mediaType())
		if err != nil {
			return fmt.Errorf("%s: %w", e.chain(), err)
		}
		prints[i] = body
		samples[i] = sample{Bytes: len(body), Nanoseconds: float64(took-p.fixed) / p.pixels()}
	}
	for _, e := range sweepDefaults {
		byItself, err := fetch(b.address, target{downloadPath + p.id + encoding{Format: e.Format}.chain(), e.mediaType(), anyLength})
		if err != nil {
			return err
		}
		if i := slices.Index(encodings, e); !bytes.Equal(byItself, prints[i]) {
			return fmt.Errorf("%s is not the default of %s any more: sweepDefaults is to name what is", e.chain(), e.Format)
		}
	}
	if err := b.judgeAll(p, prints, samples); err != nil {
		return err
	}
	for i, e := range encodings {
		p.Samples[e.chain()] = samples[i]
	}
	return nil
}

// judgeAll sets the scores of the samples, as many at once as there are cores.
func (b *bench) judgeAll(p *picture, prints [][]byte, samples []sample) error {
	errs := make([]error, len(prints))
	var next atomic.Int64
	var judges sync.WaitGroup
	for range runtime.NumCPU() {
		judges.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(prints); i = int(next.Add(1)) - 1 {
				samples[i].Score, errs[i] = b.judge(p, prints[i])
			}
		})
	}
	judges.Wait()
	return errors.Join(errs...)
}

// judge returns the score of a print of p, as the server itself decodes it.
func (b *bench) judge(p *picture, print []byte) (float64, error) {
	id, err := b.store(print, anyType)
	if err != nil {
		return 0, err
	}
	shown, err := b.picture(id)
	if err != nil {
		return 0, err
	}
	if size := shown.Bounds().Size(); size != image.Pt(p.Width, p.Height) {
		return 0, fmt.Errorf("a print of %dx%d has %v", p.Width, p.Height, size)
	}
	v, err := newView(shown)
	if err != nil {
		return 0, err
	}
	return likeness(p.view, v), nil
}

// fixedTime returns the CPU time of a print of one pixel at the end of an original, which cannot be had without all before it: the least
// of three.
func (b *bench) fixedTime(id string) (least time.Duration, err error) {
	for i := range 3 {
		_, took, err := b.timed(id, fmt.Sprintf("/crop:-%d,-1,1,1.jpg", i+1), "image/jpeg")
		if err != nil {
			return 0, err
		}
		if i == 0 || took < least {
			least = took
		}
	}
	return least, nil
}

// timed returns a print and the CPU time that the server needed for it.
func (b *bench) timed(id, chain, contentType string) ([]byte, time.Duration, error) {
	before, err := processClock(b.pid)
	if err != nil {
		return nil, 0, err
	}
	body, err := fetch(b.address, target{downloadPath + id + chain, contentType, anyLength})
	if err != nil {
		return nil, 0, err
	}
	after, err := processClock(b.pid)
	return body, after - before, err
}

// picture returns the pixels of a print, whose path, without an extension, is given from the id on.
func (b *bench) picture(path string) (image.Image, error) {
	body, err := fetch(b.address, target{downloadPath + path + "/effort:1.png", "image/png", anyLength})
	if err != nil {
		return nil, err
	}
	return png.Decode(bytes.NewReader(body))
}
