package admission

import (
	"fmt"
	"testing"
	"time"
)

func cheap(client string) Job { return Job{Cost: 20 * ms, Client: client} }

func expensive(client, original string) Job {
	return Job{Cost: 2 * time.Second, Client: client, Original: original}
}

func TestACheapJobAlwaysFindsASlot(t *testing.T) {
	on(t, Options{Slots: 4, Wait: time.Minute}, func(s *stage) {
		for i := range 5 {
			name := fmt.Sprint("expensive ", i)
			s.ask(name, expensive(name, name))
		}
		s.want("runs", "expensive 0", "expensive 1", "expensive 2")
		s.want("waits", "expensive 3", "expensive 4")
		s.ask("cheap 0", cheap("a"))
		s.ask("cheap 1", cheap("a"))
		s.want("runs", "cheap 0")
		s.want("waits", "cheap 1")
		s.end("cheap 0")
		s.want("runs", "cheap 1")
		s.end("cheap 1")
		s.want("waits", "expensive 3")
		s.end("expensive 1")
		s.want("runs", "expensive 3")
		s.want("waits", "expensive 4")
	})
}

func TestCheapJobsMayFillAllSlots(t *testing.T) {
	on(t, Options{Slots: 3}, func(s *stage) {
		for i := range 4 {
			s.ask(fmt.Sprint(i), cheap("a"))
		}
		s.want("runs", "0", "1", "2")
		s.want("waits", "3")
	})
}

func TestOnOneSlotAnExpensiveJobStartsWhenNoCheapOneWaits(t *testing.T) {
	on(t, Options{Slots: 1}, func(s *stage) {
		s.ask("cheap 0", cheap("a"))
		s.ask("expensive", expensive("a", "x"))
		s.ask("cheap 1", cheap("a"))
		s.ask("cheap 2", cheap("b"))
		if got, want := s.finish(), "cheap 2 cheap 1 expensive"; got != want {
			t.Errorf("started %s, want %s", got, want)
		}
	})
}

func TestAClientHasHalfTheSlotsForExpensiveJobs(t *testing.T) {
	for slots, share := range map[int]int{1: 1, 2: 1, 3: 1, 4: 2, 5: 2, 8: 4} {
		t.Run(fmt.Sprint(slots, " slots"), func(t *testing.T) {
			on(t, Options{Slots: slots, Wait: time.Minute}, func(s *stage) {
				for i := range share + 1 {
					s.ask(fmt.Sprint("greedy ", i), expensive("greedy", fmt.Sprint(i)))
				}
				s.want("runs", fmt.Sprint("greedy ", share-1))
				s.want("waits", fmt.Sprint("greedy ", share))
				if share < max(1, slots-1) {
					s.ask("another", expensive("another", "other"))
					s.want("runs", "another")
					s.want("waits", fmt.Sprint("greedy ", share))
				}
				s.end("greedy 0")
				s.want("runs", fmt.Sprint("greedy ", share))
			})
		})
	}
}

func TestAnOriginalHasHalfTheSlotsForExpensiveJobs(t *testing.T) {
	on(t, Options{Slots: 4, Wait: time.Minute}, func(s *stage) {
		s.ask("a of x", expensive("a", "x"))
		s.ask("b of x", expensive("b", "x"))
		s.ask("c of x", expensive("c", "x"))
		s.want("runs", "a of x", "b of x")
		s.want("waits", "c of x")
		s.ask("c of y", expensive("c", "y"))
		s.want("runs", "c of y") // its client's first is passed: that waits for its original
		s.want("waits", "c of x")
		s.ask("cheap of x", Job{Cost: ms, Client: "d", Original: "x"})
		s.want("runs", "cheap of x")
		s.end("b of x")
		s.want("runs", "c of x")
	})
}

// When a slot comes free, those whose client or original has its share are passed by those behind them.
func TestSharesDoNotHoldUpOthers(t *testing.T) {
	on(t, Options{Slots: 5, Wait: time.Hour}, func(s *stage) {
		s.ask("x1", expensive("a", "x"))
		s.ask("x2", expensive("b", "x"))
		s.ask("y", expensive("c", "y"))
		s.ask("z", expensive("d", "z"))
		for i := range 30 {
			s.ask(fmt.Sprint("of x ", i), expensive(fmt.Sprint(i%10), "x"))
		}
		s.ask("w", expensive("0", "w"))
		s.want("waits", "w")
		s.end("y")
		s.want("runs", "x1", "x2", "z", "w")
	})
}

