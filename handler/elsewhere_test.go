package handler

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"calotype/store/remote"
)

// An origin is a server elsewhere that has one picture.
type origin struct {
	*httptest.Server
	picture atomic.Pointer[[]byte]
	header  http.Header
	asked   atomic.Int64 // for the whole picture
	checked atomic.Int64 // whether it is still the same
	broken  atomic.Bool
}

func newOrigin(t *testing.T, picture []byte, header http.Header) *origin {
	o := &origin{header: header}
	o.picture.Store(&picture)
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if o.broken.Load() {
			http.Error(w, "broken", http.StatusInternalServerError)
			return
		}
		if r.URL.Path != "/a.png" {
			http.NotFound(w, r)
			return
		}
		for name, values := range o.header {
			w.Header()[name] = values
		}
		if tag := o.header.Get("Etag"); tag != "" && r.Header.Get("If-None-Match") == tag {
			o.checked.Add(1)
			w.WriteHeader(http.StatusNotModified)
			return
		}
		o.asked.Add(1)
		_, _ = w.Write(*o.picture.Load())
	}))
	t.Cleanup(o.Close)
	return o
}

// address is that of a print of the origin's picture.
func (o *origin) address(chain string) string {
	return "/proxy/_/" + base64.RawURLEncoding.EncodeToString([]byte(o.URL+"/a.png")) + chain
}

// serveElsewhere is a site that may fetch from loopback addresses, from what the patterns allow.
func serveElsewhere(t *testing.T, patterns ...string) *site {
	t.Helper()
	allowed, err := remote.ParseAllowed(patterns)
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, func(o *Options) {
		keeper, err := remote.Open(remote.Options{
			Dir: t.TempDir(), Bytes: 64 << 20, Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Inspect: InspectSource(o.Engine),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = keeper.Close() })
		o.Sources, o.AllowedSources, o.CacheTags, o.Sign = keeper, allowed, []string{"Cache-Tag"}, SignOff
	})
}

// One address gets prints of a picture that lives elsewhere, which is fetched once.
func TestPrintsOfPicturesElsewhere(t *testing.T) {
	o := newOrigin(t, draws(t, "rg", "by"), http.Header{"Cache-Control": {"max-age=100"}})
	s := serveElsewhere(t, o.URL)
	a := s.get(o.address("/rotate:90.png"))
	if a.status != http.StatusOK || reads(t, a.body) != "br yg" {
		t.Fatalf("%d: %s", a.status, a.body)
	}
	for name, want := range map[string]string{"Content-Type": "image/png", "Cache-Status": "calotype; fwd=uri-miss; stored"} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if keep := a.header.Get("Cache-Control"); keep != "public, max-age=100, stale-while-revalidate=3600, stale-if-error=86400" && keep != "public, max-age=99, stale-while-revalidate=3600, stale-if-error=86400" {
		t.Errorf("Cache-Control: %q", keep)
	}
	again := s.get(o.address("/rotate:90.png"))
	if got := again.header.Get("Cache-Status"); got != statusHit || string(again.body) != string(a.body) {
		t.Errorf("the second time: %q", got)
	}
	if tag := a.header.Get("Etag"); s.get(o.address("/rotate:90.png"), "If-None-Match", tag).status != http.StatusNotModified {
		t.Error("a client that has it is sent it again")
	}
	if a := s.get(o.address("/rotate:90.png"), "If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT"); a.status != http.StatusOK || a.header.Get("Last-Modified") != "" {
		t.Errorf("%d of %q: what lives elsewhere has no date that tells whether it is the same", a.status, a.header.Get("Last-Modified"))
	}
	original := s.get(o.address(""))
	if string(original.body) != string(*o.picture.Load()) {
		t.Error("the original is another")
	}
	// Another spelling of the source is the same.
	other := s.get("/proxy/_/" + url.QueryEscape(strings.ToUpper(o.URL[:4])+o.URL[4:]+"/a.png") + "/rotate:450/format:png")
	if string(other.body) != string(a.body) || other.header.Get("Link") != "<"+o.address("/rotate:90.png")+`>; rel="canonical"` {
		t.Errorf("%d, Link: %s", other.status, other.header.Get("Link"))
	}
	if n := o.asked.Load(); n != 1 {
		t.Errorf("the origin was asked %d times", n)
	}
}

