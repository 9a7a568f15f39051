package handler

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// conditional are the addresses of everything that has an entity tag.
func conditional(u uploaded) []string {
	return []string{
		u.URL, "/download?id=" + u.ID, u.URL + ".png", u.URL + "/rotate:90.png", u.URL + "/Rotate:90.PNG", u.URL + "/rotate:90", u.URL + "/resize:20.auto",
		u.URL + "/rotate:90.json", u.srcset(".auto"), u.srcset("/rotate:90.jpg?widths=10&as=json"),
	}
}

func TestNotModified(t *testing.T) {
	s := serve(t)
	u := s.upload(encodeJPEG(t, photo(60, 40, 1)))
	for _, target := range conditional(u) {
		a := s.mustGet(target)
		tag, date := a.header.Get("ETag"), a.header.Get("Last-Modified")
		if !strings.HasPrefix(tag, `"`) || !strings.HasSuffix(tag, `"`) || len(tag) < 20 {
			t.Errorf("%s has the tag %s", target, tag)
		}
		modified, err := http.ParseTime(date)
		if err != nil || time.Since(modified) > time.Minute {
			t.Errorf("%s has the date %s", target, date)
		}
		at := func(d time.Duration) string { return modified.Add(d).UTC().Format(http.TimeFormat) }
		f := func(want int, headers ...string) {
			t.Helper()
			for _, method := range []string{"GET", "HEAD"} {
				b := s.do(method, target, nil, headers...)
				if b.status != want {
					t.Errorf("%s %s with %q: %d, want %d", method, target, headers, b.status, want)
				}
				if b.status != http.StatusNotModified {
					continue
				}
				for _, name := range []string{"ETag", "Last-Modified", "Cache-Control", "Vary", "Content-Location", "Link", "Access-Control-Allow-Origin", "X-Content-Type-Options"} {
					if b.header.Get(name) != a.header.Get(name) {
						t.Errorf("%s %s with %q: %s is %q, of the whole answer %q", method, target, headers, name, b.header.Get(name), a.header.Get(name))
					}
				}
				for _, name := range []string{"Content-Type", "Content-Length", "Content-Encoding", "Transfer-Encoding", "Content-Disposition"} {
					if b.header.Get(name) != "" {
						t.Errorf("%s %s with %q has %s: %s", method, target, headers, name, b.header.Get(name))
					}
				}
				if len(b.body) != 0 {
					t.Errorf("%s %s with %q has a body", method, target, headers)
				}
			}
		}
		f(304, "If-None-Match", tag)
		f(304, "If-None-Match", "W/"+tag)
		f(304, "If-None-Match", `"a", `+tag+`, "b"`)
		f(304, "If-None-Match", `"a",W/`+tag)
		f(304, "If-None-Match", "*")
		f(304, "If-None-Match", `"a"`, "If-None-Match", tag)
		f(304, "If-None-Match", tag, "If-Modified-Since", at(-time.Hour)) // the tag counts
		f(200, "If-None-Match", `"a"`)
		f(200, "If-None-Match", `"a"`, "If-Modified-Since", at(time.Hour))
		f(200, "If-None-Match", strings.Trim(tag, `"`))
		f(200, "If-None-Match", tag[:len(tag)-1])
		f(200, "If-None-Match", "")
		f(200, "If-None-Match", ",,,")
		f(304, "If-Modified-Since", date)
		f(304, "If-Modified-Since", at(time.Hour))
		f(304, "If-Modified-Since", modified.UTC().Format("Monday, 02-Jan-06 15:04:05 GMT"))
		f(304, "If-Modified-Since", modified.UTC().Format(time.ANSIC))
		f(200, "If-Modified-Since", at(-time.Second))
		f(200, "If-Modified-Since", "yesterday")
		f(200, "If-Modified-Since", "")
	}
}

