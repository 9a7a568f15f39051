package transform

// #include "vips.h"
import "C"

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/davidbyttow/govips/v2/vips"
)

// A job makes one print.
type job struct {
	plan   *Plan
	look   bool       // a Sketch is made of the print, and nothing else
	layers []*os.File // the images that the chain names beside the original

	colors    colors   // in which the print is made
	converted bool     // other colors were those of the original
	gain      *gainMap // of the print, as far as the steps have gone; nil if it has none
	notes     []note

	mutex   sync.Mutex
	killed  bool
	current *C.VipsImage // the image whose pixels are being computed; not owned
}

var errKilled = errors.New("stopped")

// kill stops the computation of pixels at its next area. It may be called from any goroutine.
func (j *job) kill() {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	j.killed = true
	if j.current != nil {
		C.vips_image_set_kill(j.current, 1)
	}
}

// compute runs work, which computes the pixels of picture, such that kill stops it.
func (j *job) compute(picture *vips.ImageRef, work func() error) error {
	j.mutex.Lock()
	if j.killed {
		j.mutex.Unlock()
		return errKilled
	}
	j.current = image(picture)
	// The reference keeps the image alive for kill, whatever work puts in its place.
	C.g_object_ref(C.gpointer(j.current))
	j.mutex.Unlock()

	err := work()

	j.mutex.Lock()
	C.g_object_unref(C.gpointer(j.current))
	j.current = nil
	j.mutex.Unlock()
	return err
}

// run loads, does the steps and writes the print to out. It returns the number of frames.
func (j *job) run(file *os.File, out io.Writer) (frames int, err error) {
	p := j.plan
	j.gain = j.findGainMap(file)
	defer func() { j.dropGainMap() }()
	picture, err := load(file, p.Original.Format, p.Shrink, p.Page, p.loaded())
	if err != nil {
		return 0, err
	}
	defer picture.Close()
	height, err := frameHeight(picture, p)
	if err != nil {
		return 0, err
	}
	count := 1
	if p.Frames > 1 {
		count = picture.Height() / height
	}
	if count == 1 {
		if err := j.still(picture, height); err != nil {
			return 0, err
		}
		return 1, j.finish(file, picture, 1, out)
	}

	if err := j.compute(picture, func() error { return toMemory(picture) }); err != nil {
		return 0, err
	}
	list, err := splitFrames(picture, height)
	if err != nil {
		return 0, err
	}
	defer closeAll(list)
	if err := j.steps(list, true); err != nil {
		return 0, err
	}
	column, err := joinFrames(list)
	if err != nil {
		return 0, err
	}
	defer column.Close()
	return len(list), j.finish(file, column, len(list), out)
}

// still does the steps on the only frame of a picture that is loaded.
func (j *job) still(picture *vips.ImageRef, height int) error {
	if j.plan.Original.Frames > 1 {
		// Else operations would take the still for the column of all frames.
		if err := toStill(picture, height); err != nil {
			return err
		}
	}
	return j.steps([]*vips.ImageRef{picture}, false)
}

// layer returns an image that the chain names, made by a plan of its own, in memory.
func (j *job) layer(index int, plan *Plan) (*vips.ImageRef, error) {
	if index >= len(j.layers) {
		return nil, errors.New("an image that the chain names was not handed over")
	}
	file := j.layers[index]
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	picture, err := load(file, plan.Original.Format, plan.Shrink, 0, 1)
	if err != nil {
		return nil, err
	}
	height, err := frameHeight(picture, plan)
	if err == nil {
		own := *plan
		if j.colors == inDisplayP3 || j.colors == stayingInP3 {
			own.Encoding.ICC = "p3" // so that it loses none of its colors on the way
		}
		part := &job{plan: &own}
		if err = part.still(picture, height); err == nil {
			err = j.compute(picture, func() error { return toMemory(picture) })
		}
	}
	if err != nil {
		picture.Close()
		return nil, err
	}
	return picture, nil
}

// loaded is how many frames are asked of the decoder; below 0 are all that there are, which may be fewer than the header says.
func (p *Plan) loaded() int {
	if p.Frames > 1 && p.Frames == p.Original.Frames {
		return -1
	}
	return p.Frames
}

