//go:build hostile && linux

package test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

var (
	faultCount = flag.Int("faults", 60, "signals that are sent to workers")
	killTime   = flag.Duration("killing", 20*time.Second, "how long workers are killed one after the other")
)

// A fault is a signal that a worker was sent.
type fault struct {
	at     time.Time
	signal syscall.Signal
	used   bool // a failure was put down to it
}

// faultDeadline is the --deadline of the server: how long a request takes whose worker was stopped.
const faultDeadline = 2 * time.Second

// blame finds for a failure a fault of its own that can have caused it: one that was sent while the request was under way, or
// shortly before to a worker that then was given it, or was not there to take it. One that was stopped can lie in wait for long.
func blame(faults []fault, r reply) bool {
	// Crashes are laid to the original, which then is refused; all else is laid to the machine.
	crash := r.status == 422
	for _, lying := range []bool{false, true} {
		for i := range faults {
			f := &faults[i]
			fits := crash == (f.signal == syscall.SIGSEGV || f.signal == syscall.SIGABRT)
			recent := f.at.After(r.began.Add(-faultDeadline)) || lying && f.signal == syscall.SIGSTOP
			if fits && recent && !f.used && f.at.Before(r.began.Add(r.took)) {
				f.used = true
				return true
			}
		}
	}
	return false
}

// Whatever happens to a worker, exactly the request that it had fails; the server lives and answers what needs no worker.
func TestWorkerFaults(t *testing.T) {
	// As many clients as prints are made at once: so none waits for another one's fault.
	const workers = 2
	s := launchWith(t, "--deadline", faultDeadline.String(), "--workers", fmt.Sprint(workers))
	s.tellLog(t)
	kept, ids := ownOriginals(t, s, *faultCount+workers)
	before, numbers := s.rest(t), s.numbers(t)

	var hits, all replies
	var faults []fault
	during(func() {
		ctx, cancel := context.WithCancel(t.Context())
		during(func() {
			faults = newInjector(s).sendAll(t, *faultCount)
			time.Sleep(faultDeadline) // for what lies in wait
			cancel()
		}, func(<-chan struct{}) { all = gather(workers, func() replies { return s.printOwn(ctx, ids) }) })
		cancel()
	}, func(stop <-chan struct{}) { hits = newWire(s.address).every(20*time.Millisecond, stop, always(kept)) })

	for _, c := range s.children() {
		if c.state == "T" { // nobody has needed it
			syscall.Kill(c.pid, syscall.SIGKILL)
		}
	}
	s.settles(t, before)
	sent := map[syscall.Signal]int{}
	for _, f := range faults {
		sent[f.signal]++
	}
	changes := since(numbers, s.numbers(t))
	t.Logf("sent: %v; %d prints made, %d requests failed by a crash, %d put off", sent, len(all.of(200)), len(all.of(422)), len(all.of(503)))
	t.Logf("prints took %s; prints from memory: %s", figures(all.of(200)), figures(hits.latencies(fromMemory)))
	t.Log(changes)

	hits.check(t, "from memory", fromMemory)
	all.check(t, "while workers die", func(r reply) string {
		if r.status == 422 && r.err == nil {
			return ""
		}
		return printOrRefusal(r)
	})
	failed := 0
	// The first that ends takes the first fault that fits, so that one is left for each if that is possible at all.
	slices.SortFunc(all, func(a, b reply) int { return a.began.Add(a.took).Compare(b.began.Add(b.took)) })
	for _, r := range all {
		if r.status != 200 {
			failed++
			if !blame(faults, r) && failed < 20 {
				t.Errorf("a request fails without a fault: %v, from %v on for %v", r, r.began.Sub(all[0].began), r.took)
			}
		}
	}
	// What the server knows of it is the same.
	outcome := func(name string) int { return int(changes[`calotype_jobs_total{job="print",outcome="`+name+`"}`]) }
	ended := func(name string) int { return int(changes[`calotype_worker_ends_total{cause="`+name+`"}`]) }
	if made, crashed, put := len(all.of(200)), len(all.of(422)), len(all.of(503)); outcome("made") != made ||
		outcome("crashed") != crashed || outcome("lost")+outcome("stalled")+outcome("refused") != put {
		t.Errorf("%d prints came, %d crashes and %d refusals; the server counts otherwise", made, crashed, put)
	}
	ends := ended("crashed") + ended("lost") + ended("cancelled")
	if failed > ends || failed == 0 {
		t.Errorf("%d requests failed and %d workers ended", failed, ends)
	}
	if others := ended("garbled") + ended("cpu") + ended("failed"); others > 0 {
		t.Errorf("%d workers ended in ways that no signal explains", others)
	}
	if len(all.of(200)) == 0 {
		t.Error("no print was made")
	}
}

