package cache

import (
	"context"
	"errors"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// answer is what a call of Load returned.
type answer struct {
	value   []byte
	outcome Outcome
	err     error
}

// goLoad calls Load in a goroutine, and returns once the call waits or has returned. It needs a synctest bubble.
func goLoad(ctx context.Context, c *Cache[[]byte], key string, load func(context.Context) ([]byte, error)) <-chan answer {
	answers := make(chan answer, 1)
	go func() {
		v, outcome, err := c.Load(ctx, key, load)
		answers <- answer{v, outcome, err}
	}()
	synctest.Wait()
	return answers
}

// in runs test in a synctest bubble with a cache of 1 MiB.
func in(t *testing.T, test func(t *testing.T, c *Cache[[]byte])) {
	synctest.Test(t, func(t *testing.T) { test(t, newCache(t, 1<<20)) })
}

func TestOneLoadForAll(t *testing.T) {
	for name, size := range map[string]int{"kept": 1000, "too large to keep": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, c *Cache[[]byte]) {
				want := strings.Repeat("x", size)
				var loads atomic.Int64
				release := make(chan struct{})
				load := func(context.Context) ([]byte, error) {
					loads.Add(1)
					<-release
					return []byte(want), nil
				}
				var outcomes [3]atomic.Int64
				var callers sync.WaitGroup
				for range 100 {
					callers.Go(func() {
						v, outcome, err := c.Load(t.Context(), "a", load)
						if string(v) != want || err != nil {
							t.Errorf("Load = %d bytes, %v", len(v), err)
						}
						outcomes[outcome].Add(1)
					})
				}
				synctest.Wait()
				close(release)
				callers.Wait()
				if n := loads.Load(); n != 1 {
					t.Errorf("%d loads, want 1", n)
				}
				if outcomes[Miss].Load() != 1 || outcomes[Joined].Load() != 99 {
					t.Errorf("%d misses and %d joined, want 1 and 99", outcomes[Miss].Load(), outcomes[Joined].Load())
				}
				if s := c.Stats(); s.Misses != 1 || s.Joined != 99 || s.Hits != 0 {
					t.Errorf("Stats() = %+v", s)
				}
			})
		})
	}
}

// A value just loaded is found although ristretto has not taken it in yet.
func TestNoGapBetweenLoadAndAdmission(t *testing.T) {
	c := newCache(t, 64<<20)
	for i := range 2000 {
		key := strconv.Itoa(i)
		if _, outcome, err := c.Load(t.Context(), key, value("first")); outcome != Miss || err != nil {
			t.Fatalf("first Load: %v, %v", outcome, err)
		}
		if v, outcome, err := c.Load(t.Context(), key, value("second")); string(v) != "first" || outcome != Hit || err != nil {
			t.Fatalf("second Load = %q, %v, %v", v, outcome, err)
		}
	}
	settle(c)
	if n := len(c.flights); n != 0 {
		t.Errorf("%d flights left", n)
	}
}

func TestErrorGoesToAllAndIsNotKept(t *testing.T) {
	in(t, func(t *testing.T, c *Cache[[]byte]) {
		broken := errors.New("broken")
		release := make(chan struct{})
		fail := func(context.Context) ([]byte, error) {
			<-release
			return nil, broken
		}
		first, second := goLoad(t.Context(), c, "a", fail), goLoad(t.Context(), c, "a", fail)
		close(release)
		for _, answers := range []<-chan answer{first, second} {
			if got := <-answers; !errors.Is(got.err, broken) {
				t.Errorf("Load: %v, want %v", got.err, broken)
			}
		}
		mustLoad(t, c, "a", "A", Miss)
	})
}

func TestLastCallerLeavingCancels(t *testing.T) {
	in(t, func(t *testing.T, c *Cache[[]byte]) {
		cancelled := make(chan struct{})
		load := func(ctx context.Context) ([]byte, error) {
			<-ctx.Done()
			close(cancelled)
			return []byte("made in spite of it"), nil
		}
		firstCtx, leaveFirst := context.WithCancel(t.Context())
		secondCtx, leaveSecond := context.WithCancel(t.Context())
		first, second := goLoad(firstCtx, c, "a", load), goLoad(secondCtx, c, "a", load)

		leaveFirst()
		if got := <-first; !errors.Is(got.err, context.Canceled) || got.outcome != Miss {
			t.Errorf("first caller got %v, %v", got.outcome, got.err)
		}
		synctest.Wait()
		select {
		case <-cancelled:
			t.Fatal("cancelled although the second caller waits")
		default:
		}

		leaveSecond()
		if got := <-second; !errors.Is(got.err, context.Canceled) || got.outcome != Joined {
			t.Errorf("second caller got %v, %v", got.outcome, got.err)
		}
		<-cancelled
		settle(c)
		mustLoad(t, c, "a", "A", Miss)
	})
}

