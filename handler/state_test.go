package handler

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"calotype/handler/metrics"
	"calotype/handler/quota"
	"calotype/transform"
)

// ownEngine has a site drain an engine that no other test has.
func ownEngine(t *testing.T) func(*Options) {
	return func(o *Options) {
		engine, err := transform.NewEngine(transform.Options{Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(engine.Close)
		o.Engine = engine
	}
}

// A server that is about to stop sends away what needs a worker, and answers the rest.
func TestDraining(t *testing.T) {
	s := serve(t, ownEngine(t))
	picture := encodeJPEG(t, photo(60, 40, 1))
	u := s.upload(picture)
	known := s.mustGet(u.URL + "/resize:20.png")
	s.handler.Drain()
	if a := s.mustGet(u.URL + "/resize:20.png"); !bytes.Equal(a.body, known.body) {
		t.Error("a print in memory changes")
	}
	if a := s.get(u.URL+"/resize:20.png", "If-None-Match", known.header.Get("ETag")); a.status != http.StatusNotModified {
		t.Errorf("a client that has a print gets %d", a.status)
	}
	if a := s.mustGet(u.URL); !bytes.Equal(a.body, picture) {
		t.Error("the original changes")
	}
	for what, a := range map[string]answer{
		"a new print": s.get(u.URL + "/resize:21.png"),
		"an upload":   s.do("POST", "/upload-image", bytes.NewReader(encodeJPEG(t, photo(61, 40, 1)))),
	} {
		s.wantProblem(what, a, http.StatusServiceUnavailable, "stopping")
		if a.header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", what)
		}
	}
	if !s.handler.Draining() {
		t.Error("it does not say so")
	}
}

// Whoever asks for every size there is gets 429 after a while; what was made before is still answered.
func TestQuota(t *testing.T) {
	s := serve(t, func(o *Options) { o.Quota = quota.New(5, 0, time.Hour) })
	u, other := s.upload(encodeJPEG(t, photo(60, 40, 1))), s.upload(encodeJPEG(t, photo(50, 40, 2)))
	for width := 1; width <= 5; width++ {
		s.mustGet(u.URL + "/resize:" + strconv.Itoa(width) + ".png")
	}
	refused := s.get(u.URL + "/resize:6.png")
	problem := s.wantProblem("the sixth", refused, http.StatusTooManyRequests, "too-many-prints")
	if seconds, err := strconv.Atoi(refused.header.Get("Retry-After")); err != nil || seconds < 1 || seconds > 3600 {
		t.Errorf("Retry-After %q", refused.header.Get("Retry-After"))
	}
	if !strings.Contains(problem.Detail, "5") {
		t.Errorf("the limit is not told: %q", problem.Detail)
	}
	s.wantProblem("a description", s.get(u.URL+"/resize:7.json"), http.StatusTooManyRequests, "too-many-prints")
	s.mustGet(u.URL + "/resize:3.png")
	s.mustGet(u.URL)
	s.mustGet(other.URL + "/resize:6.png")
}

// One print that is asked for in many spellings is one.
func TestQuotaCountsPrints(t *testing.T) {
	s := serve(t, func(o *Options) { o.Quota, o.CacheBytes = quota.New(1, 0, time.Hour), 0 })
	u := s.upload(encodeJPEG(t, photo(60, 40, 1)))
	for _, spelling := range []string{"/resize:20.png", "/resize=20.png", "/Resize:20.png", "/resize:20.png?v=1"} {
		s.mustGet(u.URL + spelling)
	}
}

func TestAnswersAreCounted(t *testing.T) {
	m := metrics.New("", "")
	s := serve(t, func(o *Options) { o.Metrics = m })
	u := s.upload(encodeJPEG(t, photo(60, 40, 1)))
	s.mustGet(u.URL + "/resize:20.png")
	s.mustGet(u.URL + "/resize:20.png")
	s.get("/nothing")
	s.raw("GET / HTTP/1.1\r\nnonsense\r\n\r\n", "GET")
	families, err := m.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, metric := range f.GetMetric() {
			name := f.GetName()
			for _, label := range metric.GetLabel() {
				name += " " + label.GetValue()
			}
			got[name] = metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
		}
	}
	for name, want := range map[string]float64{
		"calotype_answers_total 200": 2, "calotype_answers_total 201": 1, "calotype_answers_total 404": 1, "calotype_answers_total 400": 1,
		"calotype_cache_hits_total": 1, "calotype_cache_misses_total": 1, "calotype_workers ready": 2 + transform.LeastSpare,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
}
