package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// everywhere is a web server at all addresses there are. It remembers at which it was reached.
type everywhere struct {
	mu      sync.Mutex
	reached map[netip.Addr]int
}

// ports are those that everywhere listens at.
var ports = []int{80, 8080}

// serveEverywhere serves at all addresses of the namespace.
func serveEverywhere(t *testing.T, h http.Handler) *everywhere {
	t.Helper()
	e := &everywhere{reached: map[netip.Addr]int{}}
	server := &http.Server{Handler: h, ConnState: func(c net.Conn, state http.ConnState) {
		if state == http.StateNew {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.reached[netip.MustParseAddrPort(c.LocalAddr().String()).Addr().Unmap().WithZone("")]++
		}
	}}
	for _, port := range ports {
		l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
		if err != nil {
			t.Fatal(err)
		}
		go server.Serve(l)
	}
	t.Cleanup(func() { server.Close() })
	return e
}

// take returns how many connections there were to addresses of public and to others, and forgets them.
func (e *everywhere) take(t *testing.T) (open, shut int) {
	t.Helper()
	// Connections are accepted in their order, so once these are answered none is waiting.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for _, port := range ports {
		answer, err := client.Get(fmt.Sprintf("http://%s:%d/", public()[0], port))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		open--
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	good := public()
	for a, n := range e.reached {
		if slices.Contains(good, a) {
			open += n
		} else {
			shut += n
		}
	}
	clear(e.reached)
	return open, shut
}

// tries is how often each attack is tried.
const tries = 1000

// rebindings are ways in which a name changes what it means: good is a public address and bad is none.
var rebindings = []func(good, bad netip.Addr, query int) answer{
	func(good, bad netip.Addr, query int) answer { return one(query == 0, good, bad) },             // good when it is checked, then bad
	func(good, bad netip.Addr, query int) answer { return one(query > 0, good, bad) },              // the other way round
	func(good, bad netip.Addr, query int) answer { return one(query%2 == 0, good, bad) },           // in turn
	func(good, bad netip.Addr, query int) answer { return one(rand.N(2) == 0, good, bad) },         // by chance
	func(good, bad netip.Addr, _ int) answer { return answer{addresses: []netip.Addr{good, bad}} }, // both, of one family or of two
	func(good, bad netip.Addr, _ int) answer { return answer{addresses: []netip.Addr{bad, good}} }, //
	func(_, bad netip.Addr, _ int) answer {
		return answer{addresses: []netip.Addr{bad, here, here6}}
	}, // bad alone
	func(good, bad netip.Addr, query int) answer {
		return answer{alias: fmt.Sprintf("inside%d.example", query%2)}
	}, // an alias of a name that is bad, or changes
	func(_, bad netip.Addr, _ int) answer { return answer{addresses: []netip.Addr{mapped(bad)}} }, // IPv4 as IPv6
}

func one(first bool, a, b netip.Addr) answer {
	if first {
		return answer{addresses: []netip.Addr{a}}
	}
	return answer{addresses: []netip.Addr{b}}
}

func mapped(a netip.Addr) netip.Addr {
	return netip.AddrFrom16(a.As16())
}

// proxied is the environment of programs behind a proxy.
var proxied = []string{
	"HTTP_PROXY=http://127.0.0.1:3128", "http_proxy=http://127.0.0.1:3128", "HTTPS_PROXY=http://127.0.0.1:3128", "https_proxy=http://127.0.0.1:3128",
	"ALL_PROXY=http://127.0.0.1:3128", "NO_PROXY=", "no_proxy=",
}

// serveProxy serves a proxy where proxied says, which connects to whatever it is told and resolves names as n does. It returns a function that tells how
// often it was asked since the last time.
func serveProxy(t *testing.T, n *names) (asked func() int64) {
	t.Helper()
	var count atomic.Int64
	p := &proxy{dialer: net.Dialer{Resolver: n.resolver()}}
	server := &http.Server{Addr: "127.0.0.1:3128", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		count.Add(1)
		p.ServeHTTP(w, r)
	})}
	l, err := net.Listen("tcp", server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return func() int64 { return count.Swap(0) }
}

