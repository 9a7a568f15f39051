package handler

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp"

	"calotype/transform"
)

// A socket is the server's end of a connection, which notes when it is looked at.
type socket struct {
	server, client int
	began          time.Time

	mutex  sync.Mutex
	looks  []time.Duration
	closed bool // by the server
}

func newSocket(t *testing.T) *socket {
	t.Helper()
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := &socket{server: ends[0], client: ends[1], began: time.Now()}
	t.Cleanup(func() {
		syscall.Close(s.server)
		s.leave()
	})
	return s
}

// leave closes the client's end.
func (s *socket) leave() {
	if s.client >= 0 {
		syscall.Close(s.client)
		s.client = -1
	}
}

func (s *socket) Control(f func(uintptr)) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.looks = append(s.looks, time.Since(s.began))
	if s.closed {
		return net.ErrClosed
	}
	f(uintptr(s.server))
	return nil
}

// close ends the connection on the server's side.
func (s *socket) close() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.closed = true
}

// looked returns how long after the beginning it was looked.
func (s *socket) looked() []time.Duration {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.looks)
}

func (s *socket) Read(func(uintptr) bool) error  { return errors.ErrUnsupported }
func (s *socket) Write(func(uintptr) bool) error { return errors.ErrUnsupported }

// A plugged connection shows a socket.
type plugged struct {
	net.Conn
	socket syscall.RawConn
}

func (p plugged) SyscallConn() (syscall.RawConn, error) { return p.socket, nil }

// wait begins to wait for something under work, for a client at the other end of conn.
func wait(work context.Context, conn net.Conn) (_ context.Context, stop func()) {
	var ctx fasthttp.RequestCtx
	ctx.Init2(conn, quiet{}, false)
	return (&Handler{work: work}).whileConnected(&ctx)
}

func TestWaitForAClient(t *testing.T) {
	const ms = time.Millisecond
	never := func(*testing.T, *socket) {}
	f := func(what string, after time.Duration, act func(*testing.T, *socket), gone bool, looks ...time.Duration) {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSocket(t)
				waiting, stop := wait(t.Context(), plugged{socket: s})
				time.Sleep(after)
				act(t, s)
				time.Sleep(600*ms - after)
				synctest.Wait()
				if cause := context.Cause(waiting); gone != (cause == errGone) || !gone && cause != nil {
					t.Errorf("the wait has ended with %v", cause)
				}
				if got := s.looked(); !slices.Equal(got, looks) {
					t.Errorf("looked at %v, want %v", got, looks)
				}
				stop()
				if waiting.Err() == nil {
					t.Error("the wait has not ended")
				}
				time.Sleep(time.Minute)
				if len(s.looked()) != len(looks) {
					t.Error("looked after stop")
				}
			})
		})
	}
	send := func(t *testing.T, s *socket) {
		if _, err := syscall.Write(s.client, []byte("GET / ")); err != nil {
			t.Fatal(err)
		}
	}
	all := []time.Duration{50 * ms, 150 * ms, 350 * ms}
	f("it waits", 0, never, false, all...)
	f("it leaves at once", 0, func(_ *testing.T, s *socket) { s.leave() }, true, all[:1]...)
	f("it leaves later", 200*ms, func(_ *testing.T, s *socket) { s.leave() }, true, all[:3]...)
	f("it closes its sending half", 200*ms, func(t *testing.T, s *socket) {
		if err := syscall.Shutdown(s.client, syscall.SHUT_WR); err != nil {
			t.Fatal(err)
		}
	}, true, all[:3]...)
	f("the server closes", 200*ms, func(_ *testing.T, s *socket) { s.close() }, true, all[:3]...)
	f("it sends its next request", 200*ms, send, false, all...)
	f("it sends its next request and leaves", 200*ms, func(t *testing.T, s *socket) { send(t, s); s.leave() }, false, all...)
}

func TestWaitTakesNothingFromTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSocket(t)
		const next = "GET /health HTTP/1.1\r\n"
		if _, err := syscall.Write(s.client, []byte(next)); err != nil {
			t.Fatal(err)
		}
		_, stop := wait(t.Context(), plugged{socket: s})
		time.Sleep(time.Second)
		stop()
		buffer := make([]byte, 100)
		n, err := syscall.Read(s.server, buffer)
		if err != nil || string(buffer[:n]) != next || len(s.looked()) != 4 {
			t.Errorf("%q after %d looks, %v", buffer[:n], len(s.looked()), err)
		}
	})
}

func TestWaitThatIsOverLooksNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSocket(t)
		s.leave()
		waiting, stop := wait(t.Context(), plugged{socket: s})
		time.Sleep(firstLook - 1)
		stop()
		time.Sleep(time.Minute)
		if got := s.looked(); len(got) != 0 || context.Cause(waiting) != context.Canceled {
			t.Errorf("looked at %v, ended with %v", got, context.Cause(waiting))
		}
		stop()
	})
}

// A look whose time has come just before stop is not made after it.
func TestLookThatComesTooLate(t *testing.T) {
	s := newSocket(t)
	_, cancel := context.WithCancelCause(t.Context())
	w := &watch{cancel: cancel}
	w.begin(s)
	w.stop()
	w.look()
	if got := s.looked(); len(got) != 0 {
		t.Errorf("looked at %v", got)
	}
}

func TestWaitEndsWithTheWork(t *testing.T) {
	work, cancel := context.WithCancel(t.Context())
	waiting, stop := wait(work, plugged{socket: newSocket(t)})
	defer stop()
	cancel()
	<-waiting.Done()
	if cause := context.Cause(waiting); cause != context.Canceled {
		t.Errorf("ended with %v", cause)
	}
}

func TestConnectionWithoutASocketIsNeverGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		client.Close()
		server.Close()
		for what, conn := range map[string]net.Conn{"closed pipe": server, "none": nil} {
			waiting, stop := wait(t.Context(), conn)
			time.Sleep(time.Minute)
			if waiting.Err() != nil {
				t.Errorf("%s: %v", what, waiting.Err())
			}
			stop()
		}
	})
}

// A slowSocket takes its time to be looked at.
type slowSocket struct {
	socket
	entered chan struct{}
	left    atomic.Bool
}

func (s *slowSocket) Control(func(uintptr)) error {
	close(s.entered)
	time.Sleep(20 * time.Millisecond) // room for a stop that does not wait to return too early
	s.left.Store(true)
	return nil
}

func TestStopWaitsForALook(t *testing.T) {
	s := &slowSocket{entered: make(chan struct{})}
	_, stop := wait(t.Context(), plugged{socket: s})
	<-s.entered
	stop()
	if !s.left.Load() {
		t.Error("stop has returned while the connection was looked at")
	}
}

// A slowPrint is a print that is being made until the test says that it is ready.
type slowPrint struct {
	site  *site
	path  string
	leave func() // takes back the test's own interest in it; the clients are then the only ones who wait
	ready func()
	ended chan error // gets the cause when its making is given up
}

// makeSlowly begins to make the print that target asks for, before any client does.
func (s *site) makeSlowly(target string) *slowPrint {
	s.t.Helper()
	parsed, err := transform.Parse(strings.TrimPrefix(target, "/download/"))
	if err != nil {
		s.t.Fatal(err)
	}
	o, err := s.handler.record(parsed.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	p := s.handler.describePrint(keptHere(o), nil, parsed.Chain.Settle(seen(o), ""))
	ctx, cancel := context.WithCancel(s.t.Context())
	slow := &slowPrint{site: s, path: p.path, ended: make(chan error, 1)}
	started, left, ready := make(chan struct{}), make(chan struct{}), make(chan struct{})
	slow.ready = sync.OnceFunc(func() { close(ready) })
	slow.leave = func() { cancel(); <-left }
	go func() {
		defer close(left)
		_, _, _ = s.handler.prints.Load(ctx, p.path, func(ctx context.Context) (*printed, error) {
			close(started)
			select {
			case <-ctx.Done():
				slow.ended <- context.Cause(ctx)
				return nil, ctx.Err()
			case <-ready:
				made := *p
				made.rendition = &transform.Rendition{Body: []byte("the print")}
				return &made, nil
			}
		})
	}()
	<-started
	s.t.Cleanup(func() {
		slow.leave()
		slow.ready() // a server with requests that still wait does not stop
	})
	return slow
}

// joinedBy waits until so many requests wait for slow prints of the site, and takes back the test's interest.
func (p *slowPrint) joinedBy(clients uint64) {
	p.site.t.Helper()
	for end := time.Now().Add(20 * time.Second); p.site.handler.prints.Stats().Joined < clients; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			p.site.t.Fatalf("%s is not waited for by %d clients", p.path, clients)
		}
	}
	p.leave()
}

