package purge

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestCallsThatFailAreRepeated(t *testing.T) {
	c := record(t, func(n int, w http.ResponseWriter, r *http.Request) {
		switch n {
		case 0:
			w.WriteHeader(http.StatusInternalServerError)
		case 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 2:
			panic(http.ErrAbortHandler) // the connection breaks
		case 3:
			w.WriteHeader(http.StatusTooManyRequests)
		}
	})
	h := hookAt(t, "varnish+"+c.URL)
	failures, err := send(t, h, everything)
	if err != nil || len(failures) != 4 || len(c.all()) != 5 {
		t.Fatalf("%v after %v, %d requests", err, failures, len(c.all()))
	}
	for i, words := range []string{"status 500", "status 503", "EOF", "status 429"} {
		if !strings.Contains(failures[i].Error(), words) || errors.Is(failures[i], ErrRefused) {
			t.Errorf("failure %d: %v, want %s", i, failures[i], words)
		}
	}
}

func TestCallsThatAreRefusedAreNot(t *testing.T) {
	for _, status := range []int{301, 307, 400, 401, 403, 404, 405, 422} {
		c := record(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
			w.Write([]byte("why it is so\xff" + strings.Repeat("x", 10000)))
		})
		failures, err := send(t, hookAt(t, "varnish+"+c.URL), everything)
		if !errors.Is(err, ErrRefused) || len(failures) != 1 || len(c.all()) != 1 {
			t.Errorf("%d: %v after %v, %d requests", status, err, failures, len(c.all()))
		}
		if err != nil && (!strings.Contains(err.Error(), "why it is so") || len(err.Error()) > 400) {
			t.Errorf("%d: the error is %v", status, err)
		}
	}
}

// The pauses become longer, and chance makes them differ.
func TestPausesBetweenRepetitions(t *testing.T) {
	var times []time.Time
	c := record(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		times = append(times, time.Now())
		if n < 5 {
			w.WriteHeader(500)
		}
	})
	h := hookAt(t, "varnish+"+c.URL)
	h.FirstPause = 20 * time.Millisecond
	if _, err := send(t, h, everything); err != nil {
		t.Fatal(err)
	}
	for i := 1; i < len(times); i++ {
		if pause, least := times[i].Sub(times[i-1]), h.FirstPause<<(i-1)/2; pause < least {
			t.Errorf("pause %d is %v, want %v at least", i, pause, least)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	var times []time.Time
	c := record(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		times = append(times, time.Now())
		if n == 0 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	})
	if _, err := send(t, hookAt(t, "varnish+"+c.URL), everything); err != nil {
		t.Fatal(err)
	}
	if pause := times[1].Sub(times[0]); pause < time.Second {
		t.Errorf("asked again after %v", pause)
	}
	soon := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	if got := retryAfter(soon); got < 59*time.Minute || got > time.Hour {
		t.Errorf("%s: %v", soon, got)
	}
	for _, text := range []string{"", "x", "1.5", "-1", "99999999999999999999"} {
		if got := retryAfter(text); got > 0 {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestRepetitionsEndWithTheirContext(t *testing.T) {
	during := func(pause time.Duration, answer func(int, http.ResponseWriter, *http.Request)) {
		t.Helper()
		c := record(t, answer)
		h := hookAt(t, "varnish+"+c.URL)
		h.FirstPause = pause
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := h.send(ctx, everything, func(error) {}); err == nil || errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "status 500") {
			t.Errorf("got %v", err)
		}
	}
	during(time.Hour, always(500, "no"))
	during(time.Millisecond, func(n int, w http.ResponseWriter, r *http.Request) {
		if n == 0 {
			w.WriteHeader(500)
			return
		}
		<-r.Context().Done() // answers nothing more
	})
}

// Addresses can hold secrets, and errors go to the log.
func TestErrorsHoldNoSecrets(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for _, address := range []string{
		"http+" + strings.Replace(closed.URL, "http://", "http://user:sesame@", 1) + "/sesame?key=sesame", "http+http://sesame@[::1]:1/sesame",
	} {
		h := hookAt(t, address)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		err := h.send(ctx, everything, func(err error) {
			if strings.Contains(err.Error(), "sesame") || strings.Contains(err.Error(), "t-plain") {
				t.Errorf("%v", err)
			}
		})
		cancel()
		if err == nil || strings.Contains(h.Name, "sesame") {
			t.Errorf("%s: %v", h.Name, err)
		}
	}
}
