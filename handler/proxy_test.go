package handler

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"
	"github.com/valyala/fasthttp"

	"calotype/handler/forwarded"
)

// version2 writes a header of version 2 with further values behind the addresses.
func version2(t testing.TB, source string, further ...proxyproto.TLV) string {
	t.Helper()
	header := proxyproto.HeaderProxyFromAddrs(2, resolve(t, source), resolve(t, "[2001:db8::1]:443"))
	if !strings.HasPrefix(source, "[") {
		header = proxyproto.HeaderProxyFromAddrs(2, resolve(t, source), resolve(t, "198.51.100.1:443"))
	}
	if err := header.SetTLVs(further); err != nil {
		t.Fatal(err)
	}
	text, err := header.Format()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func resolve(t testing.TB, address string) *net.TCPAddr {
	t.Helper()
	a, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// proxied serves h to proxies in the networks, and returns the address.
func proxied(t testing.TB, h *Handler, most int, networks ...string) string {
	t.Helper()
	trusted, err := forwarded.ParseNetworks(networks)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listenOn(t, h, Proxied(Limit(listener, h, most), trusted))
}

// whoami is answered with the name of the client.
const whoami = "GET /whoami HTTP/1.1\r\nHost: h\r\n\r\n"

func tellClients(t testing.TB) {
	t.Helper()
	before := routes
	routes = append([]route{{path: "/whoami", access: public, methods: []method{{"GET", "", func(h *Handler, ctx *fasthttp.RequestCtx) error {
		ctx.SetBodyString(h.clientOf(ctx))
		return nil
	}}}}}, routes...)
	t.Cleanup(func() { routes = before })
}

func TestProxyProtocol(t *testing.T) {
	tellClients(t)
	s := serve(t, trust(t, "loopback", "198.51.100.0/24"))
	s.host = proxied(t, s.handler, 1000, "loopback")
	f := func(header, lines, want string) {
		t.Helper()
		conn := s.dial()
		text := header + strings.Replace(whoami, "\r\n\r\n", "\r\n"+lines+"\r\n", 1)
		if _, err := io.WriteString(conn, text+text[len(header):]); err != nil {
			t.Fatal(err)
		}
		for reader, i := bufio.NewReader(conn), 0; i < 2; i++ { // the connection is the client's to its end
			response, err := http.ReadResponse(reader, nil)
			if err != nil {
				t.Fatalf("%q: %v", header, err)
			}
			if a := read(t, header, response); a.status != 200 || string(a.body) != want {
				t.Errorf("%q and %q: %d %q, want %q", header, lines, a.status, a.body, want)
			}
		}
	}
	f("PROXY TCP4 203.0.113.9 198.51.100.1 4711 443\r\n", "", "203.0.113.9")
	f("PROXY TCP6 2001:db8:1:2::3 2001:db8::1 4711 443\r\n", "", "2001:db8:1:2::/64")
	f(version2(t, "203.0.113.9:4711"), "", "203.0.113.9")
	f(version2(t, "[2001:db8:1:2::3]:4711"), "", "2001:db8:1:2::/64")
	f(version2(t, "203.0.113.9:4711", proxyproto.TLV{Type: proxyproto.PP2_TYPE_UNIQUE_ID, Value: make([]byte, 128)}, proxyproto.TLV{Type: proxyproto.PP2_TYPE_NOOP, Value: make([]byte, 3000)}), "", "203.0.113.9")
	// The proxy itself, as when it looks after us.
	f("PROXY UNKNOWN\r\n", "", "")
	f("PROXY UNKNOWN ffff::1 ffff::1 1 1\r\n", "", "")
	f("\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00", "", "")
	// Headers are those of whom the proxy asks for: a stranger's are nothing, a CDN's are believed.
	f(version2(t, "203.0.113.9:4711"), "X-Forwarded-For: 192.0.2.66\r\n", "203.0.113.9")
	f(version2(t, "198.51.100.7:4711"), "X-Forwarded-For: 192.0.2.66, 203.0.113.9\r\n", "203.0.113.9")
	f(version2(t, "198.51.100.7:4711"), "Forwarded: for=203.0.113.9\r\n", "203.0.113.9")

	// In two pieces, as far as the protocol allows.
	conn := s.dial()
	header := version2(t, "203.0.113.9:4711")
	for _, piece := range []string{header[:14], header[14:], whoami[:10], whoami[10:]} {
		if _, err := io.WriteString(conn, piece); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if a := read(t, "in pieces", response); string(a.body) != "203.0.113.9" {
		t.Errorf("in pieces: %d %q", a.status, a.body)
	}
}

// Whoever is to speak the protocol and does not, or is not to and does, is answered 400 or 408 at most, and the connection ends.
func TestProxyProtocolRefused(t *testing.T) {
	tellClients(t)
	s := serve(t, trust(t, "loopback"))
	f := func(what, text string) {
		t.Helper()
		conn := s.dial()
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		all, err := io.ReadAll(conn)
		if err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s: %v", what, err)
		}
		refused := bytes.HasPrefix(all, []byte("HTTP/1.1 400 ")) || bytes.HasPrefix(all, []byte("HTTP/1.1 408 ")) // more was to come
		if len(all) > 0 && !refused || bytes.Count(all, []byte("HTTP/1.1 ")) > 1 {
			t.Errorf("%s: %q", what, all)
		}
	}
	direct := s.host
	for _, host := range []string{direct, proxied(t, s.handler, 1000, "10.0.0.0/8")} {
		s.host = host
		f("version 1 from a stranger", "PROXY TCP4 203.0.113.9 198.51.100.1 4711 443\r\n"+whoami)
		f("version 2 from a stranger", version2(t, "203.0.113.9:4711")+whoami)
		if a := s.raw(whoami, "GET")[0]; a.status != 200 {
			t.Errorf("a stranger who speaks HTTP gets %d", a.status)
		}
	}
	s.host = proxied(t, s.handler, 1000, "loopback")
	f("none", whoami)
	f("twice", "PROXY TCP4 203.0.113.9 198.51.100.1 4711 443\r\nPROXY TCP4 203.0.113.9 198.51.100.1 4711 443\r\n"+whoami)
	for _, line := range []string{
		"PROXY\r\n", "PROXY \r\n", "PROXY TCP4\r\n", "PROXY TCP4 203.0.113.9 198.51.100.1 4711\r\n", "PROXY TCP4 203.0.113.9 198.51.100.1 4711 65536\r\n",
		"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n", "PROXY TCP4 203.0.113.999 198.51.100.1 1 2\r\n", "PROXY UDP4 203.0.113.9 198.51.100.1 1 2\r\n",
		"PROXY TCP4 203.0.113.9 198.51.100.1 4711 443\n", "PROXY TCP4 " + strings.Repeat("9", 200) + "\r\n", "proxy TCP4 203.0.113.9 198.51.100.1 4711 443\r\n",
	} {
		f(line, line+whoami)
	}
	good := version2(t, "203.0.113.9:4711")
	for i := range len(good) {
		if i < 16 && i != 13 { // not all families fit the length, and those of the addresses are all good
			f("version 2 with another byte", good[:i]+string([]byte{good[i] ^ 0xf0})+good[i+1:]+whoami)
		}
	}
	f("longer than it is", good[:14]+"\xff\xff"+good[16:]+whoami)
	if log := s.log.String(); strings.Contains(log, "panic") {
		t.Error(log)
	}
}

// A proxy that says nothing has its connection for some seconds, and no longer than others hold up nobody.
func TestProxyProtocolSilence(t *testing.T) {
	tellClients(t)
	s := serve(t)
	s.host = proxied(t, s.handler, 3, "loopback")
	const greeting = "PROXY TCP4 203.0.113.9 198.51.100.1 4711 443\r\n"
	silent, half := s.dial(), s.dial()
	if _, err := io.WriteString(half, version2(t, "203.0.113.9:4711")[:13]); err != nil {
		t.Fatal(err)
	}
	if a := s.raw(greeting+whoami, "GET")[0]; a.status != 200 {
		t.Errorf("beside silent ones: %d", a.status)
	}
	// It counts as a connection all the same, and who comes beyond is told so.
	if a := s.raw("", "GET")[0]; a.status != http.StatusServiceUnavailable {
		t.Errorf("one more than there may be: %d", a.status)
	}
	began := time.Now()
	for _, conn := range []net.Conn{silent, half} {
		if all, err := io.ReadAll(conn); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) || len(all) > 0 && !bytes.HasPrefix(all, []byte("HTTP/1.1 408 ")) {
			t.Errorf("a silent one is answered %q, %v", all, err)
		}
	}
	if took := time.Since(began); took > proxyHeaderTime+5*time.Second {
		t.Errorf("silent ones are kept for %v", took)
	}
}

// All else that is done with a connection works: originals are sent from their files, uploads come in, and a client that leaves is noticed.
func TestProxyProtocolIsTransparent(t *testing.T) {
	s := serve(t)
	s.host = proxied(t, s.handler, 1000, "loopback")
	greeting := version2(t, "203.0.113.9:4711")
	s.client.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, network, address)
		if err == nil {
			_, err = io.WriteString(conn, greeting)
		}
		return conn, err
	}
	picture := encodePNG(t, photo(900, 700, 1))
	u := s.upload(picture)
	if a := s.mustGet(u.URL); !bytes.Equal(a.body, picture) {
		t.Error("the original comes back as something else")
	}
	s.mustGet(u.URL + "/rotate:90.webp")
	s.wantProblem("too large", s.do("POST", "/upload-image", bytes.NewReader(make([]byte, 8<<20))), http.StatusRequestEntityTooLarge, "upload-too-large")

	client, server := tcpPair(t)
	conn := net.Conn(&proxiedConn{countedConn: &countedConn{steadyConn: steadyConn{TCPConn: server, allowance: usual}, left: func() {}}})
	if _, ok := conn.(io.ReaderFrom); !ok {
		t.Error("files are not sent by the kernel")
	}
	socket, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if hasLeft(socket) {
		t.Error("a client that is there has left")
	}
	client.Close()
	for end := time.Now().Add(10 * time.Second); !hasLeft(socket); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nobody notices that a client has left")
		}
	}
}

func tcpPair(t testing.TB) (client, server *net.TCPConn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	dialled, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dialled.Close(); accepted.Close() })
	return dialled.(*net.TCPConn), accepted.(*net.TCPConn)
}