// wantGivenUp waits until the making of the print is given up.
func (p *slowPrint) wantGivenUp() {
	p.site.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(20 * time.Second):
		p.site.t.Fatalf("%s is made for nobody", p.path)
	}
}

// ask sends a request for target on a connection of its own.
func (s *site) ask(target string) *net.TCPConn {
	s.t.Helper()
	conn := s.dial()
	if _, err := io.WriteString(conn, "GET "+target+" HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		s.t.Fatal(err)
	}
	return conn
}

// answered reads the answer to ask.
func (s *site) answered(conn net.Conn) answer {
	s.t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: "GET"})
	if err != nil {
		s.t.Fatal(err)
	}
	return read(s.t, "asked", response)
}

func TestPrintForAClientWhoHasLeftIsGivenUp(t *testing.T) {
	s := serve(t)
	u := s.upload(draws(t, "rg", "by"))
	f := func(chain string, leave func(*net.TCPConn) error) {
		t.Helper()
		target := u.URL + chain
		before := s.handler.prints.Stats().Joined
		slow := s.makeSlowly(target)
		conn := s.ask(target)
		slow.joinedBy(before + 1)
		if err := leave(conn); err != nil {
			t.Fatal(err)
		}
		slow.wantGivenUp()
		s.mustGet(target) // who comes later starts anew
	}
	closing := func(conn *net.TCPConn) error { return conn.Close() }
	f("/rotate:90.png", closing)
	f("/Rotate=180.PNG", closing)
	f("/rotate:270.auto", closing)
	f("/flip:v.json", closing)
	f("/flip:h.png", func(conn *net.TCPConn) error {
		if err := conn.SetLinger(0); err != nil {
			return err
		}
		return conn.Close() // with nothing to linger for it resets the connection
	})
}

func TestClientWhoClosesItsSendingHalfIsTakenAsGone(t *testing.T) {
	s := serve(t)
	u := s.upload(draws(t, "rg", "by"))
	for i, target := range []string{u.URL + "/rotate:90.png", u.URL + "/rotate:180.json"} {
		slow := s.makeSlowly(target)
		conn := s.ask(target)
		slow.joinedBy(uint64(i) + 1)
		if err := conn.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		s.wantProblem(target, s.answered(conn), http.StatusServiceUnavailable, "client-gone")
		slow.wantGivenUp()
	}
	if text := s.log.String(); text != "" {
		t.Errorf("the log tells of it: %s", text)
	}
}

func TestClientWhoWaitsGetsThePrint(t *testing.T) {
	s := serve(t)
	u := s.upload(draws(t, "rg", "by"))
	target := u.URL + "/rotate:90.png"
	slow := s.makeSlowly(target)
	patient, sender, leaver := s.ask(target), s.ask(target), s.ask(target)
	slow.joinedBy(3)
	if _, err := io.WriteString(sender, "GET "+target+" HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil { // its next request
		t.Fatal(err)
	}
	if err := leaver.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	// Its answer shows that the connections are looked at, and that it has left the two others alone with the print.
	s.wantProblem("the one who leaves", s.answered(leaver), http.StatusServiceUnavailable, "client-gone")
	slow.ready()
	for what, conn := range map[string]net.Conn{"the one who waits": patient, "the one who sends": sender} {
		if a := s.answered(conn); a.status != http.StatusOK || string(a.body) != "the print" {
			t.Errorf("%s: %d %s", what, a.status, a.body)
		}
	}
	select {
	case err := <-slow.ended:
		t.Errorf("the print was given up: %v", err)
	default:
	}
}

func BenchmarkWhileConnected(b *testing.B) {
	s := serve(b)
	conn := s.dial()
	var ctx fasthttp.RequestCtx
	ctx.Init2(conn, quiet{}, false)
	b.ReportAllocs()
	for b.Loop() {
		_, stop := s.handler.whileConnected(&ctx)
		stop()
	}
}
