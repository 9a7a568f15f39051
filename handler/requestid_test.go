package handler

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestRequestID(t *testing.T) {
	s := serve(t)
	u := s.upload(draws(t, "rg", "by"))
	targets := []string{u.URL, u.URL + "/rotate:90.png", u.URL + "/rotate:90.png", u.URL + "/rotate:x", "/upload-image", "/nothing"}
	seen := map[string]bool{}
	for _, target := range targets {
		id := s.get(target).header.Get("X-Request-Id")
		if !isRequestID([]byte(id)) || seen[id] {
			t.Errorf("%s: the id %q is not good, or was used before", target, id)
		}
		seen[id] = true
		for _, given := range []string{"a", "7f9c-AB_1.2:3", "Root=1-67891233-abcdef012345678912345678", strings.Repeat("x", 128)} {
			if got := s.get(target, "X-Request-Id", given).header.Get("X-Request-Id"); got != given {
				t.Errorf("%s: the request %q is answered as %q", target, given, got)
			}
		}
		for _, given := range []string{"", "a b", `"a"`, "a\tb", "é", "<script>", strings.Repeat("x", 129)} {
			if got := s.get(target, "X-Request-Id", given).header.Get("X-Request-Id"); got == given || !isRequestID([]byte(got)) {
				t.Errorf("%s: the request %q is answered as %q", target, given, got)
			}
		}
	}
	var problem problemBody
	if err := json.Unmarshal(s.get(u.URL+"/rotate:x", "X-Request-Id", "mine").body, &problem); err != nil || problem.Instance != "urn:calotype:request:mine" {
		t.Errorf("the problem is an instance of %q, %v", problem.Instance, err)
	}
}

func TestServerTiming(t *testing.T) {
	s := serve(t, func(o *Options) { o.ServerTiming = true })
	u := s.upload(draws(t, "rg", "by"))
	target := u.URL + "/rotate:90.png"
	made := s.mustGet(target).header.Get("Server-Timing")
	var queue, render, total float64
	if n, err := fmt.Sscanf(made, "queue;dur=%g, render;dur=%g, total;dur=%g", &queue, &render, &total); n != 3 || render <= 0 || total < queue+render {
		t.Errorf("a print that is made has the timing %q: %v", made, err)
	}
	again := s.mustGet(target)
	for end := time.Now().Add(10 * time.Second); again.header.Get("Cache-Status") != statusHit && time.Now().Before(end); { // what is kept takes a moment to be seen
		again = s.mustGet(target)
	}
	hit := again.header.Get("Server-Timing")
	if n, err := fmt.Sscanf(hit, "total;dur=%g", &total); n != 1 || strings.Contains(hit, "queue") {
		t.Errorf("a print in memory has the timing %q: %v", hit, err)
	}
	if got := serve(t).get("/upload-image").header.Get("Server-Timing"); got != "" {
		t.Errorf("without the option: %q", got)
	}
}
