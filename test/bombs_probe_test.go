//go:build hostile

package test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"
)

// A probe is a visitor who means no harm: on one connection it asks for a print every 50 ms, one that is kept and one that is
// new in turn.
type probe struct {
	client *client
	images []string // their ids: many, so that no single one is asked for in too many sizes
	asked  int
}

const probePause = 50 * time.Millisecond

// probeWidths are those of the new prints, all of about the same cost.
const (
	probeNarrowest = 40
	probeWidths    = 200
)

func newProbe(t testing.TB, address string) *probe {
	t.Helper()
	p := &probe{client: newClient(address)}
	t.Cleanup(p.client.close)
	const images = 64
	for i := range images {
		a := p.client.upload(t.Context(), photo(t, i))
		if a.id() == "" {
			t.Fatalf("an image of the probe is answered %d %v: %s", a.status, a.err, a.body)
		}
		p.images = append(p.images, a.id())
	}
	for range 2 * images { // what is done once only, for each image
		if l := p.ask(t.Context(), time.Now()); l.failure != "" {
			t.Fatalf("the probe fails: %s", l.failure)
		}
	}
	return p
}

// photo is a small JPEG, unlike those of other numbers.
func photo(t testing.TB, number int) []byte {
	t.Helper()
	data, err := os.ReadFile(sample(t, "landscape.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	return join(jpegStart, jpegSegment(markCOM, fmt.Appendf(nil, "number %d", number)), data[len(jpegStart):])
}

// A latency is how long one answer has taken. It counts from when the request was due, so that one that must wait for the one
// before it counts too: 99 of 100 are good if a visitor would have been served well at 99 of 100 moments.
type latency struct {
	took    time.Duration
	sent    time.Duration // from when it was sent
	hit     bool
	failure string // what was wrong with it
}

// ask sends the next request, which was due at a time.
func (p *probe) ask(ctx context.Context, due time.Time) latency {
	l := latency{hit: p.asked%2 == 0}
	image, target := p.images[0], "/resize:200.jpg"
	if !l.hit {
		// A width comes back when all images have had all widths, and then another quality is asked for.
		n := p.asked / 2
		image = p.images[n%len(p.images)]
		n /= len(p.images)
		target = fmt.Sprintf("/resize:%d/quality:%d.jpg", probeNarrowest+n%probeWidths, 60+n/probeWidths)
	}
	p.asked++
	a := p.client.do(ctx, http.MethodGet, "/download/"+image+target, nil)
	l.took, l.sent = time.Since(due), a.took
	switch {
	case a.err != nil:
		l.failure = fmt.Sprintf("%s: %v", target, a.err)
	case a.status != http.StatusOK:
		l.failure = fmt.Sprintf("%s: %d %.200s", target, a.status, a.body)
	default:
		if err := wantWhole("image/jpeg", a.body); err != nil {
			l.failure = fmt.Sprintf("%s: %v", target, err)
		}
	}
	return l
}

// run probes for a time.
func (p *probe) run(ctx context.Context, length time.Duration) latencies {
	stop := make(chan struct{})
	timer := time.AfterFunc(length, func() { close(stop) })
	defer timer.Stop()
	return p.runUntil(ctx, stop)
}

// runUntil probes until stop is closed or ctx ends.
func (p *probe) runUntil(ctx context.Context, stop <-chan struct{}) (all latencies) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for due := time.Now(); ; due = due.Add(probePause) {
		timer.Reset(time.Until(due))
		select {
		case <-stop:
			return all
		case <-ctx.Done():
			return all
		case <-timer.C:
		}
		if l := p.ask(ctx, due); ctx.Err() == nil {
			all = append(all, l)
		}
	}
}

type latencies []latency

// percentile returns the time that so many of a hundred answers took at most.
func (all latencies) percentile(percent int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	times := make([]time.Duration, len(all))
	for i, l := range all {
		times[i] = l.took
	}
	slices.Sort(times)
	return times[(len(times)*percent+99)/100-1]
}

func (all latencies) of(hit bool) latencies {
	return slices.DeleteFunc(slices.Clone(all), func(l latency) bool { return l.hit != hit })
}

// fromSending counts from when requests were sent: one that stalls then delays no others.
func (all latencies) fromSending() latencies {
	sent := slices.Clone(all)
	for i := range sent {
		sent[i].took = sent[i].sent
	}
	return sent
}

func (all latencies) String() string {
	line := func(l latencies) string {
		at := func(percent int) time.Duration { return l.percentile(percent).Round(10 * time.Microsecond) }
		return fmt.Sprintf("%v at most for half, %v for 99 of 100, %v for all %d", at(50), at(99), at(100), len(l))
	}
	sent := all.fromSending()
	return fmt.Sprintf("%s\n  from when they were sent: %s\n    prints that are kept: %s\n    new prints: %s",
		line(all), line(sent), line(sent.of(true)), line(sent.of(false)))
}

// check fails the test for answers that are wrong.
func (all latencies) check(t testing.TB, when string) {
	t.Helper()
	failures := slices.DeleteFunc(slices.Clone(all), func(l latency) bool { return l.failure == "" })
	for i, l := range failures {
		if i == 20 {
			break
		}
		t.Errorf("the probe fails %s: %s", when, l.failure)
	}
	if len(failures) > 0 {
		t.Errorf("%d of %d requests of the probe fail %s", len(failures), len(all), when)
	}
}

// checkBesides fails the test if answers took more than twice as long as they did idle, and the noise of the machine more.
func (all latencies) checkBesides(t testing.TB, idle latencies, noise time.Duration) {
	t.Helper()
	for _, percent := range []int{50, 99} {
		got, alone := all.fromSending().percentile(percent), idle.fromSending().percentile(percent)
		if most := 2*alone + noise; got > most {
			t.Errorf("%d of 100 requests of the probe take up to %v, and %v when the server is idle: at most %v are allowed", percent, got, alone, most)
		}
	}
}
