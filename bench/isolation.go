package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

// A comparison is of a server that decodes in worker processes with one that decodes in its own.
type comparison struct {
	Clients int     `json:"clients"` // of the measurement of throughput
	Prints  int     `json:"prints"`  // of each server in each round, by all clients together, and as many again by one client
	Rounds  []round `json:"rounds"`
}

// A round is what isolation costs, both servers having made the same prints right after one another.
type round struct {
	Throughput float64  `json:"throughput"`        // prints a second with isolation to those without
	CPU        *float64 `json:"cpu"`               // CPU time a print with isolation to that without; null where it is not known
	P50        float64  `json:"p50_ms"`            // of one client: with isolation less without
	P99        float64  `json:"p99_ms"`            // likewise
	Same       float64  `json:"same_print_p50_ms"` // median of the differences, each of the times of one print
}

// A side is one of the servers that are compared.
type side struct {
	bench
	ids  [][]string // of the photos, for each scenario
	stop func() error
}

// The scenarios of the mix are those that make prints.
var mix = slices.DeleteFunc(slices.Clone(coldScenarios), func(s scenario) bool { return s.name == "original" })

// mixed is the n-th request of the mix. It is false when all its URLs have been asked for.
func (s *side) mixed(n int) (target, bool) {
	kind := n % len(mix)
	ids := s.ids[kind]
	n /= len(mix)
	chain, ok := mix[kind].chain(n / len(ids))
	return target{downloadPath + ids[n%len(ids)] + chain, mix[kind].contentType, anyLength}, ok
}

// startSide starts the server with further arguments and uploads the photos.
func startSide(ctx context.Context, o options, photos []photo, progress io.Writer, args string) (*side, error) {
	o.serverArgs = strings.TrimSpace(o.serverArgs + " " + args)
	address, pid, stop, err := findServer(ctx, o)
	if err != nil {
		return nil, err
	}
	s := &side{bench: bench{address: address, pid: pid, photos: photos, progress: progress}, stop: stop}
	for range mix {
		ids, err := s.upload(ctx)
		if err != nil {
			return nil, errors.Join(err, stop())
		}
		s.ids = append(s.ids, ids)
	}
	return s, nil
}

// compareIsolation measures both servers in alternation, so that what else the machine does hits both.
func compareIsolation(ctx context.Context, o options, progress io.Writer) (c *comparison, err error) {
	if o.server == "" {
		return nil, errors.New("-isolation starts the server itself: -server names it")
	}
	photos, from, err := choosePhotos(o.photos)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(progress, "%d photos: %s\n", len(photos), from)
	var sides [2]*side // with isolation, without
	for i, args := range []string{"--isolation=on", "--isolation=off"} {
		if sides[i], err = startSide(ctx, o, photos, progress, args); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, sides[i].stop()) }()
	}
	c = &comparison{Clients: o.clients, Prints: len(mix) * len(photos)}
	if c.Clients == 0 {
		c.Clients = runtime.NumCPU()
	}
	const unmeasured = 1 // the first round finds everything cold
	for number := range unmeasured + o.rounds {
		order := []int{number % 2, 1 - number%2}
		fmt.Fprintf(progress, "round %d of %d\n", number+1, unmeasured+o.rounds)
		r, err := c.round(ctx, sides, order, 2*number*c.Prints)
		if err != nil {
			return c, err
		}
		if number >= unmeasured {
			c.Rounds = append(c.Rounds, r)
		}
	}
	return c, nil
}