// What the tests below would miss, they would not see: a client without the check is led to forbidden addresses, and they are counted.
func TestForbiddenAddressesCanBeReachedHere(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	e := serveEverywhere(t, http.NotFoundHandler())
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	bad := forbidden()
	for _, a := range bad {
		if answer, err := client.Get("http://" + netip.AddrPortFrom(a, 80).String()); err == nil {
			answer.Body.Close()
		}
	}
	if _, shut := e.take(t); shut < len(bad)*3/4 { // nobody connects to multicast and broadcast
		t.Errorf("%d of %d forbidden addresses were reached", shut, len(bad))
	}
}

func TestSpecialAddressesAreNotConnectedTo(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	e := serveEverywhere(t, http.NotFoundHandler())
	all := vectors()
	allowed := allowVectors(t, all)
	f := newFetcher(t, Options{})
	for _, v := range all {
		checkRefused(t, f, allowed, v)
	}
	if open, shut := e.take(t); open != 0 || shut != 0 {
		t.Errorf("%d and %d connections", open, shut)
	}
}

func TestPublicAddressesAreConnectedTo(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	e := serveEverywhere(t, http.HandlerFunc(serveImage))
	n := &names{}
	f := newFetcher(t, Options{Resolver: n.resolver()})
	good := public()
	for i, a := range good {
		host := fmt.Sprintf("n%d.example", i)
		n.set(host, a)
		for _, text := range []string{"http://" + host, "http://" + strings.TrimSuffix(netip.AddrPortFrom(a, 80).String(), ":80")} {
			_, err := f.Fetch(context.Background(), Request{Source: parse(t, text), Allowed: allow(t, text)}, io.Discard)
			if err != nil {
				t.Errorf("%s, which is %s: %v (%v)", text, a, err, Cause(err))
			}
		}
	}
	if open, shut := e.take(t); open != 2*len(good) || shut != 0 {
		t.Errorf("%d connections to public addresses, want %d, and %d to others", open, 2*len(good), shut)
	}
}

func TestNamesThatRebind(t *testing.T) {
	if !inNamespace(t, proxied...) {
		return
	}
	e := serveEverywhere(t, http.HandlerFunc(serveImage))
	n := &names{}
	asked := serveProxy(t, n)
	for _, proxy := range []string{"", "env", "http://127.0.0.1:3128"} {
		f := newFetcher(t, Options{Resolver: n.resolver(), Proxy: proxy, Timeout: 5 * time.Second})
		f.transport.DisableKeepAlives = true // so that each try makes connections of its own
		allowed := allow(t, "http://*", "http://*:8080")
		fetched := 0
		for i := range tries {
			host := fmt.Sprintf("n%d.example", i/4) // asked for several times, as it changes meanwhile
			if i%4 == 0 {
				n.rebind(host)
			}
			port := []string{"", ":8080"}[i%2]
			_, err := f.Fetch(context.Background(), Request{Source: parse(t, "http://"+host+port+"/"), Allowed: allowed}, io.Discard)
			if err == nil {
				fetched++
			}
		}
		checkConnections(t, e, proxy, fetched, asked())
	}
}

// checkConnections wants none to forbidden addresses, and to the proxy only if there was one.
func checkConnections(t *testing.T, e *everywhere, proxy string, fetched int, asked int64) {
	t.Helper()
	open, shut := e.take(t)
	t.Logf("proxy %q: %d tries, %d fetched, %d connections to public addresses, %d to others, proxy asked %d times", proxy, tries, fetched, open, shut, asked)
	if shut != 0 {
		t.Errorf("proxy %q: %d connections to forbidden addresses", proxy, shut)
	}
	if fetched < tries/5 || open < fetched {
		t.Errorf("proxy %q: no more than %d of %d tries fetched anything, by %d connections: this attacks nothing", proxy, fetched, tries, open)
	}
	if proxy == "" && asked != 0 || proxy != "" && asked < int64(fetched) {
		t.Errorf("proxy %q: it was asked %d times", proxy, asked)
	}
}

