package admission

import (
	"fmt"
	"testing"
	"time"
)

// askAll makes jobs ask in order: "a1 b1" is one of client a and one of client b, each with the cost of its client.
func (s *stage) askAll(costs map[string]time.Duration, names ...string) {
	s.Helper()
	for _, name := range names {
		client := name[:1]
		s.ask(name, Job{Cost: costs[client], Client: client})
	}
}

func TestClientsTakeTurns(t *testing.T) {
	on(t, Options{Slots: 1}, func(s *stage) {
		costs := map[string]time.Duration{"a": 50 * ms, "b": 50 * ms, "c": 50 * ms, "z": 50 * ms}
		s.askAll(costs, "z1", "a1", "a2", "a3", "a4", "b1", "b2", "c1")
		if got, want := s.finish(), "a1 b1 c1 a2 b2 a3 a4"; got != want {
			t.Errorf("started %s, want %s", got, want)
		}
	})
}

func TestNobodyInParticularIsOneMoreClient(t *testing.T) {
	on(t, Options{Slots: 1}, func(s *stage) {
		s.ask("running", Job{Cost: 50 * ms, Client: "z"})
		for i := range 3 {
			s.ask(fmt.Sprint("nobody", i), Job{Cost: 50 * ms})
		}
		s.ask("a0", Job{Cost: 50 * ms, Client: "a"})
		s.ask("a1", Job{Cost: 50 * ms, Client: "a"})
		if got, want := s.finish(), "nobody0 a0 nobody1 a1 nobody2"; got != want {
			t.Errorf("started %s, want %s", got, want)
		}
	})
}

func TestTurnsAreOfTimeNotOfJobs(t *testing.T) {
	on(t, Options{Slots: 1}, func(s *stage) {
		costs := map[string]time.Duration{"a": 200 * ms, "b": 50 * ms, "z": 10 * ms}
		s.askAll(costs, "z1", "a1", "a2", "a3", "b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8")
		if got, want := s.finish(), "a1 b1 b2 b3 b4 a2 b5 b6 b7 b8 a3"; got != want {
			t.Errorf("started %s, want %s", got, want)
		}
	})
}

func TestExpensiveJobsTakeTurnsToo(t *testing.T) {
	on(t, Options{Slots: 2, Wait: time.Hour}, func(s *stage) {
		costs := map[string]time.Duration{"a": time.Second, "b": time.Second, "z": time.Second}
		s.askAll(costs, "z1", "a1", "a2", "a3", "b1", "b2")
		if got, want := s.finish(), "a1 b1 a2 b2 a3"; got != want {
			t.Errorf("started %s, want %s", got, want)
		}
	})
}

func TestWhoHasTakenAllSlotsWaitsForNewcomers(t *testing.T) {
	on(t, Options{Slots: 3}, func(s *stage) {
		costs := map[string]time.Duration{"a": 50 * ms, "b": 50 * ms, "c": 50 * ms}
		s.askAll(costs, "a1", "a2", "a3", "a4", "b1", "c1")
		if got, want := s.finish(), "b1 c1 a4"; got != want {
			t.Errorf("started %s, want %s", got, want)
		}
	})
}

func TestBeingAwayEarnsNothing(t *testing.T) {
	on(t, Options{Slots: 1}, func(s *stage) {
		costs := map[string]time.Duration{"a": 50 * ms, "b": 50 * ms, "c": 50 * ms}
		s.askAll(costs, "b0", "a0")
		for i := range 50 { // b is away
			s.askAll(costs, fmt.Sprint("a", i+1))
			time.Sleep(50 * ms)
			s.end(s.running[0])
		}
		s.askAll(costs, "a51", "a52", "a53", "b1", "b2", "b3", "b4", "c1", "c2")
		if got, want := s.finish(), "b1 c1 a50 b2 c2 a51 b3 a52 b4 a53"; got != want {
			t.Errorf("started %s, want %s", got, want)
		}
	})
}

func TestWhatWasCancelledIsNotAccountedFor(t *testing.T) {
	on(t, Options{Slots: 1}, func(s *stage) {
		costs := map[string]time.Duration{"a": 50 * ms, "b": 50 * ms, "z": 50 * ms}
		s.askAll(costs, "z1", "a1", "a2", "a3", "a4")
		for _, name := range []string{"a2", "a1", "a4", "a3"} {
			s.leave(name)
		}
		s.askAll(costs, "a5", "b1", "a6", "b2")
		if got, want := s.finish(), "a5 b1 a6 b2"; got != want {
			t.Errorf("started %s, want %s", got, want)
		}
	})
}

// A client that has had a long job is not kept waiting by others that come once each, without end.
func TestNewClientsWithoutEndDoNotStarveAnOldOne(t *testing.T) {
	on(t, Options{Slots: 1}, func(s *stage) {
		s.ask("old 1", Job{Cost: 200 * ms, Client: "old"})
		for i := range 5 {
			s.ask(fmt.Sprint("new ", i), Job{Cost: 20 * ms, Client: fmt.Sprint("new ", i)})
		}
		s.ask("old 2", Job{Cost: 200 * ms, Client: "old"})
		for i := 5; s.actors["old 2"].ticket == nil && i < 1000; i++ {
			time.Sleep(20 * ms)
			s.end(s.running[0])
			s.ask(fmt.Sprint("new ", i), Job{Cost: 20 * ms, Client: fmt.Sprint("new ", i)})
		}
		s.want("runs", "old 2")
		if waited := s.waited("old 2"); waited > 2*time.Second {
			t.Errorf("it waited %v", waited)
		}
	})
}

func TestClientsThatAreServedAreForgotten(t *testing.T) {
	on(t, Options{Slots: 2}, func(s *stage) {
		s.ask("long", Job{Cost: 100 * ms, Client: "long"}) // so that the queue is never empty
		most := 0
		for i := range 500 {
			name := fmt.Sprint(i)
			s.ask(name, Job{Cost: 20 * ms, Client: name})
			most = max(most, len(s.queue.cheap.flows))
			s.end(name)
		}
		if most > 10 {
			t.Errorf("up to %d clients were remembered", most)
		}
	})
}
