package admission

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// needs returns a cheap job of a client of its own.
func needs(memory int64, client string) Job {
	return Job{Cost: 100 * ms, Memory: memory * mb, Client: client}
}

func TestMoreMemoryThanThereIsIsRefused(t *testing.T) {
	q := New(Options{Slots: 4, Memory: 100 * mb})
	if _, err := q.Admit(t.Context(), needs(101, "a")); !errors.Is(err, ErrTooLarge) {
		t.Errorf("Admit: %v, want %v", err, ErrTooLarge)
	}
	if s := q.Stats(); s.Refused != 1 {
		t.Errorf("Stats() = %+v", s)
	}
	ticket, err := q.Admit(t.Context(), needs(100, "a"))
	if err != nil {
		t.Fatal(err)
	}
	if s := q.Stats(); s.Memory != 100*mb {
		t.Errorf("Stats() = %+v", s)
	}
	ticket.Release()
	checkEmpty(t, q)
}

// Expensive jobs never hold all of the memory, so that cheap ones need not wait for their end.
func TestExpensiveJobsLeaveMemoryToOthers(t *testing.T) {
	expensive := func(memory int64, client string) Job {
		return Job{Cost: 10 * time.Second, Memory: memory * mb, Client: client}
	}
	o := Options{Slots: 5, Memory: 100 * mb, Spare: 20 * mb, Wait: time.Hour}
	on(t, o, func(s *stage) {
		s.ask("most", expensive(80, "a"))
		s.ask("more", expensive(1, "b"))
		s.ask("small", needs(20, "c"))
		s.want("runs", "most", "small")
		s.want("waits", "more")
		s.end("small")
		s.want("waits", "more")
		s.end("most")
		s.want("runs", "more")
		s.ask("rest", needs(99, "c")) // the others may have all that is left
		s.want("runs", "more", "rest")
	})
	q := New(o)
	if _, err := q.Admit(t.Context(), expensive(81, "a")); !errors.Is(err, ErrTooLarge) {
		t.Errorf("Admit: %v, want %v", err, ErrTooLarge)
	}
}

func TestJobsThatFitPassOneThatDoesNot(t *testing.T) {
	on(t, Options{Slots: 5, Memory: 100 * mb}, func(s *stage) {
		s.ask("first", needs(60, "a"))
		s.ask("large", needs(50, "b"))
		s.want("waits", "large")
		s.ask("small", needs(40, "b")) // even of the same client
		s.want("runs", "first", "small")
		s.ask("another", needs(1, "c"))
		s.want("waits", "another")
		s.end("small")
		s.want("runs", "another")
		s.want("waits", "large")
		s.end("first")
		s.want("runs", "large")
	})
}

// Small jobs come without end, and there is never as much memory free as the large one needs, unless it is kept free.
func TestAJobThatNeedsMuchMemoryIsNotPassedForEver(t *testing.T) {
	on(t, Options{Slots: 5, Memory: 100 * mb, Wait: 4 * time.Second}, func(s *stage) {
		ask := func(i int) { s.ask(fmt.Sprint(i), needs(30, fmt.Sprint(i))) }
		for i := range 3 {
			ask(i)
			time.Sleep(30 * ms)
		}
		s.ask("large", needs(80, "a"))
		for i := 3; s.actors["large"].ticket == nil && i < 1000; i++ {
			ask(i)
			time.Sleep(30 * ms)
			s.end(s.running[0])
		}
		s.want("runs", "large")
		if waited := s.waited("large"); waited <= time.Second || waited > time.Second+4*30*ms {
			t.Errorf("it waited %v, want 1 s and no longer than those that ran then", waited)
		}
	})
}

func TestWhatFitsBesideTheLargeJobStillPasses(t *testing.T) {
	on(t, Options{Slots: 9, Memory: 100 * mb, Wait: 4 * time.Second}, func(s *stage) {
		s.ask("first", needs(50, "a"))
		s.ask("large", needs(70, "b"))
		s.want("waits", "large")
		time.Sleep(1001 * ms)
		s.ask("20", needs(20, "c"))
		s.ask("11", needs(11, "d")) // there is room now, but not beside the large one
		s.ask("10", needs(10, "e"))
		s.want("runs", "20", "10")
		s.want("waits", "11")
		s.end("20")
		s.want("runs", "11")
		s.ask("9", needs(9, "c"))
		s.want("runs", "9")
		s.ask("1", needs(1, "c"))
		s.want("waits", "1", "large")
		s.end("first")
		s.want("runs", "9", "10", "11", "large")
		s.want("waits", "1")
	})
}

