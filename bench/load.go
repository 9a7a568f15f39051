package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// anyLength stands for a body of any length above 0.
const anyLength = 0

// A target is a request and what its answer must be.
type target struct {
	path        string
	contentType string
	length      int // of the body, or anyLength
}

// A load is a closed loop: each client asks, waits for the answer, and asks again.
type load struct {
	name     string
	clients  int
	duration time.Duration
	next     func(n int) (target, bool) // the n-th request of all clients together; false ends the load
}

// tooManyFailures ends a load: a server that is gone would be asked a million times.
const tooManyFailures = 100

// newClient returns a client of one kept connection that never asks twice by itself.
func newClient(address string) *fasthttp.HostClient {
	return &fasthttp.HostClient{
		Addr:                      address,
		MaxConns:                  1,
		MaxIdemponentCallAttempts: 1,
		ReadTimeout:               time.Minute,
		WriteTimeout:              time.Minute,
		ReadBufferSize:            16 << 10,
		DisablePathNormalizing:    true,
		NoDefaultUserAgentHeader:  true,
	}
}

// check returns what is wrong with an answer, or nil.
func (t target) check(response *fasthttp.Response) error {
	length := len(response.Body())
	switch {
	case response.StatusCode() != fasthttp.StatusOK:
		return fmt.Errorf("status %d", response.StatusCode())
	case string(response.Header.ContentType()) != t.contentType:
		return fmt.Errorf("content type %q, not %q", response.Header.ContentType(), t.contentType)
	case length == 0:
		return fmt.Errorf("no body")
	case t.length != anyLength && length != t.length:
		return fmt.Errorf("%d bytes, not %d", length, t.length)
	}
	return nil
}

// fetch returns the body of t's answer.
func fetch(address string, t target) ([]byte, error) {
	var request fasthttp.Request
	var response fasthttp.Response
	client := newClient(address)
	defer client.CloseIdleConnections()
	request.SetRequestURI("http://" + address + t.path)
	if err := client.Do(&request, &response); err != nil {
		return nil, err
	}
	return response.Body(), t.check(&response)
}

// measure runs l against address. The CPU time is that of the process pid, unless it is 0.
func (b *bench) measure(ctx context.Context, address string, pid int, l load) result {
	var (
		tallies   = make([]tally, l.clients)
		count     atomic.Int64
		exhausted atomic.Bool
		failures  atomic.Int64
		clients   sync.WaitGroup
	)
	before, _ := cpuTime(pid)
	ctx, cancel := context.WithTimeout(ctx, l.duration) // not before: reading all of /proc takes its time
	defer cancel()
	start := time.Now()
	for i := range tallies {
		clients.Go(func() {
			var request fasthttp.Request
			var response fasthttp.Response
			client := newClient(address)
			defer client.CloseIdleConnections()
			var own tally // beside no other client's in memory, until the end
			defer func() { tallies[i] = own }()
			for ctx.Err() == nil && failures.Load() < tooManyFailures {
				t, ok := l.next(int(count.Add(1) - 1))
				if !ok {
					exhausted.Store(true)
					return
				}
				request.SetRequestURI("http://" + address + t.path)
				asked := time.Now()
				err := client.Do(&request, &response)
				took := time.Since(asked)
				if err == nil {
					err = t.check(&response)
				}
				if err != nil {
					failures.Add(1)
				}
				own.count(t, took, len(response.Body()), err)
			}
		})
	}
	clients.Wait()
	elapsed := time.Since(start)
	after, known := cpuTime(pid)

	r := summarize(l, elapsed, tallies)
	r.Exhausted = exhausted.Load()
	if requests := r.Requests + r.Failures; known && requests > 0 {
		cpu := milliseconds(after-before) / float64(requests)
		r.CPUMilliseconds = &cpu
	}
	return r
}
