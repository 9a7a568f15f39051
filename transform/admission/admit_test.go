package admission

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestJobsRunOneForEachSlotAndThenInTurn(t *testing.T) {
	on(t, Options{Slots: 2}, func(s *stage) {
		for _, name := range []string{"a", "b", "c", "d"} {
			s.ask(name, Job{Cost: 10 * ms})
		}
		s.want("runs", "a", "b")
		s.want("waits", "c", "d")
		time.Sleep(30 * ms)
		if got := s.queue.Stats(); got.Running != 2 || got.Waiting != 2 || got.Oldest != 30*ms || got.Admitted != 2 {
			t.Errorf("Stats() = %+v", got)
		}
		s.end("b")
		s.want("runs", "a", "c")
		if waited := s.waited("c"); waited != 30*ms {
			t.Errorf("c waited %v, want 30ms", waited)
		}
		if waited := s.waited("a"); waited != 0 {
			t.Errorf("a waited %v, want 0", waited)
		}
		s.want("waits", "d")
	})
}

func TestReleaseTwiceFreesOneSlot(t *testing.T) {
	on(t, Options{Slots: 2, Memory: 10 * mb}, func(s *stage) {
		s.ask("a", Job{Cost: ms, Memory: mb})
		s.ask("b", Job{Cost: ms, Memory: mb})
		s.ask("c", Job{Cost: ms, Memory: mb})
		s.ask("d", Job{Cost: ms, Memory: mb})
		a := s.actors["a"].ticket
		s.end("a")
		a.Release()
		s.settle()
		s.want("runs", "b", "c")
		s.want("waits", "d")
	})
}

func TestContextEndsWhileWaiting(t *testing.T) {
	on(t, Options{Slots: 1}, func(s *stage) {
		s.ask("a", Job{Cost: ms})
		s.ask("b", Job{Cost: ms})
		s.ask("c", Job{Cost: ms})
		s.leave("b")
		if err := s.actors["b"].err; !errors.Is(err, errLeft) {
			t.Errorf("the error of b is %v, want one that wraps %v", err, errLeft)
		}
		s.end("a")
		s.want("runs", "c")
		if got := s.queue.Stats(); got.GaveUp != 1 || got.Admitted != 2 || got.Waiting != 0 {
			t.Errorf("Stats() = %+v", got)
		}
	})
}

func TestDeadlineIsToldFromCancellation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(Options{Slots: 1})
		running, err := q.Admit(t.Context(), Job{Cost: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*ms)
		defer cancel()
		if _, err := q.Admit(ctx, Job{Cost: ms}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Admit: %v, want %v", err, context.DeadlineExceeded)
		}
		running.Release()
		checkEmpty(t, q)
	})
}

func TestEndedContextTakesNoSlot(t *testing.T) {
	q := New(Options{Slots: 1})
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errLeft)
	// A choice between two ready channels would let it in every other time.
	for range 100 {
		if _, err := q.Admit(ctx, Job{Cost: ms}); !errors.Is(err, errLeft) {
			t.Fatalf("Admit: %v, want one that wraps %v", err, errLeft)
		}
	}
	if s := q.Stats(); s.Admitted != 0 || s.GaveUp != 100 {
		t.Errorf("Stats() = %+v", s)
	}
	checkEmpty(t, q)
}

// Slots are given and contexts end at the same moments, in real time, so that every order of the two occurs.
func TestSlotGivenToOneWhoLeavesIsNotLost(t *testing.T) {
	q := New(Options{Slots: 2, Memory: 4 * mb})
	var askers sync.WaitGroup
	for i := range 2000 {
		job := Job{Cost: ms, Memory: mb, Client: fmt.Sprint(i % 3)}
		if i%5 == 0 {
			job.Cost, job.Original = 300*ms, "big"
		}
		ctx, cancel := context.WithCancel(t.Context())
		ticket, err := q.Admit(t.Context(), Job{Cost: ms})
		if err != nil {
			t.Fatal(err)
		}
		second, err := q.Admit(t.Context(), Job{Cost: ms})
		if err != nil {
			t.Fatal(err)
		}
		askers.Go(func() {
			if ticket, err := q.Admit(ctx, job); err == nil {
				ticket.Release()
			} else if !errors.Is(err, context.Canceled) {
				t.Errorf("Admit: %v", err)
			}
		})
		askers.Go(ticket.Release)
		askers.Go(cancel)
		askers.Wait()
		second.Release()
	}
	checkEmpty(t, q)
	if s := q.Stats(); s.Admitted+s.GaveUp != 6000 {
		t.Errorf("of 6000 jobs %d were admitted and %d gave up", s.Admitted, s.GaveUp)
	}
}

// The asker is still asleep when its slot comes and its ctx ends.
func TestSlotGivenBeforeTheAskerSeesThatItsContextEnded(t *testing.T) {
	on(t, Options{Slots: 1}, func(s *stage) {
		s.ask("a", Job{Cost: ms})
		s.ask("b", Job{Cost: ms})
		s.ask("c", Job{Cost: ms})
		s.queue.mu.Lock() // b cannot leave the line
		s.actors["b"].leave(errLeft)
		s.queue.stop(s.actors["a"].ticket)
		s.queue.mu.Unlock()
		s.running = nil
		s.settle()
		s.want("runs", "c")
		if err := s.actors["b"].err; !errors.Is(err, errLeft) {
			t.Errorf("the error of b is %v, want one that wraps %v", err, errLeft)
		}
		if got := s.queue.Stats(); got.Admitted != 2 || got.GaveUp != 1 {
			t.Errorf("Stats() = %+v", got)
		}
	})
}

func TestDrainLetsThoseInLineRun(t *testing.T) {
	on(t, Options{Slots: 1}, func(s *stage) {
		s.ask("a", Job{Cost: ms})
		s.ask("b", Job{Cost: ms})
		s.queue.Drain()
		s.ask("c", Job{Cost: ms})
		s.want(ErrDraining.Error(), "c")
		s.want("runs", "a")
		s.want("waits", "b")
		s.end("a")
		s.want("runs", "b")
		s.end("b")
		s.ask("d", Job{Cost: ms})
		s.want(ErrDraining.Error(), "d")
		if got := s.queue.Stats(); got.Refused != 2 || got.Admitted != 2 {
			t.Errorf("Stats() = %+v", got)
		}
	})
}

func TestNonsenseIsTakenAsTheNearestSense(t *testing.T) {
	on(t, Options{Slots: -1, Memory: -1, Wait: -1, Expensive: -1}, func(s *stage) {
		s.ask("a", Job{Cost: -time.Hour, Memory: -mb})
		s.ask("b", Job{Cost: 1 << 62, Memory: 1 << 62})
		s.want("runs", "a")
		s.want("waits", "b")
		if got := s.queue.Stats(); got.Memory != 0 {
			t.Errorf("Stats() = %+v", got)
		}
		s.end("a")
		s.want("runs", "b")
		s.end("b")
	})
}
