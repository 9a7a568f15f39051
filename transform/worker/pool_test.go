package worker

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	Child{
		Prepare: func(string, []byte) ([]byte, error) { return []byte("ready"), nil },
		Do:      misbehave,
	}.Run()
	os.Exit(m.Run())
}

// misdeeds are further things that misbehave does, by name: what a system must forbid, in the file of that system.
var misdeeds = map[string]func(argument string, files []*os.File) []byte{}

// misbehave does what the request says, the way that a decoder does whose input has taken it over.
func misbehave(request []byte, files []*os.File) []byte {
	switch what, rest, _ := strings.Cut(string(request), " "); what {
	case "echo":
		return []byte(rest)
	case "copy":
		if _, err := io.Copy(files[1], files[0]); err != nil {
			return []byte(err.Error())
		}
		return []byte("copied")
	case "segmentation-fault":
		raise(syscall.SIGSEGV)
	case "panic":
		panic("as asked")
	case "exit":
		os.Exit(0)
	case "kill":
		raise(syscall.SIGKILL)
	case "stop":
		raise(syscall.SIGSTOP)
	case "garbage":
		unix.Write(childSocket, []byte(strings.Repeat("garbage ", 100)))
	case "short":
		whole := message{body: []byte("the reply is cut")}.append(nil)
		unix.Write(childSocket, whole[:len(whole)-5])
	case "silent":
		unix.Close(childSocket)
	case "long":
		return make([]byte, MaxMessage+1)
	case "spin":
		for n := 1; n > 0; n |= 1 {
		}
	case "fill":
		var kept [][]byte
		for {
			block := make([]byte, 1<<20)
			for i := 0; i < len(block); i += 4096 {
				block[i] = 1
			}
			kept = append(kept, block)
			runtime.KeepAlive(kept)
		}
	case "descriptors":
		for {
			if _, err := unix.Dup(int(os.Stderr.Fd())); err != nil {
				return []byte(err.Error())
			}
		}
	case "write-much":
		_, err := files[0].Write(make([]byte, 8<<20))
		return fmt.Append(nil, err)
	default:
		if do, known := misdeeds[what]; known {
			return do(rest, files)
		}
	}
	select {}
}

// pool returns a pool of workers that end with the test.
func pool(t testing.TB, change ...func(*Options)) *Pool {
	t.Helper()
	o := Options{Size: 2, Spare: 1, Memory: 256 << 20, Log: func(message string, err error) { t.Log(message, err) }}
	for _, f := range change {
		f(&o)
	}
	p, first, err := NewPool(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	t.Log(first.Sandbox)
	return p
}

func ask(p *Pool, request string, files ...*os.File) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	reply, _, err := p.Do(ctx, Job{Request: []byte(request), Files: files, Memory: 64 << 20})
	return string(reply), err
}

func TestReply(t *testing.T) {
	p := pool(t)
	for _, words := range []string{"", "a word", strings.Repeat("x", MaxMessage-5)} {
		if got, err := ask(p, "echo "+words); err != nil || got != words {
			t.Errorf("echo of %d bytes: %d bytes, %v", len(words), len(got), err)
		}
	}
	if s := p.Stats(); s.Started > 3 {
		t.Errorf("%d workers were started", s.Started)
	}
}

func TestFiles(t *testing.T) {
	p := pool(t)
	original, err := os.Open("worker.go")
	if err != nil {
		t.Fatal(err)
	}
	defer original.Close()
	result, err := NewMemory("result")
	if err != nil {
		t.Fatal(err)
	}
	defer result.Close()
	if got, err := ask(p, "copy", original, result); err != nil || got != "copied" {
		t.Fatalf("%q, %v", got, err)
	}
	want, _ := os.ReadFile("worker.go")
	got := make([]byte, len(want)+1)
	if n, err := result.ReadAt(got, 0); string(got[:n]) != string(want) {
		t.Errorf("%d of %d bytes came back: %v", n, len(want), err)
	}
	// What was handed over to be read cannot be written.
	if got, err := ask(p, "write-much", original); err != nil || !strings.Contains(got, "bad file descriptor") {
		t.Errorf("writing to the original: %q, %v", got, err)
	}
}

