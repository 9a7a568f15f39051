package admission

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// A second of work that is not expensive.
var second = Job{Cost: time.Second, Client: "a"}

// letIn asks for job until one is refused, and returns how many were let in.
func (s *stage) letIn(job Job) int {
	s.Helper()
	for i := range 1000 {
		name := fmt.Sprint(job.Client, len(s.actors), " ", i, s.queue.now())
		s.ask(name, job)
		if err := s.actors[name].err; err != nil {
			s.want(ErrFull.Error(), name)
			delete(s.actors, name)
			return i
		}
	}
	s.Fatal("never refused")
	return 0
}

func TestRefusedIfTheWaitWouldBeTooLong(t *testing.T) {
	for slots, want := range map[int]int{1: 1 + 5, 2: 2 + 9, 4: 4 + 17} {
		on(t, Options{Slots: slots, Wait: 5 * time.Second, Expensive: time.Minute}, func(s *stage) {
			// The last one finds a second left in each slot and want-1-slots jobs ahead.
			if got := s.letIn(second); got != want {
				t.Errorf("on %d slots %d were let in, want %d", slots, got, want)
			}
			if got := s.queue.Stats(); got.Refused != 1 || got.Waiting != want-slots {
				t.Errorf("Stats() = %+v", got)
			}
			time.Sleep(time.Second)
			if got := s.letIn(second); got != slots {
				t.Errorf("when the running ones should have ended, %d more were let in, want %d", got, slots)
			}
		})
	}
}

func TestAClientWithLittleWaitingIsLetIn(t *testing.T) {
	on(t, Options{Slots: 1, Wait: 5 * time.Second, Expensive: time.Minute}, func(s *stage) {
		s.letIn(second)
		s.ask("long", Job{Cost: 3 * time.Second, Client: "b"})
		s.want(ErrFull.Error(), "long")
		// Two clients then share the slot: two seconds more for each job, and one second is left of the running one.
		if got := s.letIn(Job{Cost: time.Second, Client: "b"}); got != 2 {
			t.Errorf("%d of b were let in, want 2", got)
		}
		if got := s.letIn(Job{Cost: time.Second, Client: "c"}); got != 1 {
			t.Errorf("%d of c were let in, want 1", got)
		}
	})
}

func TestAFreeSlotIsGivenHoweverCostlyTheJob(t *testing.T) {
	on(t, Options{Slots: 4, Wait: time.Second}, func(s *stage) {
		s.ask("hour", Job{Cost: time.Hour, Client: "a"})
		s.ask("another", Job{Cost: time.Hour, Client: "a"})
		s.ask("third", Job{Cost: time.Hour, Client: "a"})
		s.want("runs", "hour", "another")
		s.want(ErrFull.Error(), "third")
		s.ask("of b", Job{Cost: time.Hour, Client: "b"})
		s.want("runs", "of b")
		s.ask("cheap", Job{Cost: ms, Client: "a"})
		s.want("runs", "cheap")
	})
}

func TestCheapJobsAreNotRefusedForLongExpensiveOnes(t *testing.T) {
	on(t, Options{Slots: 2, Memory: 100 * mb, Wait: time.Second}, func(s *stage) {
		s.ask("expensive", Job{Cost: time.Minute, Memory: 50 * mb, Client: "a"})
		if got := s.letIn(Job{Cost: 200 * ms, Memory: 10 * mb, Client: "a"}); got != 1+5 {
			t.Errorf("%d were let in beside the expensive one, want 6", got)
		}
	})
}

func TestExpensiveJobsAreRefusedForManyCheapOnes(t *testing.T) {
	on(t, Options{Slots: 2, Wait: 5 * time.Second}, func(s *stage) {
		for i := range 2 + 26 {
			s.ask(fmt.Sprint(i), Job{Cost: 200 * ms, Client: "a"})
		}
		s.ask("expensive", expensive("b", "x"))
		s.want(ErrFull.Error(), "expensive")
		s.ask("cheap", Job{Cost: 200 * ms, Client: "b"})
		s.want("waits", "cheap")
	})
}

func TestExpensiveJobsHaveALaneOfTheirOwn(t *testing.T) {
	for slots, want := range map[int]int{2: 1 + 5, 3: 2 + 9, 5: 4 + 17} {
		on(t, Options{Slots: slots, Wait: 5 * time.Second}, func(s *stage) {
			got := 0
			for i := 0; ; i++ {
				name := fmt.Sprint(i)
				s.ask(name, Job{Cost: time.Second, Client: name})
				if s.actors[name].err != nil {
					break
				}
				got++
			}
			// Each is a client of its own: no more than its own second times the number of them is ahead.
			if got != want {
				t.Errorf("on %d slots %d were let in, want %d", slots, got, want)
			}
		})
	}
}

