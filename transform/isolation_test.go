package transform

import (
	"bytes"
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"calotype/transform/worker"
)

// own returns an engine of the test's own, and what it has observed.
func own(t testing.TB, o Options) (*Engine, func() []Observation) {
	t.Helper()
	var mutex sync.Mutex
	var seen []Observation
	o.Observe = func(s Observation) {
		mutex.Lock()
		defer mutex.Unlock()
		seen = append(seen, s)
	}
	o.Log = func(message string, err error) { t.Logf("%s: %v", message, err) }
	e, err := NewEngine(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e, func() []Observation {
		mutex.Lock()
		defer mutex.Unlock()
		return seen
	}
}

// order asks e for the print of data that path describes.
func order(t testing.TB, ctx context.Context, e *Engine, data []byte, path string, asker Asker) (*Rendition, error) {
	t.Helper()
	target, err := Parse(id + path)
	if err != nil {
		t.Fatal(err)
	}
	target.Chain = withExamples(t, target.Chain)
	original, err := inspect(bytes.NewReader(data), int64(len(data)), e.Limits())
	if err != nil {
		t.Fatal(err)
	}
	plan, err := NewPlan(target.Chain.Settle(original, ""), original, e.Limits(), layersOf(&target.Chain)...)
	if err != nil {
		t.Fatal(err)
	}
	return e.Render(ctx, Job{Open: opener(data), OpenLayer: openStamp, Plan: plan, Asker: asker})
}

// opener gives the original as the store does.
func opener(data []byte) func(context.Context) (*os.File, error) {
	return func(context.Context) (*os.File, error) {
		file, err := worker.NewMemory("original")
		if err != nil {
			return nil, err
		}
		_, err = file.Write(data)
		return file, err
	}
}

const slowChain = "/blur:250/resize:3000,up/blur:200.png"

func TestDeadlineStopsAPrint(t *testing.T) {
	original := encodePNG(t, photo(1000, 1000))
	for _, inProcess := range []bool{false, true} {
		e, _ := own(t, Options{Workers: 1, Deadline: 300 * time.Millisecond, InProcess: inProcess})
		start := time.Now()
		_, err := order(t, t.Context(), e, original, slowChain, Asker{})
		if !errors.Is(err, ErrBusy) && !errors.Is(err, ErrExpensive) {
			t.Errorf("in process %t: got %v", inProcess, err)
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("in process %t: stopped after %v", inProcess, took)
		}
	}
}

// A print that takes more than it may is refused at once when it is asked for again, and others of the original are not.
func TestExpensivePrintIsRemembered(t *testing.T) {
	original := encodePNG(t, photo(1000, 1000))
	e, seen := own(t, Options{Workers: 1, Deadline: 400 * time.Millisecond})
	asker := Asker{Original: "original"}
	for range 3 {
		if _, err := order(t, t.Context(), e, original, slowChain, asker); !errors.Is(err, ErrExpensive) {
			t.Skipf("the machine is too busy for this test: %v", err)
		}
	}
	if _, err := order(t, t.Context(), e, original, "/resize:100.png", asker); err != nil {
		t.Error(err)
	}
	var outcomes []Outcome
	for _, s := range seen() {
		outcomes = append(outcomes, s.Outcome)
	}
	if len(outcomes) != 4 || outcomes[0] != Expensive || outcomes[1] != Poisoned || outcomes[2] != Poisoned || outcomes[3] != Made {
		t.Errorf("outcomes: %v", outcomes)
	}
}

// A damaged original costs one worker, and not one for each request.
func TestPoisonIsRemembered(t *testing.T) {
	whole := encodeJPEG(t, photo(300, 200))
	broken := whole[:2000]
	e, seen := own(t, Options{Workers: 1})
	for i, path := range []string{"/resize:100.png", "/resize:101.webp", "/resize:102.jpg"} {
		if _, err := order(t, t.Context(), e, broken, path, Asker{Original: "broken"}); !errors.Is(err, ErrBroken) {
			t.Errorf("request %d: %v", i, err)
		}
	}
	if _, err := order(t, t.Context(), e, whole, "/resize:100.png", Asker{Original: "whole"}); err != nil {
		t.Error(err)
	}
	ran := 0
	for _, s := range seen() {
		if s.Ran > 0 && s.Outcome != Made {
			ran++
		}
	}
	if ended := e.Status().Workers.Ended[worker.EndedRefused]; ran != 1 || ended != 1 {
		t.Errorf("%d jobs ran, %d workers ended", ran, ended)
	}
}

func TestQuarantineIsBounded(t *testing.T) {
	var q quarantine
	reason := errors.New("reason")
	for i := range mostPoisoned + 500 {
		q.add(string(rune(i)), reason)
	}
	if q.len() > mostPoisoned {
		t.Errorf("%d entries", q.len())
	}
	if err := q.check("", string(rune(mostPoisoned+499))); err != reason {
		t.Errorf("the last is forgotten: %v", err)
	}
}

func TestNobodyWaitsForAPrint(t *testing.T) {
	e, seen := own(t, Options{Workers: 1, Deadline: time.Minute})
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(100*time.Millisecond, func() { cancel(gone) })
	if _, err := order(t, ctx, e, encodePNG(t, photo(1000, 1000)), slowChain, Asker{}); !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
	if s := seen(); len(s) != 1 || s[0].Outcome != Canceled {
		t.Errorf("observed %+v", s)
	}
}

// What a worker says is checked: a print of another size or format than planned is none.
func TestLiesAreFound(t *testing.T) {
	whole := mustRender(t, encodePNG(t, photo(40, 30)), ".png").Body
	plan := &Plan{Format: png, Size: Size{40, 30}, Frames: 1}
	for what, c := range map[string]struct {
		body   []byte
		frames int
		plan   Plan
		sound  bool
	}{
		"sound":          {whole, 1, *plan, true},
		"nothing":        {nil, 1, *plan, false},
		"half a header":  {whole[:20], 1, *plan, false},
		"another format": {whole, 1, Plan{Format: webp, Size: plan.Size, Frames: 1}, false},
		"another size":   {whole, 1, Plan{Format: png, Size: Size{41, 30}, Frames: 1}, false},
		"two frames":     {whole, 2, *plan, false},
		"no frame":       {whole, 0, *plan, false},
	} {
		_, err := task{plan: &c.plan}.check(result{body: c.body, reply: reply{Frames: c.frames}})
		if c.sound != (err == nil) || err != nil && !errors.Is(err, worker.ErrGarbled) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Bytes do not depend on which process has made them, nor on whether it was one of its own.
func TestSameBytesInProcess(t *testing.T) {
	original := encodeJPEG(t, photo(300, 200))
	inProcess, _ := own(t, Options{InProcess: true})
	for _, f := range writable(t) {
		path := "/resize:120/rotate:90/sharpen." + f.Extension
		there := mustRender(t, original, path)
		here, err := order(t, t.Context(), inProcess, original, path, Asker{})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(here.Body, there.Body) {
			t.Errorf("%s: %d bytes in process, %d in a worker", path, len(here.Body), len(there.Body))
		}
	}
}

func TestReadiness(t *testing.T) {
	if err := engine(t).CheckWorker(t.Context()); err != nil {
		t.Error(err)
	}
	if err := engine(t).CheckQueue(t.Context()); err != nil {
		t.Error(err)
	}
	t.Log(engine(t).Sandbox())
}
