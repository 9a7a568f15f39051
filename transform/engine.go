package transform

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/davidbyttow/govips/v2/vips"

	"calotype/transform/sniff"
)

// Options configure an Engine.
type Options struct {
	// Workers is the number of prints made at once; 0 means one for each core.
	Workers int
	// Deadline is how long a print may take, waiting included; 0 means 10 seconds.
	Deadline time.Duration
	Limits   Limits
}

// An Engine makes prints by libvips, a bounded number at once. Its methods may be called concurrently.
type Engine struct {
	options Options
	slots   chan struct{}
}

// A Rendition is a finished print.
type Rendition struct {
	Body   []byte // shared by all who ask for it; must not be changed
	Format *Format
	Size   Size // of one frame
	Frames int
}

var startVips = sync.OnceValue(func() error {
	vips.LoggingSettings(func(string, vips.LogLevel, string) {}, vips.LogLevelError)
	// One thread a job: as many jobs run as there are cores, and the bytes of a print must not depend on the number of
	// cores. Nothing is asked twice of libvips, so its caches of operations would only hold memory.
	if err := vips.Startup(&vips.Config{ConcurrencyLevel: 1}); err != nil {
		return err
	}
	setUp()
	return nil
})

// NewEngine starts libvips, once for the process.
func NewEngine(o Options) (*Engine, error) {
	if err := startVips(); err != nil {
		return nil, fmt.Errorf("libvips does not start: %w", err)
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Deadline <= 0 {
		o.Deadline = 10 * time.Second
	}
	return &Engine{options: o, slots: make(chan struct{}, o.Workers)}, nil
}

// Limits returns the limits that plans for this engine must keep.
func (e *Engine) Limits() Limits { return e.options.Limits }

// Probe tells what the image in file is, by its content alone. The error is ErrUnsupported for what is no image or of a
// format that is not read, ErrBroken for a damaged header, ErrTooLarge for an image over the limits.
func (e *Engine) Probe(file *os.File) (Original, error) {
	info, err := file.Stat()
	if err != nil {
		return Original{}, err
	}
	header, err := sniff.Read(file, info.Size())
	switch {
	case errors.Is(err, sniff.ErrUnknown):
		return Original{}, fmt.Errorf("%w: the content is none of %s", ErrUnsupported, readableNames())
	case errors.Is(err, sniff.ErrBroken):
		return Original{}, fmt.Errorf("%w: %w", ErrBroken, err)
	case err != nil:
		return Original{}, err
	}
	original := Original{
		Format:      string(header.Format),
		Size:        Size{Width: header.Width, Height: header.Height},
		Orientation: header.Orientation,
		Frames:      max(1, header.Frames),
		Depth:       header.Depth,
		Alpha:       header.Alpha,
	}
	if !canRead(original.Format) {
		return Original{}, fmt.Errorf("%w: this is %s, and what is read is %s", ErrUnsupported, original.Format, readableNames())
	}
	if err := e.options.Limits.check("the image", original.Size, original.Frames); err != nil {
		return Original{}, err
	}
	// A decoder may have more to do than the picture shows: tiles that are cut away, a separate image of transparency.
	if most := e.options.Limits.Pixels; most > 0 && header.Pixels > most/int64(original.Frames) {
		return Original{}, fmt.Errorf("%w: the image decodes to %d pixels, %d frames, at most %d are taken", ErrTooLarge, header.Pixels, original.Frames, most)
	}
	if err := checkStructure(header); err != nil {
		return Original{}, err
	}
	if err := checkHeader(file, original); err != nil {
		return Original{}, err
	}
	return original, nil
}

// What the structure of a file may have. No camera or editor comes near, and each costs a decoder time or memory that the
// size of the picture does not show.
const (
	maxScans        = 100     // of a JPEG: each goes over the whole picture
	maxProfileBytes = 4 << 20 // of a color profile, as stored
	maxTextBytes    = 16 << 20
)

// checkStructure refuses files that are built to be expensive.
func checkStructure(h sniff.Header) error {
	switch {
	case h.Scans > maxScans:
		return fmt.Errorf("%w: the image has more than %d scans", ErrTooLarge, maxScans)
	case h.ICCBytes > maxProfileBytes:
		return fmt.Errorf("%w: the color profile has %d bytes, at most %d are taken", ErrTooLarge, h.ICCBytes, maxProfileBytes)
	case h.TextBytes > maxTextBytes:
		return fmt.Errorf("%w: the metadata has %d bytes, at most %d are taken", ErrTooLarge, h.TextBytes, maxTextBytes)
	}
	return nil
}

// checkHeader lets libvips open the image and compares what the two readers of headers have seen.
func checkHeader(file *os.File, original Original) error {
	if _, err := file.Seek(0, 0); err != nil {
		return err
	}
	picture, err := load(file, original.Format, 1, false)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	defer picture.Close()
	if got := (Size{picture.Width(), picture.Height()}); got != original.Size {
		return fmt.Errorf("%w: its header says %s, its data %s", ErrBroken, original.Size, got)
	}
	return nil
}

// Render makes the print that plan describes from the original in file, which is read from its start. It waits for a free
// worker and stops at the deadline or when ctx ends: both are ErrBusy, with the context's error. What libvips cannot do
// with the original is ErrBroken.
func (e *Engine) Render(ctx context.Context, file *os.File, plan *Plan) (*Rendition, error) {
	if !canWrite(plan.Format) {
		return nil, fmt.Errorf("%w: the libvips of this server writes no %s", ErrUnsupported, plan.Format.Name)
	}
	ctx, cancel := context.WithTimeout(ctx, e.options.Deadline)
	defer cancel()
	select {
	case e.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: no worker came free: %w", ErrBusy, context.Cause(ctx))
	}
	defer func() { <-e.slots }()

	j := job{plan: plan}
	stop := context.AfterFunc(ctx, j.kill)
	defer stop()
	rendition, err := j.run(file)
	if err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%w: the print took too long: %w", ErrBusy, context.Cause(ctx))
		}
		return nil, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	return rendition, nil
}
