package transform

import (
	"bytes"
	"context"
	stdembed "embed"
	"fmt"
	goimage "image"
	"image/color"
	stdpng "image/png"
	"slices"
	"time"

	"calotype/transform/worker"
)

// canarySize is large enough for every codec, and for the picture to be known again.
const canarySize = 16

// canaryMemory is what a canary may use.
const canaryMemory = 128 << 20

// canaries are small originals of the formats that are only read, each named after its format.
//
//go:embed canaries
var canaries stdembed.FS

// tryFormats has a small picture written in every format, and read again, as far as the libvips at hand can. Of a format that is only
// read, a stored picture is read.
func tryFormats(ctx context.Context, r runner, can []Capability) error {
	picture := goimage.NewNRGBA(goimage.Rect(0, 0, canarySize, canarySize))
	for i := range canarySize * canarySize {
		x, y := i%canarySize, i/canarySize
		picture.SetNRGBA(x, y, color.NRGBA{R: uint8(16 * x), G: uint8(16 * y), B: 99, A: 255})
	}
	var encoded bytes.Buffer
	if err := stdpng.Encode(&encoded, picture); err != nil {
		return err
	}
	for _, c := range can {
		var body []byte
		var err error
		switch {
		case c.Write:
			body, err = try(ctx, r, encoded.Bytes(), "png", FormatNamed(c.Format))
		case c.Read:
			body, err = canaries.ReadFile("canaries/canary." + c.Format)
		}
		if err == nil && c.Read {
			_, err = try(ctx, r, body, c.Format, png)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c.Format, err)
		}
	}
	return nil
}

// ready are those of the formats whose codecs need no time to get ready. The others, which need nothing of their surroundings, are tried
// by nobody but their originals: a worker should not hold what none of its prints may need.
func ready(can []Capability) []Capability {
	return slices.DeleteFunc(slices.Clone(can), func(c Capability) bool { return FormatNamed(c.Format).cost.start > 0 })
}

// try makes a print, in format to, of the picture in data.
func try(ctx context.Context, r runner, data []byte, from string, to *Format) ([]byte, error) {
	file, err := worker.NewMemory("canary")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if _, err := file.Write(data); err != nil {
		return nil, err
	}
	original, err := inspect(file, int64(len(data)), Limits{})
	if err != nil {
		return nil, err
	}
	if original.Format != from {
		return nil, fmt.Errorf("%w: a %s where %s was written", worker.ErrGarbled, original.Format, from)
	}
	if original.Size == (Size{}) {
		done, err := r.run(ctx, task{request: request{Work: workOpen, Original: original}, file: file, memory: canaryMemory, cpu: 5 * time.Second})
		if err != nil {
			return nil, err
		}
		if original, err = original.measured(done.reply.Found, Limits{}); err != nil {
			return nil, err
		}
	}
	chain := Chain{Format: to}
	if to.Takes(effort) {
		chain.settings[effort.index()] = Value{Set: true} // 0: a new worker is waited for
	}
	plan, err := NewPlan(chain, original, Limits{})
	if err != nil {
		return nil, err
	}
	done, err := r.run(ctx, task{request: printRequest(plan, Limits{}), file: file, plan: plan, memory: canaryMemory, cpu: 5 * time.Second})
	return done.body, err
}
