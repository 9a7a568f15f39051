package handler

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"calotype/handler/metrics"
	"calotype/handler/purge"
)

// A front is a cache in front of a site, as far as purges go.
type front struct {
	*httptest.Server
	status atomic.Int64 // what it answers; 0 is 200

	mutex sync.Mutex
	tags  []string // that it was told to forget
}

func newFront(t *testing.T) *front {
	f := &front{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status := f.status.Load(); status != 0 {
			w.WriteHeader(int(status))
			return
		}
		f.mutex.Lock()
		defer f.mutex.Unlock()
		f.tags = append(f.tags, strings.Fields(r.Header.Get("xkey"))...)
	}))
	t.Cleanup(f.Close)
	return f
}

// told returns which tags it was told to forget, once there are so many of them.
func (f *front) told(t *testing.T, n int) string {
	t.Helper()
	var tags []string
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		f.mutex.Lock()
		tags = append([]string{}, f.tags...)
		f.mutex.Unlock()
		if len(tags) >= n {
			break
		}
	}
	return strings.Join(tags, " ")
}

// behind makes a site that tells fronts of its purges.
func behind(t *testing.T, fronts ...*front) func(*Options) {
	t.Helper()
	var addresses []string
	for _, f := range fronts {
		addresses = append(addresses, "varnish+"+f.URL)
	}
	hooks, err := purge.New(addresses, purge.Secrets{})
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range hooks {
		h.FirstPause = 5 * time.Millisecond
	}
	return func(o *Options) { o.Hooks = hooks }
}

func TestFrontsAreToldOfDeletions(t *testing.T) {
	a, b := newFront(t), newFront(t)
	s := serve(t, behind(t, a, b))
	u := s.upload(draws(t, "rg"))
	if status := s.do("DELETE", "/images/"+u.ID, nil).status; status != http.StatusNoContent {
		t.Fatalf("status %d", status)
	}
	for _, f := range []*front{a, b} {
		if got := f.told(t, 1); got != "img-"+u.ID {
			t.Errorf("told of %q", got)
		}
	}
	s.do("DELETE", "/images/"+u.ID, nil) // 410: nobody is told again
	s.do("DELETE", "/images/"+testID, nil)
	other := s.upload(draws(t, "rg"))
	s.do("DELETE", "/images/"+other.ID, nil, "If-Match", `"x"`)
	if s.do("DELETE", "/images/"+other.ID, nil); a.told(t, 2) != "img-"+u.ID+" img-"+other.ID {
		t.Errorf("told of %q", a.told(t, 2))
	}
}

// A front that is down does not keep a DELETE waiting, and is told after a restart.
func TestFrontsAreToldAfterARestart(t *testing.T) {
	f := newFront(t)
	f.status.Store(http.StatusServiceUnavailable)
	s := serve(t, behind(t, f))
	u := s.upload(draws(t, "rg"))
	if status := s.do("DELETE", "/images/"+u.ID, nil).status; status != http.StatusNoContent {
		t.Fatalf("status %d", status)
	}
	for end := time.Now().Add(10 * time.Second); !strings.Contains(s.log.String(), "status 503"); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("logged %s", s.log)
		}
	}
	s.restart() // without hooks, nobody is told
	f.status.Store(0)
	s.restart(behind(t, f))
	if got := f.told(t, 1); got != "img-"+u.ID {
		t.Errorf("told of %q", got)
	}
}

func TestPurgeTellsFronts(t *testing.T) {
	a, b := newFront(t), newFront(t)
	counts := metrics.New("", "")
	s := serve(t, behind(t, a, b), func(o *Options) { o.Metrics = counts })
	u := s.upload(draws(t, "rg"))
	ask := `{"ids":["` + u.ID + `"],"presets":["hero"],"prefixes":["/download/` + testID + `/"]}`
	name := func(f *front) string { return "varnish " + strings.TrimPrefix(f.URL, "http://") }
	answer := s.postPurge(ask)
	want := fmt.Sprintf(`{"prints":0,"hooks":[{"hook":"%s","outcome":"accepted"},{"hook":"%s","outcome":"accepted"}]}`+"\n", name(a), name(b))
	if answer.status != http.StatusOK || string(answer.body) != want {
		t.Errorf("got %d %s, want %s", answer.status, answer.body, want)
	}
	if got, want := a.told(t, 3), "img-"+u.ID+" img-"+testID+" preset-hero"; got != want {
		t.Errorf("told of %q, want %q", got, want)
	}
	b.status.Store(http.StatusForbidden)
	answer = s.postPurge(ask)
	want = fmt.Sprintf(`{"prints":0,"hooks":[{"hook":"%s","outcome":"accepted"},{"hook":"%s","outcome":"refused","error":"refused: status 403: \"\""}]}`+"\n", name(a), name(b))
	if answer.status != http.StatusBadGateway || string(answer.body) != want {
		t.Errorf("got %d %s, want %s", answer.status, answer.body, want)
	}
	s.mustGet(u.URL) // nothing was deleted
	families, err := counts.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "calotype_purges") {
			io.WriteString(&text, f.String())
		}
	}
	for _, words := range []string{name(b), "refused", "calotype_purges_pending"} {
		if !strings.Contains(text.String(), words) {
			t.Errorf("no %s in %s", words, text.String())
		}
	}
}
