package main

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// What those who run the service look at.
func TestOperate(t *testing.T) {
	s := start(t, func(c *serveCommand) { c.AdminListen = freePort(t) })
	_, id := s.post(read(t, "docs/samples/landscape.jpg"))
	s.get("/download/" + id + "/resize:50.webp")
	admin := "http://" + s.options.AdminListen
	for path, want := range map[string][]string{
		"/livez":        {"ok"},
		"/readyz":       {"store: ok", "room: ok", "worker: ok", "queue: ok"},
		"/metrics":      {`calotype_jobs_total{job="print",outcome="made"} 1`, `calotype_jobs_total{job="open",outcome="made"} 1`, `calotype_worker_ends_total{cause="crashed"} 0`},
		"/debug/pprof/": {"goroutine"},
	} {
		answer, err := http.Get(admin + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		for _, w := range want {
			if answer.StatusCode != http.StatusOK || !strings.Contains(string(body), w) {
				t.Errorf("%s answers %d without %q: %.300s", path, answer.StatusCode, w, body)
			}
		}
	}
	// The public sees none of it.
	for _, path := range []string{"/livez", "/readyz", "/metrics", "/debug/pprof/"} {
		if status, _, _ := s.get(path); status != http.StatusNotFound {
			t.Errorf("%s answers the public with %d", path, status)
		}
	}
}

// Two services on one machine: the usual private address may be taken, another must be free.
func TestPrivateAddressIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	c := serveCommand{AdminListen: taken.Addr().String()}
	if _, err := c.operate(nil, nil, nil, nil, nil); err == nil {
		t.Error("a chosen address that is taken is no error")
	}
	c.AdminListen = "off"
	if p, err := c.operate(nil, nil, nil, nil, nil); err != nil || p.address != "" || p.Close() != nil {
		t.Errorf("off gives %+v, %v", p, err)
	}
}

// freePort returns an address of the loopback interface that nobody listens on now.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// With isolation off the service is the same.
func TestWithoutIsolation(t *testing.T) {
	with, without := start(t, nil), start(t, func(c *serveCommand) { c.Isolation = "off" })
	photo := read(t, "docs/samples/landscape.jpg")
	var bodies []string
	for _, s := range []*service{with, without} {
		_, id := s.post(photo)
		status, _, body := s.get("/download/" + id + "/resize:80/rotate:90.webp")
		if status != http.StatusOK {
			t.Fatalf("the print is %d", status)
		}
		bodies = append(bodies, string(body))
	}
	if bodies[0] != bodies[1] {
		t.Error("the bytes of the print differ")
	}
}
