//go:build cdn

package test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A framingRelay stands between a proxy and the server, passes everything on, and keeps it.
type framingRelay struct {
	listener net.Listener
	server   string
	mutex    sync.Mutex
	flows    []*framingFlow
	open     sync.WaitGroup
}

// A framingFlow is what went over one connection of a proxy to the server.
type framingFlow struct {
	mutex            sync.Mutex
	forward, back    bytes.Buffer
	proxyClosedFirst atomic.Bool
	serverClosed     atomic.Bool
}

func startFramingRelay(t testing.TB, server string) *framingRelay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &framingRelay{listener: listener, server: server}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			r.open.Go(func() { r.pass(conn) })
		}
	}()
	t.Cleanup(func() { listener.Close() })
	return r
}

func (r *framingRelay) pass(proxy net.Conn) {
	defer proxy.Close()
	server, err := net.Dial("tcp", r.server)
	if err != nil {
		return
	}
	defer server.Close()
	flow := &framingFlow{}
	r.mutex.Lock()
	r.flows = append(r.flows, flow)
	r.mutex.Unlock()
	var both sync.WaitGroup
	both.Go(func() {
		flow.copy(server, proxy, &flow.forward)
		if !flow.serverClosed.Load() {
			flow.proxyClosedFirst.Store(true)
		}
		server.(*net.TCPConn).CloseWrite()
	})
	both.Go(func() {
		flow.copy(proxy, server, &flow.back)
		flow.serverClosed.Store(true)
		proxy.(*net.TCPConn).CloseWrite()
	})
	both.Wait()
}

func (f *framingFlow) copy(to io.Writer, from io.Reader, kept *bytes.Buffer) {
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		f.mutex.Lock()
		kept.Write(buffer[:n])
		f.mutex.Unlock()
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// check compares the requests that net/http, which is neither the proxy nor the server, finds in what the proxy sent with the
// answers that the server gave. It returns the number of requests.
func (f *framingFlow) check() (requests int, err error) {
	sent := bufio.NewReader(bytes.NewReader(f.forward.Bytes()))
	answered := bufio.NewReader(bytes.NewReader(f.back.Bytes()))
	for closed := false; ; {
		request, problem := http.ReadRequest(sent)
		if problem == nil {
			_, problem = io.Copy(io.Discard, request.Body)
		}
		if problem == io.EOF {
			break // there are no more
		}
		answer, err := readFramingAnswer(answered, request)
		switch {
		case err != nil && (closed || f.proxyClosedFirst.Load()):
			return requests, nil // the server did not read it, or the proxy did not want to know
		case err != nil:
			return requests, fmt.Errorf("request %d has no answer: %w", requests+1, err)
		case closed:
			return requests, fmt.Errorf("request %d comes behind one that ended the connection, and is answered", requests+1)
		}
		closed = answer.closes
		if problem != nil {
			if !closed || answer.status < 400 {
				return requests, fmt.Errorf("net/http refuses request %d (%w), the server answers %d, closes %v", requests+1, problem, answer.status, closed)
			}
			break // what follows is nobody's request
		}
		requests++
		name := request.URL.Path[strings.LastIndexByte(request.URL.Path, '/')+1:]
		if strings.HasPrefix(name, "marker") && request.Method == http.MethodGet && !strings.Contains(answer.body, name) {
			return requests, fmt.Errorf("request %d, %s, gets the answer of another: %s", requests, name, answer.body)
		}
	}
	if answer, err := readFramingAnswer(answered, nil); err == nil {
		return requests, fmt.Errorf("%d requests, and one answer more: %+v", requests, answer)
	}
	return requests, nil
}

// The comparison sees what it is there for.
func TestFramingOfAFlow(t *testing.T) {
	answer := func(body, headers string) string {
		return fmt.Sprintf("HTTP/1.1 400 Bad Request\r\n%sContent-Length: %d\r\n\r\n%s", headers, len(body), body)
	}
	const closing = "Connection: close\r\n"
	f := func(what, sent, answered, want string) {
		t.Helper()
		flow := &framingFlow{}
		flow.forward.WriteString(sent)
		flow.back.WriteString(answered)
		_, err := flow.check()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", what, err, want)
		}
	}
	both := framingPost(fmt.Sprintf("Content-Length: %d\r\n", len(framingSmuggled)), framingSmuggled)
	one, two := framingMarker("marker-1"), framingMarker("marker-2")
	f("as many answers as requests", one+two, answer("marker-1", "")+answer("marker-2", ""), "")
	f("a body answered as a request", both, answer("", "")+answer("", ""), "1 requests, and one answer more")
	f("an answer too few", one+two, answer("marker-1", ""), "request 2 has no answer")
	f("the connection is closed", one+two, answer("marker-1", closing), "")
	f("the connection is said to be closed", one+two, answer("marker-1", closing)+answer("marker-2", ""), "behind one that ended the connection")
	f("the answer of another", one+two, answer("marker-2", "")+answer("marker-1", ""), "gets the answer of another")
	f("nonsense that is refused", "GET\r\n\r\n"+one, answer("", closing), "")
	f("nonsense that is not the end", "GET\r\n\r\n"+one, answer("", ""), "net/http refuses request 1")
}

