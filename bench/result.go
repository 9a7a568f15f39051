package main

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// A tally is what one client saw.
type tally struct {
	times    []time.Duration   // of the good answers
	bytes    int64             // of their bodies
	failed   int               // the other answers
	failures map[string]string // what was wrong with them, and the path where it was seen first
}

// failureKinds bounds how many different failures a client remembers.
const failureKinds = 5

func (t *tally) count(asked target, took time.Duration, bytes int, err error) {
	if err == nil {
		t.times = append(t.times, took)
		t.bytes += int64(bytes)
		return
	}
	t.failed++
	if t.failures == nil {
		t.failures = map[string]string{}
	}
	kind := err.Error()
	if _, known := t.failures[kind]; !known && len(t.failures) < failureKinds {
		t.failures[kind] = asked.path
	}
}

// A result is what a scenario came to. The times and rates are those of the good answers.
type result struct {
	Scenario           string   `json:"scenario"`
	Clients            int      `json:"clients"`
	Requests           int      `json:"requests"` // answered well
	Failures           int      `json:"failures"`
	FailureKinds       []string `json:"failure_kinds,omitempty"` // some of them
	Seconds            float64  `json:"seconds"`
	Exhausted          bool     `json:"exhausted,omitempty"` // it ended early, for want of URLs not asked for yet
	RequestsPerSecond  float64  `json:"requests_per_second"`
	P50                float64  `json:"p50_ms"`
	P99                float64  `json:"p99_ms"`
	Max                float64  `json:"max_ms"`
	MegabytesPerSecond float64  `json:"megabytes_per_second"` // of bodies, a megabyte being 10^6 bytes
	CPUMilliseconds    *float64 `json:"cpu_ms_per_request"`   // of the server and its children; null where it is not known
}

// summarize adds up what the clients of l saw.
func summarize(l load, elapsed time.Duration, tallies []tally) result {
	var times []time.Duration
	var bytes int64
	kinds := map[string]string{}
	r := result{Scenario: l.name, Clients: l.clients, Seconds: elapsed.Seconds()}
	for _, t := range tallies {
		times = append(times, t.times...)
		bytes += t.bytes
		r.Failures += t.failed
		maps.Copy(kinds, t.failures)
	}
	slices.Sort(times)
	r.Requests = len(times)
	r.RequestsPerSecond = float64(len(times)) / r.Seconds
	r.MegabytesPerSecond = float64(bytes) / 1e6 / r.Seconds
	if len(times) > 0 {
		r.P50 = milliseconds(percentile(times, 50))
		r.P99 = milliseconds(percentile(times, 99))
		r.Max = milliseconds(times[len(times)-1])
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds))[:min(len(kinds), failureKinds)] {
		r.FailureKinds = append(r.FailureKinds, fmt.Sprintf("%s: %s", kinds[kind], kind))
	}
	return r
}

// percentile returns the smallest of the sorted times that at least percent of 100 are not above (the nearest rank).
// There must be at least one time, and percent must be from 1 to 100.
func percentile(sorted []time.Duration, percent int) time.Duration {
	return sorted[(len(sorted)*percent+99)/100-1]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
