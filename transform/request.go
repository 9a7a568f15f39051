package transform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/davidbyttow/govips/v2/vips"
)

// A request is work for whoever has libvips: another process, or this one. It crosses the border between the two as JSON.
type request struct {
	Work     work
	Original Original
	Chain    string     `json:",omitempty"` // for a print: canonical, with a concrete format
	Layers   []Original `json:",omitempty"` // the images that the chain names beside the original
	Limits   Limits
}

type work string

const (
	workOpen  work = "open"  // look whether the decoder takes the original for what its header says
	workPrint work = "print" // make a print
	workLook  work = "look"  // make a print, and tell what it looks like in place of it
)

// A reply tells what became of a request. A print itself goes to a file.
type reply struct {
	Error  string `json:",omitempty"` // what libvips says, for the log; empty if all went well
	Reason string `json:",omitempty"` // which of reasons the error is, if it is one
	Bytes  int64  // of the print
	Frames int    // of the print
	Notes  []note `json:",omitempty"`

	Found *Original `json:",omitempty"` // what the decoder says of an original whose size nobody knew
}

// reasons are why a print that depends on what is in the picture turns out to be impossible.
var reasons = map[string]error{"outside": ErrOutside, "large": ErrTooLarge}

// refusal returns the error that is no fault of the original's; it is nil if there is none.
func (r reply) refusal() error {
	if known, ok := reasons[r.Reason]; ok {
		return fmt.Errorf("%w%s", known, strings.TrimPrefix(clip(r.Error), known.Error()))
	}
	return nil
}

// failed is the reply for an error.
func failed(err error) reply {
	for name, known := range reasons {
		if errors.Is(err, known) {
			return reply{Error: err.Error(), Reason: name}
		}
	}
	return reply{Error: err.Error()}
}

// perform does the work on the original in file, from its start, with the images that the chain names, and writes a print to out. It stops when ctx ends, as soon as
// libvips lets it.
func (r request) perform(ctx context.Context, file *os.File, layers []*os.File, out io.Writer) reply {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return reply{Error: err.Error()}
	}
	forgetErrors()
	var result reply
	var err error
	switch r.Work {
	case workOpen:
		result.Found, err = openHeader(file, r.Original)
	case workPrint, workLook:
		result, err = r.print(ctx, file, layers, out)
	default:
		err = fmt.Errorf("there is no work called %q", r.Work)
	}
	if err != nil {
		return failed(err)
	}
	return result
}

// openHeader lets libvips read the header and compares what the two readers of headers have seen. Decoders in Go have no second reader. Of an
// original of unknown size it returns what libvips has seen.
func openHeader(file *os.File, original Original) (*Original, error) {
	if decoderInGo(original.Format) != nil {
		return nil, nil
	}
	picture, err := load(file, original.Format, 1, 0, 1)
	if err != nil {
		return nil, err
	}
	defer picture.Close()
	got := Size{picture.Width(), picture.Height()}
	if original.Size == (Size{}) {
		found := &Original{Size: got, Depth: 8, Alpha: picture.HasAlpha()}
		if picture.BandFormat() != vips.BandFormatUchar {
			found.Depth = 16
		}
		return found, nil
	}
	if got != original.Size {
		return nil, fmt.Errorf("its header says %s, its data %s", original.Size, got)
	}
	return nil, nil
}

func (r request) print(ctx context.Context, file *os.File, layers []*os.File, out io.Writer) (reply, error) {
	target, err := Parse(r.Chain)
	if err != nil {
		return reply{}, err
	}
	plan, err := NewPlan(target.Chain, r.Original, r.Limits, r.Layers...)
	if err != nil {
		return reply{}, err
	}
	j := job{plan: plan, look: r.Work == workLook, layers: layers}
	stop := context.AfterFunc(ctx, j.kill)
	defer stop()
	counted := &countingWriter{out: out}
	frames, err := j.run(file, counted)
	return reply{Bytes: counted.n, Frames: frames, Notes: j.notes}, err
}

// printRequest asks for the print of a plan.
func printRequest(p *Plan, limits Limits) request {
	return request{Work: workPrint, Original: p.Original, Layers: p.layers, Chain: Target{ID: "original", Chain: p.chain}.String(), Limits: limits}
}

type countingWriter struct {
	out io.Writer
	n   int64
}

func (w *countingWriter) Write(data []byte) (int, error) {
	n, err := w.out.Write(data)
	w.n += int64(n)
	return n, err
}
