//go:build remote

package test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// An upstream is a server of images that the program fetches from. Each has a loopback address of its own, so that what the program
// holds against one is not held against another. It speaks to the socket itself: what it says need not be HTTP.
type upstream struct {
	t        testing.TB
	listener net.Listener
	scheme   string
	secure   *tls.Config

	behaves     atomic.Pointer[behaviour] // nil while it is well, and serves the photo
	connections atomic.Int64
	mutex       sync.Mutex
	heads       []string // of all requests, as they came
	held        map[net.Conn]bool
}

// A behaviour is what an upstream does instead of serving the photo. It has done all that it does when do returns; the connection is then closed.
type behaviour struct {
	name string
	do   func(e *exchange)
	// early is a behaviour that begins on the bare connection: before TLS, and before a request is read.
	early bool
}

// An exchange is one connection to an upstream, with the head of its request. Its writes fail when the program has gone.
type exchange struct {
	net.Conn
	up     *upstream
	head   string // up to and with the empty line
	target string
}

// upstreams counts those that were started, for their addresses.
var upstreams atomic.Int64

// newUpstream starts an upstream that is well.
func newUpstream(t testing.TB) *upstream {
	t.Helper()
	n := upstreams.Add(1)
	u := &upstream{t: t, scheme: "http", held: map[net.Conn]bool{}}
	u.listen(fmt.Sprintf("127.77.%d.%d:0", n/250, 1+n%250))
	t.Cleanup(u.goes)
	return u
}

func (u *upstream) listen(address string) {
	u.t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		u.t.Fatal(err)
	}
	u.listener = listener
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			u.connections.Add(1)
			go u.serve(conn)
		}
	}()
}

// goes ends the upstream: nothing listens any more, and what was open is closed.
func (u *upstream) goes() {
	u.listener.Close()
	u.mutex.Lock()
	defer u.mutex.Unlock()
	for conn := range u.held {
		conn.Close()
	}
}

// returns has an upstream that was gone listen again, where it did.
func (u *upstream) returns() {
	u.t.Helper()
	u.listen(u.listener.Addr().String())
}

func (u *upstream) ip() net.IP               { return u.listener.Addr().(*net.TCPAddr).IP }
func (u *upstream) root() string             { return u.scheme + "://" + u.listener.Addr().String() }
func (u *upstream) url(path string) string   { return u.root() + path }
func (u *upstream) becomes(b *behaviour)     { u.behaves.Store(b) }
func (u *upstream) does(f func(e *exchange)) { u.becomes(&behaviour{do: f}) }

// asked returns the heads of all requests so far.
func (u *upstream) asked() []string {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	return slices.Clone(u.heads)
}

func (u *upstream) serve(conn net.Conn) {
	u.mutex.Lock()
	u.held[conn] = true
	u.mutex.Unlock()
	defer func() {
		conn.Close()
		u.mutex.Lock()
		defer u.mutex.Unlock()
		delete(u.held, conn)
	}()
	conn.SetDeadline(time.Now().Add(time.Minute))
	b := u.behaves.Load()
	if b != nil && b.early {
		b.do(&exchange{Conn: conn, up: u})
		return
	}
	e := &exchange{Conn: conn, up: u}
	if u.secure != nil {
		e.Conn = tls.Server(conn, u.secure)
	}
	if !e.read() {
		return
	}
	if b == nil {
		e.photo()
	} else {
		b.do(e)
	}
	e.Close() // which TLS tells the other side
}

// read takes the head of a request, and tells whether one came.
func (e *exchange) read() bool {
	in := bufio.NewReader(e.Conn)
	var head strings.Builder
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return false
		}
		head.WriteString(line)
		if strings.TrimSpace(line) == "" {
			break
		}
	}
	e.head = head.String()
	if fields := strings.Fields(e.head); len(fields) > 1 {
		e.target = fields[1]
	}
	e.up.mutex.Lock()
	defer e.up.mutex.Unlock()
	e.up.heads = append(e.up.heads, e.head)
	return true
}

// say writes parts, which are strings or bytes, one after the other, and tells whether all of them could be written.
func (e *exchange) say(parts ...any) bool {
	for _, part := range parts {
		var err error
		switch part := part.(type) {
		case string:
			_, err = e.Write([]byte(part))
		case []byte:
			_, err = e.Write(part)
		}
		if err != nil {
			return false
		}
	}
	return true
}

// flood writes one thing again and again, with a pause between, until the program has gone.
func (e *exchange) flood(pause time.Duration, part string) {
	for e.say(part) {
		time.Sleep(pause)
	}
}

// linger keeps the connection open and silent until the program has gone.
func (e *exchange) linger() { io.Copy(io.Discard, e) }

// reset has the connection end by RST.
func (e *exchange) reset() {
	if c, ok := e.Conn.(*net.TCPConn); ok {
		c.SetLinger(0)
	}
	e.Close()
}

// photo serves the photo as a good server does: for a minute, and below /stale for no time.
func (e *exchange) photo() {
	age := "60"
	if strings.HasPrefix(e.target, "/stale") {
		age = "0"
	}
	e.say(head("200 OK", "Content-Type: image/jpeg", fmt.Sprintf("Content-Length: %d", len(thePhoto())), "Cache-Control: max-age="+age), thePhoto())
}

// head is the head of an answer.
func head(status string, headers ...string) string {
	return "HTTP/1.1 " + status + "\r\nConnection: close\r\n" + strings.Join(append(headers, "", ""), "\r\n")
}

// fetched is the head of an answer with a picture, which may be kept for a minute.
func fetched(headers ...string) string {
	return head("200 OK", append([]string{"Content-Type: image/jpeg", "Cache-Control: max-age=60"}, headers...)...)
}

// withLength is the head of such an answer of a length that is told.
func withLength(length int, headers ...string) string {
	return fetched(append(headers, fmt.Sprintf("Content-Length: %d", length))...)
}

// chunk is a chunk of a body.
func chunk(data []byte) string { return fmt.Sprintf("%x\r\n%s\r\n", len(data), data) }

// thePhoto is the picture that all upstreams have: a JPEG of 480×320 pixels.
var thePhoto = sync.OnceValue(func() []byte {
	data, err := os.ReadFile("../docs/samples/landscape.jpg")
	if err != nil {
		panic(err)
	}
	return data
})