// rebind gives a name that changes its mind between a public address and a forbidden one.
func (n *names) rebind(host string) {
	good, bad := public(), forbidden()
	open, shut := good[rand.N(len(good))], bad[rand.N(len(bad))]
	change := rebindings[rand.N(len(rebindings))]
	n.decide(host, func(query int, _ dnsmessage.Type) answer { return change(open, shut, query) })
	n.set("inside0.example", shut)
	n.decide("inside1.example", func(query int, _ dnsmessage.Type) answer { return one(query%2 == 0, open, shut) })
}

func TestRedirectsToForbiddenPlaces(t *testing.T) {
	if !inNamespace(t, proxied...) {
		return
	}
	e := serveEverywhere(t, http.HandlerFunc(serveRedirect))
	n := &names{}
	asked := serveProxy(t, n)
	n.set("origin.example", netip.MustParseAddr("93.184.216.34"))
	all := vectors()
	allowed := allowVectors(t, all)
	for _, proxy := range []string{"", "env"} {
		f := newFetcher(t, Options{Resolver: n.resolver(), Proxy: proxy, Timeout: 5 * time.Second})
		f.transport.DisableKeepAlives = true
		fetched := 0
		for i := range tries {
			n.rebind("changing.example")
			to, want := redirectTo(all[rand.N(len(all))].host)
			status := []int{301, 302, 303, 307, 308}[i%5]
			s := parse(t, fmt.Sprintf("http://origin.example/redirect/%d?%s", status, url.QueryEscape(to)))
			_, err := f.Fetch(context.Background(), Request{Source: s, Allowed: allowed}, io.Discard)
			if err == nil {
				fetched++
			}
			if errors.Is(err, ErrSource) || want != nil && !errors.Is(err, want) || want == nil && err != nil && !strings.Contains(to, "changing") {
				t.Errorf("%d to %q: %v (%v), want %v", status, to, err, Cause(err), want)
			}
		}
		checkConnections(t, e, proxy, fetched, asked())
	}
}

// redirectTo returns the address that a redirect names, and what is to become of it. host is one that must not be reached.
func redirectTo(host string) (address string, want error) {
	forms := []struct {
		address string
		want    error
	}{
		{"http://" + host + "/", ErrNotAllowed},
		{"//" + host + "/a", ErrNotAllowed},
		{"https://" + host + "/", ErrNotAllowed},
		{"http://origin.example/redirect/302?" + url.QueryEscape("http://"+host+"/"), ErrNotAllowed}, // in two steps
		{"http://user@" + host + "/", ErrNotAllowed},
		{"file:///etc/passwd", ErrNotAllowed},
		{"ftp://origin.example/a", ErrNotAllowed},
		{"data:image/gif;base64,R0lGODlhAQABAAAAACw=", ErrNotAllowed},
		{"unix:///run/docker.sock", ErrNotAllowed},
		{"local:///a", ErrNotAllowed},
		{"s3://bucket/a", ErrNotAllowed},
		{"http://changing.example/", nil},
		{"http://changing.example:8080/a", nil},
		{"/image", nil},
		{"image?a=b", nil},
		{"../image", nil},
		{"//origin.example:8080/image", nil},
		{"?/image", nil},
	}
	form := forms[rand.N(len(forms))]
	return form.address, form.want
}

// serveRedirect redirects /redirect/STATUS?ADDRESS, and serves an image everywhere else.
func serveRedirect(w http.ResponseWriter, r *http.Request) {
	text, ok := strings.CutPrefix(r.URL.Path, "/redirect/")
	status, err := strconv.Atoi(text)
	to, _ := url.QueryUnescape(r.URL.RawQuery)
	if !ok || err != nil || to == "/image" {
		serveImage(w, r)
		return
	}
	w.Header()["Location"] = []string{to}
	w.WriteHeader(status)
}
