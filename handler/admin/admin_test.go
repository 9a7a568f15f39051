package admin

import (
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func never() bool { return false }

// serve returns the address of a server for the handler, as the program runs it.
func serve(t testing.TB, handler http.Handler, change func(*http.Server)) string {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.Config = Server(handler)
	if change != nil {
		change(server.Config)
	}
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

// ask sends a request and returns the answer with its body.
func ask(t testing.TB, method, url string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

func TestEachAddress(t *testing.T) {
	registry := prometheus.NewRegistry()
	started := prometheus.NewCounter(prometheus.CounterOpts{Name: "fires_total", Help: "Fires that were lit."})
	registry.MustRegister(started)
	started.Add(3)
	fine := Check{Name: "store", Run: func(context.Context) error { return nil }}
	url := serve(t, Handler(registry, []Check{fine}, never), nil)

	f := func(method, path string, status int, want string) {
		t.Helper()
		answer, body := ask(t, method, url+path)
		if answer.StatusCode != status || !strings.Contains(body, want) {
			t.Errorf("%s %s: %d %.300q, want %d and %q", method, path, answer.StatusCode, body, status, want)
		}
		if got := answer.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s %s: Cache-Control is %q", method, path, got)
		}
		if method == "HEAD" && body != "" {
			t.Errorf("HEAD %s has a body: %.300q", path, body)
		}
		if allow := answer.Header.Get("Allow"); status == 405 && allow != "GET, HEAD" {
			t.Errorf("%s %s: Allow is %q", method, path, allow)
		}
	}
	f("GET", "/livez", 200, "ok\n")
	f("GET", "/readyz", 200, "store: ok\n")
	f("GET", "/metrics", 200, "\nfires_total 3\n")
	f("GET", "/debug/pprof/", 200, "goroutine")
	f("GET", "/debug/pprof", 200, "goroutine")
	f("GET", "/debug/pprof/cmdline", 404, "")
	f("GET", "/debug/pprof/symbol", 200, "num_symbols: 1")
	f("GET", "/debug/pprof/goroutine?debug=1", 200, "admin_test.go")
	f("GET", "/debug/pprof/heap?debug=1", 200, "heap profile")
	f("GET", "/debug/pprof/unheard-of", 404, "")
	f("GET", "/unheard-of", 404, "")
	f("GET", "/livez/", 404, "")
	for _, r := range resources {
		f("GET", "/", 200, r[0])
	}
	for _, path := range []string{"/", "/livez", "/readyz", "/metrics", "/debug/pprof/", "/debug/pprof/symbol"} {
		f("HEAD", path, 200, "")
		f("POST", path, 405, "")
		f("DELETE", path, 405, "")
		f("OPTIONS", path, 405, "")
	}
}

// forgetful is a collector that fails.
type forgetful struct{}

func (forgetful) Describe(chan<- *prometheus.Desc) {}
func (forgetful) Collect(chan<- prometheus.Metric) { panic("lost count") }

func TestMetricsThatCannotBeReadAreAnError(t *testing.T) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(forgetful{})
	url := serve(t, Handler(registry, nil, never), nil)
	if answer, body := ask(t, "GET", url+"/metrics"); answer.StatusCode != 500 || !strings.Contains(body, "lost count") {
		t.Errorf("%d %q", answer.StatusCode, body)
	}
}

func TestProfilesMayTakeLongerThanOtherAnswers(t *testing.T) {
	t.Parallel()
	url := serve(t, Handler(prometheus.NewRegistry(), nil, never), func(s *http.Server) {
		if s.ReadTimeout != 0 {
			t.Errorf("ReadTimeout is %v: it would end the context of a profile", s.ReadTimeout)
		}
		s.WriteTimeout = 1500 * time.Millisecond
	})
	answer, body := ask(t, "GET", url+"/debug/pprof/goroutine?seconds=2")
	if answer.StatusCode != 200 {
		t.Fatalf("%d %q", answer.StatusCode, body)
	}
	profile, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, profile); err != nil {
		t.Error(err)
	}
}

func TestNobodyHoldsAConnectionWithHalfARequest(t *testing.T) {
	s := Server(nil)
	if s.ReadHeaderTimeout <= 0 || s.WriteTimeout <= 0 || s.IdleTimeout <= 0 || s.MaxHeaderBytes <= 0 {
		t.Errorf("without limit: %+v", s)
	}
}
