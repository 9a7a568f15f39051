package admission

import (
	"testing"
	"time"
)

// Jobs that only looked cheap hold every slot: a cheap one that waits gets another, and no expensive one does.
func TestOverrun(t *testing.T) {
	q := New(Options{Slots: 2, Extra: 1, Quick: -1})
	admit := func(cost time.Duration) *Ticket {
		t.Helper()
		ticket, err := q.Admit(t.Context(), Job{Cost: cost})
		if err != nil {
			t.Fatal(err)
		}
		return ticket
	}
	const cheap, expensive = time.Millisecond, time.Second
	slow, slower := admit(cheap), admit(cheap)
	third, fourth := make(chan *Ticket), make(chan *Ticket)
	go func() { fourth <- admit(expensive) }()
	for q.Stats().Waiting < 1 {
		time.Sleep(time.Millisecond)
	}
	go func() { third <- admit(cheap) }()
	for q.Stats().Waiting < 2 {
		time.Sleep(time.Millisecond)
	}
	if n := q.Stats().Running; n != 2 {
		t.Fatalf("%d run in two slots", n)
	}
	slow.Overrun()
	slow.Overrun()
	slower.Overrun()
	next := <-third
	if s := q.Stats(); s.Running != 3 || s.Waiting != 1 {
		t.Errorf("%d run and %d wait, want 3 and 1", s.Running, s.Waiting)
	}
	next.Release()
	next.Overrun() // too late
	if s := q.Stats(); s.Running != 2 || s.Waiting != 1 {
		t.Errorf("the expensive job took the slot: %d run", s.Running)
	}
	slow.Release()
	slower.Release()
	(<-fourth).Release()
	if s := q.Stats(); s.Running != 0 || s.Waiting != 0 {
		t.Errorf("%+v", s)
	}
	// What is given back is given back once.
	a, b := admit(cheap), admit(cheap)
	if n := q.slots(); n != 2 {
		t.Errorf("%d slots in the end", n)
	}
	a.Release()
	b.Release()
}
