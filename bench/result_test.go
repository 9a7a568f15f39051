package main

import (
	"errors"
	"math"
	"reflect"
	"testing"
	"time"
)

func TestPercentile(t *testing.T) {
	upTo := func(n int) []time.Duration {
		times := make([]time.Duration, n)
		for i := range times {
			times[i] = time.Duration(i + 1)
		}
		return times
	}
	f := func(n, percent int, want time.Duration) {
		t.Helper()
		if got := percentile(upTo(n), percent); got != want {
			t.Errorf("percentile %d of 1..%d = %d, want %d", percent, n, got, want)
		}
	}
	f(1, 1, 1)
	f(1, 50, 1)
	f(1, 99, 1)
	f(2, 50, 1)
	f(2, 51, 2)
	f(10, 50, 5)
	f(10, 99, 10)
	f(100, 50, 50)
	f(100, 99, 99)
	f(100, 100, 100)
	f(101, 99, 100)
	f(1000, 99, 990)
}

func TestSummarize(t *testing.T) {
	var a, b tally
	for i := range 99 {
		a.count(target{}, time.Duration(i+1)*time.Millisecond, 10_000, nil)
	}
	b.count(target{}, time.Second, 10_000, nil)
	b.count(target{path: "/first"}, time.Hour, 5, errors.New("status 500"))
	b.count(target{path: "/second"}, time.Hour, 5, errors.New("status 500"))

	got := summarize(load{name: "x", clients: 2}, 2*time.Second, []tally{a, b})
	want := result{
		Scenario: "x", Clients: 2, Requests: 100, Failures: 2, FailureKinds: []string{"/first: status 500"}, Seconds: 2,
		RequestsPerSecond: 50, P50: 50, P99: 99, Max: 1000, MegabytesPerSecond: 0.5,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if empty := summarize(load{}, time.Second, nil); empty.Requests != 0 || empty.P99 != 0 || empty.RequestsPerSecond != 0 {
		t.Errorf("of nothing: %+v", empty)
	}
}

func TestFailureKindsAreBounded(t *testing.T) {
	var y tally
	for i := range 100 {
		y.count(target{}, 0, 0, errors.New(time.Duration(i).String()))
	}
	if r := summarize(load{}, time.Second, []tally{y}); len(r.FailureKinds) != failureKinds || r.Failures != 100 {
		t.Errorf("%d kinds of %d failures", len(r.FailureKinds), r.Failures)
	}
}

func TestTable(t *testing.T) {
	got := table([][]string{{"scenario", "ms"}, {"hits", "0.125"}, {"crop 200×200", "-"}})
	want := "" +
		"| scenario     |    ms |\n" +
		"|--------------|------:|\n" +
		"| hits         | 0.125 |\n" +
		"| crop 200×200 |     - |\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestNumber(t *testing.T) {
	for x, want := range map[float64]string{
		0: "0.000", 0.0124: "0.012", 1.234: "1.23", 12.34: "12.3", 123.4: "123", 123456.7: "123457", math.Inf(1): "-",
	} {
		if got := number(x); got != want {
			t.Errorf("number(%v) = %q, want %q", x, got, want)
		}
	}
}
