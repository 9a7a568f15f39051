package admission

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A tally counts from outside what runs at the same time.
type tally struct {
	*testing.T
	Options
	sync.Mutex
	running, expensive int
	memory             int64
	shares             map[string]int
	longest            time.Duration
}

// change counts a job in (by 1) or out (by -1) and checks the rules.
func (c *tally) change(job Job, by int) {
	c.Lock()
	defer c.Unlock()
	c.running += by
	c.memory += int64(by) * job.Memory
	if job.Cost > c.Expensive {
		c.expensive += by
		c.shares["client "+job.Client] += by
		c.shares["original "+job.Original] += by
	}
	if c.running > c.Slots || c.Memory > 0 && c.memory > c.Memory || c.expensive > max(1, c.Slots-1) {
		c.Errorf("%d jobs, %d expensive, run in %d bytes; the bounds are %+v", c.running, c.expensive, c.memory, c.Options)
	}
	for _, key := range []string{"client " + job.Client, "original " + job.Original} {
		if n := c.shares[key]; n > max(1, c.Slots/2) && key != "client " && key != "original " {
			c.Errorf("%d expensive jobs of %s run on %d slots", n, key, c.Slots)
		}
	}
}

func randomJob(r *rand.Rand, o Options) Job {
	job := Job{
		Cost:     time.Duration(r.ExpFloat64() * float64(30*ms)),
		Client:   []string{"", "a", "b", "c", fmt.Sprint(r.IntN(100))}[r.IntN(5)],
		Original: []string{"", "x", fmt.Sprint(r.IntN(100))}[r.IntN(3)],
		Memory:   int64(r.ExpFloat64()*10) * mb,
	}
	if r.IntN(5) == 0 {
		job.Cost = o.Expensive + time.Duration(r.ExpFloat64()*float64(time.Second))
	}
	if r.IntN(20) == 0 {
		job.Memory = r.Int64N(o.Memory + 10*mb)
	}
	return job
}

// Jobs of all kinds arrive at random, at times faster than they can run, run for other times than predicted, and
// some of their askers leave. The rules hold at every moment, and each job ends.
func TestRandomJobs(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { randomJobs(t, rand.New(rand.NewPCG(seed, 0))) })
		})
	}
}

func randomJobs(t *testing.T, r *rand.Rand) {
	o := Options{Slots: 1 + r.IntN(9), Memory: 100 * mb, Wait: 2 * time.Second, Expensive: 250 * ms}
	if r.IntN(4) == 0 {
		o.Memory = 0
	}
	q := New(o)
	c := &tally{T: t, Options: o, shares: map[string]int{}}
	var askers sync.WaitGroup
	const jobs = 800
	for range jobs {
		job := randomJob(r, o)
		takes := time.Duration(float64(job.Cost) * (0.2 + 1.6*r.Float64()))
		patience := time.Hour
		if r.IntN(5) == 0 {
			patience = time.Duration(r.Int64N(int64(time.Second)))
		}
		askers.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			ticket, err := q.Admit(ctx, job)
			switch {
			case err == nil:
				c.change(job, 1)
				time.Sleep(takes)
				c.change(job, -1)
				ticket.Release()
				c.Lock()
				c.longest = max(c.longest, ticket.Waited())
				c.Unlock()
			case errors.Is(err, ErrTooLarge) && (o.Memory == 0 || job.Memory <= o.Memory):
				t.Errorf("%d bytes of %d: %v", job.Memory, o.Memory, err)
			case !errors.Is(err, ErrFull) && !errors.Is(err, ErrTooLarge) && !errors.Is(err, context.DeadlineExceeded):
				t.Errorf("Admit: %v", err)
			}
			check(t, q)
		})
		if r.IntN(3) > 0 {
			time.Sleep(time.Duration(r.ExpFloat64() * float64(60*ms) / float64(o.Slots)))
		}
	}
	askers.Wait() // a job that never ran would be a deadlock of the bubble
	if s := q.Stats(); s.Admitted+s.Refused+s.GaveUp != jobs || s.Admitted < jobs/10 {
		t.Errorf("of %d jobs: %+v", jobs, s)
	}
	if c.longest > 10*o.Wait {
		t.Errorf("a job waited %v", c.longest)
	}
	checkEmpty(t, q)
}

// The same in real time, for the race detector.
func TestRandomJobsAtOnce(t *testing.T) {
	o := Options{Slots: 4, Memory: 100 * mb, Wait: time.Hour, Expensive: 250 * ms}
	q := New(o)
	c := &tally{T: t, Options: o, shares: map[string]int{}}
	var askers sync.WaitGroup
	for seed := range uint64(16) {
		askers.Go(func() {
			r := rand.New(rand.NewPCG(seed, 1))
			for range 200 {
				job := randomJob(r, o)
				job.Memory = min(job.Memory, o.Memory)
				ctx, cancel := context.WithCancel(t.Context())
				if r.IntN(3) == 0 {
					go cancel()
				}
				ticket, err := q.Admit(ctx, job)
				if err == nil {
					c.change(job, 1)
					q.Stats()
					c.change(job, -1)
					ticket.Release()
				} else if !errors.Is(err, context.Canceled) {
					t.Errorf("Admit: %v", err)
				}
				cancel()
			}
		})
	}
	askers.Wait()
	checkEmpty(t, q)
}