// readFramingAnswer reads one answer, but for those that say to go on.
func readFramingAnswer(r *bufio.Reader, request *http.Request) (framingAnswer, error) {
	for {
		response, err := http.ReadResponse(r, request)
		if err != nil {
			return framingAnswer{}, err
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			return framingAnswer{}, err
		}
		if response.StatusCode >= 200 {
			return framingAnswer{response.StatusCode, response.Close, string(body)}, nil
		}
	}
}

// framingProgram starts a proxy and waits until it listens. It is stopped at the end of the test.
func framingProgram(t *testing.T, address, program string, arguments ...string) {
	t.Helper()
	command := exec.Command(program, arguments...)
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	t.Cleanup(func() {
		command.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(15 * time.Second):
			command.Process.Kill()
			t.Errorf("%s does not stop", program)
		}
		if t.Failed() {
			t.Logf("%s says: %.3000s", program, said.String())
		}
	})
	for end := time.Now().Add(framingPatience); ; time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("%s ends with %v: %s", program, err, said.String())
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not listen", program)
		}
	}
}

// framingPort is an address on which nobody listens.
func framingPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// framingInstalled returns the path of a program, and skips the test where there is none.
func framingInstalled(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrNotFound) {
		path, err = exec.LookPath("/usr/sbin/" + name)
	}
	if err != nil {
		t.Skipf("%s is not installed: %v", name, err)
	}
	return path
}

func TestFramingThroughNginx(t *testing.T) {
	t.Parallel()
	nginx := framingInstalled(t, "nginx")
	for _, buffering := range []string{"on", "off"} {
		t.Run("buffering "+buffering, func(t *testing.T) {
			t.Parallel()
			framingThrough(t, func(t *testing.T, address, origin string) {
				dir := t.TempDir()
				configuration := fmt.Sprintf(`
daemon off; master_process off; worker_processes 1; pid %[1]s/pid; error_log stderr crit;
events { worker_connections 256; }
http {
	access_log off;
	client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
	large_client_header_buffers 4 32k;
	# As much as nginx lets through.
	ignore_invalid_headers off; underscores_in_headers on; merge_slashes off;
	upstream origin { server %[3]s; keepalive 2; }
	server {
		listen %[2]s;
		location / {
			proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_request_buffering %[4]s; proxy_next_upstream off;
		}
	}
}
`, dir, address, origin, buffering)
				file := filepath.Join(dir, "nginx.conf")
				if err := os.WriteFile(file, []byte(configuration), 0o600); err != nil {
					t.Fatal(err)
				}
				framingProgram(t, address, nginx, "-p", dir, "-c", file)
			})
		})
	}
}

