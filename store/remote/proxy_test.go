package remote

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// proxy is an HTTP proxy that connects to whatever it is told, and resolves names by itself.
type proxy struct {
	dialer net.Dialer

	mu    sync.Mutex
	asked []string // what each request named
	users []string // and who asked
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r.Method+" "+r.RequestURI)
	p.users = append(p.users, r.Header.Get("Proxy-Authorization"))
	p.mu.Unlock()
	if r.Method != http.MethodConnect {
		r.RequestURI = ""
		answer, err := (&http.Transport{DialContext: p.dialer.DialContext, DisableKeepAlives: true}).RoundTrip(r)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer answer.Body.Close()
		w.WriteHeader(answer.StatusCode)
		io.Copy(w, answer.Body)
		return
	}
	to, err := p.dialer.DialContext(r.Context(), "tcp", r.Host)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer to.Close()
	w.WriteHeader(http.StatusOK)
	from, begun, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer from.Close()
	go func() {
		io.Copy(to, begun) // the client may have said something already
		to.Close()
	}()
	io.Copy(from, to)
}

// loopback opens what tests listen at.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

func serveImage(w http.ResponseWriter, _ *http.Request) {
	io.WriteString(w, image)
}

// image is what serveImage sends: any bytes, as a fetch does not look at them.
const image = "the bytes of an image"

func TestProxyIsToldTheAddressThatWasChecked(t *testing.T) {
	origin := httptest.NewServer(http.HandlerFunc(serveImage))
	defer origin.Close()
	at := netip.MustParseAddrPort(origin.Listener.Addr().String())
	p := &proxy{}
	server := httptest.NewServer(p)
	defer server.Close()
	n := &names{}
	n.set("origin.example", netip.MustParseAddr("10.0.0.1"), at.Addr(), netip.MustParseAddr("::1"))
	n.set("inside.example", netip.MustParseAddr("10.0.0.1"))
	through := strings.Replace(server.URL, "http://", "http://some%20user:p%40ss@", 1)
	f := newFetcher(t, Options{Proxy: through, Networks: loopback, Resolver: n.resolver()})
	port := origin.URL[strings.LastIndex(origin.URL, ":"):]
	allowed := allow(t, "http://*"+port, origin.URL)

	for _, text := range []string{"http://origin.example" + port, origin.URL} {
		var body strings.Builder
		if _, err := f.Fetch(context.Background(), Request{Source: parse(t, text), Allowed: allowed}, &body); err != nil || body.String() != image {
			t.Fatalf("%s: %q, %v (%v)", text, body.String(), err, Cause(err))
		}
	}
	if _, err := f.Fetch(context.Background(), Request{Source: parse(t, "http://inside.example"+port), Allowed: allowed}, io.Discard); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("inside.example: %v", err)
	}
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte("some user:p@ss"))
	for i, asked := range p.asked {
		if asked != "CONNECT "+at.String() || p.users[i] != want {
			t.Errorf("the proxy was asked %q by %q", asked, p.users[i])
		}
	}
	if len(p.asked) != 2 {
		t.Errorf("the proxy was asked %d times, want twice", len(p.asked))
	}
}

// The certificate is that of the name, although the proxy was told an address.
func TestEncryptionThroughAProxy(t *testing.T) {
	origin := httptest.NewTLSServer(http.HandlerFunc(serveImage))
	defer origin.Close()
	p := &proxy{}
	server := httptest.NewServer(p)
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(origin.Certificate())
	n := &names{}
	n.set("example.com", here) // which is a name in the certificate of httptest
	f := newFetcher(t, Options{Proxy: server.URL, Networks: loopback, Resolver: n.resolver(), Roots: roots})
	_, body, err := fetch(t, f, "https://example.com"+origin.URL[strings.LastIndex(origin.URL, ":"):])
	if err != nil || body != image {
		t.Fatalf("%q, %v (%v)", body, err, Cause(err))
	}
	if len(p.asked) != 1 || p.asked[0] != "CONNECT "+origin.Listener.Addr().String() {
		t.Errorf("the proxy was asked %q", p.asked)
	}
}

func TestProxiesThatFail(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	f := func(what string, timeout time.Duration, want error, answer string) {
		t.Helper()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			conn.Read(make([]byte, 4096))
			io.WriteString(conn, answer)
			io.Copy(io.Discard, conn) // until the other side has had enough
		}()
		fetcher := newFetcher(t, Options{Proxy: "http://" + l.Addr().String(), Networks: loopback, Timeout: timeout})
		_, err = fetcher.Fetch(context.Background(), Request{Source: parse(t, closed.URL), Allowed: allow(t, closed.URL)}, io.Discard)
		if !errors.Is(err, want) || strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("%s: %v (%v), want %v", what, err, Cause(err), want)
		}
	}
	f("refusal", time.Minute, ErrOrigin, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
	f("wants a password", time.Minute, ErrOrigin, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
	f("no HTTP", time.Minute, ErrOrigin, "hello\r\n\r\n")
	f("nothing", 300*time.Millisecond, ErrTimeout, "")
	f("early bytes", time.Minute, ErrOrigin, "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	f("endless head", time.Minute, ErrOrigin, "HTTP/1.1 200 OK\r\n"+strings.Repeat("A: b\r\n", 20000))

	fetcher := newFetcher(t, Options{Proxy: closed.URL, Networks: loopback})
	if _, err := fetcher.Fetch(context.Background(), Request{Source: parse(t, closed.URL), Allowed: allow(t, closed.URL)}, io.Discard); !errors.Is(err, ErrOrigin) {
		t.Errorf("no proxy there: %v", err)
	}
}

func TestBadProxies(t *testing.T) {
	for _, text := range []string{"proxy:3128", "https://proxy:3128", "socks5://proxy:1080", "http://", "http://:3128", "http://secret@[", "environment"} {
		if _, err := NewFetcher(Options{Proxy: text}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", text, err)
		}
	}
	t.Setenv("HTTPS_PROXY", "socks5://proxy:1080")
	if _, err := NewFetcher(Options{Proxy: "env"}); err == nil {
		t.Error("a proxy that is not known was taken from the environment")
	}
	if _, err := NewFetcher(Options{}); err != nil {
		t.Errorf("the environment was read without being named: %v", err)
	}
}

func TestProxyOfTheEnvironment(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://first:3128")
	t.Setenv("HTTPS_PROXY", "second:3129")
	t.Setenv("NO_PROXY", ".inside.example")
	proxies, err := parseProxy("env")
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{"http://example.org/": "http://first:3128", "https://example.org/": "http://second:3129", "https://a.inside.example/": ""} {
		u, _ := url.Parse(address)
		got := ""
		if proxy, err := proxies(u); err != nil {
			t.Error(err)
		} else if proxy != nil {
			got = proxy.String()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}
