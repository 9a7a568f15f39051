package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

// What Cache-Status begins with, by where a print came from.
const (
	freshlyMade = "calotype; fwd=uri-miss"
	fromDisk    = "calotype; hit; detail=disk"
	fromMemory  = "calotype; hit"
)

// restarts are of a server that keeps its prints on disk, too.
type restarts struct {
	Prints int            `json:"prints"` // before each restart
	Rounds []restartRound `json:"rounds"`
}

// A restartRound is what prints took when they were made, when they were asked for again after a restart, and then once more. One client asks.
type restartRound struct {
	Made         float64 `json:"made_p50_ms"`
	Disk         float64 `json:"disk_p50_ms"`
	Memory       float64 `json:"memory_p50_ms"`
	MadeToDisk   float64 `json:"made_to_disk"`   // median of the ratios, each of the times of one print
	DiskToMemory float64 `json:"disk_to_memory"` // likewise
}

// measureRestarts makes the prints of the mix, round by round, with a restart after each.
func measureRestarts(ctx context.Context, o options, progress io.Writer) (r *restarts, err error) {
	if o.server == "" {
		return nil, errors.New("-restart starts the server itself: -server names it")
	}
	photos, from, err := choosePhotos(o.photos)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(progress, "%d photos: %s\n", len(photos), from)
	dir, err := os.MkdirTemp("", "calotype-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	arguments := append(strings.Fields(o.serverArgs), "--cache-dir", filepath.Join(dir, "cache"))
	running, err := startServer(ctx, o.server, arguments, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, running.stop()) }()

	s := &side{bench: bench{address: running.address, photos: photos, progress: progress}}
	for range mix {
		ids, err := s.upload(ctx)
		if err != nil {
			return nil, err
		}
		s.ids = append(s.ids, ids)
	}
	r = &restarts{Prints: len(mix) * len(photos)}
	const unmeasured = 1 // the first round finds everything cold
	for number := range unmeasured + o.rounds {
		fmt.Fprintf(progress, "round %d of %d\n", number+1, unmeasured+o.rounds)
		first := number * r.Prints
		made, err := s.ask(ctx, first, r.Prints, freshlyMade)
		if err != nil {
			return r, err
		}
		if err := running.stop(); err != nil { // which writes what is not written yet
			return r, err
		}
		again, err := startServer(ctx, o.server, arguments, dir)
		if err != nil {
			return r, err
		}
		running, s.address = again, again.address
		disk, err := s.ask(ctx, first, r.Prints, fromDisk)
		if err != nil {
			return r, err
		}
		memory, err := s.ask(ctx, first, r.Prints, fromMemory)
		if err != nil {
			return r, err
		}
		if number >= unmeasured {
			r.Rounds = append(r.Rounds, restartRound{
				Made: median(made), Disk: median(disk), Memory: median(memory),
				MadeToDisk: medianRatio(made, disk), DiskToMemory: medianRatio(disk, memory),
			})
		}
	}
	return r, nil
}

// ask has one client ask for prints of the mix, from the first-th on, all of which must come from the same place, and returns their times.
func (s *side) ask(ctx context.Context, first, prints int, from string) ([]time.Duration, error) {
	client := newClient(s.address)
	defer client.CloseIdleConnections()
	var request fasthttp.Request
	var response fasthttp.Response
	times := make([]time.Duration, 0, prints)
	for n := range prints {
		t, ok := s.mixed(first + n)
		if !ok {
			return nil, errors.New("every URL has been asked for: fewer -rounds")
		}
		request.SetRequestURI("http://" + s.address + t.path)
		asked := time.Now()
		err := client.Do(&request, &response)
		times = append(times, time.Since(asked))
		if err == nil {
			err = t.check(&response)
		}
		if status := string(response.Header.Peek("Cache-Status")); err == nil && (!strings.HasPrefix(status, from) || from == fromMemory && status != from) {
			err = fmt.Errorf("Cache-Status is %q, not %q", status, from)
		}
		if err := errors.Join(err, ctx.Err()); err != nil {
			return nil, fmt.Errorf("%s: %w", t.path, err)
		}
	}
	return times, nil
}

func median(times []time.Duration) float64 {
	sorted := slices.Sorted(slices.Values(times))
	return milliseconds(percentile(sorted, 50))
}

// medianRatio returns the median of the ratios of two times of the same print.
func medianRatio(above, below []time.Duration) float64 {
	ratios := make([]float64, len(above))
	for i := range ratios {
		ratios[i] = float64(above[i]) / float64(max(below[i], 1))
	}
	slices.Sort(ratios)
	return ratios[(len(ratios)-1)/2]
}

// print writes the median of the rounds, and the spread over them.
func (r *restarts) print(out io.Writer) {
	fmt.Fprintf(out, "%d restarts, each after %d prints, which one client asks for; %s, %d CPUs\n\n",
		len(r.Rounds), r.Prints, runtime.GOOS+"/"+runtime.GOARCH, runtime.NumCPU())
	if len(r.Rounds) == 0 {
		return
	}
	rows := [][]string{{"the same print", "median round", "lowest", "highest"}}
	add := func(name, format string, of func(restartRound) float64) {
		var values []float64
		for _, round := range r.Rounds {
			values = append(values, of(round))
		}
		rows = append(rows, spread(name, format, values))
	}
	add("made, p50 ms", "%.2f", func(r restartRound) float64 { return r.Made })
	add("from disk after a restart, p50 ms", "%.2f", func(r restartRound) float64 { return r.Disk })
	add("from memory, p50 ms", "%.2f", func(r restartRound) float64 { return r.Memory })
	add("made / from disk", "%.1f", func(r restartRound) float64 { return r.MadeToDisk })
	add("from disk / from memory", "%.1f", func(r restartRound) float64 { return r.DiskToMemory })
	fmt.Fprintln(out, table(rows))
}