func TestFramingThroughVarnish(t *testing.T) {
	t.Parallel()
	varnish := framingInstalled(t, "varnishd")
	framingThrough(t, func(t *testing.T, address, origin string) {
		dir, err := os.MkdirTemp("", "framing") // the path of a socket is short
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		host, port, err := net.SplitHostPort(origin)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, "framing.vcl")
		if err := os.WriteFile(file, []byte(fmt.Sprintf(`vcl 4.1;
backend origin { .host = "%s"; .port = "%s"; }
sub vcl_recv { return (pass); }
`, host, port)), 0o644); err != nil {
			t.Fatal(err)
		}
		framingProgram(t, address, varnish, "-F", "-n", dir, "-j", "none", "-a", address, "-f", file, "-s", "malloc,16m",
			"-p", "thread_pools=1", "-p", "http_req_hdr_len=32k", "-p", "http_req_size=64k", "-p", "workspace_client=128k", "-p", "workspace_backend=128k")
	})
}

// framingThrough sends all cases through a proxy that start starts, and after each a request of another client, which must get its own
// answer. Then it compares what the proxy sent to the server with what that answered.
func framingThrough(t *testing.T, start func(t *testing.T, address, origin string)) {
	server := startFramingServer(t)
	relay := startFramingRelay(t, server.address)
	before := server.level()
	var requests, flows int
	t.Run("cases", func(t *testing.T) { // the proxy runs as long as this does
		address := framingPort(t)
		start(t, address, relay.listener.Addr().String())
		for i, c := range framingCases() {
			if t.Failed() {
				return
			}
			framingPoison(t, address, i, c)
		}
	})
	relay.listener.Close()
	relay.open.Wait()
	for _, flow := range relay.flows {
		n, err := flow.check()
		if err != nil {
			t.Errorf("%v\n the proxy sent %.2000q\n the server answered %.2000q", err, flow.forward.Bytes(), flow.back.Bytes())
		}
		requests += n
		flows++
	}
	t.Logf("%d requests came over %d connections", requests, flows)
	if requests < 100 {
		t.Errorf("the proxy passed on %d requests only", requests)
	}
	if n := server.failures(); n > 0 {
		t.Errorf("%d answers with status 500", n)
	}
	server.wantBack(before, 30*time.Second)
}

// framingPoison sends a case to a proxy, and then an innocent request over another connection.
func framingPoison(t *testing.T, address string, i int, c framingCase) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Errorf("%s: %v", c.name, err)
		return
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(framingPatience))
	done := make(chan struct{})
	marker := fmt.Sprintf("marker-of-%d", i)
	go func() {
		defer close(done)
		var all bytes.Buffer
		buffer := make([]byte, 16<<10)
		for {
			n, err := conn.Read(buffer)
			all.Write(buffer[:n])
			if err != nil || bytes.Contains(all.Bytes(), []byte(marker)) {
				return
			}
		}
	}()
	// The proxy may close the connection before it has everything.
	_, _ = io.WriteString(conn, c.sent+framingMarker(marker))
	innocent, err := net.Dial("tcp", address)
	if err != nil {
		t.Errorf("%s: %v", c.name, err)
		return
	}
	defer innocent.Close()
	innocent.SetDeadline(time.Now().Add(framingPatience))
	ask := func(name string) {
		if _, err := io.WriteString(innocent, framingMarker(name)); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	in := bufio.NewReader(innocent)
	for _, when := range []string{"while", "after"} {
		if when == "after" {
			select {
			case <-done:
			case <-time.After(150 * time.Millisecond): // the proxy waits for more
			}
			conn.Close()
		}
		name := fmt.Sprintf("marker-%s-%d", when, i)
		ask(name)
		if answer, err := readFramingAnswer(in, nil); err != nil || !strings.Contains(answer.body, name) {
			t.Errorf("%s: an innocent request gets %+v, %v", c.name, answer, err)
		}
	}
}
