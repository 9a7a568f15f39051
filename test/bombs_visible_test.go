//go:build hostile

package test

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What shows in the structure of a file is refused at once, and no worker sees it.
func TestVisibleBombs(t *testing.T) {
	s := launch(t)
	metrics := s.metricsAddress()
	if metrics == "" {
		t.Log("NOTICE: the program tells of no page of metrics: whether jobs are made of the bombs is not looked at")
	}
	c := newClient(s.address)
	t.Cleanup(c.close)
	idle := jobs(t, metrics)
	if a := c.upload(t.Context(), photo(t, 0)); a.id() == "" { // what is done once only
		t.Fatalf("a good image is answered %d %v: %s", a.status, a.err, a.body)
	}
	if metrics != "" && jobs(t, metrics) == idle {
		t.Error("the page of metrics does not count the job of a good image, so that it would not count those of bombs")
	}
	var all []time.Duration
	for _, bomb := range chosen(t, bombs()) {
		if !bomb.visible {
			continue
		}
		data := bomb.build()
		before := jobs(t, metrics)
		var times []time.Duration
		for range 3 {
			a := c.upload(t.Context(), data)
			a.file, a.request = bomb.name, "upload"
			if err := a.check(); err != nil || a.status < 400 || a.status >= 500 {
				t.Errorf("%s is answered %d %v", bomb.name, a.status, err)
			}
			times = append(times, a.took)
		}
		slices.Sort(times)
		all = append(all, times[1])
		if times[1] > *visibleTime+receiving(len(data)) {
			t.Errorf("%s, of %d bytes, is refused after %v", bomb.name, len(data), times[1].Round(100*time.Microsecond))
		}
		if after := jobs(t, metrics); after != before {
			t.Errorf("%s has cost %v jobs", bomb.name, after-before)
		}
		select {
		case <-s.ended:
			t.Fatalf("%s has ended the program", bomb.name)
		default:
		}
	}
	slices.Sort(all)
	if n := len(all); n > 0 {
		t.Logf("%d bombs, refused after %v in the middle, %v at most",
			n, all[n/2].Round(10*time.Microsecond), all[n-1].Round(10*time.Microsecond))
	}
}

// receiving is how long the bytes of a file over a megabyte may take by themselves, to be sent, received and kept: 100 MB/s.
func receiving(size int) time.Duration {
	const small = 1 << 20
	if size <= small {
		return 0
	}
	return time.Duration(size) * time.Second / 100e6
}

// sample of a metric in the text format of Prometheus: its name, its labels, its value.
var metricLine = regexp.MustCompile(`^(\w+)(?:\{(.*)\})? (\S+)`)

// jobs returns how many uploads have been opened and how many prints made, or tried, by workers so far: the sum over all
// outcomes. Jobs by which the program checks its own workers do not count. It is 0 without a page of metrics.
func jobs(t testing.TB, address string) (sum float64) {
	t.Helper()
	if address == "" {
		return 0
	}
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	a := (&client{address: address}).do(ctx, http.MethodGet, "", nil)
	if a.status != http.StatusOK {
		t.Fatalf("%s is answered %d %v", address, a.status, a.err)
	}
	found := false
	for line := range strings.Lines(string(a.body)) {
		m := metricLine.FindStringSubmatch(line)
		if m == nil || m[1] != "calotype_jobs_total" {
			continue
		}
		labels := "," + m[2] + ","
		if !strings.Contains(labels, `,job="open",`) && !strings.Contains(labels, `,job="print",`) {
			continue
		}
		value, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			t.Fatalf("%s: %q", address, line)
		}
		sum += value
		found = true
	}
	if !found {
		t.Errorf("%s has no calotype_jobs_total of the jobs open and print", address)
	}
	return sum
}
