package handler

import (
	"bytes"
	"net/http"
	"testing"
)

const (
	friend, stranger = "https://app.example.org", "https://example.com"
	corsOrigin       = "Access-Control-Allow-Origin"
)

// preflight asks as a browser does before a page sends a request that a form could not.
func (s *site) preflight(target, origin, method, headers string) answer {
	s.t.Helper()
	a := s.do("OPTIONS", target, nil, "Origin", origin, "Access-Control-Request-Method", method, "Access-Control-Request-Headers", headers)
	if a.status != http.StatusNoContent || len(a.body) != 0 || a.header.Get("Allow") == "" {
		s.t.Errorf("OPTIONS %s: %d %v", target, a.status, a.header)
	}
	return a
}

// Pages of all sites may read images and what describes them, with a range or a condition.
func TestImagesAreForAllSites(t *testing.T) {
	s := serve(t)
	u := s.upload(draws(t, "rg", "by"))
	for _, target := range []string{
		u.URL, u.URL + "/rotate:90.png", u.URL + "/rotate:90.auto", u.URL + ".json", "/download?id=" + u.ID, u.srcset(".png?widths=1"), "/capabilities", "/openapi.json",
	} {
		a := s.preflight(target, stranger, "GET", "range, if-none-match")
		for name, want := range map[string]string{
			corsOrigin: "*", "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS", "Access-Control-Allow-Headers": "Range, If-None-Match", "Access-Control-Max-Age": "86400",
			"Allow": "GET, HEAD, OPTIONS", "Vary": "", "Access-Control-Allow-Credentials": "",
		} {
			if got := a.header.Get(name); got != want {
				t.Errorf("OPTIONS %s: %s is %q, want %q", target, name, got, want)
			}
		}
		for _, origin := range []string{stranger, "null", ""} {
			if got := s.mustGet(target, "Origin", origin).header; got.Get(corsOrigin) != "*" || got.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s from %q: %v", target, origin, got)
			}
		}
	}
	if got := s.get(u.URL+"/rotate:abc.png", "Origin", stranger).header.Get(corsOrigin); got != "*" {
		t.Errorf("a problem is for %q", got)
	}
}

// Pages, on which all images are to be seen, are for nobody else.
func TestPagesAreForOneSite(t *testing.T) {
	s := serve(t, func(o *Options) { o.UploadOrigins = []string{friend} })
	for _, target := range []string{"/upload-image", "/download", "/download?exts=png", "/"} {
		for _, accept := range []string{"text/html", "application/json"} {
			if got := s.get(target, "Origin", friend, "Accept", accept).header.Get(corsOrigin); got != "" {
				t.Errorf("%s is for %q", target, got)
			}
		}
	}
}

func TestUploadFromOtherSites(t *testing.T) {
	data := draws(t, "rg", "by")
	upload := func(s *site, origin string, body []byte) answer {
		t.Helper()
		return s.do("POST", "/upload-image", bytes.NewReader(body), "Origin", origin)
	}
	closed := serve(t)
	if a := closed.preflight("/upload-image", friend, "POST", "authorization"); a.header.Get(corsOrigin) != "" || a.header.Get("Access-Control-Allow-Methods") != "" || a.header.Get("Vary") != "" {
		t.Errorf("nobody is allowed: %v", a.header)
	}
	for _, body := range [][]byte{data, []byte("no image")} {
		if a := upload(closed, friend, body); a.header.Get(corsOrigin) != "" || a.header.Get("Access-Control-Expose-Headers") != "" {
			t.Errorf("nobody is allowed: %d %v", a.status, a.header)
		}
	}

	s := serve(t, func(o *Options) { o.UploadOrigins = []string{"https://other.example.org:8443", friend} })
	for origin, allowed := range map[string]bool{
		friend: true, "https://other.example.org:8443": true, stranger: false, "http://app.example.org": false, "https://app.example.org:8443": false,
		"https://app.example.org.evil.example": false, "https://APP.example.org": false, "null": false, "": false, friend + ", " + friend: false, "*": false,
	} {
		want := ""
		if allowed {
			want = origin
		}
		a := s.preflight("/upload-image", origin, "POST", "authorization, content-type")
		if a.header.Get(corsOrigin) != want || a.header.Get("Vary") != "Origin" || a.header.Get("Allow") != "GET, HEAD, OPTIONS, POST" {
			t.Errorf("from %q: %v", origin, a.header)
		}
		if got, want := a.header.Get("Access-Control-Allow-Headers"), map[bool]string{true: "Authorization, Content-Type, Content-Disposition"}[allowed]; got != want {
			t.Errorf("from %q: headers %q, want %q", origin, got, want)
		}
		if got, want := a.header.Get("Access-Control-Allow-Methods"), map[bool]string{true: "POST"}[allowed]; got != want {
			t.Errorf("from %q: methods %q, want %q", origin, got, want)
		}
		for _, body := range [][]byte{data, []byte("no image"), nil, make([]byte, 5<<20)} {
			a := upload(s, origin, body)
			vary := a.header.Get("Vary")
			if a.header.Get(corsOrigin) != want || vary != "Origin" && vary != "Origin, Accept" || (a.header.Get("Access-Control-Expose-Headers") != "") != allowed {
				t.Errorf("from %q: %d %v", origin, a.status, a.header)
			}
		}
	}
	u := s.upload(data)
	if got := s.mustGet(u.URL, "Origin", friend).header; got.Get(corsOrigin) != "*" || got.Get("Vary") != "" {
		t.Errorf("an image: %v", got)
	}
}

func TestOrigins(t *testing.T) {
	f := func(s string, want bool) {
		t.Helper()
		if IsOrigin(s) != want {
			t.Errorf("%q: %v", s, !want)
		}
	}
	f("https://example.org", true)
	f("http://localhost:3000", true)
	f("http://127.0.0.1:8080", true)
	f("http://[::1]:8080", true)
	f("https://xn--bcher-kva.example", true)
	f("https://example.org:8443", true)
	f("http://example.org:443", true)
	f("https://example.org:443", false)
	f("http://example.org:80", false)
	f("https://example.org/", false)
	f("https://example.org/a", false)
	f("https://Example.org", false)
	f("HTTPS://example.org", false)
	f("https://bücher.example", false)
	f("https://a@example.org", false)
	f("https://*.example.org", false)
	f("https://example.org:08443", false)
	f("https://", false)
	f("example.org", false)
	f("ftp://example.org", false)
	f("null", false)
	f("*", false)
	f("", false)
	f("https://example.org ", false)
	f("https://example.org\n", false)
}
