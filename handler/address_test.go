package handler

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// canonically serves images in one of the ways to treat other spellings.
func canonically(t *testing.T, mode string) (*site, uploaded) {
	s := serve(t, func(o *Options) { o.Canonical = mode })
	return s, s.upload(draws(t, "rg", "by"))
}

// misspelled are addresses of images with their canonical spelling, that of the image being ID.
var misspelled = [][2]string{
	{"/download/UPPER", "/download/ID"},
	{"/download/BARE", "/download/ID"},
	{"/download//ID/", "/download/ID"},
	{"/download/ID/rotate:0", "/download/ID"},
	{"/download/ID.PNG", "/download/ID.png"},
	{"/download/ID.jpeg", "/download/ID.jpg"},
	{"/download/ID/rotate=90.png", "/download/ID/rotate:90.png"},
	{"/download/ID/Rotate:450.png", "/download/ID/rotate:90.png"},
	{"/download/BARE/crop=0~0~1~2/rotate:90.png", "/download/ID/crop:0,0,1,2/rotate:90.png"},
	{"/download/ID/crop%3A0~0,1,2.png", "/download/ID/crop:0,0,1,2.png"},
	{"/download/ID/rotate:090", "/download/ID/rotate:90"},
	{"/download/ID/v:2/rotate:90.png", "/download/ID/rotate:90/v:2.png"},
	{"/download/ID/attach", "/download/ID/attach:1"},
	{"/download/ID/rotate:90.AUTO", "/download/ID/rotate:90.auto"},
	{"/download/ID/format:auto", "/download/ID.auto"},
	{"/download/ID/rotate:90.JSON", "/download/ID/rotate:90.json"},
}

func (u uploaded) spelled(s string) string {
	return strings.NewReplacer("UPPER", strings.ToUpper(u.ID), "BARE", strings.ReplaceAll(u.ID, "-", ""), "ID", u.ID).Replace(s)
}

func TestCanonicalRedirect(t *testing.T) {
	s, u := canonically(t, CanonicalRedirect)
	for _, pair := range misspelled {
		target, want := u.spelled(pair[0]), u.spelled(pair[1])
		for _, method := range []string{"GET", "HEAD", "GET"} { // also when the print is in memory
			for _, query := range []string{"", "?x=y"} {
				a := s.do(method, target+query, nil)
				if a.status != http.StatusMovedPermanently || a.header.Get("Location") != want || a.header.Get("Cache-Control") != "public, max-age=31536000" || a.length != 0 {
					t.Errorf("%s %s: %d, %v", method, target+query, a.status, a.header)
				}
			}
			if a := s.do(method, want, nil); a.status != http.StatusOK {
				t.Errorf("%s %s: %d", method, want, a.status)
			}
		}
		if a := s.do("POST", target, nil); a.status != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: %d", target, a.status)
		}
	}
	if got := s.get(u.URL + "/rotate:90.AUTO").header.Get("Vary"); got != "Accept" {
		t.Errorf("a negotiated address: Vary %q", got)
	}
}

// encodings are what percent-encoding proxies and templates make of the address of an image.
func encodings(path string) []string {
	rest := strings.TrimPrefix(path, "/download/")
	if decoded, err := url.PathUnescape(rest); err == nil {
		rest = decoded
	}
	all := ""
	for _, b := range []byte(rest) {
		if b == '/' {
			all += "/"
		} else {
			all += fmt.Sprintf("%%%02X", b)
		}
	}
	return []string{
		"/download/" + all, "/download/" + strings.ToLower(all), "/download/" + strings.ReplaceAll(rest, ",", "%2C"),
		"/download/" + strings.NewReplacer(":", "%3A", ",", "%2C").Replace(rest), "/download/" + strings.NewReplacer(":", "%3a", ",", "%2c").Replace(rest),
	}
}

// A proxy that encodes whatever passes must not send clients round in circles.
func TestCanonicalRedirectEnds(t *testing.T) {
	s, u := canonically(t, CanonicalRedirect)
	for _, pair := range misspelled {
		for _, spelling := range encodings(u.spelled(pair[1])) {
			if a := s.get(spelling); a.status != http.StatusOK {
				t.Errorf("%s: %d, to %s", spelling, a.status, a.header.Get("Location"))
			}
		}
		// Whatever such a proxy makes of the address that it is sent to, one step is enough.
		for _, spelling := range encodings(u.spelled(pair[0])) {
			a := s.get(spelling)
			if a.status != http.StatusMovedPermanently {
				t.Errorf("%s: %d", spelling, a.status)
			}
			for _, again := range encodings(a.header.Get("Location")) {
				if b := s.get(again); b.status != http.StatusOK {
					t.Errorf("%s, then %s: %d", spelling, again, b.status)
				}
			}
		}
	}
}