// A worker that is killed from outside costs at most its own request, which can be sent again; mostly it costs nothing.
func TestKillLoop(t *testing.T) {
	const workers, clients = 2, 4
	s := launchWith(t, "--workers", fmt.Sprint(workers))
	s.tellLog(t)
	kept, ids := ownOriginals(t, s, clients)
	before, numbers := s.rest(t), s.numbers(t)
	idleBefore := s.endedIdle(t)

	var hits, all replies
	kills := 0
	during(func() {
		ctx, cancel := context.WithTimeout(t.Context(), *killTime)
		defer cancel()
		during(func() { all = gather(clients, func() replies { return s.printOwn(ctx, ids) }) }, func(<-chan struct{}) {
			injector := newInjector(s)
			ticker := time.NewTicker(100 * time.Millisecond)
			defer ticker.Stop()
			for ctx.Err() == nil {
				<-ticker.C
				kills += len(injector.send(syscall.SIGKILL, 1))
			}
		})
	}, func(stop <-chan struct{}) { hits = newWire(s.address).every(20*time.Millisecond, stop, always(kept)) })

	s.settles(t, before)
	changes := since(numbers, s.numbers(t))
	lost := int(changes[`calotype_worker_ends_total{cause="lost"}`])
	t.Logf("%d kills, of which %d met a worker with a job; %d prints made, %d put off", kills, lost-(s.endedIdle(t)-idleBefore), len(all.of(200)), len(all.of(503)))
	t.Logf("prints took %s; prints from memory: %s", figures(all.of(200)), figures(hits.latencies(fromMemory)))
	t.Log(changes)
	hits.check(t, "from memory", fromMemory)
	all.check(t, "while workers are killed", printOrRefusal)
	if len(all.of(200)) == 0 {
		t.Error("no print was made")
	}
	if lost == 0 || lost > kills {
		t.Errorf("%d kills; the server counts %d", kills, lost)
	}
}

// ownOriginals uploads so many pictures that differ in nothing but their digest, and one of which a print is kept.
func ownOriginals(t testing.TB, s *service, count int) (kept string, ids <-chan string) {
	t.Helper()
	c := newClient(s.address)
	defer c.close()
	list := make(chan string, count)
	for i := range count + 1 {
		a := c.upload(t.Context(), photo(t, i))
		if a.id() == "" {
			t.Fatalf("a photograph is answered %d %v: %s", a.status, a.err, a.body)
		}
		if i < count {
			list <- a.id()
			continue
		}
		kept = "/download/" + a.id() + "/resize:200.jpg"
	}
	if r := newWire(s.address).ask(kept); fine(r) != "" {
		t.Fatal(r)
	}
	return kept, list
}

var ownNumber atomic.Int64

// printOwn asks for prints of an original that nobody else uses, and of another one when that is refused for what happened to it.
// Each is new and takes some tens of milliseconds of a worker.
func (s *service) printOwn(ctx context.Context, ids <-chan string) (all replies) {
	w := newWire(s.address)
	defer w.close()
	id := <-ids
	for ctx.Err() == nil {
		n := ownNumber.Add(1)
		r := w.ask(fmt.Sprintf("/download/%s/resize:%d,up/quality:%d.webp", id, 700+n%200, 40+n/200%55))
		all = append(all, r)
		if r.status == 422 {
			select {
			case id = <-ids:
			default: // more of them than faults, which is told elsewhere
				return all
			}
		}
	}
	return all
}

// since tells which of the service's own counters moved, and by how much.
func since(before, after map[string]float64) map[string]float64 {
	changes := map[string]float64{}
	for series, value := range after {
		if change := value - before[series]; change != 0 && strings.Contains(series, "_total{") && strings.HasPrefix(series, "calotype_") {
			changes[series] = change
		}
	}
	return changes
}

// endedIdle is how often the program has said that a worker ended which had nothing to do.
func (s *service) endedIdle(t testing.TB) int {
	t.Helper()
	text, err := os.ReadFile(s.log)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(text), "a worker ended while it had nothing to do")
}
