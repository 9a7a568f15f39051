package handler

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"calotype/handler/forwarded"
	"calotype/handler/quota"
)

func trust(t testing.TB, list ...string) func(*Options) {
	t.Helper()
	networks, err := forwarded.ParseNetworks(list)
	if err != nil {
		t.Fatal(err)
	}
	return func(o *Options) { o.Trusted = networks }
}

// A client has its own share of prints, whichever way it comes by; nobody has another's by saying so.
func TestLimitsGoByClient(t *testing.T) {
	const each = 2 // prints of a client in an hour
	limited := func(o *Options) { o.Quota = quota.New(0, each, time.Hour) }
	picture := encodePNG(t, photo(60, 40, 1))
	width := 0
	f := func(s *site, want int, lines ...string) {
		t.Helper()
		width++ // a print that was not asked for before
		if a := s.get(fmt.Sprintf("/download/%v/resize:%d.png", s.originals()[0].ID, width), lines...); a.status != want {
			t.Errorf("print %d with %q: %d, want %d", width, lines, a.status, want)
		}
	}
	believed := serve(t, limited, trust(t, "loopback"))
	believed.upload(picture)
	for _, client := range []string{"203.0.113.9", "203.0.113.10"} {
		f(believed, 200, "X-Forwarded-For", client)
		f(believed, 200, "X-Forwarded-For", "192.0.2.66, "+client)
		f(believed, 429, "X-Forwarded-For", "192.0.2.67, "+client)
		f(believed, 429, "Forwarded", "for="+client)
	}
	f(believed, 200, "Forwarded", `for="[2001:db8:1:2::3]:4711"`)
	f(believed, 200, "X-Forwarded-For", "2001:db8:1:2:ffff::1")
	f(believed, 429, "X-Forwarded-For", "2001:db8:1:2::5")
	// Header lines are one list.
	f(believed, 200, "X-Forwarded-For", "192.0.2.66", "X-Forwarded-For", "203.0.113.11")
	f(believed, 200, "X-Forwarded-For", "203.0.113.11")
	f(believed, 429, "X-Forwarded-For", "203.0.113.11")
	// Only the two headers count.
	for range each + 2 {
		f(believed, 200, "X-Forwarded-Host", "203.0.113.9", "X-Real-Ip", "203.0.113.9", "True-Client-Ip", "203.0.113.9", "Cf-Connecting-Ip", "203.0.113.9")
	}

	// From a peer that is not trusted they are nothing; from this machine it is nobody.
	for _, s := range []*site{serve(t, limited), serve(t, limited, trust(t, "10.0.0.0/8"))} {
		s.upload(picture)
		for range each + 1 {
			f(s, http.StatusOK, "X-Forwarded-For", "203.0.113.9", "Forwarded", "for=203.0.113.9")
		}
	}
}

// What a proxy passes on of hosts and schemes changes nothing that is sent.
func TestForwardedHostIsNotUsed(t *testing.T) {
	s := serve(t, trust(t, "loopback"))
	u := s.upload(draws(t, "rg", "by"))
	id := []string{"X-Request-Id", "1"} // which the answer repeats
	lines := []string{"X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "https", "Forwarded", "host=evil.example;proto=https", "X-Forwarded-For", "203.0.113.9", "Host", "evil.example"}
	for _, target := range []string{u.URL, u.URL + "/rotate:90.png", u.URL + ".json", "/srcset/" + u.ID + ".auto", "/", "/upload-image", "/download", "/openapi.json", "/nothing"} {
		plain, told := s.get(target, id...), s.get(target, append(lines, id...)...)
		for _, header := range []string{"Cache-Status", "Date"} {
			plain.header.Del(header)
			told.header.Del(header)
		}
		if plain.status != told.status || !bytes.Equal(plain.body, told.body) {
			t.Errorf("%s: another answer", target)
		}
		for name, values := range told.header {
			if strings.Join(values, ",") != strings.Join(plain.header[name], ",") {
				t.Errorf("%s: %s is %q, else %q", target, name, values, plain.header[name])
			}
		}
	}
}
