package admission

import (
	"errors"
	"testing"
	"time"
)

// busy returns a queue that refuses, with as long a line of as many clients as there may be.
func busy(tb testing.TB) *Queue {
	q := New(Options{Slots: 8, Wait: time.Hour})
	fill(tb, q, defaultWaiting-1, ms)
	q.options.Wait = time.Second // less than that is
	return q
}

func refuse(tb testing.TB, q *Queue, job Job) {
	if _, err := q.Admit(tb.Context(), job); !errors.Is(err, ErrFull) {
		tb.Fatalf("Admit: %v, want %v", err, ErrFull)
	}
}

// What is refused by its predicted wait, of a client that has jobs in line.
var tooLong = Job{Cost: 200 * ms, Client: "100", Original: "x"}

func TestRefusalAllocatesNothing(t *testing.T) {
	q := busy(t)
	if n := testing.AllocsPerRun(1000, func() { refuse(t, q, tooLong) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func TestAdmissionAllocatesLittle(t *testing.T) {
	q := New(Options{Slots: 2})
	if n := testing.AllocsPerRun(1000, func() { pass(t, q) }); n > 2 {
		t.Errorf("%v allocations, want at most 2", n)
	}
}

func pass(tb testing.TB, q *Queue) {
	ticket, err := q.Admit(tb.Context(), Job{Cost: ms, Memory: mb, Client: "a", Original: "x"})
	if err != nil {
		tb.Fatal(err)
	}
	ticket.Release()
}

func BenchmarkRefusal(b *testing.B) {
	q := busy(b)
	b.ReportAllocs()
	for b.Loop() {
		refuse(b, q, tooLong)
	}
}

func BenchmarkAdmitAndRelease(b *testing.B) {
	q := New(Options{Slots: 2})
	b.ReportAllocs()
	for b.Loop() {
		pass(b, q)
	}
}

// A release that starts the next of a long line, and a newcomer who joins it.
func BenchmarkNextOfALongLine(b *testing.B) {
	q := New(Options{Slots: 8, Wait: time.Hour})
	fill(b, q, defaultWaiting-1, ms)
	b.ReportAllocs()
	for b.Loop() {
		t := q.running[0]
		t.Release()
		if _, err := q.arrive(b.Context(), Job{Cost: ms, Client: t.Client}); err != nil {
			b.Fatal(err)
		}
	}
}