func TestNobodyAndNothingHaveNoShare(t *testing.T) {
	on(t, Options{Slots: 6, Wait: time.Minute}, func(s *stage) {
		for i := range 6 {
			s.ask(fmt.Sprint(i), expensive("", ""))
		}
		s.want("runs", "0", "1", "2", "3", "4")
		s.want("waits", "5")
	})
}

func TestCheapOnesGoFirst(t *testing.T) {
	on(t, Options{Slots: 2}, func(s *stage) {
		s.ask("running 1", cheap(""))
		s.ask("running 2", cheap(""))
		s.ask("expensive", expensive("a", "x"))
		s.ask("cheap 1", cheap("b"))
		s.ask("cheap 2", cheap("b"))
		if got, want := s.finish(), "cheap 1 cheap 2 expensive"; got != want {
			t.Errorf("started %s, want %s", got, want)
		}
	})
}

// Cheap jobs come without end. The expensive one starts once it has waited for half of the longest wait.
func TestAnExpensiveJobDoesNotStarve(t *testing.T) {
	for _, slots := range []int{1, 2, 3} {
		t.Run(fmt.Sprint(slots, " slots"), func(t *testing.T) {
			on(t, Options{Slots: slots, Wait: 2 * time.Second}, func(s *stage) {
				for i := range slots + 1 {
					s.ask(fmt.Sprint("first ", i), cheap("b"))
				}
				s.ask("expensive", Job{Cost: 300 * ms, Client: "a"})
				for i := 0; s.actors["expensive"].ticket == nil && i < 1000; i++ {
					s.ask(fmt.Sprint(i), cheap("b"))
					time.Sleep(20 * ms / time.Duration(slots))
					s.end(s.running[0])
				}
				s.want("runs", "expensive")
				if waited := s.waited("expensive"); waited <= time.Second || waited > 1020*ms {
					t.Errorf("it waited %v, want 1 s and no longer than a cheap job", waited)
				}
			})
		})
	}
}

// Both classes come without end, and so many that expensive jobs would be overdue if nothing else ran. They overtake
// cheap ones, and cheap ones are served as much.
func TestOverdueJobsDoNotStarveCheapOnes(t *testing.T) {
	on(t, Options{Slots: 1, Wait: 20 * time.Second}, func(s *stage) {
		served := map[bool]time.Duration{}
		s.ask("running", cheap("b"))
		n := 0
		for s.queue.now() < time.Minute {
			for s.queue.cheap.all.count < 3 {
				s.ask(fmt.Sprint("cheap ", n), cheap("b"))
				n++
			}
			for s.queue.expensive.all.count < 15 {
				s.ask(fmt.Sprint("expensive ", n), Job{Cost: time.Second})
				n++
			}
			ticket := s.actors[s.running[0]].ticket
			time.Sleep(ticket.Cost)
			if s.queue.now() > 20*time.Second {
				served[ticket.expensive] += ticket.Cost
			}
			s.end(s.running[0])
		}
		if r := served[true].Seconds() / served[false].Seconds(); r < 0.8 || r > 1.25 {
			t.Errorf("cheap jobs ran for %v and expensive ones for %v, want about the same", served[false], served[true])
		}
	})
}

func TestOverdueJobsTakeNoMoreThanTheirSlots(t *testing.T) {
	on(t, Options{Slots: 4, Wait: time.Minute}, func(s *stage) {
		s.ask("a1", expensive("a", ""))
		s.ask("a2", expensive("a", ""))
		s.ask("a3", expensive("a", ""))
		s.ask("b1", expensive("b", ""))
		s.ask("b2", expensive("b", ""))
		time.Sleep(40 * time.Second)
		s.want("waits", "a3", "b2")
		s.ask("cheap", cheap("c"))
		s.want("runs", "cheap")
		s.end("b1")
		s.want("runs", "b2")
		s.want("waits", "a3")
	})
}