func TestExpensiveJobsOfOneClientWaitForItsShare(t *testing.T) {
	for name, job := range map[string]Job{
		"client":   {Cost: time.Second, Client: "a"},
		"original": {Cost: time.Second, Original: "x"},
	} {
		t.Run(name, func(t *testing.T) {
			on(t, Options{Slots: 8, Wait: 5 * time.Second}, func(s *stage) {
				// Four run, and the last finds five seconds for each of the four slots waiting.
				if got := s.letIn(job); got != 4+21 {
					t.Errorf("%d were let in, want 25", got)
				}
			})
		})
	}
}

func TestMemoryMakesJobsWaitTooIfItIsScarcerThanSlots(t *testing.T) {
	for memory, want := range map[int64]int{100: 1 + 5, 50: 2 + 9, 10: 8 + 33} {
		on(t, Options{Slots: 8, Memory: 100 * mb, Wait: 5 * time.Second, Expensive: time.Minute}, func(s *stage) {
			if got := s.letIn(Job{Cost: time.Second, Memory: memory * mb}); got != want {
				t.Errorf("of jobs of %d %% of the memory %d were let in, want %d", memory, got, want)
			}
			// One that needs little of it does not wait for theirs.
			for _, name := range []string{"small 1", "small 2", "small 3"} {
				s.ask(name, Job{Cost: 10 * ms, Memory: mb, Client: "b"})
				s.want("waits", name)
			}
		})
	}
}

func TestPredictionsLearnFromWhatJobsTake(t *testing.T) {
	for _, test := range []struct {
		takes float64 // of the predicted time
		want  int     // let in: the running one, and those that find at most five seconds ahead
	}{{0.25, 1 + 20}, {1, 1 + 5}, {4, 1 + 1}, {1000, 1}, {0, 1 + 40}} {
		t.Run(fmt.Sprint(test.takes), func(t *testing.T) {
			on(t, Options{Slots: 1, Wait: 5010 * ms, Expensive: time.Minute}, func(s *stage) {
				for range 400 {
					s.ask("lesson", Job{Cost: time.Second})
					time.Sleep(time.Duration(test.takes * float64(time.Second)))
					s.end("lesson")
				}
				if got := s.letIn(second); got != test.want {
					t.Errorf("%d were let in, want %d", got, test.want)
				}
			})
		})
	}
}

func TestOneJobThatHungDoesNotCloseTheDoor(t *testing.T) {
	on(t, Options{Slots: 1, Wait: 5 * time.Second}, func(s *stage) {
		for range 100 {
			s.ask("lesson", Job{Cost: 200 * ms})
			time.Sleep(200 * ms)
			s.end("lesson")
		}
		s.ask("hung", Job{Cost: 200 * ms})
		time.Sleep(time.Hour)
		s.end("hung")
		if got := s.letIn(Job{Cost: 200 * ms}); got < 15 {
			t.Errorf("%d were let in, want nearly 26", got)
		}
	})
}

func TestTheLineIsBoundedHoweverCheapTheJobs(t *testing.T) {
	for _, most := range []int{0, 7} {
		testBoundedLine(t, most)
	}
}

func testBoundedLine(t *testing.T, most int) {
	q := New(Options{Slots: 1, Wait: time.Hour, Waiting: most})
	if most == 0 {
		most = defaultWaiting
	}
	fill(t, q, most, leastCost)
	if _, err := q.Admit(t.Context(), Job{}); !errors.Is(err, ErrFull) {
		t.Errorf("Admit: %v, want %v", err, ErrFull)
	}
	if s := q.Stats(); s.Waiting != most || s.Refused != 1 {
		t.Errorf("Stats() = %+v", s)
	}
	for len(q.running) > 0 {
		q.running[0].Release()
	}
	if s := q.Stats(); s.Admitted != uint64(most)+1 {
		t.Errorf("Stats() = %+v", s)
	}
	checkEmpty(t, q)
}

// fill makes a job run on each slot and n others wait, each of a client of its own.
func fill(tb testing.TB, q *Queue, n int, cost time.Duration) {
	tb.Helper()
	for i := range q.options.Slots + n {
		if _, err := q.arrive(tb.Context(), Job{Cost: cost, Client: fmt.Sprint(i)}); err != nil {
			tb.Fatal(err)
		}
	}
}