func TestACallerThatStaysKeepsTheLoad(t *testing.T) {
	in(t, func(t *testing.T, c *Cache[[]byte]) {
		release := make(chan struct{})
		load := func(ctx context.Context) ([]byte, error) {
			select {
			case <-release:
				return []byte("A"), nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		ctx, leave := context.WithCancel(t.Context())
		first, second := goLoad(ctx, c, "a", load), goLoad(t.Context(), c, "a", load)
		leave()
		<-first
		close(release)
		if got := <-second; string(got.value) != "A" || got.err != nil {
			t.Errorf("the caller that stayed got %q, %v", got.value, got.err)
		}
	})
}

func TestAfterAllLeftTheNextCallerStartsAnew(t *testing.T) {
	in(t, func(t *testing.T, c *Cache[[]byte]) {
		release := make(chan struct{})
		ctx, leave := context.WithCancel(t.Context())
		first := goLoad(ctx, c, "a", func(context.Context) ([]byte, error) {
			<-release
			return nil, errors.New("cancelled, at last")
		})
		leave()
		<-first
		mustAnswer(t, <-goLoad(t.Context(), c, "a", value("A")), "A", Miss)
		close(release)
		settle(c)
		mustLookup(t, c, "a", "A")
	})
}

func mustAnswer(t *testing.T, got answer, v string, outcome Outcome) {
	t.Helper()
	if string(got.value) != v || got.outcome != outcome || got.err != nil {
		t.Fatalf("Load = %q, %v, %v; want %q, %v", got.value, got.outcome, got.err, v, outcome)
	}
}

func TestNoLoadForACallerAlreadyGone(t *testing.T) {
	c := newCache(t, 1<<20)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := c.Load(ctx, "a", func(context.Context) ([]byte, error) {
		t.Error("loaded")
		return nil, nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Load: %v, want context.Canceled", err)
	}
	mustLoad(t, c, "a", "A", Miss)
	if v, outcome, err := c.Load(ctx, "a", nil); string(v) != "A" || outcome != Hit || err != nil {
		t.Errorf("Load of what is there = %q, %v, %v", v, outcome, err)
	}
}

func TestPanicIsAnErrorForAll(t *testing.T) {
	inner := errors.New("inner")
	panics := map[string]func(){
		"value":  func() { panic("seven") },
		"error":  func() { panic(inner) },
		"nil":    func() { panic(nil) },
		"goexit": runtime.Goexit,
	}
	for name, end := range panics {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, c *Cache[[]byte]) {
				release := make(chan struct{})
				load := func(context.Context) ([]byte, error) {
					<-release
					end()
					return nil, nil
				}
				first, second := goLoad(t.Context(), c, "a", load), goLoad(t.Context(), c, "a", load)
				close(release)
				for _, answers := range []<-chan answer{first, second} {
					err := (<-answers).err
					var p *PanicError
					switch is := errors.As(err, &p); {
					case name == "goexit":
						if !errors.Is(err, errNoReturn) {
							t.Errorf("Load: %v", err)
						}
					case !is:
						t.Errorf("Load: %v, want a PanicError", err)
					case !strings.Contains(string(p.Stack), "flight_test.go"):
						t.Errorf("the stack does not show the load: %s", p.Stack)
					case name == "value" && p.Value != "seven", name == "error" && !errors.Is(err, inner):
						t.Errorf("PanicError of %v", p.Value)
					}
				}
				mustLoad(t, c, "a", "A", Miss)
			})
		})
	}
}

func TestPanicInSize(t *testing.T) {
	c, err := New(1<<20, func(v []byte) int64 { return int64(v[0]) })
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var p *PanicError
	if _, _, err := c.Load(t.Context(), "a", value("")); !errors.As(err, &p) {
		t.Errorf("Load: %v, want a PanicError", err)
	}
}

func TestRemoveDuringALoad(t *testing.T) {
	in(t, func(t *testing.T, c *Cache[[]byte]) {
		release := make(chan struct{})
		old := goLoad(t.Context(), c, "a", func(context.Context) ([]byte, error) {
			<-release
			return []byte("old"), nil
		})
		c.Remove("a")
		fresh := make(chan struct{})
		next := goLoad(t.Context(), c, "a", func(context.Context) ([]byte, error) {
			<-fresh
			return []byte("new"), nil
		})

		close(release)
		mustAnswer(t, <-old, "old", Miss)
		synctest.Wait()
		mustMiss(t, c, "a")
		close(fresh)
		mustAnswer(t, <-next, "new", Miss)
		settle(c)
		mustLookup(t, c, "a", "new")
	})
}

// The value is gone when Remove returns, also if ristretto was still taking it in.
func TestRemoveRightAfterALoad(t *testing.T) {
	c := newCache(t, 1<<20)
	for range 1000 {
		if _, outcome, err := c.Load(t.Context(), "a", value("A")); outcome != Miss || err != nil {
			t.Fatalf("Load: %v, %v", outcome, err)
		}
		c.Remove("a")
		for range 100 { // ristretto may bring it back for a moment
			mustMiss(t, c, "a")
		}
	}
	settle(c)
	mustMiss(t, c, "a")
	if got := c.Stats(); got.Entries != 0 || got.Bytes != 0 {
		t.Errorf("Stats() = %+v, want nothing kept", got)
	}
}

func TestCloseEndsLoads(t *testing.T) {
	in(t, func(t *testing.T, c *Cache[[]byte]) {
		answers := goLoad(t.Context(), c, "a", func(ctx context.Context) ([]byte, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		c.Close()
		if got := <-answers; !errors.Is(got.err, ErrClosed) {
			t.Errorf("Load: %v, want ErrClosed", got.err)
		}
	})
}
