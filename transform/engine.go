package transform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/davidbyttow/govips/v2/vips"

	"calotype/transform/admission"
	"calotype/transform/sniff"
	"calotype/transform/worker"
)

// Options configure an Engine.
type Options struct {
	// Workers is the number of prints made at once; 0 means one for each core.
	Workers int
	// Deadline is how long a print may take, waiting included, and how much processor time; 0 means 10 seconds.
	Deadline time.Duration
	// Waiting is how many prints may wait for a worker; 0 means 10,000.
	Waiting int
	// Wait is the longest time that a print may be predicted to wait for a worker; 0 means 5 seconds.
	Wait time.Duration
	// Memory is what all prints that are being made may need together, in bytes; 0 means 1 GiB.
	Memory int64
	// Spare is how many processes there are beyond Workers; LeastSpare is the least.
	Spare int
	// JobsPerWorker is how many prints a worker process makes before it is replaced; 0 means 1,000.
	JobsPerWorker int
	Limits        Limits
	// Formats are the names of those formats that are read although they are off otherwise, see Format.Off.
	Formats []string
	// InProcess has libvips run in this process, for measuring what isolation costs. Then a decoder that crashes takes the
	// process with it, and one that hangs cannot be stopped.
	InProcess bool
	// Observe is told of every job that has ended; nil means nobody is. It is called concurrently.
	Observe func(Observation)
	// Log is told of what an operator should know; nil means nobody is.
	Log func(message string, err error)
}

// An Engine makes prints by libvips: it decides which one is made when, has it made by a worker process, and looks whether it came
// out as it was planned. Its methods may be called concurrently.
type Engine struct {
	options  Options
	queue    *admission.Queue
	runner   runner
	sandbox  worker.Sandbox
	can      []Capability
	poisoned quarantine
	trust    trust
}

// A Job is a print to be made.
type Job struct {
	// Open returns the original, which is read from its start and closed. It is called when there is a worker for it.
	Open func(context.Context) (*os.File, error)
	// OpenLayer returns one of Chain.Images, in the same way. It may be nil if there is none.
	OpenLayer func(ctx context.Context, index int) (*os.File, error)
	Plan      *Plan
	Look      bool // make a Sketch of the print in place of it
	Patient   bool // nobody waits for it: all others go first, and have the processor
	Asker
}

// open opens the original and then the layers. What is returned must be closed, also beside an error.
func (j Job) open(ctx context.Context) (files []*os.File, err error) {
	file, err := j.Open(ctx)
	if err != nil {
		return nil, err
	}
	files = append(files, file)
	for i := range j.Plan.layers {
		if file, err = j.OpenLayer(ctx, i); err != nil {
			return files, err
		}
		files = append(files, file)
	}
	return files, nil
}