// The large job has to wait for the first one's memory in any case.
func TestWhatEndsBeforeTheLargeJobCouldStartPasses(t *testing.T) {
	on(t, Options{Slots: 9, Memory: 100 * mb, Wait: 4 * time.Second, Expensive: time.Minute}, func(s *stage) {
		s.ask("first", Job{Cost: 7 * time.Second, Memory: 50 * mb, Client: "a"})
		s.ask("large", needs(70, "b"))
		time.Sleep(1001 * ms)
		s.ask("long", Job{Cost: 6 * time.Second, Memory: 40 * mb, Client: "c"})
		s.want("waits", "large", "long")
		s.ask("short", needs(40, "d"))
		s.want("runs", "short")
		time.Sleep(100 * ms)
		s.end("short")
		s.want("waits", "large", "long")
		time.Sleep(5850 * ms)
		s.ask("late", needs(40, "d"))
		s.want("waits", "late")
		s.end("first")
		s.want("runs", "large")
		s.want("waits", "late", "long")
	})
}

func TestMemoryIsNotKeptForOneWhoLeaves(t *testing.T) {
	on(t, Options{Slots: 9, Memory: 100 * mb, Wait: 4 * time.Second}, func(s *stage) {
		s.ask("first", needs(50, "a"))
		s.ask("large", needs(100, "b"))
		time.Sleep(1001 * ms)
		s.ask("small", needs(10, "c"))
		s.ask("smaller", needs(5, "d"))
		s.want("waits", "large", "small", "smaller")
		s.leave("large")
		s.want("runs", "small", "smaller")
	})
}

// The second in line for memory gets it when the first has it, without waiting anew.
func TestMemoryIsKeptForOneAfterTheOther(t *testing.T) {
	on(t, Options{Slots: 9, Memory: 100 * mb, Wait: 4 * time.Second}, func(s *stage) {
		s.ask("first", needs(50, "a"))
		s.ask("large 1", needs(90, "b"))
		s.ask("large 2", needs(90, "c"))
		time.Sleep(1001 * ms)
		s.ask("small", needs(20, "d"))
		s.want("waits", "small")
		s.end("first")
		s.want("runs", "large 1")
		s.ask("tiny", needs(10, "e"))
		s.want("runs", "tiny")
		s.ask("tiny 2", needs(1, "e"))
		s.end("tiny")
		s.end("large 1")
		s.want("runs", "large 2", "tiny 2")
		s.want("waits", "small")
	})
}

// A client that has its share of expensive jobs cannot keep memory from others besides.
func TestMemoryIsNotKeptForOneThatOtherRulesHoldBack(t *testing.T) {
	on(t, Options{Slots: 4, Memory: 100 * mb, Wait: 4 * time.Second}, func(s *stage) {
		large := Job{Cost: time.Second, Memory: 40 * mb, Client: "a"}
		s.ask("large 1", large)
		s.ask("large 2", large)
		s.ask("large 3", large)
		s.want("waits", "large 3")
		time.Sleep(1001 * ms)
		s.ask("small", needs(20, "b"))
		s.want("runs", "small")
		s.end("large 1") // now only memory is lacking
		s.want("runs", "large 3")
	})
}

// While memory is kept for an expensive job, no other takes the last slot that it may have.
func TestASlotIsKeptWithTheMemory(t *testing.T) {
	on(t, Options{Slots: 3, Memory: 100 * mb, Wait: 4 * time.Second}, func(s *stage) {
		s.ask("first", needs(90, "a"))
		s.ask("small", Job{Cost: time.Second, Memory: mb, Client: "b"})
		s.ask("large", Job{Cost: time.Second, Memory: 50 * mb, Client: "c"})
		s.want("waits", "large")
		time.Sleep(1001 * ms)
		s.ask("small 2", Job{Cost: time.Second, Memory: mb, Client: "d"})
		s.want("waits", "small 2")
		s.ask("cheap", needs(1, "e"))
		s.want("runs", "cheap")
		s.end("first")
		s.want("runs", "large")
		s.want("waits", "small 2")
	})
}
