//go:build hostile

package test

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// With the defaults a run takes longer than go test allows by itself:
//
//	go test -tags hostile -run Hostile -timeout 2h -v -args -mutations 5000 -seed 1
var (
	mutantCount = flag.Int("mutations", 5000, "number of mutants of the good images")
	mutantSeed  = flag.Uint64("seed", 1, "seed of the mutants")
	clientCount = flag.Int("clients", 2, "clients that send hostile files at once")
	only        = flag.String("only", "", "regular expression: only the files whose names match, such as bad/ or ^png/")
	idleTime    = flag.Duration("idle", 20*time.Second, "how long the probe runs alone")
	visibleTime = flag.Duration("visible-within", 20*time.Millisecond, "longest median time of the refusal of a visible bomb")

	everyBomb       = flag.Int("bombs-every", 1, "TestHostileCorpus sends every so many bombs: some keep a worker busy for seconds")
	hostileDeadline = flag.Duration("hostile-deadline", deadline, "the --deadline of the program that hostile files are sent to: most of the time goes to those that reach it")

	sendTo = flag.String("send-to", "", "address that TestSendHostileFiles sends them to")

	// The clients, the probe and the server share the cores of one machine, and that may be shared with others.
	noise = flag.Duration("noise", 25*time.Millisecond, "how far the probe may be above twice its idle times; less is enough on a machine with cores to spare")
)

// deadline is how long the program may take by its defaults, and late what an answer may need beyond that, or beyond what
// -hostile-deadline says.
const (
	deadline = 10 * time.Second
	late     = 250 * time.Millisecond
)

// chains are what is asked of each image that is taken, and the type of what must come.
var chains = []struct{ path, contentType string }{
	{"/resize:200.webp", "image/webp"},
	{".png", "image/png"}, // the whole picture
	{".json", "application/json"},
}

// chosen are the specimens whose names match the flag.
func chosen(t testing.TB, all []specimen) []specimen {
	t.Helper()
	expression, err := regexp.Compile(*only)
	if err != nil {
		t.Fatalf("-only: %v", err)
	}
	return slices.DeleteFunc(all, func(s specimen) bool { return !expression.MatchString(s.name) })
}

// hostileFiles are all there are: those that broke other programs, mutants of good ones, and bombs.
func hostileFiles(t testing.TB) []specimen {
	t.Helper()
	var list []specimen
	for i, bomb := range bombs() {
		if i%max(1, *everyBomb) == 0 {
			list = append(list, bomb)
		}
	}
	bad, good := corpusFiles(t, "bad"), corpusFiles(t, "good")
	if len(bad) == 0 || len(good) == 0 {
		t.Log("NOTICE: the corpus is not beside the checkout: only the bombs are tried")
	}
	for _, path := range bad {
		list = append(list, specimen{name: "bad/" + filepath.Base(path), build: func() []byte {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Error(err)
			}
			return data
		}})
	}
	return append(list, mutations(t, good, *mutantSeed, *mutantCount)...)
}

// endOf is when a test must come to its end, so that it can still tell what it has seen before go test ends it.
func endOf(t *testing.T) time.Time {
	end, limited := t.Deadline()
	if !limited {
		return time.Now().Add(24 * time.Hour)
	}
	const rest = time.Minute // for the program to stop
	return end.Add(-rest)
}

// Whatever is sent to it, the program lives, answers each request in time with a picture or a refusal, and serves those who
// mean no harm as fast as ever.
func TestHostileCorpus(t *testing.T) {
	const budget = 4 << 30
	s := launchWith(t, "--deadline", hostileDeadline.String(), "--memory", "4GiB")
	p := newProbe(t, s.address)
	before := s.memory()
	idle := p.run(t.Context(), *idleTime)

	ctx, cancel := context.WithDeadline(t.Context(), endOf(t))
	defer cancel()
	go func() { // who has died answers no more
		select {
		case <-s.ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	stop := make(chan struct{})
	var watchers sync.WaitGroup
	var during latencies
	var peak memory
	watchers.Go(func() { during = p.runUntil(ctx, stop) })
	watchers.Go(func() { peak = s.peakMemory(stop) })
	sendHostileFiles(ctx, t, s.address)
	close(stop)
	watchers.Wait()

	select {
	case <-s.ended:
		t.Errorf("the program ended by itself: %v\n%s", s.err, s.lastWords())
	default:
	}
	t.Logf("probe, idle: %v\nprobe, during: %v", idle, during)
	t.Logf("memory before: %v\nmemory at most: %v\nmemory after: %v", before, peak, s.memory())
	if most := peak.server + peak.workers; most > budget {
		t.Errorf("server and workers held %d MiB, which were to be %d at most", most>>20, budget>>20)
	}
	idle.check(t, "idle")
	during.check(t, "during the run")
	during.checkBesides(t, idle, *noise)
}

// sendHostileFiles runs TestSendHostileFiles in a process of its own, which leaves the processor to all others: those who send such
// files have other machines, and what they do with answers must not slow the probe.
func sendHostileFiles(ctx context.Context, t *testing.T, address string) {
	t.Helper()
	arguments := append([]string{"-n", "19", os.Args[0]}, os.Args[1:]...)
	command := exec.CommandContext(ctx, "nice", append(arguments, "-test.run=^TestSendHostileFiles$", "-test.v", "-send-to", address)...)
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 10 * time.Second
	said, err := command.CombinedOutput()
	t.Logf("%s", said)
	if err != nil {
		t.Errorf("some file was not answered as it should be: %v", err)
	}
}

// TestSendHostileFiles is the part of TestHostileCorpus that sends the files.
func TestSendHostileFiles(t *testing.T) {
	if *sendTo == "" {
		t.Skip("TestHostileCorpus runs this")
	}
	ctx, stop := signal.NotifyContext(t.Context(), syscall.SIGTERM)
	defer stop()
	files, report := chosen(t, hostileFiles(t)), newReport(t)
	next := make(chan specimen)
	var clients sync.WaitGroup
	for range *clientCount {
		clients.Go(func() {
			c := newClient(*sendTo)
			defer c.close()
			for file := range next {
				c.try(ctx, file, report)
			}
		})
	}
	began, tried := time.Now(), 0
feed:
	for _, file := range files {
		select {
		case next <- file:
			tried++
		case <-ctx.Done():
			break feed
		}
	}
	close(next)
	clients.Wait()
	t.Logf("%d files in %v\n%s", tried, time.Since(began).Round(time.Second), report)
	if tried == 0 {
		t.Fatal("no file was tried: does -only fit any?")
	}
	if tried < len(files) {
		t.Errorf("%d of %d files were tried, the last of them %v; more time may help: -timeout 2h", tried, len(files), report.unfinished())
	}
}
