//go:build remote

package test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// newPair starts two programs, each of which may fetch from the other, from itself and from an upstream.
func newPair(t *testing.T, u *upstream) (pair [2]*origin) {
	t.Helper()
	sources := []string{u.root()}
	for i := range pair {
		pair[i] = &origin{t: t, port: freePort(t), admin: freePort(t)}
		sources = append(sources, pair[i].address(), fmt.Sprintf("http://localhost:%d", pair[i].port))
	}
	for _, o := range pair {
		o.arguments = remoteArguments(strings.Join(sources, ","))
		o.start()
	}
	return pair
}

// A program fetches nothing from itself, whatever name it goes by and however a request is led there, and no two programs ask each other in
// turn. What is refused costs no more requests than it takes to notice.
func TestRemoteLoopsAreRefused(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	pair := newPair(t, u)
	a, b := pair[0], pair[1]
	id := a.landscape()
	local := fmt.Sprintf("http://localhost:%d", a.port)
	photo := proxied(u.url("/photo.jpg"))
	u.does(func(e *exchange) {
		switch {
		case strings.HasPrefix(e.target, "/to-a"):
			e.say(head("302 Found", "Location: "+a.address()+"/download/"+id, "Content-Length: 0"))
		case strings.HasPrefix(e.target, "/relay"):
			e.relay(a.address()+proxied(u.url(e.target)), true)
		case strings.HasPrefix(e.target, "/mute"):
			e.relay(a.address()+proxied(u.url(e.target)), false)
		default:
			e.photo()
		}
	})
	f := func(name, source string, most int64, want ...int) {
		t.Run(name, func(t *testing.T) {
			connections, answers := u.connections.Load(), answered(a)+answered(b)
			began := time.Now()
			got := get(t, a.address(), proxied(source)+"/resize:48.jpg")
			if !slices.Contains(want, got.status) || time.Since(began) > remoteTimeout+remoteSlack {
				t.Errorf("%s is answered %d after %v, want one of %v: %.300s", source, got.status, time.Since(began), want, got.body)
			}
			if n := u.connections.Load() - connections; n > most {
				t.Errorf("%s: the upstream was asked %d times", source, n)
			}
			if n := answered(a) + answered(b) - answers; n > 4 { // each of our own counts is one
				t.Errorf("%s: %v requests were answered", source, n)
			}
		})
	}
	f("itself", a.address()+"/download/"+id, 0, 403)
	f("itself, by name", local+"/download/"+id, 0, 403)
	f("itself, twice", a.address()+proxied(a.address()+"/download/"+id), 0, 403)
	f("itself, for what is elsewhere", a.address()+photo, 0, 403)
	f("itself, by a redirect", u.url("/to-a.jpg"), 1, 403)
	f("itself, by a relay", u.url("/relay.jpg"), 2, 403, 502)
	f("itself, by a relay that hides it", u.url("/mute.jpg"), 2, 403, 502, 504)
	f("the other, for what the first has", b.address()+proxied(a.address()+"/download/"+id), 0, 403, 502)
	f("the other, for what is elsewhere", b.address()+photo, 0, 403, 502)
	f("in turn, eight deep", nested(b.address(), a.address(), 8, u.url("/photo.jpg")), 0, 403, 502)

	other := b.landscape()
	get(t, a.address(), proxied(b.address()+"/download/"+other)+"/resize:48.jpg").mustBeThePhoto(t)
	get(t, a.address(), photo+"/resize:48.jpg").mustBeThePhoto(t)
}

// nested is a source that is asked of the first, who asks the second, who asks the first and so on.
func nested(first, second string, depth int, source string) string {
	for i := range depth {
		source = []string{second, first}[i%2] + proxied(source)
		if len(source) > 1400 { // one of 2048 characters is the longest
			break
		}
	}
	return source
}

// answered is how many requests a program has answered.
func answered(o *origin) (n float64) {
	for series, value := range o.numbers() {
		if strings.HasPrefix(series, "calotype_answers_total") {
			n += value
		}
	}
	return n
}

// relay passes the request on, as a proxy does that was set up by mistake, and its answer back. One that hides passes on no Via.
func (e *exchange) relay(url string, via bool) {
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return
	}
	came, err := http.ReadRequest(bufio.NewReader(strings.NewReader(e.head)))
	if err != nil {
		return
	}
	if via {
		request.Header.Set("Via", strings.Join(append(came.Header.Values("Via"), "1.1 relay"), ", "))
	}
	conn, err := net.Dial("tcp", request.URL.Host)
	if err != nil {
		return
	}
	defer conn.Close()
	request.Close = true
	request.Write(conn)
	for {
		part := make([]byte, 1<<16)
		n, err := conn.Read(part)
		if !e.say(part[:n]) || err != nil {
			return
		}
	}
}