// frameHeight returns the height of a frame of the picture as loaded, and an error if it is not the one that was planned
// for.
func frameHeight(picture *vips.ImageRef, p *Plan) (int, error) {
	want := p.Original.Size.shrunk(p.Shrink)
	loaded := picture.Height()
	if p.Frames > 1 {
		loaded = picture.PageHeight()
	}
	if got := (Size{picture.Width(), loaded}); got != want {
		return 0, fmt.Errorf("the picture is %s where %s was expected", got, want)
	}
	return want.Height, nil
}

// steps does the steps of the plan on every frame. Geometry that stands at the head is done in the colors of the original,
// so that the conversion has fewer pixels to do.
func (j *job) steps(frames []*vips.ImageRef, inMemory bool) error {
	working := false
	toWork := func() error {
		working = true
		j.colors = chooseColors(frames[0], j.plan.Encoding.ICC, j.plan.Format)
		j.converted = converts(frames[0], j.colors)
		return each(frames, func(frame *vips.ImageRef) error {
			return toWorking(frame, j.plan.Deep, j.colors)
		})
	}
	for i := 0; i < len(j.plan.Steps); i++ {
		step := j.plan.Steps[i]
		if _, colored := step.(coloredStep); colored && !working {
			if err := toWork(); err != nil {
				return err
			}
		}
		laying, lays := step.(layingStep)
		if _, random := step.(randomStep); (random || lays && laying.mixes()) && !inMemory {
			inMemory = true
			frame := frames[0] // an animation is in memory from the start
			if err := j.compute(frame, func() error { return toMemory(frame) }); err != nil {
				return err
			}
		}
		if deciding, ok := step.(decidingStep); ok {
			decided, err := deciding.decide(frames[0])
			if err != nil {
				return fmt.Errorf("%s: %w", step, err)
			}
			if _, open := step.(trimming); open {
				if j.plan, err = j.plan.after(i, decided.Size(Size{})); err != nil {
					return err
				}
			}
			step = decided
		}
		if lays {
			ready, err := laying.fetch(j, frames[0])
			if err != nil {
				return fmt.Errorf("%s: %w", step, err)
			}
			defer ready.stamp.Close() // what is computed later holds it, too
			step = ready
		}
		if j.gain != nil && !j.gain.follow(step, Size{frames[0].Width(), frames[0].Height()}) {
			j.dropGainMap()
			j.notes = append(j.notes, notedNoGainMap)
		}
		if err := each(frames, step.(directStep).Run); err != nil {
			return fmt.Errorf("%s: %w", step, err)
		}
	}
	if !working {
		return toWork()
	}
	return nil
}

func (j *job) dropGainMap() {
	if j.gain != nil {
		j.gain.picture.Close()
		j.gain = nil
	}
}

func each(frames []*vips.ImageRef, do func(*vips.ImageRef) error) error {
	for _, f := range frames {
		if err := do(f); err != nil {
			return err
		}
	}
	return nil
}

// finish encodes the picture, which was made of the original in file.
func (j *job) finish(file *os.File, picture *vips.ImageRef, frames int, out io.Writer) error {
	p := j.plan
	if !p.Format.Alpha && picture.HasAlpha() {
		if err := layOn(picture, white); err != nil {
			return err
		}
	}
	if p.Encoding.ICC == "p3" && picture.Bands() >= 3 && !carriesProfile(picture) {
		if err := toWorking(picture, p.Deep, inDisplayP3); err != nil {
			return err
		}
	}
	if carriesProfile(picture) {
		j.notes = append(j.notes, j.colors.note())
	}
	if got := (Size{picture.Width(), picture.Height() / frames}); got != p.Size {
		return fmt.Errorf("the print is %s where %s was planned", got, p.Size)
	}
	if j.look {
		return j.compute(picture, func() error { return writeSketch(picture, p.Size, out) })
	}
	if j.gain != nil {
		if err := j.gain.encode(p.Encoding); err != nil {
			return err
		}
		j.notes = append(j.notes, notedGainMap)
		p.Encoding.gain = &j.gain.GainMap
	}
	return j.compute(picture, func() error {
		used, err := save(picture, p.Format, p.Encoding, func() []byte { return j.ownPixels(file) }, out)
		if used {
			j.notes = append(j.notes, notedOwnPixels)
		}
		return err
	})
}