// round has both servers make the same prints, the first of which is the first-th of the mix.
func (c *comparison) round(ctx context.Context, sides [2]*side, order []int, first int) (round, error) {
	var all [2]result
	for _, i := range order {
		all[i] = sides[i].measure(ctx, sides[i].address, sides[i].pid, load{"mix", c.Clients, time.Hour, func(n int) (target, bool) {
			t, ok := sides[i].mixed(first + n)
			return t, ok && n < c.Prints
		}})
		if err := ctx.Err(); err != nil {
			return round{}, err
		}
		if all[i].Failures > 0 || all[i].Requests != c.Prints {
			return round{}, fmt.Errorf("%d of %d prints were made: %v", all[i].Requests, c.Prints, all[i].FailureKinds)
		}
	}
	r := round{Throughput: all[0].RequestsPerSecond / all[1].RequestsPerSecond}
	if on, off := all[0].CPUMilliseconds, all[1].CPUMilliseconds; on != nil && off != nil && *off > 0 {
		ratio := *on / *off
		r.CPU = &ratio
	}
	times, differences, err := c.oneByOne(ctx, sides, order, first+c.Prints)
	if err != nil {
		return round{}, err
	}
	for _, t := range times {
		slices.Sort(t)
	}
	slices.Sort(differences)
	r.P50 = milliseconds(percentile(times[0], 50) - percentile(times[1], 50))
	r.P99 = milliseconds(percentile(times[0], 99) - percentile(times[1], 99))
	r.Same = milliseconds(percentile(differences, 50))
	return r, nil
}

// oneByOne asks for each print of first one server and then the other, by one client, and returns their times, and the difference
// that isolation makes to each print.
func (c *comparison) oneByOne(ctx context.Context, sides [2]*side, order []int, first int) (times [2][]time.Duration, differences []time.Duration, err error) {
	var clients [2]*fasthttp.HostClient
	for i, s := range sides {
		clients[i] = newClient(s.address)
		defer clients[i].CloseIdleConnections()
	}
	var request fasthttp.Request
	var response fasthttp.Response
	for n := range c.Prints {
		for turn := range sides {
			i := order[(turn+n/len(mix))%2] // who is first changes with every photo
			t, ok := sides[i].mixed(first + n)
			if !ok {
				return times, nil, errors.New("every URL has been asked for: fewer -rounds")
			}
			request.SetRequestURI("http://" + sides[i].address + t.path)
			asked := time.Now()
			err := clients[i].Do(&request, &response)
			times[i] = append(times[i], time.Since(asked))
			if err == nil {
				err = t.check(&response)
			}
			if err := errors.Join(err, ctx.Err()); err != nil {
				return times, nil, fmt.Errorf("%s: %w", t.path, err)
			}
		}
		differences = append(differences, times[0][n]-times[1][n])
	}
	return times, differences, nil
}

// print writes the median of the rounds, and the spread over them.
func (c *comparison) print(out io.Writer) {
	fmt.Fprintf(out, "Isolation on against off, %d rounds of %d prints by %d clients and %d by one; %s, %d CPUs\n\n",
		len(c.Rounds), c.Prints, c.Clients, c.Prints, runtime.GOOS+"/"+runtime.GOARCH, runtime.NumCPU())
	rows := [][]string{{"what isolation costs", "median round", "lowest", "highest"}}
	add := func(name, format string, of func(round) (float64, bool)) {
		var values []float64
		for _, r := range c.Rounds {
			if value, known := of(r); known {
				values = append(values, value)
			}
		}
		if len(values) > 0 {
			rows = append(rows, spread(name, format, values))
		}
	}
	add("throughput, on / off", "%.3f", func(r round) (float64, bool) { return r.Throughput, true })
	add("CPU time a print, on / off", "%.3f", func(r round) (float64, bool) {
		if r.CPU == nil {
			return 0, false
		}
		return *r.CPU, true
	})
	add("p50, on - off, ms", "%+.2f", func(r round) (float64, bool) { return r.P50, true })
	add("p99, on - off, ms", "%+.2f", func(r round) (float64, bool) { return r.P99, true })
	add("the same print, on - off, ms", "%+.2f", func(r round) (float64, bool) { return r.Same, true })
	fmt.Fprintln(out, table(rows))
}

// spread is a row of the median of some values, the lowest and the highest. There must be one at least.
func spread(name, format string, values []float64) []string {
	slices.Sort(values)
	row := []string{name}
	for _, value := range []float64{(values[(len(values)-1)/2] + values[len(values)/2]) / 2, values[0], values[len(values)-1]} {
		row = append(row, fmt.Sprintf(format, value))
	}
	return row
}
