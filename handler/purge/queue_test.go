package purge

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"calotype/store"
)

// A desk is a queue over a real store.
type desk struct {
	t     *testing.T
	dir   string
	store *store.Store
	hooks []*Hook
	delay time.Duration
	queue *Queue
	text  *lines

	mutex  sync.Mutex
	counts map[string]int // by hook and outcome
}

// lines is a log.
type lines struct {
	mutex sync.Mutex
	bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.Buffer.Write(p)
}

func (l *lines) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.Buffer.String()
}

func newDesk(t *testing.T, hooks ...*Hook) *desk {
	d := &desk{t: t, dir: t.TempDir(), hooks: hooks, text: &lines{}, counts: map[string]int{}}
	d.open()
	t.Cleanup(d.close)
	return d
}

func (d *desk) open() {
	d.t.Helper()
	var err error
	if d.store, err = store.Open(context.Background(), store.Options{Dir: d.dir}); err != nil {
		d.t.Fatal(err)
	}
	d.queue = Start(d.hooks, d.store, d.delay, func(hook, outcome string) {
		d.mutex.Lock()
		defer d.mutex.Unlock()
		d.counts[hook+" "+outcome]++
	}, slog.New(slog.NewTextHandler(d.text, nil)))
}

func (d *desk) close() {
	d.queue.Close()
	if err := d.store.Close(); err != nil {
		d.t.Error(err)
	}
}

// remove adds and removes an original, and returns its id.
func (d *desk) remove() store.ID {
	d.t.Helper()
	sp, err := d.store.Spool()
	if err != nil {
		d.t.Fatal(err)
	}
	defer sp.Discard()
	if _, err := sp.Write([]byte(rand.Text())); err != nil {
		d.t.Fatal(err)
	}
	o, err := d.store.Add(d.t.Context(), sp, store.Original{Format: "png"}, store.Usage{})
	if err != nil {
		d.t.Fatal(err)
	}
	if err := d.store.Remove(d.t.Context(), o.ID, d.queue.Names()...); err != nil {
		d.t.Fatal(err)
	}
	d.queue.Wake()
	return o.ID
}

// wantPending waits until a hook has so many left to be told of.
func (d *desk) wantPending(hook string, want int) {
	d.t.Helper()
	var n int
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		var err error
		if n, err = d.store.CountTasks(d.t.Context(), hook); err != nil {
			d.t.Fatal(err)
		}
		if n == want && d.queue.Pending()[hook] == want {
			return
		}
	}
	d.t.Fatalf("%s has %d left, and says %d; want %d", hook, n, d.queue.Pending()[hook], want)
}

func (d *desk) count(hook, outcome string) int {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.counts[hook+" "+outcome]
}

// told are the images that a Varnish has been told of.
func told(c *recorder) []string {
	var list []string
	for _, a := range c.all() {
		list = append(list, strings.Fields(strings.ReplaceAll(a.header.Get("xkey"), "img-", ""))...)
	}
	return list
}

func TestDeletionsAreTold(t *testing.T) {
	c := record(t, nil)
	h := hookAt(t, "varnish+"+c.URL)
	d := newDesk(t, h)
	var want []string
	for range 5 {
		want = append(want, d.remove().String())
	}
	d.wantPending(h.Name, 0)
	if got := told(c); !slices.Equal(slices.Compact(slices.Sorted(slices.Values(got))), want) {
		t.Errorf("told of %v, want %v", got, want)
	}
	if n := d.count(h.Name, Accepted); n != len(c.all()) {
		t.Errorf("%d counted, %d sent", n, len(c.all()))
	}
}

