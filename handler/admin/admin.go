// Package admin answers those who run the service, on a listener of its own: whether it lives, whether it can work, what it
// counts and where its time goes. What is told here is not for the public.
package admin

import (
	"fmt"
	"net/http"
	"net/http/pprof" // it also registers itself on http.DefaultServeMux, which nothing in this program serves
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// resources are the addresses that the list names.
var resources = [][2]string{
	{"/livez", "ok as long as the process answers"},
	{"/readyz", "whether requests should be sent here, and what is amiss if not"},
	{"/metrics", "numbers for Prometheus"},
	{"/debug/pprof/", "profiles for go tool pprof"},
}

// Handler answers GET and HEAD for
//
//	/livez         200 as long as the process answers
//	/readyz        200 if all checks pass, with a line for each; else 503, also while draining returns true
//	/metrics       the metrics of gatherer, for Prometheus
//	/debug/pprof/  profiles, for go tool pprof
//	/              a list of these
//
// The checks run concurrently, for 2 seconds at most, in a context that ends then. Probes at the same time share one run, and
// its result is kept for a second, so that however many probe, a check runs once a second at most. One that does not heed its
// context is not started again before it has returned. draining is called by every probe, concurrently.
func Handler(gatherer prometheus.Gatherer, checks []Check, draining func() bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		text(w, http.StatusOK, "ok\n")
	})
	mux.Handle("GET /readyz", &readiness{checks: watched(checks), draining: draining})
	mux.Handle("GET /metrics", promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)          // with the profiles that the runtime keeps all the time
	mux.HandleFunc("GET /debug/pprof/cmdline", http.NotFound) // it may have secrets in it
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		var list strings.Builder
		for _, r := range resources {
			fmt.Fprintf(&list, "%-15s%s\n", r[0], r[1])
		}
		text(w, http.StatusOK, list.String())
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		mux.ServeHTTP(w, r)
	})
}

// Server returns an HTTP server for a Handler. It must be told its listener, which must not be reachable by the public.
func Server(handler http.Handler) *http.Server {
	return &http.Server{
		Handler: handler,
		// There is no limit for reading more than the head, since it would also cut short profiles that take longer.
		ReadHeaderTimeout: 5 * time.Second,
		// For a whole answer. Profiles have as much in addition as they are asked to take.
		WriteTimeout:   30 * time.Second,
		IdleTimeout:    2 * time.Minute,
		MaxHeaderBytes: 16 << 10,
	}
}

func text(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body)) // whoever has gone needs no answer
}