// A client that has a print already is told so without the print being made again.
func TestNotModifiedMakesNothing(t *testing.T) {
	s := serve(t)
	u := s.upload(encodeJPEG(t, photo(60, 40, 1)))
	var tags []string
	for _, target := range conditional(u) {
		tags = append(tags, s.mustGet(target).header.Get("ETag"))
	}
	// The same service, started anew: nothing is in memory.
	again := &site{t: t, client: s.client}
	o := options(t)
	o.Store, o.Log = s.store, s.handler.log
	fresh, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	again.handler, again.host = fresh, listen(t, fresh)
	for i, target := range conditional(u) {
		if a := again.get(target, "If-None-Match", tags[i]); a.status != http.StatusNotModified || a.header.Get("ETag") != tags[i] {
			t.Errorf("%s: %d, tag %s, was %s", target, a.status, a.header.Get("ETag"), tags[i])
		}
	}
	if stats := fresh.prints.Stats(); stats.Misses != 0 || stats.Hits != 0 {
		t.Errorf("prints were made: %+v", stats)
	}
}

func TestTagsTellPrintsApart(t *testing.T) {
	s := serve(t)
	u, v := s.upload(draws(t, "rg", "by")), s.upload(draws(t, "gr", "by"))
	tags := map[string]string{}
	for _, target := range []string{
		u.URL, u.URL + ".png", u.URL + ".jpg", u.URL + "/rotate:90.png", u.URL + "/rotate:180.png", u.URL + "/rotate:90.json", u.URL + "/rotate:90.webp",
		v.URL, v.URL + ".png", v.URL + "/rotate:90.png",
	} {
		tag := s.mustGet(target).header.Get("ETag")
		if other, known := tags[tag]; known {
			t.Errorf("%s and %s have one tag", target, other)
		}
		tags[tag] = target
	}
}

// compared are the addresses at which HEAD is compared with GET: every route and every kind of answer.
func compared(u uploaded) []string {
	path := mustAsset("style.css")
	return append(conditional(u), "/", "/upload-image", "/download", "/download?exts=png", "/capabilities", "/openapi.json", path, "/nothing", "/assets/nothing",
		"/download/", "/download/x", u.URL+".exe", u.URL+"/crop:1000,0,1,1.png", u.URL+"/nonsense.png", "/download?id=x", "/download?exts=x", u.URL+"/"+strings.Repeat("a", 5000))
}

func TestHeadIsGetWithoutABody(t *testing.T) {
	s := serve(t)
	u := s.upload(encodeJPEG(t, photo(60, 40, 1)))
	for _, target := range compared(u) {
		for _, accept := range []string{"*/*", "text/html", "application/json"} {
			s.get(target, "Accept", accept) // what is made once comes from memory after that
			get, head := s.get(target, "Accept", accept, "X-Request-Id", "same"), s.do("HEAD", target, nil, "Accept", accept, "X-Request-Id", "same")
			if len(head.body) != 0 || head.status != get.status {
				t.Errorf("HEAD %s: %d with %d bytes, GET: %d", target, head.status, len(head.body), get.status)
			}
			get.header.Del("Date")
			head.header.Del("Date")
			for name := range get.header {
				if !slices.Equal(get.header[name], head.header[name]) {
					t.Errorf("HEAD %s: %s is %q, of GET %q", target, name, head.header[name], get.header[name])
				}
			}
			if len(head.header) != len(get.header) {
				t.Errorf("HEAD %s: headers %v, of GET %v", target, head.header, get.header)
			}
			if get.length != int64(len(get.body)) || get.header.Get("Content-Length") == "" || get.header.Get("Transfer-Encoding") != "" {
				t.Errorf("GET %s: Content-Length %d of %d bytes", target, get.length, len(get.body))
			}
		}
	}
}

