package remote

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"calotype/store"
)

// An origin is a real server whose pictures are what a test says. Its Date is that of the clock of the test.
type origin struct {
	*httptest.Server
	clock *testClock

	mutex    sync.Mutex
	files    map[string]*file
	requests []*http.Request
}

// A file is what an origin has at a path.
type file struct {
	status   int // 0 is 200
	body     string
	header   []string      // lines
	delay    time.Duration // before the answer
	hang     chan struct{} // the answer waits until it is closed
	breakOff bool          // the connection ends in the middle of the body
}

// testClock is the time of a test.
type testClock struct{ ahead atomic.Int64 }

func (c *testClock) pass(d time.Duration) { c.ahead.Add(int64(d)) }
func (c *testClock) skew() time.Duration  { return time.Duration(c.ahead.Load()) }
func (c *testClock) now() time.Time       { return time.Now().Add(c.skew()) }

func newOrigin(t testing.TB, c *testClock) *origin {
	t.Helper()
	o := &origin{clock: c, files: map[string]*file{}}
	return o.start(t, o.serve)
}

// newOriginOf is an origin that answers in another way.
func newOriginOf(t testing.TB, serve http.HandlerFunc) *origin {
	t.Helper()
	return (&origin{}).start(t, serve)
}

func (o *origin) start(t testing.TB, serve http.HandlerFunc) *origin {
	o.Server = httptest.NewServer(serve)
	t.Cleanup(o.Close)
	return o
}

// put says what there is at a path.
func (o *origin) put(path string, f file) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.files[path] = &f
}

// asked returns how often a path was asked for, and the last request.
func (o *origin) asked(path string) (n int, last *http.Request) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	for _, r := range o.requests {
		if r.URL.Path == path {
			n, last = n+1, r
		}
	}
	return n, last
}

func (o *origin) serve(w http.ResponseWriter, r *http.Request) {
	o.mutex.Lock()
	o.requests = append(o.requests, r)
	f := o.files[r.URL.Path]
	o.mutex.Unlock()
	w.Header().Set("Date", o.clock.now().UTC().Format(http.TimeFormat))
	if f == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	time.Sleep(f.delay)
	if f.hang != nil {
		select {
		case <-f.hang:
		case <-r.Context().Done():
		}
	}
	for _, line := range f.header {
		name, value, _ := strings.Cut(line, ": ")
		w.Header().Add(name, value)
	}
	tag := w.Header().Get("Etag")
	if f.status == 0 && tag != "" && r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if modified := w.Header().Get("Last-Modified"); f.status == 0 && modified != "" && r.Header.Get("If-Modified-Since") == modified {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(f.body)))
	if f.status != 0 {
		w.WriteHeader(f.status)
	}
	if f.breakOff {
		io.WriteString(w, f.body[:len(f.body)/2])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	io.WriteString(w, f.body)
}

// picture is a body that inspect takes for a picture.
func picture(text string) string { return "PICTURE " + text }

// inspect takes what begins with PICTURE for a picture of as many pixels as it has bytes.
func inspect(_ context.Context, f *os.File) (o store.Original, err error) {
	data, err := io.ReadAll(f)
	if err != nil {
		return o, err
	}
	if !strings.HasPrefix(string(data), "PICTURE") {
		return o, fmt.Errorf("%w: no picture", ErrUnusable)
	}
	o.Format, o.Width, o.Height, o.Frames = "png", len(data), 1, 1
	return o, nil
}

// keeperOptions are those of the keepers in these tests: with nothing between origin and freshness, on a folder that goes with the test.
func keeperOptions(t testing.TB) Options { return keeperOptionsIn(t.TempDir()) }

// keeperOptionsIn are those of a keeper in a folder that is there.
func keeperOptionsIn(dir string) Options {
	return Options{
		Dir: dir, Bytes: LeastBytes, MaxBytes: 1 << 20, Timeout: 5 * time.Second, Cap: 1000 * day,
		Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Inspect: inspect,
	}
}

// open opens a keeper until the test ends.
func open(t testing.TB, o Options, c *testClock) *Keeper {
	t.Helper()
	k, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	k.clock.skew = c.skew
	var once sync.Once
	t.Cleanup(func() { once.Do(func() { closeKeeper(t, k) }) })
	return k
}

func closeKeeper(t testing.TB, k *Keeper) {
	t.Helper()
	if k.closed {
		return
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
}

// want is what a client wants of an origin.
func (o *origin) want(t testing.TB, path string) Wanted {
	t.Helper()
	return wanted(t, o.URL+path, o.URL)
}

func wanted(t testing.TB, address string, patterns ...string) Wanted {
	t.Helper()
	s, err := ParseSource(address)
	if err != nil {
		t.Fatal(err)
	}
	a, err := ParseAllowed(patterns)
	if err != nil {
		t.Fatal(err)
	}
	return Wanted{Source: s, Allowed: a}
}

// get returns what a keeper gives, with its bytes.
func get(t testing.TB, k *Keeper, w Wanted) (*Copy, string, error) {
	t.Helper()
	c, err := k.Get(t.Context(), w)
	if err != nil {
		return nil, "", err
	}
	return c, bytesOf(t, k, c), nil
}

func bytesOf(t testing.TB, k *Keeper, c *Copy) string {
	t.Helper()
	f, err := k.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	if sha256.Sum256(data) != c.Digest || int64(len(data)) != c.Bytes || c.Width != len(data) {
		t.Errorf("the copy says %d bytes of digest %s, and these are %d others", c.Bytes, c.Digest, len(data))
	}
	return string(data)
}

// mustGet checks what a keeper gives.
func mustGet(t testing.TB, k *Keeper, w Wanted, body string) *Copy {
	t.Helper()
	c, got, err := get(t, k, w)
	if err != nil {
		t.Fatalf("%s: %v (%v)", w.Source, err, Cause(err))
	}
	if got != body {
		t.Fatalf("%s: got %.60q, want %.60q", w.Source, got, body)
	}
	return c
}

// mustFail checks that a keeper gives an error.
func mustFail(t testing.TB, k *Keeper, w Wanted, want error) error {
	t.Helper()
	_, got, err := get(t, k, w)
	if !errors.Is(err, want) {
		t.Fatalf("%s: got %.60q and error %v, want %v", w.Source, got, err, want)
	}
	return err
}

// mustHaveAsked checks how often an origin was asked for a path.
func (o *origin) mustHaveAsked(t testing.TB, path string, want int) *http.Request {
	t.Helper()
	n, last := o.asked(path)
	if n != want {
		t.Fatalf("%s was asked for %d times, want %d", path, n, want)
	}
	return last
}