// What an origin has changed is seen when its copy is no longer fresh; if it has not, prints stay and are not made again.
func TestPrintsElsewhereAreAsNewAsTheirOriginal(t *testing.T) {
	o := newOrigin(t, draws(t, "rg", "by"), http.Header{"Cache-Control": {"max-age=1"}, "Etag": {`"1"`}})
	s := serveElsewhere(t, o.URL)
	address := o.address("/flip:h.png")
	first := s.get(address)
	time.Sleep(2100 * time.Millisecond)
	same := s.get(address)
	if got := same.header.Get("Cache-Status"); got != statusHit || string(same.body) != string(first.body) {
		t.Errorf("after a check: %d, %q", same.status, got)
	}
	if o.asked.Load() != 1 || o.checked.Load() != 1 {
		t.Errorf("%d times fetched, %d times checked", o.asked.Load(), o.checked.Load())
	}
	picture := draws(t, "yb", "gr")
	o.picture.Store(&picture)
	o.header = http.Header{"Cache-Control": {"max-age=100"}, "Etag": {`"2"`}}
	time.Sleep(2100 * time.Millisecond)
	changed := s.get(address)
	if reads(t, changed.body) != "by rg" || changed.header.Get("Etag") == first.header.Get("Etag") {
		t.Errorf("after a change: %d, tag %s", changed.status, changed.header.Get("Etag"))
	}
	o.broken.Store(true)
	if s.get(address).status != http.StatusOK {
		t.Error("an origin that is broken is asked for what is fresh")
	}
}

// What may not be fetched, and what cannot be.
func TestPicturesElsewhereThatAreNotToBeHad(t *testing.T) {
	o := newOrigin(t, draws(t, "r"), nil)
	s := serveElsewhere(t, o.URL)
	encoded := func(source string) string {
		return "/proxy/_/" + base64.RawURLEncoding.EncodeToString([]byte(source)) + "/rotate:90.png"
	}
	for _, c := range []struct {
		address string
		status  int
		code    string
	}{
		{encoded("https://example.org/a.png"), http.StatusForbidden, "source-not-allowed"},
		{encoded(o.URL + "/missing.png"), http.StatusNotFound, "source-missing"},
		{encoded("ftp://example.org/a.png"), http.StatusBadRequest, "bad-source"},
		{"/proxy/_/" + o.URL + "/a.png", http.StatusBadRequest, "bad-chain"},
		{"/proxy/_/aGVsbG8", http.StatusBadRequest, "bad-chain"},
		{"/proxy/" + encoded(o.URL + "/a.png")[len("/proxy/_/"):], http.StatusNotFound, "no-such-address"},
		{"/proxy/", http.StatusNotFound, "no-such-address"},
		{o.address("/rotate:x.png"), http.StatusBadRequest, "bad-chain"},
	} {
		a := s.get(c.address)
		if a.status != c.status || a.header.Get("Calotype-Error") != c.code {
			t.Errorf("%s: %d %s, want %d %s: %s", c.address, a.status, a.header.Get("Calotype-Error"), c.status, c.code, a.body)
		}
	}
	if a := s.get(o.address("/rotate:90.png"), "Via", "1.1 calotype-abc"); a.header.Get("Calotype-Error") != "source-loop" {
		t.Errorf("a request by another Calotype: %d %s", a.status, a.body)
	}
	none := serve(t)
	if a := none.get(o.address(".png")); a.status != http.StatusForbidden || a.header.Get("Calotype-Error") != "no-sources" {
		t.Errorf("a server without sources: %d %s", a.status, a.body)
	}
}

// A purge by the tag of an answer has its original fetched anew.
func TestPurgeOfPicturesElsewhere(t *testing.T) {
	o := newOrigin(t, draws(t, "rg", "by"), http.Header{"Cache-Control": {"max-age=1000"}})
	s := serveElsewhere(t, o.URL)
	first := s.get(o.address("/rotate:90.png"))
	tag, _, _ := strings.Cut(first.header.Get("Cache-Tag"), ",")
	picture := draws(t, "yb", "gr")
	o.picture.Store(&picture)
	if a := s.postPurge(`{"tags":["` + tag + `"]}`); a.status != http.StatusOK || !strings.Contains(string(a.body), `"prints":1`) {
		t.Fatalf("%d: %s", a.status, a.body)
	}
	if a := s.get(o.address("/rotate:90.png")); reads(t, a.body) != "gy rb" {
		t.Errorf("after the purge: %d", a.status)
	}
}

// A page gets its tags for a picture that lives elsewhere, too, and what they name is there.
func TestSrcsetOfPicturesElsewhere(t *testing.T) {
	o := newOrigin(t, encodeJPEG(t, photo(800, 400, 1)), http.Header{"Cache-Control": {"max-age=100"}})
	s := serveElsewhere(t, o.URL)
	place := strings.TrimPrefix(o.address(""), "/proxy")
	a := s.mustGet("/srcset" + place + ".jpg?widths=100,200")
	for _, width := range []string{"100", "200"} {
		address := o.address("/resize:" + width + ".jpg")
		if !strings.Contains(string(a.body), address+" "+width+"w") {
			t.Errorf("no %s in %s", address, a.body)
		}
		if got := s.mustGet(address); got.header.Get("Content-Type") != "image/jpeg" {
			t.Errorf("%s: %s", address, got.header.Get("Content-Type"))
		}
	}
	if !strings.Contains(string(a.body), "url(data:image/") {
		t.Errorf("no placeholder in %s", a.body)
	}
}