func TestCanonicalStrict(t *testing.T) {
	s, u := canonically(t, CanonicalStrict)
	for _, pair := range misspelled {
		target, want := u.spelled(pair[0]), u.spelled(pair[1])
		s.mustGet(want)
		for _, spelling := range append(encodings(want), target) {
			if spelling == want {
				continue // nothing in it to encode
			}
			for range 2 {
				p := s.wantProblem(spelling, s.get(spelling), http.StatusBadRequest, "not-canonical")
				if p.Expected != want || !strings.Contains(p.Detail, want) {
					t.Errorf("%s: %+v", spelling, p)
				}
			}
		}
	}
	if a := s.get(u.URL + "/rotate:90.AUTO"); a.header.Get("Vary") != "Accept" {
		t.Errorf("a negotiated address: %v", a.header)
	}
}

// What is not about the spelling of an image is the same in all modes.
func TestCanonicalModesAreAboutSpellingsAlone(t *testing.T) {
	for _, mode := range []string{CanonicalLink, CanonicalRedirect, CanonicalStrict} {
		s, u := canonically(t, mode)
		if a := s.mustGet("/download?id=" + strings.ToUpper(u.ID) + "&x=y"); a.header.Get("Content-Location") != u.URL {
			t.Errorf("%s: by query %v", mode, a.header)
		}
		s.mustGet("/srcset/" + strings.ToUpper(u.ID) + "/Rotate=90.AUTO?widths=1")
		s.wantProblem(mode, s.get(u.URL+"/rotate=abc.PNG"), http.StatusBadRequest, "bad-chain")
		s.wantProblem(mode, s.get("/download/X.PNG"), http.StatusNotFound, "no-such-image")
		s.wantProblem(mode, s.get("/download/01934f6e-8d5c-7b3a-9c1e-0a1b2c3d4e5f.png"), http.StatusNotFound, "no-such-image")
		s.mustGet("http://" + s.host + u.URL + "/rotate:90.png")
		// An address without an extension is one of its own, and names that of what is sent.
		if got := s.mustGet(u.URL + "/rotate:90").header.Get("Link"); got != "<"+u.URL+`/rotate:90.png>; rel="canonical"` {
			t.Errorf("%s: without an extension %s", mode, got)
		}
	}
}

// A query means nothing: it is part of no key and makes nothing known.
func TestQueriesAreIgnored(t *testing.T) {
	s := serve(t)
	u := s.upload(draws(t, "rg", "by"))
	for _, rest := range []string{"", "/rotate:90.png", "/Rotate:90.png", "/rotate:90.auto", "/rotate:90.json"} {
		want := s.mustGet(u.URL + rest)
		for _, query := range []string{"?", "?v=1", "?v=2", "?dl=1", "?exts=png", "?id=x", "?" + strings.Repeat("x", 3000), "?a?b/c.jpg", "?%", "??"} {
			a := s.mustGet(u.URL + rest + query)
			if !bytes.Equal(a.body, want.body) || a.header.Get("ETag") != want.header.Get("ETag") || a.header.Get("Content-Disposition") != want.header.Get("Content-Disposition") {
				t.Errorf("%s%s is another answer", rest, query)
			}
			if got := a.header.Get("No-Vary-Search"); got != "params" {
				t.Errorf("%s%s: No-Vary-Search %q", rest, query, got)
			}
		}
	}
	time.Sleep(50 * time.Millisecond)                                               // until what was set is seen
	if stats := s.handler.prints.Stats(); stats.Misses != 2 || stats.Entries != 2 { // PNG and JPEG
		t.Errorf("%+v", stats)
	}
	if _, known := s.handler.prints.Lookup([]byte(u.URL + "/rotate:90.png?v=1")); known {
		t.Error("a query is an alias")
	}
	for _, target := range []string{"/download?id=" + u.ID, "/download", "/upload-image", u.srcset(".png?widths=1"), "/openapi.json"} {
		if got := s.mustGet(target).header.Get("No-Vary-Search"); got != "" {
			t.Errorf("%s: No-Vary-Search %q", target, got)
		}
	}
}

func TestQueriesAreRefused(t *testing.T) {
	s := serve(t, func(o *Options) { o.UnknownQuery = QueryRefused })
	u := s.upload(draws(t, "rg", "by"))
	for _, rest := range []string{"", "/rotate:90.png", "/Rotate:90.png", "/rotate:90", "/rotate:90.auto", "/rotate:90.json"} {
		for _, target := range []string{u.URL + rest, u.URL + rest + "?"} {
			if got := s.mustGet(target).header.Get("No-Vary-Search"); got != "" {
				t.Errorf("%s: No-Vary-Search %q", target, got)
			}
		}
		for _, query := range []string{"?v=1", "?x", "?" + url.QueryEscape("a b"), "??"} {
			for range 2 {
				a := s.get(u.URL + rest + query)
				s.wantProblem(rest+query, a, http.StatusBadRequest, "unknown-query")
				if got, want := a.header.Get("Vary"), map[bool]string{true: "Accept"}[strings.HasSuffix(rest, ".auto")]; got != want {
					t.Errorf("%s%s: Vary %q, want %q", rest, query, got, want)
				}
			}
		}
	}
	s.mustGet("/download?id=" + u.ID + "&x=y")
	s.mustGet("/download?exts=png&x=y")
	s.mustGet(u.srcset(".png?widths=1"))
}