// Whatever a worker does, the job that it had fails, in the way that fits, and the next one is done.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		request string
		want    error
		ends    []End // one of these
	}{
		{"segmentation-fault", ErrCrashed, []End{EndedCrashed}},
		{"panic", ErrCrashed, []End{EndedCrashed}},
		{"exit", ErrCrashed, []End{EndedCrashed}},
		// It runs into its limit, or is seen to take more first.
		{"fill", ErrCrashed, []End{EndedCrashed, EndedMemory}},
		{"kill", ErrLost, []End{EndedLost}},
		{"garbage", ErrGarbled, []End{EndedGarbled}},
		{"short", ErrGarbled, []End{EndedGarbled}},
		{"silent", ErrGarbled, []End{EndedGarbled}},
		{"long", ErrGarbled, []End{EndedGarbled}},
		{"stop", context.DeadlineExceeded, []End{EndedCancelled}},
		{"sleep", context.DeadlineExceeded, []End{EndedCancelled}},
	} {
		t.Run(c.request, func(t *testing.T) {
			t.Parallel()
			p := pool(t)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			if c.want != context.DeadlineExceeded {
				ctx = t.Context()
			}
			_, report, err := p.Do(ctx, Job{Request: []byte(c.request), Memory: 64 << 20})
			if !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
			if report.Memory > 300<<20 {
				t.Errorf("it took %d MiB", report.Memory>>20)
			}
			if got, err := ask(p, "echo still here"); err != nil || got != "still here" {
				t.Errorf("the next job: %q, %v", got, err)
			}
			if s := p.Stats(); !slices.ContainsFunc(c.ends, func(end End) bool { return s.Ended[end] == 1 }) {
				t.Errorf("ends: %v, want one of %v", s.Ended, c.ends)
			}
		})
	}
}

var faultCount = flag.Int("faults", 50, "jobs of TestManyFaults that do harm")

// Among many jobs at once those that do harm fail, each in its way, and no other does.
func TestManyFaults(t *testing.T) {
	const clients, goodForEach = 6, 3
	kinds := []struct {
		request string
		want    error
	}{
		{"segmentation-fault", ErrCrashed},
		{"panic", ErrCrashed},
		{"exit", ErrCrashed},
		{"fill", ErrCrashed},
		{"kill", ErrLost},
		{"garbage", ErrGarbled},
		{"short", ErrGarbled},
		{"silent", ErrGarbled},
		{"long", ErrGarbled},
		{"stop", errHangs},
		{"spin", ErrCPU},
		{"descriptors", nil},
	}
	p := pool(t, func(o *Options) { o.Log = nil })
	type job struct {
		number int
		kind   int // -1 for one that does no harm
	}
	jobs := make(chan job)
	var wait sync.WaitGroup
	for range clients {
		wait.Go(func() {
			for j := range jobs {
				if j.kind < 0 {
					words := fmt.Sprint("number ", j.number)
					if got, err := ask(p, "echo "+words); err != nil || got != words {
						t.Errorf("job %d: %q, %v", j.number, got, err)
					}
					continue
				}
				kind := kinds[j.kind]
				ctx, cancel := t.Context(), func() {}
				if kind.want == errHangs {
					ctx, cancel = context.WithTimeoutCause(ctx, 500*time.Millisecond, errHangs)
				}
				_, _, err := p.Do(ctx, Job{Request: []byte(kind.request), Memory: 64 << 20, CPU: 300 * time.Millisecond})
				cancel()
				if !errors.Is(err, kind.want) {
					t.Errorf("job %d, %s: %v, want %v", j.number, kind.request, err, kind.want)
				}
			}
		})
	}
	number := 0
	for i := range *faultCount {
		jobs <- job{number, i % len(kinds)}
		for range goodForEach {
			number++
			jobs <- job{number, -1}
		}
	}
	close(jobs)
	wait.Wait()
	for end := time.Now().Add(20 * time.Second); p.Stats().Ready < 3 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	s := p.Stats()
	t.Logf("%d faults among %d good jobs; ends: %v", *faultCount, number, s.Ended)
	if s.Ready != 3 || s.Busy != 0 || s.Starting != 0 {
		t.Errorf("in the end there are %d workers ready, %d busy and %d starting", s.Ready, s.Busy, s.Starting)
	}
}

var errHangs = errors.New("the job hangs")

