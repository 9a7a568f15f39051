package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"calotype/store"
)

// News tests what every store.Index must do by which several processes hear of each other. Each call of open returns two of them
// over the same new records, and closes them when the test ends.
func News(t *testing.T, open func(t *testing.T) (a, b store.Index)) {
	ctx := context.Background()

	t.Run("what one does the other hears, in order and soon", func(t *testing.T) {
		a, b := open(t)
		listener := follow(t, b)
		listener.wait(t, time.Minute, "missed") // nothing is known of what was before
		var want []string
		for i := range 20 {
			if i%2 == 0 {
				message := fmt.Sprintf(`{"number": %d}`, i)
				if err := a.Tell(ctx, []byte(message)); err != nil {
					t.Fatal(err)
				}
				want = append(want, message)
				continue
			}
			o := testOriginal(t, "png")
			addRecord(t, a, o)
			if err := a.Remove(ctx, o.ID); err != nil {
				t.Fatal(err)
			}
			want = append(want, "removed "+o.ID.String())
		}
		listener.wait(t, time.Second, append([]string{"missed"}, want...)...)
	})

	t.Run("many tell at once and nothing is lost", func(t *testing.T) {
		a, b := open(t)
		listener := follow(t, b)
		listener.wait(t, time.Minute, "missed")
		const each = 50
		var all sync.WaitGroup
		for i := range 4 {
			index := []store.Index{a, b}[i%2]
			all.Go(func() {
				for n := range each {
					if err := index.Tell(ctx, fmt.Appendf(nil, "%d %d", i, n)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if err := a.Tell(ctx, []byte("last")); err != nil {
			t.Fatal(err)
		}
		heard := listener.until(t, "last")
		next := map[string]int{}
		for _, text := range heard {
			var i, n int
			if _, err := fmt.Sscan(text, &i, &n); err != nil {
				continue
			}
			who := fmt.Sprint(i)
			if next[who] > n {
				t.Errorf("%s came after %d", text, next[who])
			}
			next[who] = n + 1
			if i%2 == 0 {
				next["of a"]++
			}
		}
		if next["of a"] != 2*each {
			t.Errorf("heard %d of %d", next["of a"], 2*each)
		}
	})

	t.Run("a removal that did not happen is not told", func(t *testing.T) {
		a, b := open(t)
		listener := follow(t, b)
		listener.wait(t, time.Minute, "missed")
		o := testOriginal(t, "png")
		addRecord(t, a, o)
		for range 3 {
			a.Remove(ctx, o.ID)
			a.Remove(ctx, testOriginal(t, "png").ID)
		}
		if err := a.Tell(ctx, []byte("last")); err != nil {
			t.Fatal(err)
		}
		listener.wait(t, time.Second, "missed", "removed "+o.ID.String(), "last")
	})

	t.Run("a removal that is merged is told if it is new", func(t *testing.T) {
		a, b := open(t)
		listener := follow(t, b)
		listener.wait(t, time.Minute, "missed")
		there, gone, unknown := testOriginal(t, "png"), testOriginal(t, "png"), testOriginal(t, "png")
		addRecord(t, a, there)
		addRecord(t, a, gone)
		if err := a.Remove(ctx, gone.ID); err != nil {
			t.Fatal(err)
		}
		var records []store.Record
		for _, o := range []store.Original{there, gone, unknown} {
			records = append(records, store.Record{Original: o, Removed: time.UnixMilli(7).UTC()})
		}
		records = append(records, store.Record{Original: testOriginal(t, "png")})
		for range 2 {
			if err := a.Merge(ctx, records...); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.Tell(ctx, []byte("last")); err != nil {
			t.Fatal(err)
		}
		listener.wait(t, time.Second, "missed", "removed "+gone.ID.String(), "removed "+there.ID.String(), "last")
		for _, o := range []store.Original{there, gone, unknown} {
			if _, err := b.Get(ctx, o.ID); !errors.Is(err, store.ErrGone) {
				t.Errorf("got %v, want ErrGone", err)
			}
		}
	})

	t.Run("a preset that is changed is told with what belongs to it", func(t *testing.T) {
		a, b := open(t)
		listener := follow(t, b)
		listener.wait(t, time.Minute, "missed")
		change(t, a, "", "card", "resize:10")
		change(t, a, "", "none", "") // which changes nothing
		change(t, a, "shop", "card", "flip:h")
		change(t, a, "", "card", "")
		listener.wait(t, time.Second, "missed", " card resize:10", "shop card flip:h", " card ")
		wantPresets(t, b, " card 1 ", "shop card 1 flip:h")
	})

	t.Run("a message may be long, and hold anything", func(t *testing.T) {
		a, b := open(t)
		listener := follow(t, b)
		listener.wait(t, time.Minute, "missed")
		message := strings.Repeat("\x00\xff'", store.MaxMessage/3)
		if err := a.Tell(ctx, []byte(message)); err != nil {
			t.Fatal(err)
		}
		listener.wait(t, 2*time.Second, "missed", message)
	})
}

// A listener notes what an index hears.
type listener struct {
	mutex sync.Mutex
	heard []string
}

// follow follows an index until the test ends.
func follow(t *testing.T, index store.Index) *listener {
	l := &listener{}
	ctx, cancel := context.WithCancel(context.Background())
	var following sync.WaitGroup
	following.Go(func() {
		if err := index.Follow(ctx, l.hear); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		following.Wait()
	})
	return l
}

func (l *listener) hear(n store.News) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	switch {
	case n.Missed:
		l.heard = append(l.heard, "missed")
	case n.Message != nil:
		l.heard = append(l.heard, string(n.Message))
	default:
		l.heard = append(l.heard, "removed "+n.Removed.String())
	}
}

func (l *listener) all() []string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return append([]string{}, l.heard...)
}

// wait checks that exactly this is heard, and within a time.
func (l *listener) wait(t *testing.T, within time.Duration, want ...string) {
	t.Helper()
	for end := time.Now().Add(within); len(l.all()) < len(want) && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	if got := l.all(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("heard %.200q, want %.200q", got, want)
	}
}

// until returns what is heard as far as a text.
func (l *listener) until(t *testing.T, text string) []string {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		heard := l.all()
		for i, h := range heard {
			if h == text {
				return heard[:i]
			}
		}
	}
	t.Fatalf("%q is not heard", text)
	return nil
}
