//go:build cdn

package test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// An image that was not there is seen as soon as it is, for a 404 is kept for ten seconds.
func TestCDNForgetsSoonThatAnImageWasMissing(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	e := newEdge(t, "--data", data)
	target := "/download/" + e.landscape() + "/resize:50.png"
	e.end(syscall.SIGTERM)
	e.start("--data", filepath.Join(t.TempDir(), "empty"))
	for _, p := range e.proxies() {
		if _, back := until(10*time.Second, func() bool { return get(t, p.address, "/capabilities").status == 200 }); !back {
			t.Fatalf("%s does not find the origin", p.name)
		}
	}
	first := time.Now()
	for _, p := range e.proxies() {
		get(t, p.address, target).must(t, 404, "MISS")
		get(t, p.address, target).must(t, 404, "HIT")
	}
	e.end(syscall.SIGTERM)
	e.start("--data", data)
	time.Sleep(11*time.Second - time.Since(first))
	for _, p := range e.proxies() {
		if got := get(t, p.address, target); got.status != 200 {
			t.Errorf("%s does not see the image %v after it was asked for in vain: %d %s", p.name, time.Since(first), got.status, got.cache())
		}
	}
}

// A hurried origin is the program, seen through something that shortens the time for which answers may be kept, so that a test need
// not wait a year, and that can fail.
type hurried struct {
	t        testing.TB
	port     int
	policy   string // Cache-Control of all pictures
	behind   http.Handler
	server   *http.Server
	busy     atomic.Bool // everything is answered with 503
	mutex    sync.Mutex
	requests []*http.Request // those for pictures
}

func hurry(t testing.TB, o *origin, policy string) *hurried {
	t.Helper()
	target, err := url.Parse(o.address())
	if err != nil {
		t.Fatal(err)
	}
	h := &hurried{t: t, port: freePort(t), policy: policy}
	h.behind = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(r *http.Response) error {
			if r.StatusCode < 400 && strings.HasPrefix(r.Request.URL.Path, "/download/") {
				r.Header.Set("Cache-Control", h.policy)
			}
			return nil
		},
	}
	h.start()
	t.Cleanup(func() { h.server.Close() })
	return h
}

// start listens, on the same port as before.
func (h *hurried) start() {
	h.t.Helper()
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", h.port))
	if err != nil {
		h.t.Fatal(err)
	}
	h.server = &http.Server{Handler: h}
	go h.server.Serve(l)
}

func (h *hurried) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.busy.Load() {
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/download/") {
		h.mutex.Lock()
		h.requests = append(h.requests, r)
		h.mutex.Unlock()
	}
	h.behind.ServeHTTP(w, r)
}

// conditional is how many requests asked whether what a cache has still holds.
func (h *hurried) conditional() (n int) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for _, r := range h.requests {
		if r.Header.Get("If-None-Match") != "" {
			n++
		}
	}
	return n
}

// While the origin is away or too busy, what is expired is served. Once it is back, it is asked whether that still holds.
func TestCDNServesStalePicturesWhileTheOriginFails(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	for _, failure := range []struct {
		name string
		fail func(h *hurried)
		mend func(h *hurried)
	}{
		{"dead", func(h *hurried) { h.server.Close() }, (*hurried).start},
		{"busy", func(h *hurried) { h.busy.Store(true) }, func(h *hurried) { h.busy.Store(false) }},
	} {
		for _, kind := range []struct {
			name  string
			start func(port int) *proxy
		}{
			{"nginx", func(port int) *proxy { return nginx(t, port) }},
			{"Varnish", func(port int) *proxy { return varnish(t, port) }},
			// As after a day: what is expired is not served as long as the origin is well.
			{"Varnish without patience", func(port int) *proxy { return varnish(t, port, "set req.grace = 1d;", "set req.grace = 0s;") }},
		} {
			t.Run(failure.name+", "+kind.name, func(t *testing.T) {
				t.Parallel()
				h := hurry(t, o, "public, max-age=1, stale-while-revalidate=86400, stale-if-error=2592000")
				p := kind.start(h.port)
				id := o.landscape()
				target := "/download/" + id + "/resize:60.png"
				fresh := get(t, p.address, target).must(t, 200, "MISS")
				get(t, p.address, target).must(t, 200, "HIT")
				time.Sleep(2100 * time.Millisecond)
				failure.fail(h)
				for range 6 {
					stale := get(t, p.address, target).must(t, 200, "")
					if !bytes.Equal(stale.body, fresh.body) || stale.cache() == "HIT" || stale.cache() == "MISS" {
						t.Errorf("a %s with %d bytes, want a stale one with %d", stale.cache(), len(stale.body), len(fresh.body))
					}
					time.Sleep(500 * time.Millisecond)
				}
				if never := get(t, p.address, "/download/"+id+"/resize:61.png"); never.status < 500 {
					t.Errorf("what was never stored is answered %d", never.status)
				}
				failure.mend(h)
				asked := h.conditional()
				_, back := until(15*time.Second, func() bool {
					got := get(t, p.address, target).must(t, 200, "")
					return got.cache() != "STALE" && got.cache() != "UPDATING" && h.conditional() > asked
				})
				if !back {
					t.Error("what is stale stays so after the origin is back")
				}
				if never := get(t, p.address, "/download/"+id+"/resize:61.png"); never.status != 200 {
					t.Errorf("once the origin is back, what failed is answered %d", never.status)
				}
			})
		}
	}
}