func TestProcessorTime(t *testing.T) {
	p := pool(t)
	_, report, err := p.Do(t.Context(), Job{Request: []byte("spin"), CPU: 300 * time.Millisecond})
	if !errors.Is(err, ErrCPU) || report.CPU < 300*time.Millisecond {
		t.Errorf("%v after %v", err, report.CPU)
	}
}

// Limits of a job hold for that job alone, and none is above the pool's.
func TestJobLimits(t *testing.T) {
	p := pool(t, func(o *Options) { o.Size, o.Spare, o.Memory = 1, 0, 16<<20 })
	for _, c := range []struct {
		memory int64
		want   string
	}{{16 << 20, "<nil>"}, {1 << 20, "file too large"}, {1 << 40, "<nil>"}} {
		file, err := NewMemory("result")
		if err != nil {
			t.Fatal(err)
		}
		reply, _, err := p.Do(t.Context(), Job{Request: []byte("write-much"), Files: []*os.File{file}, Memory: c.memory})
		if c.memory == 1<<20 && errors.Is(err, ErrCrashed) && strings.Contains(err.Error(), "SIGXFSZ") {
			reply, err = []byte(c.want), nil // how Go takes it
		}
		if err != nil || !strings.Contains(string(reply), c.want) {
			t.Errorf("with %d bytes: %q, %v", c.memory, reply, err)
		}
		file.Close()
	}
	if got, err := ask(p, "descriptors"); err != nil || got != unix.EMFILE.Error() {
		t.Errorf("descriptors without end: %q, %v", got, err)
	}
}

func TestNobodyWaits(t *testing.T) {
	p := pool(t)
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { cancel(gone) })
	if _, _, err := p.Do(ctx, Job{Request: []byte("sleep")}); !errors.Is(err, gone) {
		t.Errorf("error %v", err)
	}
}

func TestReplacement(t *testing.T) {
	p := pool(t, func(o *Options) { o.Size, o.Spare, o.Jobs = 1, 0, 5 })
	for i := range 12 {
		if got, err := ask(p, fmt.Sprint("echo ", i)); err != nil || got != fmt.Sprint(i) {
			t.Fatalf("job %d: %q, %v", i, got, err)
		}
	}
	refused := errors.New("refused")
	_, _, err := p.Do(t.Context(), Job{Request: []byte("echo"), Accept: func([]byte) error { return refused }})
	if err != refused {
		t.Errorf("error %v", err)
	}
	if s := p.Stats(); s.Ended[EndedRecycled] != 2 || s.Ended[EndedRefused] != 1 {
		t.Errorf("ends: %v", s.Ended)
	}
}

// A kill from outside costs nothing while there is nothing to do, and ErrLost otherwise.
func TestKilledIdle(t *testing.T) {
	p := pool(t)
	for range 20 {
		p.mutex.Lock()
		for worker := range p.all {
			unix.Kill(worker.command.Process.Pid, unix.SIGKILL)
		}
		p.mutex.Unlock()
		if got, err := ask(p, "echo here"); err != nil && !errors.Is(err, ErrLost) || err == nil && got != "here" {
			t.Fatalf("%q, %v", got, err)
		}
	}
	if s := p.Stats(); s.Ended[EndedLost] < 3 {
		t.Errorf("ends: %v", s.Ended)
	}
}

func TestNoProcessIsLeft(t *testing.T) {
	p := pool(t)
	var wait sync.WaitGroup
	for range 10 {
		wait.Go(func() {
			if _, err := ask(p, "sleep"); !errors.Is(err, ErrClosed) {
				t.Errorf("error %v", err)
			}
		})
	}
	for p.Stats().Busy < 3 {
		time.Sleep(time.Millisecond)
	}
	p.mutex.Lock()
	var all []*process
	for worker := range p.all {
		all = append(all, worker)
	}
	p.mutex.Unlock()
	p.Close()
	wait.Wait()
	for _, worker := range all {
		if err := unix.Kill(worker.command.Process.Pid, 0); err != unix.ESRCH {
			t.Errorf("process %d is still there: %v", worker.command.Process.Pid, err)
		}
	}
	if s := p.Stats(); s.Ready+s.Busy+s.Starting != 0 {
		t.Errorf("%+v", s)
	}
}

func BenchmarkEmptyJob(b *testing.B) {
	p := pool(b)
	for b.Loop() {
		if _, err := ask(p, "echo"); err != nil {
			b.Fatal(err)
		}
	}
}