// One cache that is down keeps no other waiting, and is told when it is back.
func TestOneCacheIsDown(t *testing.T) {
	var down atomic.Bool
	down.Store(true)
	sick := record(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	well := record(t, nil)
	a, b := hookAt(t, "varnish+"+sick.URL), hookAt(t, "varnish+"+well.URL)
	d := newDesk(t, a, b)
	var want []string
	for i := range 3 {
		want = append(want, d.remove().String())
		d.wantPending(b.Name, 0)
		d.wantSome(a.Name, i+1)
	}
	if got := slices.Compact(slices.Sorted(slices.Values(told(well)))); !slices.Equal(got, want) {
		t.Errorf("told of %v, want %v", got, want)
	}
	down.Store(false)
	d.wantPending(a.Name, 0)
	if d.count(a.Name, Failed) == 0 || d.count(b.Name, Failed) != 0 || !strings.Contains(d.text.String(), "status 502") {
		t.Errorf("counted %v, logged %s", d.counts, d.text)
	}
}

// wantSome checks that the ledger has so many left for a hook.
func (d *desk) wantSome(hook string, want int) {
	d.t.Helper()
	if n, err := d.store.CountTasks(d.t.Context(), hook); n != want || err != nil {
		d.t.Errorf("%s has %d left, %v; want %d", hook, n, err, want)
	}
}

// What was not told before a restart is told after it, and nothing else.
func TestDeletionsAreToldAfterARestart(t *testing.T) {
	var down atomic.Bool
	c := record(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	h := hookAt(t, "varnish+"+c.URL)
	h.FirstPause = time.Hour
	d := newDesk(t, h)
	d.remove()
	d.wantPending(h.Name, 0)
	down.Store(true)
	var want []string
	for range 3 {
		want = append(want, d.remove().String())
	}
	for len(c.all()) < 2 {
		time.Sleep(time.Millisecond)
	}
	d.close() // while it waits to try again
	before := len(c.all())
	down.Store(false)
	d.open()
	d.wantPending(h.Name, 0)
	if got := told(&recorder{asked: c.all()[before:]}); !slices.Equal(got, want) {
		t.Errorf("told of %v, want %v", got, want)
	}
	d.close()
	before = len(c.all())
	d.open()
	d.wantPending(h.Name, 0)
	if n := len(c.all()); n != before {
		t.Errorf("told again, %d times", n-before)
	}
}

// A cache that refuses is not asked over and over, but with the next deletion it is told of all.
func TestACacheRefuses(t *testing.T) {
	var closed atomic.Bool
	closed.Store(true)
	c := record(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		if closed.Load() {
			w.WriteHeader(http.StatusForbidden)
		}
	})
	h := hookAt(t, "varnish+"+c.URL)
	d := newDesk(t, h)
	first := d.remove()
	for d.count(h.Name, Refused) == 0 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(50 * time.Millisecond)
	if n := len(c.all()); n != 1 {
		t.Errorf("asked %d times", n)
	}
	if !strings.Contains(d.text.String(), "status 403") {
		t.Errorf("logged %s", d.text)
	}
	d.wantSome(h.Name, 1)
	closed.Store(false)
	second := d.remove()
	d.wantPending(h.Name, 0)
	if got := told(&recorder{asked: c.all()[1:]}); !slices.Equal(got, []string{first.String(), second.String()}) {
		t.Errorf("told of %v", got)
	}
}

// A long list of deletions is told in calls of bounded size.
func TestDeletionsAreToldInBatches(t *testing.T) {
	c := record(t, always(200, `{"success":true}`))
	h := hookAt(t, "cloudflare+"+c.URL+"/zone")
	d := newDesk(t)
	d.queue.names = []string{h.Name} // while the service is up, nobody tells it
	for range 65 {
		d.remove()
	}
	d.close()
	d.hooks = []*Hook{h}
	d.open()
	d.wantPending(h.Name, 0)
	if n := len(c.all()); n != 3 {
		t.Errorf("%d calls, want 3", n)
	}
}

// What is being deleted is told once it is released.
func TestHeldDeletions(t *testing.T) {
	c := record(t, nil)
	h := hookAt(t, "varnish+"+c.URL)
	d := newDesk(t, h)
	release := d.queue.Hold()
	first, second := d.remove(), d.remove()
	time.Sleep(50 * time.Millisecond)
	if n := len(c.all()); n != 0 {
		t.Errorf("told %v too early", told(c))
	}
	release()
	d.wantPending(h.Name, 0)
	if got := told(c); !slices.Equal(got, []string{first.String(), second.String()}) {
		t.Errorf("told %v", got)
	}
}

// Others who use the same ledger have the time to forget what was deleted, whoever looks into the ledger.
func TestDeletionsAreToldAfterADelay(t *testing.T) {
	const delay = 300 * time.Millisecond
	var first atomic.Int64
	c := record(t, func(int, http.ResponseWriter, *http.Request) { first.CompareAndSwap(0, time.Now().UnixNano()) })
	h := hookAt(t, "varnish+"+c.URL)
	d := newDesk(t)
	d.close()
	d.hooks, d.delay = []*Hook{h}, delay
	d.open()
	began := time.Now()
	id := d.remove().String()
	d.wantPending(h.Name, 0)
	if waited := time.Unix(0, first.Load()).Sub(began); waited < delay || !slices.Equal(told(c), []string{id}) {
		t.Errorf("told of %v after %v", told(c), waited)
	}
	began = time.Now()
	if answers := d.queue.Purge(t.Context(), everything); len(answers) != 1 || answers[0].Outcome != Accepted || time.Since(began) < delay {
		t.Errorf("purged after %v: %v", time.Since(began), answers)
	}
}

// What was forgotten too late is told again, in parts, and each thing once.
func TestLateForgettingIsToldAgain(t *testing.T) {
	c := record(t, nil)
	h := hookAt(t, "varnish+"+c.URL)
	d := newDesk(t, h)
	var want []string
	for i := range 100 {
		want = append(want, id(i))
		d.queue.Repeat(What{IDs: []string{id(i), id(0)}})
	}
	d.queue.Repeat(What{Tags: []string{"fmt-webp"}})
	want = append(want, "fmt-webp")
	slices.Sort(want)
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if slices.Contains(told(c), "fmt-webp") && slices.Contains(told(c), id(99)) {
			break
		}
	}
	if got := slices.Compact(slices.Sorted(slices.Values(told(c)))); !slices.Equal(got, want) {
		t.Errorf("told of %v", got)
	}
	if n := len(c.all()); n > 20 {
		t.Errorf("in %d calls", n)
	}
	newDesk(t).queue.Repeat(everything) // there is nobody to be told
}

func TestPurgeNow(t *testing.T) {
	well, closed, sick := record(t, nil), record(t, always(403, "no")), record(t, always(500, "ill"))
	a, b, c := hookAt(t, "varnish+"+well.URL), hookAt(t, "varnish+"+closed.URL), hookAt(t, "varnish+"+sick.URL)
	d := newDesk(t, a, b, c)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	answers := d.queue.Purge(ctx, everything)
	want := []Answer{{a.Name, Accepted, ""}, {b.Name, Refused, `refused: status 403: "no"`}, {c.Name, Failed, `status 500: "ill"`}}
	if !slices.Equal(answers, want) {
		t.Errorf("got  %+v\nwant %+v", answers, want)
	}
	if fmt.Sprint(told(well)) != fmt.Sprint([]string{id(1), id(2), "fmt-webp"}) {
		t.Errorf("told %v", told(well))
	}
	if d.count(a.Name, Accepted) != 1 || d.count(b.Name, Refused) != 1 || d.count(c.Name, Failed) < 2 {
		t.Errorf("counted %v", d.counts)
	}
	if got := newDesk(t).queue.Purge(t.Context(), everything); len(got) != 0 {
		t.Errorf("without hooks: %v", got)
	}
}