// What is expired for longer than the origin allows is not served any more.
func TestCDNStaleIfErrorEnds(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	h := hurry(t, o, "public, max-age=1, stale-if-error=2")
	p := varnish(t, h.port)
	target := "/download/" + o.landscape() + "/resize:60.png"
	get(t, p.address, target).must(t, 200, "MISS")
	h.server.Close()
	time.Sleep(1500 * time.Millisecond)
	get(t, p.address, target).must(t, 200, "STALE")
	time.Sleep(3 * time.Second)
	get(t, p.address, target).must(t, 503, "")
}

// A thousand requests come just when nginx gives its idle connections up. None finds one that the program has closed.
func TestCDNIdleConnectionsAreNotReset(t *testing.T) {
	t.Parallel()
	const round, rounds = 100, 10
	// Half of what the files and the program's defaults say, in seconds instead of minutes.
	o := newOrigin(t, "--idle-timeout", "2s")
	p := nginx(t, o.port, "keepalive_timeout 60s", "keepalive_timeout 1s", "keepalive 64", fmt.Sprint("keepalive ", round))
	for i := range rounds {
		failed := make([]string, round)
		together(round, func(j int) {
			time.Sleep(time.Duration(j) * time.Millisecond)
			if r, err := sendTarget(http.MethodGet, p.address, "/capabilities"); err != nil || r.status != 200 {
				failed[j] = fmt.Sprint(r.status, err)
			}
		})
		for _, f := range failed {
			if f != "" {
				t.Fatalf("in round %d: %s", i, f)
			}
		}
		time.Sleep(900 * time.Millisecond)
	}
	if lines := p.complaints(); len(lines) > 0 {
		t.Errorf("nginx complains:\n%s", strings.Join(lines, "\n"))
	}
	if opened := o.numbers()["calotype_answers_total{status=\"200\"}"]; opened < round*rounds {
		t.Errorf("the origin has answered %v requests", opened)
	}
}

// Addresses that lead to the canonical spelling are stored, and lead there without going in circles, whatever a proxy does to commas.
func TestCDNRedirects(t *testing.T) {
	t.Parallel()
	e := newEdge(t, "--canonical", "redirect")
	e.each(t, func(t *testing.T, p *proxy, id string) {
		for _, c := range []struct {
			target string
			hops   int
		}{
			{"/download/" + id + "/crop:0,0,50,50.png", 0},
			{"/download/" + id + "/crop:0%2C0%2C50%2C50.png", 0},
			{"/download/" + id + "/CROP:0,0,50,50.PNG", 1},
			{"/download/" + id + "/CROP:0%2C0%2C50%2C50.PNG", 1},
			{"/download/" + id + "/crop=0~0~50~50.png", 1},
			{"/download/" + id + "//crop:0,0,50,50/rotate:0.png", 1},
			{"/download/" + id + "//crop:0,0,52,52.png", 0}, // which a proxy merges
			{"/download/" + id + "/crop:0,0,52,52.png", 0},
		} {
			for range 2 {
				target, hops := c.target, 0
				for {
					// A proxy that encodes all commas, as some do.
					got := get(t, p.address, strings.ReplaceAll(target, ",", "%2C"))
					if got.status == 200 {
						break
					}
					got.must(t, 301, "")
					if hops++; hops > 2 {
						t.Fatalf("%s goes in circles", c.target)
					}
					location, err := url.Parse(got.header.Get("Location"))
					if err != nil || location.Path == "" {
						t.Fatalf("%s leads to %q", c.target, got.header.Get("Location"))
					}
					target = location.EscapedPath()
				}
				if hops > c.hops {
					t.Errorf("%s leads over %d hops", c.target, hops)
				}
			}
		}
		target := "/download/" + id + "/CROP:0,0,51,51.PNG"
		get(t, p.address, target).must(t, 301, "MISS")
		get(t, p.address, target).must(t, 301, "HIT")
	})
}
