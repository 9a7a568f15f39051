package remote

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// use has a fetch begin and end.
func use(t *testing.T, b *breakers, host string, v verdict) {
	t.Helper()
	leave, err := b.enter(t.Context(), host)
	if err != nil {
		t.Fatal(err)
	}
	leave(v)
}

func mustRest(t *testing.T, b *breakers, host string, want time.Duration) {
	t.Helper()
	_, err := b.enter(t.Context(), host)
	var resting *Resting
	if !errors.As(err, &resting) || !errors.Is(err, ErrResting) {
		t.Fatalf("got error %v", err)
	}
	if resting.Retry > want || resting.Retry < want-time.Second {
		t.Fatalf("it rests for %v, want %v", resting.Retry, want)
	}
}

func TestAHostThatFailsIsLeftAloneForLongerEachTime(t *testing.T) {
	var c testClock
	b := newBreakers(&clock{c.skew})
	for range failuresToRest {
		use(t, b, "a", failing)
	}
	use(t, b, "b", well) // which is another
	for _, rest := range []time.Duration{5, 10, 20, 40, 60, 60} {
		rest *= time.Second
		mustRest(t, b, "a", rest)
		if n := b.resting(); n != 1 {
			t.Errorf("%d hosts rest", n)
		}
		c.pass(rest + time.Second)
		// One alone finds out.
		leave, err := b.enter(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		mustRest(t, b, "a", time.Second)
		leave(failing)
	}
	c.pass(2 * time.Minute)
	use(t, b, "a", unknown) // a probe that says nothing leaves it to the next
	use(t, b, "a", well)
	for range failuresToRest - 1 {
		use(t, b, "a", failing)
	}
	use(t, b, "a", failing)
	mustRest(t, b, "a", firstRest)
}

func TestSuccessesInBetweenKeepAHostAwake(t *testing.T) {
	b := newBreakers(&clock{})
	for range 20 {
		for range failuresToRest - 1 {
			use(t, b, "a", failing)
		}
		use(t, b, "a", unknown)
		use(t, b, "a", well)
	}
	if len(b.hosts) != 0 {
		t.Errorf("%d hosts are remembered although all is well", len(b.hosts))
	}
}

func TestFetchesBeyondThoseOfAHostWait(t *testing.T) {
	b := newBreakers(&clock{})
	var leaves []func(verdict)
	for range fetchesOfHost {
		leave, err := b.enter(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, leave)
	}
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := b.enter(short, "a"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got error %v", err)
	}
	use(t, b, "b", well)
	leaves[0](well)
	use(t, b, "a", well)
	for _, leave := range leaves[1:] {
		leave(well)
	}
	if len(b.slots) != 0 || len(b.hosts) != 0 {
		t.Errorf("%d slots and %d hosts are left", len(b.slots), len(b.hosts))
	}
}

func TestFailuresOfManyHostsTakeBoundedMemory(t *testing.T) {
	var c testClock
	b := newBreakers(&clock{c.skew})
	for i := range 3 * mostHosts {
		use(t, b, fmt.Sprint(i), failing)
	}
	if len(b.hosts) > mostHosts {
		t.Errorf("%d hosts are remembered", len(b.hosts))
	}
}
