//go:build remote

package test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// clientHeaders are what a client may send, each with a value by which it is known wherever it turns up.
var clientHeaders = []string{
	"Cookie", "Authorization", "Proxy-Authorization", "X-Api-Key", "X-Auth-Token", "X-Csrf-Token", "X-Amz-Security-Token", "X-Goog-Iap-Jwt-Assertion", "Cf-Access-Jwt-Assertion", "X-Forwarded-Client-Cert", "Signature",
	"Referer", "Origin", "User-Agent", "From", "Accept", "Accept-Language", "Accept-Charset", "Accept-Encoding", "Range", "If-Range", "If-None-Match", "If-Modified-Since", "If-Match", "Cache-Control", "Pragma",
	"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "Client-Ip", "X-Original-Url", "X-Rewrite-Url", "X-Host",
	"Traceparent", "Tracestate", "Baggage", "X-Request-Id", "X-B3-Traceid", "Upgrade-Insecure-Requests", "Sec-Fetch-Site", "Sec-Ch-Ua", "Dnt", "Save-Data", "Priority", "Te", "Trailer", "X-Secret", "Connection",
	"Metadata-Flavor", "Metadata", "X-Aws-Ec2-Metadata-Token", "X-Http-Method-Override", "Max-Forwards", "Via",
}

// ownHeaders are all that the program itself says to an upstream.
var ownHeaders = []string{"Host", "User-Agent", "Accept", "Accept-Encoding", "Via", "If-None-Match", "If-Modified-Since", "Connection", "Cache-Control"}

// valueOf is what the tests send in a header.
func valueOf(name string) string {
	marker := "secret-" + strings.ToLower(name)
	switch name {
	case "Range":
		return "bytes=0-10"
	case "If-Modified-Since":
		return "Fri, 01 Jan 2100 00:00:00 GMT"
	case "Via":
		return "1.1 " + marker
	case "Max-Forwards", "Upgrade-Insecure-Requests", "Dnt":
		return "10"
	case "Connection":
		return "X-Secret"
	case "If-None-Match", "If-Match", "If-Range":
		return `"` + marker + `"`
	}
	return marker
}

// Nothing that a client sends reaches an upstream: each header alone and all of them, with each method, in the first request, over a
// redirect and in revalidations.
func TestRemoteNothingOfTheClientIsForwarded(t *testing.T) {
	t.Parallel()
	second := newUpstream(t)
	first := newUpstream(t)
	picture := func(e *exchange) {
		if strings.Contains(e.head, "If-None-Match") {
			e.say(head("304 Not Modified", `ETag: "mine"`, "Cache-Control: max-age=0"))
			return
		}
		e.say(head("200 OK", "Content-Type: image/jpeg", `ETag: "mine"`, "Cache-Control: max-age=0", "Set-Cookie: session=1", "WWW-Authenticate: Basic", "Access-Control-Allow-Origin: https://evil.example",
			"Content-Security-Policy: none", "Link: </x>; rel=preload", "Refresh: 0;url=https://evil.example", "Clear-Site-Data: *", "Alt-Svc: h3=evil.example:443", "X-Accel-Redirect: /etc/passwd", "Content-Disposition: attachment; filename=evil.html",
			fmt.Sprintf("Content-Length: %d", len(thePhoto()))), thePhoto())
	}
	second.does(picture)
	first.does(func(e *exchange) {
		if strings.HasPrefix(e.target, "/elsewhere") {
			e.say(head("302 Found", "Location: "+second.url(e.target), "Content-Length: 0", "Set-Cookie: session=1"))
			return
		}
		picture(e)
	})
	s := remotely(t, []*upstream{first, second})
	root := "http://" + s.address
	n := 0
	f := func(method string, names ...string) {
		t.Helper()
		var headers []string
		for _, name := range names {
			headers = append(headers, name, valueOf(name))
		}
		for _, path := range []string{"/photo", "/elsewhere"} {
			n++
			target := proxied(first.url(fmt.Sprintf("%s-%d.jpg", path, n)))
			for range 2 { // what is kept is stale at once
				got := askTarget(t, method, root, target+"/resize:48.jpg", headers...)
				if got.status != 200 && got.status != 206 && got.status != 304 && got.status != 412 {
					t.Errorf("%s with %v is answered %d: %s", method, names, got.status, got.body)
				}
				checkNotPassedOn(t, got.header)
				time.Sleep(time.Millisecond)
			}
		}
	}
	f(http.MethodGet)
	f(http.MethodGet, clientHeaders...)
	f(http.MethodHead, clientHeaders...)
	for _, name := range clientHeaders {
		f(http.MethodGet, name)
	}
	asked := append(first.asked(), second.asked()...)
	if len(asked) < n || len(second.asked()) == 0 {
		t.Errorf("the upstreams were asked %d times for %d pictures", len(asked), n)
	}
	names := regexp.MustCompile(`(?m)^([^ :\r\n]+):`)
	for _, head := range asked {
		if !strings.HasPrefix(head, "GET ") {
			t.Errorf("the upstream was asked by another method than GET:\n%s", head)
		}
		if strings.Contains(strings.ToLower(head), "secret") || strings.Contains(head, "bytes=") || strings.Contains(head, "2100") {
			t.Errorf("what the client has sent is forwarded:\n%s", head)
		}
		for _, name := range names.FindAllStringSubmatch(head, -1) {
			if !slices.Contains(ownHeaders, http.CanonicalHeaderKey(name[1])) {
				t.Errorf("%s is sent to the upstream:\n%s", name[1], head)
			}
		}
		if encoding := regexp.MustCompile(`(?i)\r\nAccept-Encoding: (.*)\r\n`).FindStringSubmatch(head); encoding != nil && encoding[1] != "identity" {
			t.Errorf("an encoding is asked for: %s", encoding[1])
		}
	}
}

