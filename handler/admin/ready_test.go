package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A probe is an answer of /readyz.
type probe struct {
	status int
	body   string
}

func probeIn(ctx context.Context, h http.Handler) probe {
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, httptest.NewRequestWithContext(ctx, "GET", "/readyz", nil))
	return probe{answer.Code, answer.Body.String()}
}

func mustSay(t *testing.T, h http.Handler, status int, body string) {
	t.Helper()
	if got, want := probeIn(t.Context(), h), (probe{status, body}); got != want {
		t.Errorf("got %d %q, want %d %q", got.status, got.body, status, body)
	}
}

func handlerOf(checks ...Check) http.Handler { return Handler(prometheus.NewRegistry(), checks, never) }

// always is a check with one and the same result.
func always(name string, err error) Check {
	return Check{Name: name, Run: func(context.Context) error { return err }}
}

func TestOneFailureIsEnough(t *testing.T) {
	mustSay(t, handlerOf(always("store", nil), always("worker", nil)), 200, "store: ok\nworker: ok\n")
	mustSay(t, handlerOf(always("store", nil), always("worker", errors.New("none starts:\n no memory\n"))), 503,
		"store: ok\nworker: none starts: no memory\n")
	mustSay(t, handlerOf(always("store", errors.New("read-only")), always("worker", errors.New("none"))), 503,
		"store: read-only\nworker: none\n")
	mustSay(t, handlerOf(), 200, "")
}

func TestWhatIsAdvisoryIsOnlyTold(t *testing.T) {
	room := always("room", errors.New("10 bytes are free"))
	room.Advisory = true
	mustSay(t, handlerOf(always("store", nil), room), 200, "store: ok\nroom: 10 bytes are free\n")
	mustSay(t, handlerOf(room, always("store", errors.New("read-only"))), 503, "room: 10 bytes are free\nstore: read-only\n")
}

func TestCheckThatPanicsFails(t *testing.T) {
	h := handlerOf(
		Check{Name: "store", Run: func(context.Context) error { panic("out of ink") }},
		Check{Name: "worker", Run: func(context.Context) error { runtime.Goexit(); return nil }},
	)
	mustSay(t, h, 503, "store: the check panicked: out of ink\nworker: the check ended its goroutine without returning\n")
}

func TestDraining(t *testing.T) {
	var draining atomic.Bool
	ran := 0
	h := Handler(prometheus.NewRegistry(), []Check{{Name: "store", Run: func(context.Context) error { ran++; return nil }}}, draining.Load)
	mustSay(t, h, 200, "store: ok\n")
	draining.Store(true)
	mustSay(t, h, 503, "draining\n")
	if ran != 1 {
		t.Errorf("%d runs of the check, want 1", ran)
	}
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, httptest.NewRequest("GET", "/livez", nil))
	if answer.Code != 200 {
		t.Errorf("/livez while draining: %d", answer.Code)
	}
}

func TestChecksRunConcurrently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(context.Context) error { time.Sleep(checkTime - time.Nanosecond); return nil }
		began := time.Now()
		mustSay(t, handlerOf(Check{Name: "store", Run: slow}, Check{Name: "worker", Run: slow}, Check{Name: "queue", Run: slow}), 200,
			"store: ok\nworker: ok\nqueue: ok\n")
		if took := time.Since(began); took != checkTime-time.Nanosecond {
			t.Errorf("it took %v", took)
		}
	})
}

func TestCheckIsToldToEndAfterTwoSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		patient := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		h := handlerOf(always("store", nil), Check{Name: "worker", Run: patient})
		began := time.Now()
		for range 3 {
			mustSay(t, h, 503, "store: ok\nworker: no answer within 2s\n")
			time.Sleep(keepTime)
		}
		if took, want := time.Since(began), 3*(checkTime+keepTime); took != want {
			t.Errorf("it took %v, want %v", took, want)
		}
	})
}

func TestCheckThatHangsIsNotStartedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int32
		disk := make(chan struct{})
		h := handlerOf(Check{Name: "store", Run: func(context.Context) error { runs.Add(1); <-disk; return nil }})
		mustSay(t, h, 503, "store: no answer within 2s\n")
		time.Sleep(keepTime)
		for range 5 {
			began := time.Now()
			mustSay(t, h, 503, "store: an earlier check has not returned yet\n")
			if took := time.Since(began); took != 0 {
				t.Errorf("that is known, and took %v", took)
			}
			time.Sleep(keepTime)
		}
		if n := runs.Load(); n != 1 {
			t.Errorf("%d runs, want 1", n)
		}
		close(disk)
		synctest.Wait()
		mustSay(t, h, 200, "store: ok\n")
	})
}

func TestProbesAtTheSameTimeShareOneRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int32
		end := make(chan struct{})
		h := handlerOf(Check{Name: "store", Run: func(context.Context) error {
			n := runs.Add(1)
			<-end
			return fmt.Errorf("run %d", n)
		}})
		answers := make([]probe, 100)
		var probing sync.WaitGroup
		for i := range answers {
			probing.Go(func() { answers[i] = probeIn(t.Context(), h) })
		}
		synctest.Wait()
		close(end)
		probing.Wait()
		for i, got := range answers {
			if want := (probe{503, "store: run 1\n"}); got != want {
				t.Fatalf("probe %d: got %v, want %v", i, got, want)
			}
		}
		if n := runs.Load(); n != 1 {
			t.Errorf("%d runs, want 1", n)
		}
	})
}

func TestResultIsKeptForASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		h := handlerOf(Check{Name: "store", Run: func(context.Context) error { runs++; return fmt.Errorf("run %d", runs) }})
		mustSay(t, h, 503, "store: run 1\n")
		time.Sleep(keepTime - time.Nanosecond)
		mustSay(t, h, 503, "store: run 1\n")
		time.Sleep(time.Nanosecond)
		mustSay(t, h, 503, "store: run 2\n")
		mustSay(t, h, 503, "store: run 2\n")
		time.Sleep(time.Hour)
		mustSay(t, h, 503, "store: run 3\n")
	})
}

func TestProbeThatLeavesSpoilsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := make(chan struct{})
		h := handlerOf(Check{Name: "store", Run: func(ctx context.Context) error {
			select {
			case <-end:
				return nil
			case <-ctx.Done():
				return errors.New("cut short")
			}
		}})
		first, leave := context.WithCancel(t.Context())
		var probing sync.WaitGroup
		probing.Go(func() { probeIn(first, h) })
		synctest.Wait()
		probing.Go(func() { mustSay(t, h, 200, "store: ok\n") })
		synctest.Wait()
		leave()
		synctest.Wait()
		close(end)
		probing.Wait()
	})
}
