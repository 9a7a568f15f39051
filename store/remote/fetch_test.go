package remote

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// site is a server of one test.
type site struct {
	*httptest.Server
	mu   sync.Mutex
	seen []*http.Request
}

func serve(t testing.TB, h http.HandlerFunc) *site {
	t.Helper()
	o := &site{}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		o.seen = append(o.seen, r)
		o.mu.Unlock()
		h(w, r)
	}))
	t.Cleanup(o.Close)
	return o
}

// take returns the requests so far, and forgets them.
func (o *site) take() []*http.Request {
	o.mu.Lock()
	defer o.mu.Unlock()
	seen := o.seen
	o.seen = nil
	return seen
}

// local is a fetcher that reaches the origins of tests.
func local(t testing.TB, o Options) *Fetcher {
	o.Networks = loopback
	return newFetcher(t, o)
}

// fetch fetches the source that a text names, which is allowed, and with it all of the same host.
func fetch(t testing.TB, f *Fetcher, text string) (Response, string, error) {
	t.Helper()
	s := parse(t, text)
	var body bytes.Buffer
	response, err := f.Fetch(context.Background(), Request{Source: s, Allowed: allow(t, s.Scheme()+"://"+s.Host())}, &body)
	if response.Bytes != int64(body.Len()) {
		t.Errorf("%s: it says %d bytes and wrote %d", text, response.Bytes, body.Len())
	}
	return response, body.String(), err
}

