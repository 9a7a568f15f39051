package admission

import (
	"fmt"
	"testing"
	"time"
)

// These tests are about whom memory is kept for, where several lack it. Memory is kept after a second of waiting.
var oneSecond = Options{Slots: 2, Memory: 100 * mb, Wait: 4 * time.Second}

func TestMemoryIsKeptAsSoonAsItIsTheJobsTurn(t *testing.T) {
	on(t, oneSecond, func(s *stage) {
		s.ask("a", needs(10, "a"))
		s.ask("b", needs(50, "b"))
		s.ask("large", needs(80, "c"))
		s.ask("small", needs(30, "d"))
		time.Sleep(1001 * ms)
		s.end("a") // only now it is seen that the large one lacks memory
		s.want("waits", "large", "small")
		s.end("b")
		s.want("runs", "large")
	})
}

func TestMemoryIsKeptUntilEnoughIsFreeAndNoLonger(t *testing.T) {
	on(t, Options{Slots: 9, Memory: 100 * mb, Wait: 4 * time.Second, Expensive: time.Minute}, func(s *stage) {
		s.ask("7 s", Job{Cost: 7 * time.Second, Memory: 30 * mb, Client: "a"})
		s.ask("2 s", Job{Cost: 2 * time.Second, Memory: 30 * mb, Client: "b"})
		s.ask("large", needs(65, "c")) // can start after 2 s
		time.Sleep(1001 * ms)
		s.ask("3 s", Job{Cost: 3 * time.Second, Memory: 38 * mb, Client: "d"})
		s.want("waits", "large", "3 s")
		s.ask("1/2 s", Job{Cost: 500 * ms, Memory: 38 * mb, Client: "e"})
		s.want("runs", "1/2 s")
	})
}

// A job that other rules have come to hold back gives way, and another that lacks memory takes its place.
func TestMemoryIsKeptForAnotherIfOtherRulesHoldBackTheFirst(t *testing.T) {
	on(t, Options{Slots: 6, Memory: 100 * mb, Wait: 4 * time.Second}, func(s *stage) {
		s.ask("first", needs(50, "z"))
		s.ask("large of a", Job{Cost: time.Second, Memory: 90 * mb, Client: "a"})
		for _, name := range []string{"a1", "a2", "a3"} { // its client's share
			s.ask(name, Job{Cost: time.Second, Memory: 5 * mb, Client: "a"})
			s.want("runs", name)
		}
		time.Sleep(1001 * ms)
		s.ask("small", needs(20, "b"))
		s.want("runs", "small")
		s.end("small")
		s.ask("large of c", needs(90, "c"))
		time.Sleep(1001 * ms)
		s.ask("small 2", needs(20, "b"))
		s.want("waits", "small 2", "large of a", "large of c")
	})
}

func TestMemoryIsKeptForCheapJobsBeforeExpensiveOnes(t *testing.T) {
	options := oneSecond
	options.Slots = 3
	on(t, options, func(s *stage) {
		s.ask("a", needs(10, "a"))
		s.ask("b", needs(40, "b"))
		s.ask("c", needs(10, "c"))
		s.ask("expensive", Job{Cost: time.Second, Memory: 90 * mb, Client: "d"})
		s.ask("cheap", needs(80, "e"))
		time.Sleep(1001 * ms)
		s.end("a", "b")
		s.want("runs", "c", "cheap")
		s.want("waits", "expensive")
	})
}

func TestMemoryIsKeptForAnExpensiveJobOnceItIsOverdue(t *testing.T) {
	for wait, want := range map[time.Duration]string{1900 * ms: "runs", 2100 * ms: "waits"} {
		on(t, oneSecond, func(s *stage) {
			s.ask("a", needs(10, "a"))
			s.ask("b", needs(50, "b"))
			s.ask("expensive", Job{Cost: time.Second, Memory: 80 * mb, Client: "c"})
			time.Sleep(wait)
			s.ask("cheap", needs(30, "d"))
			s.end("a")
			s.want(want, "cheap")
			s.want("waits", "expensive")
		})
	}
}

func TestMemoryIsNotKeptForOneWhoseTurnIsLater(t *testing.T) {
	on(t, Options{Slots: 5, Memory: 100 * mb, Wait: 4 * time.Second}, func(s *stage) {
		ask := func(name, client, original string, memory int64) {
			s.ask(name, Job{Cost: 300 * ms, Memory: memory * mb, Client: client, Original: original})
		}
		ask("x1", "p", "x", 0)
		ask("x2", "q", "x", 0)
		ask("z", "r", "z", 50)
		ask("y", "b", "y", 10)
		ask("of x", "a", "x", 0)
		ask("large", "b", "", 80) // its client has been served, and the next has not
		ask("small", "c", "", 30)
		time.Sleep(1001 * ms)
		s.end("y")
		s.want("runs", "small")
		s.want("waits", "of x", "large")
	})
}

// A search gives up after some jobs that lack memory; nothing is lost by that.
func TestManyThatLackMemoryAllRunInTheEnd(t *testing.T) {
	q := New(Options{Slots: 4, Memory: 100 * mb, Wait: time.Hour})
	const jobs = 3*maxPassed + 10
	for i := range jobs {
		if _, err := q.arrive(t.Context(), needs([]int64{90, 70, 40}[i%3], fmt.Sprint(i%7))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := q.Admit(t.Context(), needs(1, "small")); err != nil {
		t.Fatal(err)
	}
	for len(q.running) > 0 {
		q.running[0].Release()
	}
	if s := q.Stats(); s.Admitted != jobs+1 {
		t.Errorf("Stats() = %+v", s)
	}
	checkEmpty(t, q)
}
