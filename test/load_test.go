//go:build hostile && linux

package test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// tellLog shows the end of what the program has logged if the test fails.
func (s *service) tellLog(t testing.TB) {
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the log of the program ends\n%s", s.lastWords())
		}
	})
}

// always returns a function that returns the target.
func always(target string) func() string { return func() string { return target } }

// during runs f beside watchers that end after it.
func during(f func(), watchers ...func(stop <-chan struct{})) {
	stop := make(chan struct{})
	var wait sync.WaitGroup
	for _, watch := range watchers {
		wait.Go(func() { watch(stop) })
	}
	f()
	close(stop)
	wait.Wait()
}

// closedLoop has each of the clients send a request when the one before is answered, for a time.
func closedLoop(ctx context.Context, address string, clients int, length time.Duration, target func() string) replies {
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	return gather(clients, func() (mine replies) {
		w := newWire(address)
		defer w.close()
		for ctx.Err() == nil {
			mine = append(mine, w.ask(target()))
		}
		return mine
	})
}

// openLoop sends so many requests a second, for a time, whether those before are answered or not: on another connection as long as
// there are any. It returns the answers, and how many requests were not sent for want of a connection.
func openLoop(ctx context.Context, address string, connections, rate int, length time.Duration, target func() string) (all replies, unsent int) {
	work := make(chan string)
	go func() {
		defer close(work)
		ticker := time.NewTicker(2 * time.Millisecond)
		defer ticker.Stop()
		began, sent := time.Now(), 0
		for time.Since(began) < length && ctx.Err() == nil {
			<-ticker.C
			for due := int(time.Since(began).Seconds() * float64(rate)); sent < due; sent++ {
				select {
				case work <- target():
				default:
					unsent++
				}
			}
		}
	}()
	all = gather(connections, func() (mine replies) {
		w := newWire(address)
		defer w.close()
		for target := range work {
			mine = append(mine, w.ask(target))
		}
		return mine
	})
	return all, unsent
}

// gather runs f so many times at once and returns all replies, in the order of their requests.
func gather(n int, f func() replies) (all replies) {
	var wait sync.WaitGroup
	parts := make([]replies, n)
	for i := range n {
		wait.Go(func() { parts[i] = f() })
	}
	wait.Wait()
	all = slices.Concat(parts...)
	slices.SortFunc(all, func(a, b reply) int { return a.began.Compare(b.began) })
	return all
}

type replies []reply

// made returns how many prints a second came between two times.
func (all replies) made(from, to time.Time) float64 {
	n := 0
	for _, r := range all {
		if end := r.began.Add(r.took); r.status == 200 && !end.Before(from) && end.Before(to) {
			n++
		}
	}
	return float64(n) / to.Sub(from).Seconds()
}

// of are how long the answers with one of the statuses took.
func (all replies) of(statuses ...int) (some latencies) {
	for _, r := range all {
		if slices.Contains(statuses, r.status) {
			some = append(some, latency{took: r.took})
		}
	}
	return some
}

// latencies are how long all took from when they were due, so that those count too that had to wait for the one before them.
func (all replies) latencies(judge func(reply) string) (list latencies) {
	for _, r := range all {
		list = append(list, latency{took: r.took + r.late, hit: r.hit, failure: judge(r)})
	}
	return list
}

// check fails the test for answers that are wrong.
func (all replies) check(t testing.TB, when string, judge func(reply) string) {
	t.Helper()
	counts := map[string]int{}
	for _, r := range all {
		if wrong := judge(r); wrong != "" {
			counts[wrong]++
		}
	}
	for wrong, n := range counts {
		t.Errorf("%d of %d answers %s: %s", n, len(all), when, wrong)
	}
}

// figures are the middle, the 99th percentile and the longest.
func figures(all latencies) string {
	return fmt.Sprintf("%v for half, %v for 99 of 100, %v for all of %d", all.percentile(50).Round(10*time.Microsecond),
		all.percentile(99).Round(10*time.Microsecond), all.percentile(100).Round(10*time.Microsecond), len(all))
}

// readCorpus returns a file of the corpus, or nil where that is absent.
func readCorpus(t testing.TB, name string) []byte {
	t.Helper()
	for _, path := range corpusFiles(t, "good") {
		if strings.HasSuffix(path, name) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
	}
	return nil
}
