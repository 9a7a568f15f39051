//go:build !race

package handler

import (
	"bufio"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"calotype/handler/signing"
)

// The race detector makes sync.Pool, which ristretto counts its reads with, forget things at random.
func TestHitDoesNotAllocate(t *testing.T) {
	keys := signKeys(t, signKey)
	s := serve(t, func(o *Options) { o.Keys = keys }, inFile("left = crop:0,0,1,2/rotate:90"))
	u := s.upload(draws(t, "rg", "by"))
	canonical, alias := u.URL+"/crop:0,0,1,2/rotate:90.png", u.URL+"/crop=0~0~1~2/Rotate=90.PNG"
	delivered, deliveredAlias := u.URL+"/crop:0,0,1,2/rotate:90/name:cat/v:2.png", u.URL+"/v=2/name:cat/crop=0~0~1~2/Rotate=90.PNG"
	signed := signedBy(t, keys, canonical, signing.Terms{})
	ending := strings.Replace(signedBy(t, keys, alias, signing.Terms{Expires: time.Now().Unix() + 3600}), "~k1.", "%7Ek1%2E", 1)
	granted := signedBy(t, keys, u.URL+"/crop:0,0,1,2", signing.Terms{Grant: "w9_png-webp"}) + "/resize:1.png"
	preset := u.URL + "/preset=LEFT.png"
	tag := s.mustGet(canonical).header.Get("ETag")
	for known, end := false, time.Now().Add(10*time.Second); !known; { // what is set takes a moment to be seen
		if time.Now().After(end) {
			t.Fatal("the print is not kept")
		}
		s.mustGet(alias)
		s.mustGet(deliveredAlias)
		s.mustGet(preset)
		_, known = s.handler.deliveries.Lookup([]byte(deliveredAlias))
		for _, target := range []string{alias, signed, ending, granted} {
			s.mustGet(target)
			_, isKept := s.handler.prints.Lookup(s.handler.tenants.Load().fallback.kept(nil, []byte(target)))
			known = known && isKept
		}
		if known {
			_, known = s.handler.deliveries.Lookup([]byte(preset))
		}
	}
	f := func(what, method, target string, want int, headers ...string) {
		t.Run(what, func(t *testing.T) { s.mustNotAllocate(t, "h", method, target, want, headers...) })
	}
	f("canonical", "GET", canonical, 200)
	f("query", "GET", canonical+"?v=1", 200)
	f("absolute", "GET", "http://h"+canonical, 200)
	f("alias", "GET", alias, 200)
	f("head", "HEAD", canonical, 200)
	f("under a name", "GET", delivered, 200)
	f("under a name, alias", "GET", deliveredAlias, 200)
	f("under a name, not modified", "GET", delivered, 304, "If-None-Match", tag)
	f("by a preset", "GET", preset, 200)
	f("not modified", "GET", canonical, 304, "If-None-Match", tag)
	f("not modified, one of several", "GET", alias, 304, "If-None-Match", `"a", W/`+tag)
	f("modified", "GET", canonical, 200, "If-None-Match", `"a"`)
	f("not modified since", "GET", canonical, 304, "If-Modified-Since", s.mustGet(canonical).header.Get("Last-Modified"))
	f("signed", "GET", signed, 200)
	f("signed, with an end", "GET", ending, 200)
	f("granted", "GET", granted, 200)
	f("signed, not modified", "GET", signed, 304, "If-None-Match", tag)
	f("a browser", "GET", alias, 200, "Accept", chrome, "Accept-Encoding", "gzip, deflate, br", "Cookie", "a=b", "User-Agent", "x", "Referer", "https://example.com/")
}

// Nor does one at the host of a tenant, written in any way.
func TestHitOfATenantDoesNotAllocate(t *testing.T) {
	s := serveTenants(t)
	u := s.uploadAt(acmeHost, acmeToken, draws(t, "rg", "by"))
	for _, target := range []string{u.URL + "/rotate:90.png", u.URL + "/Rotate=90.PNG"} {
		for end := time.Now().Add(10 * time.Second); s.at(acmeHost, "", "GET", target, nil).header.Get("Cache-Status") != statusHit; {
			if time.Now().After(end) {
				t.Fatal("the print is not kept")
			}
		}
		for _, host := range []string{acmeHost, acmeHost + ":8080", strings.ToUpper(acmeHost)} {
			s.mustNotAllocate(t, host, "GET", target, 200)
		}
	}
}

// mustNotAllocate asks at a host for what is in memory.
func (s *site) mustNotAllocate(t *testing.T, host, method, target string, want int, headers ...string) {
	t.Helper()
	var ctx fasthttp.RequestCtx
	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	ctx.Init2(server, quiet{}, false)
	head := method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\n"
	for i := 0; i < len(headers); i += 2 {
		head += headers[i] + ": " + headers[i+1] + "\r\n"
	}
	if err := ctx.Request.Header.Read(bufio.NewReader(strings.NewReader(head + "\r\n"))); err != nil {
		t.Fatal(err)
	}
	hits := s.handler.prints.Stats().Hits
	const runs = 1000
	allocations := testing.AllocsPerRun(runs, func() {
		ctx.Response.Reset() // as the server does between requests
		ctx.ResetUserValues()
		s.handler.Serve(&ctx)
	})
	if allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
	if got := ctx.Response.StatusCode(); got != want {
		t.Errorf("got %d, want %d", got, want)
	}
	if got := s.handler.prints.Stats().Hits - hits; got != runs+1 {
		t.Errorf("%d hits of %d", got, runs+1)
	}
}
