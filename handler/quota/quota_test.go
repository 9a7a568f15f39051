package quota

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// mustTake is Take where there must be room.
func mustTake(t *testing.T, q *Quota, original, client, print string) {
	t.Helper()
	if err := q.Take(original, client, print); err != nil {
		t.Fatalf("%s of %s for %q: %v", print, original, client, err)
	}
}

// mustRefuse is Take where there must be no room.
func mustRefuse(t *testing.T, q *Quota, original, client, print string) *Exceeded {
	t.Helper()
	err := q.Take(original, client, print)
	var e *Exceeded
	if !errors.As(err, &e) || !errors.Is(err, ErrExceeded) {
		t.Fatalf("%s of %s for %q: got %v, want a refusal", print, original, client, err)
	}
	if e.Retry <= 0 || e.Retry > e.Window {
		t.Fatalf("come again after %v in a window of %v", e.Retry, e.Window)
	}
	return e
}

func TestDifferentPrintsOfOneOriginal(t *testing.T) {
	q := New(3, 0, time.Hour)
	for range 10 {
		for _, print := range []string{"a", "b", "c"} {
			mustTake(t, q, "cat", "", print)
		}
	}
	e := mustRefuse(t, q, "cat", "ann", "d")
	if e.What != "this original" || e.Limit != 3 || e.Window != time.Hour {
		t.Errorf("%+v", e)
	}
	if got := e.Error(); !strings.Contains(got, "this original has had 3 within 1h0m0s") {
		t.Error(got)
	}
	mustTake(t, q, "cat", "", "a")
	mustTake(t, q, "dog", "", "d")
	if got, want := q.Stats(), (Stats{Originals: 2, Entries: 2 + 4, Refused: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestDifferentPrintsForOneClient(t *testing.T) {
	q := New(0, 3, time.Hour)
	for range 10 {
		mustTake(t, q, "cat", "ann", "a")
		mustTake(t, q, "cat", "ann", "b")
		mustTake(t, q, "dog", "ann", "a") // as it is of another original, it is another print
	}
	if e := mustRefuse(t, q, "dog", "ann", "b"); e.What != "this client" || e.Limit != 3 {
		t.Errorf("%+v", e)
	}
	mustTake(t, q, "dog", "bob", "b")
	for i := range 10 {
		mustTake(t, q, "dog", "", strconv.Itoa(i))
	}
	if got, want := q.Stats(), (Stats{Clients: 2, Entries: 2 + 4, Refused: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestRefusedPrintCountsForNeither(t *testing.T) {
	q := New(2, 3, time.Hour)
	mustTake(t, q, "cat", "ann", "a")
	mustTake(t, q, "cat", "ann", "b")
	for i := range 10 {
		if e := mustRefuse(t, q, "cat", "ann", strconv.Itoa(i)); e.What != "this original" {
			t.Errorf("%+v", e)
		}
	}
	mustTake(t, q, "dog", "ann", "a") // ann's third
	for i := range 10 {
		if e := mustRefuse(t, q, "dog", "ann", strconv.Itoa(i)); e.What != "this client" {
			t.Errorf("%+v", e)
		}
	}
	mustTake(t, q, "dog", "bob", "b") // the dog's second
	mustRefuse(t, q, "dog", "bob", "c")
	mustTake(t, q, "cat", "bob", "a") // counted for the cat, not for bob
	if got, want := q.Stats(), (Stats{Originals: 2, Clients: 2, Entries: 4 + 4 + 5, Refused: 21}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestOfTwoLimitsTheLongerWaitIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(1, 1, time.Hour)
		mustTake(t, q, "dog", "ann", "a")
		time.Sleep(30 * time.Minute)
		mustTake(t, q, "cat", "bob", "a")
		if e := mustRefuse(t, q, "cat", "ann", "b"); e.What != "this original" || e.Retry != time.Hour {
			t.Errorf("%+v", e)
		}
		if e := mustRefuse(t, q, "dog", "bob", "b"); e.What != "this client" || e.Retry != time.Hour {
			t.Errorf("%+v", e)
		}
		if e := mustRefuse(t, q, "dog", "ann", "b"); e.Retry != 30*time.Minute {
			t.Errorf("%+v", e)
		}
	})
}

func TestNoLimits(t *testing.T) {
	for what, q := range map[string]*Quota{
		"nil": nil, "no limits": New(0, 0, time.Hour), "negative": New(-1, -1, time.Hour), "no window": New(1, 1, 0), "negative window": New(1, 1, -time.Hour),
	} {
		for i := range 100 {
			if err := q.Take("cat", "ann", strconv.Itoa(i)); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		if got := q.Stats(); got != (Stats{}) {
			t.Errorf("%s: %+v", what, got)
		}
	}
}

func TestWindowPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(2, 0, time.Hour)
		mustTake(t, q, "cat", "", "a")
		time.Sleep(20 * time.Minute)
		mustTake(t, q, "cat", "", "b")
		// Both are of the half that began with the first, which counts until the next one is over as well.
		if e := mustRefuse(t, q, "cat", "", "c"); e.Retry != 40*time.Minute {
			t.Errorf("come again after %v", e.Retry)
		}
		time.Sleep(40*time.Minute - time.Nanosecond)
		mustTake(t, q, "cat", "", "a")
		mustRefuse(t, q, "cat", "", "c")
		time.Sleep(time.Nanosecond)
		mustTake(t, q, "cat", "", "c")
		mustTake(t, q, "cat", "", "d")
		mustRefuse(t, q, "cat", "", "a")
		time.Sleep(time.Hour)
		mustTake(t, q, "cat", "", "e")
		mustTake(t, q, "cat", "", "f")
	})
}

func TestWindowSlidesByHalves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(2, 0, time.Hour)
		mustTake(t, q, "cat", "", "a")
		time.Sleep(45 * time.Minute)
		mustTake(t, q, "cat", "", "b")
		if e := mustRefuse(t, q, "cat", "", "c"); e.Retry != 15*time.Minute {
			t.Errorf("come again after %v", e.Retry)
		}
		time.Sleep(15 * time.Minute)
		mustTake(t, q, "cat", "", "c") // a is forgotten, b is not
		mustTake(t, q, "cat", "", "b")
		if e := mustRefuse(t, q, "cat", "", "a"); e.Retry != 30*time.Minute {
			t.Errorf("come again after %v", e.Retry)
		}
	})
}

func TestWhatIsOutOfDateIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(10, 10, time.Hour)
		for i := range 1000 {
			mustTake(t, q, fmt.Sprint("cat", i), fmt.Sprint("ann", i), "a")
		}
		time.Sleep(30 * time.Minute)
		mustTake(t, q, "cat0", "ann0", "b")
		mustTake(t, q, "dog", "bob", "a")
		if got, want := q.Stats(), (Stats{Originals: 1001, Clients: 1001, Entries: 4*1000 + 4*2}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		time.Sleep(30 * time.Minute)
		if got, want := q.Stats(), (Stats{Originals: 2, Clients: 2, Entries: 4 * 2}); got != want {
			t.Errorf("a window later: got %+v, want %+v", got, want)
		}
		time.Sleep(24 * time.Hour)
		if got := q.Stats(); got != (Stats{}) {
			t.Errorf("a day later: %+v", got)
		}
	})
}

// Whenever prints are asked for: there are never more than the limit in half a window, none is refused before there are that
// many in a window, what is younger than half a window costs nothing, and who comes again when told to is served.
func TestLawsOfTheWindow(t *testing.T) {
	const limit, window, asked = 5, time.Hour, 500
	for seed := range uint64(6) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			q := New(limit, 0, window)
			var taken []time.Time // the print i was allowed at taken[i]
			within := func(span time.Duration) (n int) {
				for _, at := range taken {
					if time.Since(at) < span {
						n++
					}
				}
				return n
			}
			next := func() string { return strconv.Itoa(len(taken)) }
			start := time.Now()
			for range asked {
				time.Sleep(time.Duration(random.Int64N(int64(window / 8))))
				err := q.Take("cat", "", next())
				if err == nil {
					taken = append(taken, time.Now())
				} else if n := within(window); n < limit {
					t.Fatalf("seed %d: refused after %d in a window", seed, n)
				}
				if n := within(window / 2); n > limit {
					t.Fatalf("seed %d: %d in half a window", seed, n)
				}
				for i, at := range taken {
					if time.Since(at) < window/2 {
						mustTake(t, q, "cat", "", strconv.Itoa(i))
					}
				}
				var e *Exceeded
				if errors.As(err, &e) && random.IntN(4) == 0 {
					time.Sleep(e.Retry - time.Nanosecond)
					mustRefuse(t, q, "cat", "", next())
					time.Sleep(time.Nanosecond)
					mustTake(t, q, "cat", "", next())
					taken = append(taken, time.Now())
				}
			}
			if windows := int(time.Since(start)/window) + 2; len(taken) > limit*windows {
				t.Errorf("seed %d: %d in %d windows", seed, len(taken), windows)
			}
		})
	}
}

func TestManyAtOnceGetNoMoreThanTheLimit(t *testing.T) {
	const limit, each = 100, 50
	q := New(limit, 0, time.Hour)
	var allowed atomic.Int64
	var done sync.WaitGroup
	for worker := range 8 {
		done.Go(func() {
			for i := range each {
				if q.Take("cat", "ann", fmt.Sprint(worker, " ", i)) == nil {
					allowed.Add(1)
				}
				q.Stats()
			}
		})
	}
	done.Wait()
	if got := q.Stats(); allowed.Load() != limit || got.Refused != 8*each-limit {
		t.Errorf("%d are allowed, %+v", allowed.Load(), got)
	}
}

// Quotas in one book count apart for each tenant, and go on when their limits change.
func TestTenantsCountApart(t *testing.T) {
	b := NewBook(time.Hour)
	f := func(q *Quota, print string, want bool) {
		t.Helper()
		if err := q.Take("original", "client", print); (err == nil) != want {
			t.Errorf("%s: %v, want %t", print, err, want)
		}
	}
	acme, zeta, nobody := b.Quota("acme", 2, 0), b.Quota("zeta", 0, 1), b.Quota("nobody", 0, 0)
	f(acme, "a", true)
	f(acme, "b", true)
	f(acme, "c", false)
	f(acme, "a", true)
	f(zeta, "a", true)
	f(zeta, "c", false)
	f(nobody, "c", true)
	f(b.Quota("acme", 3, 0), "c", true)
	f(b.Quota("acme", 1, 0), "d", false)
	if got := b.Stats(); got.Refused != 3 || got != acme.Stats() || nobody != nil {
		t.Errorf("%+v, %+v", got, acme.Stats())
	}
}
