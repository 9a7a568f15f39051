package transform

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"calotype/transform/sniff"
	"calotype/transform/worker"
)

// A task is a request with all that goes with it.
type task struct {
	request request
	open    func(context.Context) ([]*os.File, error) // makes file and layers, if that is nil
	file    *os.File                                  // the original, read from its start
	layers  []*os.File                                // the images that the chain names
	plan    *Plan                                     // of a print, which must come out as planned; nil for other work
	memory  int64                                     // in bytes, that it may use
	cpu     time.Duration                             // of processor time, that it may use
	suspect bool                                      // leaves a worker to others
	yield   bool                                      // leaves the processor to others
	confine bool                                      // keeps to one processor
}

// A runner has tasks done. Its methods may be called concurrently.
type runner interface {
	// run returns a print that was checked. The error is one of package worker's, or the cause of ctx, or errRefused for what
	// libvips could not do.
	run(ctx context.Context, t task) (result, error)
	stats() worker.Stats
	close()
}

// errRefused says that libvips, though sound, could not do what it was asked for.
var errRefused = errors.New("libvips refuses")

// A result is what came of a request.
type result struct {
	reply  reply
	body   []byte // of a print
	size   Size   // of a print
	report worker.Report

	waited, ran time.Duration
}

// inProcess does requests in the server's own process: no border to cross, and none that a decoder could not cross either.
type inProcess struct{}

func (inProcess) run(ctx context.Context, t task) (result, error) {
	var out bytes.Buffer
	answer := t.request.perform(ctx, t.file, t.layers, &out)
	done := result{reply: answer, body: out.Bytes()}
	if refused := answer.refusal(); refused != nil {
		return done, refused
	}
	if answer.Error != "" {
		if ctx.Err() != nil {
			return done, context.Cause(ctx)
		}
		return done, fmt.Errorf("%w: %s", errRefused, answer.Error)
	}
	var err error
	done.size, err = t.check(done)
	return done, err
}

func (inProcess) stats() worker.Stats { return worker.Stats{} }
func (inProcess) close()              {}

// isolated has requests done by worker processes.
type isolated struct{ pool *worker.Pool }

func (i isolated) run(ctx context.Context, t task) (result, error) {
	encoded, err := json.Marshal(t.request)
	if err != nil {
		return result{}, err
	}
	files := []*os.File{t.file}
	if t.plan != nil {
		out, err := worker.NewMemory("print")
		if err != nil {
			return result{}, err
		}
		defer out.Close()
		files = append(append(files, out), t.layers...)
	}
	var done result
	var refused error
	accept := func(answer []byte) error {
		if err := json.Unmarshal(answer, &done.reply); err != nil {
			return fmt.Errorf("%w: %w", worker.ErrGarbled, err)
		}
		if refused = done.reply.refusal(); refused != nil {
			return nil // which is no fault of the decoder's
		}
		if done.reply.Error != "" {
			return fmt.Errorf("%w: %s", errRefused, clip(done.reply.Error))
		}
		if t.plan != nil {
			if done.body, err = fetch(files[1], done.reply.Bytes, t.memory); err != nil {
				return err
			}
		}
		done.size, err = t.check(done)
		return err
	}
	_, done.report, err = i.pool.Do(ctx, worker.Job{Request: encoded, Files: files, Memory: t.memory, CPU: t.cpu, Patient: t.suspect, Yielding: t.yield, Confined: t.confine, Accept: accept})
	if err == nil {
		err = refused
	}
	return done, err
}

// check looks whether the bytes that came back are the print that was planned: a worker may have been taken over. It returns the size
// of the print.
func (t task) check(done result) (Size, error) {
	if t.plan == nil {
		return Size{}, nil
	}
	for _, n := range done.reply.Notes {
		if notes[n] == "" {
			return Size{}, fmt.Errorf("%w: an unknown note", worker.ErrGarbled)
		}
	}
	if t.request.Work == workLook {
		_, err := readSketch(done.body)
		return t.plan.Size, err
	}
	made, err := inspect(bytes.NewReader(done.body), int64(len(done.body)), Limits{})
	if err != nil {
		return Size{}, fmt.Errorf("%w: the print cannot be read: %w", worker.ErrGarbled, err)
	}
	if made.Format == jxl.Name {
		if made.Size.Width, made.Size.Height, err = sniff.SizeOfJXL(bytes.NewReader(done.body), int64(len(done.body))); err != nil {
			return Size{}, fmt.Errorf("%w: the print cannot be read: %w", worker.ErrGarbled, err)
		}
	}
	fits := made.Size == t.plan.Size
	if t.plan.Open {
		fits = t.plan.fits(made.Size) == nil && t.request.Limits.check("the print", made.Size, done.reply.Frames) == nil
	}
	switch frames := done.reply.Frames; {
	case made.Format != t.plan.Format.Name || !fits:
		return Size{}, fmt.Errorf("%w: the print is %s %s and was to be %s %s", worker.ErrGarbled, made.Format, made.Size, t.plan.Format.Name, t.plan.Size)
	case frames < 1 || frames > t.plan.Frames || made.Frames > frames:
		return Size{}, fmt.Errorf("%w: the print has %d frames, or %d, of %d", worker.ErrGarbled, made.Frames, frames, t.plan.Frames)
	}
	return made.Size, nil
}

// fetch copies a print out of the file that a worker has written, so that nobody can change it any more.
func fetch(file *os.File, length, most int64) ([]byte, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if length <= 0 || length > most || length > info.Size() {
		return nil, fmt.Errorf("%w: a print of %d bytes, where %d were written", worker.ErrGarbled, length, info.Size())
	}
	body := make([]byte, length)
	if _, err := file.ReadAt(body, 0); err != nil {
		return nil, fmt.Errorf("%w: %w", worker.ErrGarbled, err)
	}
	return body, nil
}

func (i isolated) stats() worker.Stats { return i.pool.Stats() }
func (i isolated) close()              { i.pool.Close() }
