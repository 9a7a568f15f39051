package admission

import (
	"testing"
	"time"
)

const (
	quickCost = 3 * time.Millisecond
	cheapCost = 200 * time.Millisecond
)

// A quick job does not wait for slow ones, and a second one waits as all do.
func TestExpress(t *testing.T) {
	on(t, Options{Slots: 2, Extra: 1}, func(s *stage) {
		s.ask("a", Job{Cost: cheapCost})
		s.ask("b", Job{Cost: cheapCost})
		s.ask("not quick", Job{Cost: cheapCost})
		s.ask("suspect", Job{Cost: quickCost, Suspect: true})
		s.ask("quick", Job{Cost: quickCost})
		s.want("runs", "a", "b", "quick")
		s.want("waits", "not quick", "suspect")
		s.ask("quick too", Job{Cost: quickCost})
		s.ask("and this", Job{Cost: quickCost})
		s.want("waits", "quick too", "and this")
		s.end("quick")
		s.ask("late", Job{Cost: quickCost})
		s.want("waits", "quick too", "and this", "late")
		s.end("a")
		s.want("runs", "not quick")
	})
}

// Where there are no extra slots, or nothing counts as quick, it is as if there were no express.
func TestNoExpress(t *testing.T) {
	for _, o := range []Options{{Slots: 1}, {Slots: 1, Extra: 1, Quick: -1}} {
		on(t, o, func(s *stage) {
			s.ask("a", Job{Cost: cheapCost})
			s.ask("quick", Job{Cost: quickCost})
			s.want("runs", "a")
			s.want("waits", "quick")
		})
	}
}
