package remote

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"
)

var (
	modelSeed  = flag.Uint64("model.seed", 0, "seed of the model-based test of the keeper; 0 takes one of its own")
	modelSteps = flag.Int("model.steps", 3000, "steps of the model-based test of the keeper")
)

// A source of the model: what its origin has now, and what a cache that follows RFC 9111 to the letter knows of it.
type modelled struct {
	path string

	// At the origin.
	version int    // of the bytes; 0 is none
	failure int    // status instead of an answer; 0 is none
	control string // Cache-Control
	life    time.Duration
	onError time.Duration
	private bool
	strict  bool // no-cache

	// In the cache.
	kept      int // version; 0 is none
	fresh     time.Time
	standsFor time.Duration
	refused   error // is believed
	until     time.Time
}

// controls are what an origin of the model may say.
var controls = []struct {
	text            string
	life, onError   time.Duration
	private, strict bool
}{
	{text: "max-age=60", life: time.Minute, onError: day},
	{text: "max-age=20", life: 20 * time.Second, onError: day},
	{text: "max-age=60, stale-if-error=3600", life: time.Minute, onError: time.Hour},
	{text: "max-age=600", life: 10 * time.Minute, onError: day},
	{text: "max-age=0", onError: day},
	{text: "max-age=60, must-revalidate", life: time.Minute},
	{text: "max-age=60, stale-if-error=120", life: time.Minute, onError: 2 * time.Minute},
	{text: "s-maxage=60", life: time.Minute},
	{text: "no-cache", strict: true},
	{text: "no-store", onError: day, private: true},
	{text: "private, max-age=60", onError: day, private: true},
}

// expected says what a Get must come to at a moment: a version or an error, whether it is stale, and whether the origin is asked.
func (m *modelled) expected(now time.Time) (version int, stale, asks bool, err error) {
	believed := now.Before(m.until) && m.refused != nil
	if m.kept != 0 && now.Before(m.fresh) {
		return m.kept, false, false, nil
	}
	mayStandIn := m.kept != 0 && now.Sub(m.fresh) < m.standsFor
	if believed {
		if mayStandIn && maySubstitute(m.refused) {
			return m.kept, true, false, nil
		}
		return 0, false, false, m.refused
	}
	switch {
	case m.failure != 0 && mayStandIn:
		return m.kept, true, true, nil
	case m.failure != 0:
		return 0, false, true, ErrOrigin
	case m.version == 0:
		return 0, false, true, ErrMissing
	}
	return m.version, false, true, nil
}

// took notes what the cache knows after the origin was asked.
func (m *modelled) took(now time.Time) {
	m.refused = nil
	switch {
	case m.failure != 0:
		m.refused, m.until = ErrOrigin, now.Add(10*time.Second)
	case m.version == 0:
		m.kept, m.refused, m.until = 0, ErrMissing, now.Add(30*time.Second)
	case m.private:
		m.kept = 0
	default:
		m.kept, m.fresh, m.standsFor = m.version, now.Add(m.life), m.onError
	}
}