func TestHeadOfAColdPrint(t *testing.T) {
	s := serve(t)
	u := s.upload(encodeJPEG(t, photo(60, 40, 1)))
	head := s.do("HEAD", u.URL+"/rotate:90.png", nil)
	get := s.mustGet(u.URL + "/rotate:90.png")
	if head.status != http.StatusOK || head.length != int64(len(get.body)) || head.header.Get("ETag") != get.header.Get("ETag") {
		t.Errorf("HEAD tells of %d bytes, GET brings %d", head.length, len(get.body))
	}
}

func TestHeadersByClass(t *testing.T) {
	s := serve(t)
	u := s.upload(encodeJPEG(t, photo(60, 40, 1)))
	path := mustAsset("style.css")
	f := func(target string, status int, cacheControl, contentType string) {
		t.Helper()
		a := s.get(target)
		if a.status != status || a.header.Get("Cache-Control") != cacheControl || a.header.Get("Content-Type") != contentType {
			t.Errorf("%s: %d, Cache-Control %q, Content-Type %q", target, a.status, a.header.Get("Cache-Control"), a.header.Get("Content-Type"))
		}
		if a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: no nosniff", target)
		}
		for _, name := range []string{"Set-Cookie", "Server", "Expires", "Pragma", "Age", "Content-Encoding"} {
			if a.header.Get(name) != "" {
				t.Errorf("%s: %s is %q", target, name, a.header.Get(name))
			}
		}
		if len(a.header["Date"]) != 1 {
			t.Errorf("%s: Date %q", target, a.header["Date"])
		}
		if strings.HasPrefix(contentType, "image/") {
			for name, want := range map[string]string{
				"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin", "Timing-Allow-Origin": "*",
				"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
			} {
				if got := a.header.Get(name); got != want {
					t.Errorf("%s: %s is %q, want %q", target, name, got, want)
				}
			}
		}
	}
	const image = "public, max-age=2592000, s-maxage=31536000, immutable, stale-while-revalidate=86400, stale-if-error=2592000"
	f(u.URL, 200, image, "image/jpeg")
	f(u.URL+".png", 200, image, "image/png")
	f(u.URL+"/rotate:90.webp", 200, image, "image/webp")
	f(u.URL+"/rotate:90.auto", 200, image, "image/jpeg")
	f("/download?id="+u.ID, 200, "private, max-age=86400", "image/jpeg")
	f(u.URL+"/rotate:90.json", 200, "public, max-age=3600", "application/json")
	f("/download", 200, "private, no-cache", "text/html; charset=utf-8")
	f("/upload-image", 200, "private, no-cache", "text/html; charset=utf-8")
	f("/capabilities", 200, "public, max-age=3600", "application/json")
	f("/openapi.json", 200, "public, max-age=3600", "application/json")
	f(path, 200, "public, max-age=31536000, immutable", "text/css; charset=utf-8")
	f("/", 302, "no-cache", "")
	f("/nothing", 404, "public, max-age=10", "application/problem+json")
	f("/download/"+strings.Repeat("a", 36), 404, "public, max-age=10", "application/problem+json")
	f(u.URL+"/nonsense.png", 400, "public, max-age=60", "application/problem+json")
	f(u.URL+"/crop:1000,0,1,1.png", 422, "public, max-age=60", "application/problem+json")
}

func TestQueryIsIgnoredOnImages(t *testing.T) {
	s := serve(t)
	u := s.upload(encodeJPEG(t, photo(60, 40, 1)))
	for _, path := range []string{u.URL, u.URL + ".png", u.URL + "/rotate:90.png", u.URL + "/rotate:90.json"} {
		want := s.mustGet(path)
		for _, query := range []string{"?", "?v=1", "?id=x", "?exts=x", "?/../x", "?a=/download/b", "?%", "?://h/x"} {
			if a := s.mustGet(path + query); !bytes.Equal(a.body, want.body) || a.header.Get("ETag") != want.header.Get("ETag") {
				t.Errorf("%s%s differs", path, query)
			}
		}
	}
}