func TestFetch(t *testing.T) {
	o := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"a"`)
		serveImage(w, r)
	})
	before := time.Now()
	r, body, err := fetch(t, local(t, Options{}), o.URL+"/a%2Fb.jpg?c=%7e")
	if err != nil || body != image {
		t.Fatalf("%q, %v", body, err)
	}
	if r.Status != 200 || r.Header.Get("ETag") != `"a"` || r.Final.String() != o.URL+"/a%2Fb.jpg?c=%7e" || r.Redirects != nil {
		t.Errorf("%+v", r)
	}
	if r.Asked.Before(before) || r.At.Before(r.Asked) || r.At.After(time.Now()) {
		t.Errorf("asked at %s, answered at %s", r.Asked, r.At)
	}
	if seen := o.take(); len(seen) != 1 || seen[0].RequestURI != "/a%2Fb.jpg?c=%7e" || seen[0].Method != "GET" || "http://"+seen[0].Host != o.URL {
		t.Errorf("asked by %+v", seen)
	}
}

func TestWhatIsNotAllowedIsNotAskedFor(t *testing.T) {
	o := serve(t, serveImage)
	f := local(t, Options{Self: []string{"self.example", "127.0.0.1:1", "[::1]:8080"}})
	everything := allow(t, o.URL, "http://self.example", "http://127.0.0.1:1", "http://[::1]:8080", "https://self.example", "http://127.0.0.1:2")
	refused := func(text string, allowed *Allowed, want error) {
		t.Helper()
		r, err := f.Fetch(context.Background(), Request{Source: parse(t, text), Allowed: allowed}, io.Discard)
		if !errors.Is(err, want) || r.Status != 0 {
			t.Errorf("%s: %+v, %v, want %v", text, r, err, want)
		}
	}
	refused(o.URL, nil, ErrNotAllowed)
	refused(o.URL, allow(t, o.URL+"/photos/"), ErrNotAllowed)
	refused("s3://bucket/a", allow(t, "s3://bucket"), ErrNotAllowed)
	refused("local:///a", allow(t, "local:///"), ErrNotAllowed)
	refused("http://self.example/a", everything, ErrLoop)
	refused("https://self.example/a", everything, ErrLoop)
	refused("http://127.0.0.1:1/", everything, ErrLoop)
	refused("http://[::1]:8080/", everything, ErrLoop)
	refused("http://127.0.0.1:2/", everything, ErrOrigin) // nobody listens there
	if seen := o.take(); len(seen) != 0 {
		t.Errorf("asked %d times", len(seen))
	}
	if _, err := f.Fetch(context.Background(), Request{Allowed: everything}, io.Discard); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("no source: %v", err)
	}
}

func TestWhatAnOriginIsTold(t *testing.T) {
	o := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/there" {
			w.Header().Set("Set-Cookie", "a=b")
			http.Redirect(w, r, "/here", http.StatusFound)
			return
		}
		serveImage(w, r)
	})
	f := local(t, Options{Headers: []string{"accept-language", "X-Tenant"}})
	headers := map[string]string{
		"Accept-Language": "de", "x-tenant": "a", "X-TENANT-2": "no", "Authorization": "no", "Cookie": "no", "Referer": "no", "Origin": "no", "User-Agent": "no", "Accept": "no", "Accept-Encoding": "no", "X-Forwarded-For": "no", "Forwarded": "no", "Via": "no",
		"Range": "no", "If-None-Match": "no", "Host": "no", "Proxy-Authorization": "no", "Te": "no", "Traceparent": "no", "Sec-Fetch-Site": "no",
	}
	if _, err := f.Fetch(context.Background(), Request{Source: parse(t, o.URL+"/there"), Allowed: allow(t, o.URL), Headers: headers}, io.Discard); err != nil {
		t.Fatal(err)
	}
	want := "Accept: image/*, */*;q=0.1\nAccept-Encoding: identity\nAccept-Language: de\nUser-Agent: Calotype\nVia: " + f.via + "\nX-Tenant: a\n"
	for _, r := range o.take() {
		var told bytes.Buffer
		r.Header.Write(&told)
		if got := strings.ReplaceAll(told.String(), "\r\n", "\n"); got != want {
			t.Errorf("%s was asked for with\n%swant\n%s", r.URL, got, want)
		}
	}
	if !strings.HasPrefix(f.via, "1.1 calotype-") || len(f.via) < 20 || f.via == local(t, Options{}).via {
		t.Errorf("Via is %q", f.via)
	}

	// What could be a second header is none.
	_, err := f.Fetch(context.Background(), Request{Source: parse(t, o.URL), Allowed: allow(t, o.URL), Headers: map[string]string{"X-Tenant": "a\r\nCookie: b"}}, io.Discard)
	if !errors.Is(err, ErrSource) || len(o.take()) != 0 {
		t.Errorf("a header with a line break: %v", err)
	}
	for _, name := range []string{"", "Range", "host", "via", "ACCEPT-ENCODING", "If-None-Match", "a b", "a:", "a\r\nb", "transfer-encoding"} {
		if _, err := NewFetcher(Options{Headers: []string{name}}); err == nil {
			t.Errorf("header %q may be passed on", name)
		}
	}
}

// The headers of a client go to the host it has named, and to no other.
func TestHeadersAreNotTakenElsewhere(t *testing.T) {
	other := serve(t, serveImage)
	o := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) })
	f := local(t, Options{Headers: []string{"Authorization"}})
	r, err := f.Fetch(context.Background(), Request{Source: parse(t, o.URL), Allowed: allow(t, o.URL, other.URL), Headers: map[string]string{"authorization": "secret"}}, io.Discard)
	if err != nil || r.Final.String() != other.URL+"/" {
		t.Fatalf("%+v, %v", r, err)
	}
	if first, second := o.take()[0].Header.Get("Authorization"), other.take()[0].Header.Get("Authorization"); first != "secret" || second != "" {
		t.Errorf("the first host was told %q, the second %q", first, second)
	}
}

func TestRevalidation(t *testing.T) {
	o := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/moved":
			http.Redirect(w, r, "/new", http.StatusFound)
		case r.Header.Get("If-None-Match") == `"a"` || r.Header.Get("If-Modified-Since") != "" || r.URL.Path == "/always304":
			w.Header().Set("Cache-Control", "max-age=5")
			w.WriteHeader(http.StatusNotModified)
		default:
			serveImage(w, r)
		}
	})
	f := local(t, Options{})
	check := func(path, from, etag, date string, status int, want error) {
		t.Helper()
		request := Request{Source: parse(t, o.URL+path), Allowed: allow(t, o.URL), ETag: etag, LastModified: date}
		if from != "" {
			request.From = parse(t, o.URL+from)
		}
		var body strings.Builder
		r, err := f.Fetch(context.Background(), request, &body)
		if r.Status != status || !errors.Is(err, want) {
			t.Errorf("%s: %d, %v, want %d, %v", path, r.Status, err, status, want)
		}
		if status == 304 && (body.Len() != 0 || r.Bytes != 0) || status == 304 && r.Header.Get("Cache-Control") != "max-age=5" {
			t.Errorf("%s: %+v with %d bytes", path, r, body.Len())
		}
	}
	const date = "Mon, 02 Nov 2026 10:00:00 GMT"
	check("/a", "/a", `"a"`, "", 304, nil)
	check("/a", "/a", "", date, 304, nil)
	check("/a", "/a", `"b"`, "", 200, nil)
	check("/a", "", `"a"`, date, 200, nil)
	check("/moved", "/new", `"a"`, "", 304, nil)
	check("/moved", "/old", `"a"`, date, 200, nil) // what is kept came from elsewhere
	check("/always304", "", "", "", 304, ErrOrigin)
	check("/always304", "/always304", "", "", 304, ErrOrigin)
}

func TestRedirects(t *testing.T) {
	o := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if n := r.URL.Query().Get("n"); n != "" && n != "0" {
			w.Header().Set("X-Step", n)
			w.Header().Set("Location", fmt.Sprintf("?n=%d", n[0]-'1'))
			w.WriteHeader(http.StatusMovedPermanently)
			return
		}
		switch path := r.URL.Path; path {
		case "/loop", "/loop/a":
			http.Redirect(w, r, map[string]string{"/loop": "/loop/a", "/loop/a": "/loop"}[path], http.StatusFound)
		case "/self":
			http.Redirect(w, r, "/self", http.StatusTemporaryRedirect)
		case "/nowhere":
			w.WriteHeader(http.StatusFound)
		case "/private":
			http.Redirect(w, r, "/secret/a", http.StatusFound)
		case "/back":
			http.Redirect(w, r, "http://self.example/", http.StatusFound)
		case "/300", "/304", "/305":
			w.Header().Set("Location", "/photos/a")
			w.WriteHeader(int(path[3]-'0') + 300)
		default:
			serveImage(w, r)
		}
	})
	f := local(t, Options{Self: []string{"self.example"}})
	check := func(path string, requests int, want error) Response {
		t.Helper()
		r, err := f.Fetch(context.Background(), Request{Source: parse(t, o.URL+path), Allowed: allow(t, o.URL, "http://self.example")}, io.Discard)
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
		if n := len(o.take()); n != requests {
			t.Errorf("%s: %d requests, want %d", path, n, requests)
		}
		return r
	}
	r := check("/a?n=3", 4, nil)
	if r.Final.String() != o.URL+"/a?n=0" || len(r.Redirects) != 3 {
		t.Fatalf("%+v", r)
	}
	for i, step := range []string{"3", "2", "1"} {
		if got := r.Redirects[i]; got.Status != 301 || got.Header.Get("X-Step") != step || got.From.String() != o.URL+"/a?n="+step || got.At.Before(got.Asked) || got.Asked.IsZero() {
			t.Errorf("step %d: %+v", i, got)
		}
	}
	check("/a?n=4", 4, ErrOrigin)
	check("/loop", 2, ErrOrigin)
	check("/self", 1, ErrOrigin)
	check("/nowhere", 1, ErrOrigin)
	check("/back", 1, ErrNotAllowed)
	check("/300", 1, ErrOrigin)
	check("/304", 1, ErrOrigin)
	check("/305", 1, ErrOrigin)

	_, err := f.Fetch(context.Background(), Request{Source: parse(t, o.URL+"/private"), Allowed: allow(t, o.URL+"/private")}, io.Discard)
	if !errors.Is(err, ErrNotAllowed) || strings.Contains(err.Error(), "secret") || !strings.Contains(Cause(err).Error(), "/secret/a") {
		t.Errorf("a redirect out of the folder: %v (%v)", err, Cause(err))
	}
}

func TestEncryption(t *testing.T) {
	plain := serve(t, serveImage)
	secret := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/plain" {
			http.Redirect(w, r, plain.URL, http.StatusFound)
			return
		}
		serveImage(w, r)
	}))
	defer secret.Close()
	roots := x509.NewCertPool()
	roots.AddCert(secret.Certificate())
	known := local(t, Options{Roots: roots})
	if _, body, err := fetch(t, known, secret.URL); err != nil || body != image {
		t.Errorf("%q, %v", body, err)
	}
	_, err := known.Fetch(context.Background(), Request{Source: parse(t, secret.URL+"/plain"), Allowed: allow(t, secret.URL, plain.URL)}, io.Discard)
	if !errors.Is(err, ErrNotAllowed) || len(plain.take()) != 0 {
		t.Errorf("from https to http: %v", err)
	}
	if _, _, err := fetch(t, local(t, Options{}), secret.URL); !errors.Is(err, ErrOrigin) || passes(err) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate of somebody else: %v", err)
	}
	name := strings.Replace(secret.URL, "127.0.0.1", "other.test", 1)
	n := &names{}
	n.set("other.test", here)
	if _, _, err := fetch(t, local(t, Options{Roots: roots, Resolver: n.resolver()}), name); !errors.Is(err, ErrOrigin) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate for another name: %v", err)
	}
	secret.TLS.MaxVersion = tls.VersionTLS11
	if _, _, err := fetch(t, local(t, Options{Roots: roots}), secret.URL); !errors.Is(err, ErrOrigin) {
		t.Errorf("TLS 1.1: %v", err)
	}
	if _, _, err := fetch(t, known, "https"+strings.TrimPrefix(plain.URL, "http")); !errors.Is(err, ErrOrigin) {
		t.Errorf("no TLS: %v", err)
	}
}

func TestStatuses(t *testing.T) {
	for status := 200; status < 600; status++ {
		want := ErrOrigin
		switch status {
		case 200:
			want = nil
		case 404, 410:
			want = ErrMissing
		}
		o := answerRaw(t, fmt.Sprintf("HTTP/1.1 %d x\r\nContent-Range: bytes 0-1/5\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nok", status))
		r, _, err := fetch(t, local(t, Options{}), o)
		if !errors.Is(err, want) || r.Status != status || r.Header.Get("Retry-After") != "7" {
			t.Errorf("%d: %d, %v, want %v", status, r.Status, err, want)
		}
		if passing := status == 502 || status == 503 || status == 504; passes(err) != passing {
			t.Errorf("%d: it passes: %v", status, passes(err))
		}
	}
}

// answerRaw serves bytes to each request, then closes the connection, and returns the address.
func answerRaw(t testing.TB, answer string) string {
	t.Helper()
	return speak(t, func(conn net.Conn) { io.WriteString(conn, answer) })
}

// speak has a function answer on each connection once a request has come.
func speak(t testing.TB, answer func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					answer(conn)
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

func TestAnswersThatAreNotWhole(t *testing.T) {
	f := local(t, Options{MaxBytes: 1000})
	check := func(what, answer string, want error, passing bool) {
		t.Helper()
		_, body, err := fetch(t, f, answerRaw(t, answer))
		if !errors.Is(err, want) || passes(err) != passing {
			t.Errorf("%s: %q, %v (%v), passes %v, want %v", what, body, err, Cause(err), passes(err), want)
		}
		if err != nil && strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("%s: the error names an address: %v", what, err)
		}
	}
	const ok = "HTTP/1.1 200 OK\r\n"
	check("whole", ok+"Content-Length: 2\r\n\r\nok", nil, false)
	check("longer than it says", ok+"Content-Length: 2\r\n\r\nokay", nil, false)
	check("chunked", ok+"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", nil, false)
	check("identity", ok+"Content-Encoding: identity\r\nContent-Length: 2\r\n\r\nok", nil, false)
	check("after a hint", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"+ok+"Content-Length: 2\r\n\r\nok", nil, false)
	check("empty", ok+"Content-Length: 0\r\n\r\n", nil, false)
	check("as much as may be", ok+"Content-Length: 1000\r\n\r\n"+strings.Repeat("a", 1000), nil, false)

	check("nothing", "", ErrOrigin, true)
	check("half a head", ok+"Content-Length: 2\r\n", ErrOrigin, true)
	check("half a header", ok+"Content-Le", ErrOrigin, false)
	check("shorter than it says", ok+"Content-Length: 5\r\n\r\nok", ErrOrigin, true)
	check("half a chunk", ok+"Transfer-Encoding: chunked\r\n\r\n5\r\nok", ErrOrigin, true)
	check("no last chunk", ok+"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", ErrOrigin, true)
	check("no length", ok+"\r\nok", ErrOrigin, false)
	check("no length, HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nok", ErrOrigin, false)
	check("two lengths", ok+"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok", ErrOrigin, false)
	check("a bad length", ok+"Content-Length: -2\r\n\r\nok", ErrOrigin, false)
	check("a bad chunk", ok+"Transfer-Encoding: chunked\r\n\r\nxyz\r\nok\r\n0\r\n\r\n", ErrOrigin, false)
	check("no HTTP", "SSH-2.0-OpenSSH_9.2\r\n", ErrOrigin, false)
	check("a head without end", ok+strings.Repeat("A: b\r\n", 20000), ErrOrigin, false)
	check("one header without end", ok+"A: "+strings.Repeat("b", 1<<20), ErrOrigin, false)
	check("hints without end", strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 10000), ErrOrigin, false)
	check("another protocol", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n", ErrOrigin, false)
	for _, encoding := range []string{"gzip", "br", "deflate", "zstd", "x-gzip", "identity, gzip", "aws-chunked"} {
		check(encoding, ok+"Content-Encoding: "+encoding+"\r\nContent-Length: 2\r\n\r\nok", ErrOrigin, false)
	}
	check("a byte too much", ok+"Content-Length: 1001\r\n\r\n"+strings.Repeat("a", 1001), ErrTooLarge, false)
	check("terabytes", ok+"Content-Length: 1099511627776\r\n\r\na", ErrTooLarge, false)
	check("a byte too much in chunks", ok+"Transfer-Encoding: chunked\r\n\r\n3e9\r\n"+strings.Repeat("a", 1001)+"\r\n0\r\n\r\n", ErrTooLarge, false)
}

func TestSlowOrigins(t *testing.T) {
	const (
		timeout = 400 * time.Millisecond
		longest = 30 * time.Second // on a machine that is busy
	)
	drip := func(head, piece string, pause time.Duration) func(net.Conn) {
		return func(conn net.Conn) {
			io.WriteString(conn, head)
			for {
				if _, err := io.WriteString(conn, piece); err != nil {
					return
				}
				time.Sleep(pause)
			}
		}
	}
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
	for what, answer := range map[string]func(net.Conn){
		"silence":        func(conn net.Conn) { conn.Read(make([]byte, 1)) },
		"a slow head":    drip("HTTP/1.1 200 OK\r\n", "A: b\r\n", 20*time.Millisecond),
		"a slow body":    drip(ok, "a", 20*time.Millisecond),
		"slow hints":     drip("", "HTTP/1.1 103 Early Hints\r\n\r\n", 20*time.Millisecond),
		"slow redirects": drip("HTTP/1.1 302 Found\r\nLocation: /a\r\nContent-Length: 1000\r\n\r\n", "a", 20*time.Millisecond),
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			_, _, err := fetch(t, local(t, Options{Timeout: timeout}), speak(t, answer))
			if !errors.Is(err, ErrTimeout) || passes(err) {
				t.Errorf("%v (%v)", err, Cause(err))
			}
			if took := time.Since(began); took < timeout || took > longest {
				t.Errorf("it took %s", took)
			}
		})
	}
	t.Run("a body below the rate", func(t *testing.T) {
		t.Parallel()
		f := local(t, Options{Timeout: time.Minute, Slowest: 10_000})
		began := time.Now()
		_, body, err := fetch(t, f, speak(t, drip(ok, "a", 10*time.Millisecond)))
		if !errors.Is(err, ErrTimeout) || !strings.Contains(err.Error(), "less than 10000 bytes a second") || body == "" {
			t.Errorf("%d bytes, %v", len(body), err)
		}
		if took := time.Since(began); took < grace || took > longest {
			t.Errorf("it took %s", took)
		}
	})
	t.Run("a body that stops after a good start", func(t *testing.T) {
		t.Parallel()
		f := local(t, Options{Timeout: time.Minute, Slowest: 10_000})
		began := time.Now()
		_, body, err := fetch(t, f, speak(t, func(conn net.Conn) {
			io.WriteString(conn, ok+strings.Repeat("a", 15_000))
			conn.Read(make([]byte, 1)) // until the other side has had enough
		}))
		// 15,000 bytes are enough for a second and a half.
		if took := time.Since(began); !errors.Is(err, ErrTimeout) || len(body) != 15_000 || took < 1500*time.Millisecond || took > longest {
			t.Errorf("%d bytes, %v, after %s", len(body), err, took)
		}
	})
	t.Run("a body above the rate", func(t *testing.T) {
		t.Parallel()
		f := local(t, Options{Timeout: time.Minute, Slowest: 1})
		_, body, err := fetch(t, f, speak(t, func(conn net.Conn) {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n")
			for range 20 {
				io.WriteString(conn, "a")
				time.Sleep(60 * time.Millisecond)
			}
		}))
		if err != nil || len(body) != 20 {
			t.Errorf("%q, %v", body, err)
		}
	})
}

func TestEndOfTheCaller(t *testing.T) {
	gone := errors.New("the client has gone")
	waits := speak(t, func(conn net.Conn) { conn.Read(make([]byte, 1)) })
	ctx, cancel := context.WithCancelCause(context.Background())
	time.AfterFunc(50*time.Millisecond, func() { cancel(gone) })
	_, err := local(t, Options{}).Fetch(ctx, Request{Source: parse(t, waits), Allowed: allow(t, waits)}, io.Discard)
	if !errors.Is(err, context.Canceled) || errors.Is(err, ErrTimeout) || errors.Is(err, ErrOrigin) {
		t.Errorf("%v", err)
	}
	ctx, stop := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer stop()
	_, err = local(t, Options{}).Fetch(ctx, Request{Source: parse(t, waits), Allowed: allow(t, waits)}, io.Discard)
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrTimeout) {
		t.Errorf("%v", err)
	}
}

type full struct{}

var errFull = errors.New("disk full")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWriterThatFails(t *testing.T) {
	o := serve(t, serveImage)
	r, err := local(t, Options{}).Fetch(context.Background(), Request{Source: parse(t, o.URL), Allowed: allow(t, o.URL)}, full{})
	if !errors.Is(err, errFull) || errors.Is(err, ErrOrigin) || r.Bytes != 0 || r.Status != 200 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestNamesThatAreNotKnown(t *testing.T) {
	n := &names{}
	n.set("empty.example")
	f := local(t, Options{Resolver: n.resolver()})
	for _, host := range []string{"unknown.example", "empty.example"} {
		_, _, err := fetch(t, f, "http://"+host+"/")
		if !errors.Is(err, ErrOrigin) || passes(err) || !strings.Contains(err.Error(), "name is not known") {
			t.Errorf("%s: %v (%v), passes %v", host, err, Cause(err), passes(err))
		}
	}
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	var connections sync.Map
	o := serve(t, func(w http.ResponseWriter, r *http.Request) {
		connections.Store(r.RemoteAddr, true)
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "/a", http.StatusFound)
			return
		}
		serveImage(w, r)
	})
	f := local(t, Options{})
	for range 5 {
		if _, _, err := fetch(t, f, o.URL+"/moved"); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	connections.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestFromFetcher(t *testing.T) {
	f := local(t, Options{})
	for _, via := range []string{f.via, "1.1 varnish, " + f.via, f.via + ", 1.1 varnish (a, b)", "HTTP/1.1 Calotype-abc", "1.1\tcalotype-"} {
		if !FromFetcher(via) {
			t.Errorf("%q comes from nobody", via)
		}
	}
	for _, via := range []string{"", "1.1 varnish", "1.1 cdn.example (calotype-abc)", "calotype-abc", "1.1 my-calotype-abc", ",,", "1.1"} {
		if FromFetcher(via) {
			t.Errorf("%q comes from a fetcher", via)
		}
	}
}

func TestHostsOfThisServer(t *testing.T) {
	for _, text := range []string{"", "a b", "https://example.org", "example.org/", "example.org:0", "127.1", "user@example.org"} {
		if _, err := NewFetcher(Options{Self: []string{text}}); err == nil {
			t.Errorf("%q is a host", text)
		}
	}
	own, err := parseSelf([]string{"Example.ORG", "img.example.org:443"})
	if err != nil {
		t.Fatal(err)
	}
	check := func(text string, want bool) {
		t.Helper()
		s := parse(t, text)
		if got := own[0].is(s) || own[1].is(s); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	check("https://example.org/a", true)
	check("http://example.org:8080/a", true)
	check("https://img.example.org/", true)
	check("http://img.example.org:443/", true)
	check("http://img.example.org/", false)
	check("https://a.example.org/", false)
}