// checkNotPassedOn checks that nothing the upstream says of cookies, access and the like is in an answer.
func checkNotPassedOn(t *testing.T, header http.Header) {
	t.Helper()
	for name, values := range header {
		if text := strings.Join(values, ","); strings.Contains(text, "evil") || strings.Contains(text, "secret") && name != "X-Request-Id" {
			t.Errorf("%s: %s", name, text)
		}
	}
	for _, name := range []string{"Set-Cookie", "WWW-Authenticate", "Refresh", "Clear-Site-Data", "Alt-Svc", "X-Accel-Redirect"} {
		if header.Get(name) != "" {
			t.Errorf("%s: %s", name, header.Get(name))
		}
	}
}

// Headers that the operator lists are passed on, to the host that was asked for and to no other, and clients who send others have
// another picture.
func TestRemoteListedHeadersAreForwarded(t *testing.T) {
	t.Parallel()
	first, second := newUpstream(t), newUpstream(t)
	small, err := os.ReadFile("../docs/samples/cutout.png")
	if err != nil {
		t.Fatal(err)
	}
	first.does(func(e *exchange) {
		switch {
		case strings.HasPrefix(e.target, "/elsewhere"):
			e.say(head("302 Found", "Location: "+second.url("/photo.jpg"), "Content-Length: 0"))
		case strings.Contains(e.head, "X-Site: blue"):
			e.photo()
		default:
			e.say(head("200 OK", "Content-Type: image/png", "Cache-Control: max-age=60", fmt.Sprintf("Content-Length: %d", len(small))), small)
		}
	})
	s := remotely(t, []*upstream{first, second}, "--source-headers", "X-Site,Accept-Language")
	root := "http://" + s.address
	target := proxied(first.url("/photo.jpg"))
	for range 2 {
		if got := get(t, root, target, "X-Site", "blue", "X-Api-Key", "secret").must(t, 200, ""); !bytes.Equal(got.body, thePhoto()) {
			t.Errorf("who names the site gets another picture, of %d bytes", len(got.body))
		}
		if got := get(t, root, target, "X-Site", "red", "X-Api-Key", "secret").must(t, 200, ""); !bytes.Equal(got.body, small) {
			t.Errorf("who names another gets that of the first, of %d bytes", len(got.body))
		}
	}
	get(t, root, proxied(first.url("/elsewhere.jpg")), "X-Site", "blue").must(t, 200, "")
	for _, head := range append(first.asked(), second.asked()...) {
		if strings.Contains(head, "secret") {
			t.Errorf("what is not listed is forwarded:\n%s", head)
		}
	}
	for _, head := range second.asked() {
		if strings.Contains(head, "blue") {
			t.Errorf("a redirect takes what was for the first host to another:\n%s", head)
		}
	}
}