func closeFiles(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// An Asker is on whose account work is done. No one may hold the whole engine.
type Asker struct {
	Original string   // names the content of the original, and nothing else; "" if it is not known
	Layers   []string // the same of the images that the chain names
	Client   string   // "" for whom is not to be held to a share
}

// A Rendition is a finished print.
type Rendition struct {
	Body   []byte // shared by all who ask for it; must not be changed
	Format *Format
	Size   Size // of one frame
	Frames int
	Notes  []string // what became of something that the plan does not know of, in words

	Waited, Ran time.Duration // for a worker, and how long that took
}

var startVips = sync.OnceValue(func() error {
	// GLib ends the process behind an error of its own, and what it says then tells too little memory from a crash.
	vips.LoggingSettings(func(_ string, level vips.LogLevel, message string) {
		if level&vips.LogLevelError != 0 {
			fmt.Fprintln(os.Stderr, message)
		}
	}, vips.LogLevelCritical)
	// One thread a job: as many jobs run as there are cores, and the bytes of a print must not depend on the number of
	// cores. Nothing is asked twice of libvips, so its caches of operations would only hold memory.
	if err := vips.Startup(&vips.Config{ConcurrencyLevel: 1}); err != nil {
		return fmt.Errorf("libvips does not start: %w", err)
	}
	setUp()
	return nil
})

// WorkerMemory is what a worker process holds at most while it has nothing to do, in bytes: what a fresh one has that it does not
// share with the others, and what it may keep of a print for the next one. One that keeps more is replaced.
const (
	WorkerMemory = freshMemory + keptMemory
	freshMemory  = 24 << 20
	keptMemory   = 56 << 20 // above what C's heap keeps, see calotype_keep_memory
)

// spareMemory is what large jobs leave to small ones, unless that would be more than a sixth: some prints of a usual size.
const spareMemory = 128 << 20

// LeastSpare is the least number of processes beyond Options.Workers: one for a print that would otherwise wait for images that only
// looked cheap, and one to replace a process that dies, or to tell whether workers work at all. With MostSpare, prints hardly ever
// wait for a process even while hostile images end one after the other; more are of no use.
const (
	LeastSpare   = 2
	MostSpare    = 4
	extraWorkers = 1
)

// NewEngine starts the workers, and returns when the first is ready. The engine must be closed.
func NewEngine(o Options) (*Engine, error) {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	o.Spare = max(o.Spare, LeastSpare)
	if o.Deadline <= 0 {
		o.Deadline = 10 * time.Second
	}
	if o.Wait <= 0 {
		o.Wait = 5 * time.Second
	}
	if o.Memory <= 0 {
		o.Memory = 1 << 30
	}
	if o.Observe == nil {
		o.Observe = func(Observation) {}
	}
	if o.Log == nil {
		o.Log = func(string, error) {}
	}
	for _, name := range o.Formats {
		if f := FormatNamed(name); f == nil || !f.Off {
			return nil, fmt.Errorf("%q is no format that is off otherwise", name)
		}
	}
	e := &Engine{options: o, queue: admission.New(admission.Options{
		Slots: o.Workers, Extra: extraWorkers, Memory: o.Memory, Spare: min(o.Memory/6, spareMemory), Waiting: o.Waiting, Wait: o.Wait,
	})}
	if o.InProcess {
		if err := startVips(); err != nil {
			return nil, err
		}
		allow(o.Formats)
		e.runner, e.can = inProcess{}, capabilities()
		e.sandbox.Missing = []string{"isolation (switched off)"}
		return e, nil
	}
	var said hello
	pool, first, err := worker.NewPool(worker.Options{
		Size: o.Workers + extraWorkers, Spare: o.Spare - extraWorkers, Jobs: o.JobsPerWorker, Memory: max(o.Memory, canaryMemory), Keep: keptMemory, Log: o.Log,
		Setup: strings.Join(o.Formats, " "), Accept: welcome,
	})
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(first.Hello, &said); err != nil {
		return nil, err
	}
	e.runner, e.sandbox, e.can = isolated{pool}, first.Sandbox, said.Capabilities
	return e, nil
}

// Close ends the workers. Prints that are being made fail with ErrBusy.
func (e *Engine) Close() { e.runner.close() }

// Drain refuses all prints from now on, with ErrStopping, but for those that are being made or wait.
func (e *Engine) Drain() { e.queue.Drain() }

// Limits returns the limits that plans for this engine must keep.
func (e *Engine) Limits() Limits { return e.options.Limits }

// Sandbox tells what locks the workers in.
func (e *Engine) Sandbox() worker.Sandbox { return e.sandbox }

// Capabilities returns what the linked libvips can read and write. The list must not be changed.
func (e *Engine) Capabilities() []Capability { return e.can }

// Recognized is how many bytes of a file tell whether it may be an image.
const Recognized = sniff.Sniffed

// Recognize returns the error of Inspect for a file that begins with head, Recognized bytes or all that it has, if that tells that it is no image or of
// a format that is not read.
func (e *Engine) Recognize(head []byte) error {
	format, err := sniff.Identify(head)
	if err != nil {
		err = errNoImage
	}
	return e.mayRead(string(format), err)
}

// mayRead is err, or, if there is none, what is wrong with a format.
func (e *Engine) mayRead(format string, err error) error {
	switch {
	case errors.Is(err, ErrUnsupported) && !errors.Is(err, sniff.ErrKind):
		return fmt.Errorf("%w: what is read is %s", err, e.readable())
	case err == nil && !e.reads(format):
		return fmt.Errorf("%w: this is %s, and what is read is %s", ErrUnsupported, format, e.readable())
	}
	return err
}

// Inspect tells what the image in file is, by its content alone. The error is ErrUnsupported for what is no image or of a format
// that is not read, ErrBroken for what cannot be decoded, ErrTooLarge for an image over the limits, ErrBusy or ErrStopping.
func (e *Engine) Inspect(ctx context.Context, file *os.File, asker Asker) (Original, error) {
	info, err := file.Stat()
	if err != nil {
		return Original{}, err
	}
	original, err := inspect(file, info.Size(), e.options.Limits)
	if err = e.mayRead(original.Format, err); err != nil {
		return Original{}, err
	}
	t := task{request: request{Work: workOpen, Original: original}, file: file}
	done, err := e.do(ctx, t, openCost, asker)
	if err != nil {
		return Original{}, err
	}
	return original.measured(done.reply.Found, e.options.Limits)
}

// Render makes a print. It waits for a worker, if that is not predicted to take too long. Errors are ErrBusy, which includes
// that the deadline passed; ErrStopping; ErrExpensive for a print that takes more processor time than the deadline allows;
// ErrTooLarge for one that needs more memory than there is; ErrBroken for an original that libvips cannot decode, or does not
// survive; ErrUnwritten; or the cause of ctx.
func (e *Engine) Render(ctx context.Context, job Job) (*Rendition, error) {
	plan := job.Plan
	if from := plan.Original.Format; !e.reads(from) {
		return nil, fmt.Errorf("%w: the original is %s, and what is read is %s", ErrUnsupported, from, e.readable())
	}
	if !e.writes(plan.Format) {
		return nil, fmt.Errorf("%w: the libvips of this server has no %s", ErrUnwritten, plan.Format.Name)
	}
	if plan.Format == avif && plan.Encoding.Lossless && !exactAVIF {
		return nil, fmt.Errorf("%w: the libvips of this server has no lossless avif, which takes 8.18", ErrUnwritten)
	}
	t := task{request: printRequest(plan, e.options.Limits), open: job.open, plan: plan}
	if job.Look {
		t.request.Work = workLook
	}
	t.suspect = job.Patient
	done, err := e.do(ctx, t, plan.Cost(), job.Asker)
	if err != nil {
		return nil, err
	}
	return &Rendition{Body: done.body, Format: plan.Format, Size: done.size, Frames: done.reply.Frames, Notes: textOf(done.reply.Notes), Waited: done.waited, Ran: done.ran}, nil
}