// Against random origins, hours, restarts and purges, the keeper gives what RFC 9111 and RFC 5861 say, and asks no more often. What it
// decides within a few seconds of a border is not looked at: real time passes too.
func TestKeeperAgainstAModel(t *testing.T) {
	seed := *modelSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-model.seed=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var clock testClock
	sources := map[string]*modelled{}
	var all []*modelled
	for i := range 4 {
		m := &modelled{path: fmt.Sprint("/", i)}
		sources[m.path], all = m, append(all, m)
		m.change(random, i)
	}
	var mutex sync.Mutex // guards what the origin sees
	asked := map[string]int{}
	o := newOriginOf(t, func(w http.ResponseWriter, r *http.Request) {
		mutex.Lock()
		defer mutex.Unlock()
		m := sources[r.URL.Path]
		asked[m.path]++
		w.Header().Set("Date", clock.now().UTC().Format(http.TimeFormat))
		w.Header().Set("Cache-Control", m.control)
		if m.failure != 0 {
			w.WriteHeader(m.failure)
			return
		}
		if m.version == 0 {
			w.WriteHeader(404)
			return
		}
		tag := fmt.Sprintf(`"%d"`, m.version)
		w.Header().Set("Etag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(304)
			return
		}
		body := picture(fmt.Sprint(m.version))
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		io.WriteString(w, body)
	})
	options := keeperOptions(t)
	k := open(t, options, &clock)
	gets, stale, errs := 0, 0, 0
	askedFor := func(m *modelled) int {
		mutex.Lock()
		defer mutex.Unlock()
		return asked[m.path]
	}
	for step := range *modelSteps {
		m := all[random.IntN(len(all))]
		switch n := random.IntN(100); {
		case n < 60:
			// Dates have whole seconds, and real time passes: moments this near to a border may be on either side of it.
			now := clock.now()
			if near(now, m.fresh) || near(now, m.until) || near(now, m.fresh.Add(m.standsFor)) {
				clock.pass(7 * time.Second)
				now = clock.now()
			}
			version, wantStale, asks, wantErr := m.expected(now)
			before, began := askedFor(m), time.Now()
			c, err := k.Get(t.Context(), o.want(t, m.path))
			gets++
			if time.Since(began) > patience/2 { // the machine stood still, and with it the origin
				eventually(t, func() bool { return k.Stats().Fetching == 0 })
				k.Forget(o.want(t, m.path).Source.ID())
				m.kept, m.refused = 0, nil
				continue
			}
			if !errors.Is(err, wantErr) || (err == nil) != (wantErr == nil) {
				t.Fatalf("step %d, %s: got error %v (%v), want %v; %+v", step, m.path, err, Cause(err), wantErr, m)
			}
			if err == nil {
				if got, want := bytesOf(t, k, c), picture(fmt.Sprint(version)); got != want || c.Stale != wantStale {
					t.Fatalf("step %d, %s: got %q (stale: %v), want %q (%v); %+v", step, m.path, got, c.Stale, want, wantStale, m)
				}
				if c.Private != (m.private && asks && !wantStale) {
					t.Fatalf("step %d, %s: private is %v; %+v", step, m.path, c.Private, m)
				}
				if c.Stale {
					stale++
				}
			} else {
				errs++
			}
			n := askedFor(m) - before
			if asks && (n < 1 || n > mostTries) || !asks && n != 0 {
				t.Fatalf("step %d, %s: the origin was asked %d times, and should be: %v; %+v", step, m.path, n, asks, m)
			}
			if asks {
				m.took(now)
			}
		case n < 75:
			mutex.Lock()
			m.change(random, step)
			mutex.Unlock()
		case n < 96:
			clock.pass([]time.Duration{12 * time.Second, 40 * time.Second, 90 * time.Second, 90 * time.Second, 3 * time.Minute, 3 * time.Minute, time.Hour, 30 * time.Hour}[random.IntN(8)])
		case n < 97:
			k.Forget(o.want(t, m.path).Source.ID())
			m.kept, m.refused = 0, nil
		default:
			closeKeeper(t, k)
			k = open(t, options, &clock)
			for _, m := range all {
				m.refused = nil // which is not written
			}
		}
	}
	t.Logf("%d gets: %d stale, %d errors", gets, stale, errs)
	if *modelSteps >= 1000 && (stale < 5 || errs < 5) {
		t.Error("the test hardly sees stale copies or errors")
	}
}

// change lets the origin have something else. Failures are statuses for which no host is left alone.
func (m *modelled) change(random *rand.Rand, number int) {
	switch n := random.IntN(12); {
	case n == 0:
		m.version = 0
	case n < 6 || m.version == 0:
		m.version = number + 1
	}
	m.failure = 0
	if random.IntN(4) == 0 {
		m.failure = []int{400, 403, 500, 501}[random.IntN(4)]
	}
	c := controls[random.IntN(len(controls))]
	m.control, m.life, m.onError, m.private, m.strict = c.text, c.life, c.onError, c.private, c.strict
}

// near tells whether two moments are the same to this test.
func near(a, b time.Time) bool { return a.Sub(b).Abs() < 6*time.Second }
