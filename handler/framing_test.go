package handler

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

func TestCheckFraming(t *testing.T) {
	f := func(text string, want error) {
		t.Helper()
		var header fasthttp.RequestHeader
		if err := header.Read(bufio.NewReader(strings.NewReader(text))); err != nil {
			t.Fatalf("fasthttp refuses %q: %v", text, err)
		}
		if err := checkFraming(&header); !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", text, err, want)
		}
	}
	const get, post = "GET / HTTP/1.1\r\nHost: h\r\n", "POST / HTTP/1.1\r\nHost: h\r\n"
	f(get+"\r\n", nil)
	f("GET / HTTP/1.0\r\n\r\n", nil)
	f("GET / HTTP/1.2\r\nHost: h\r\n\r\n", errVersion)
	f("GET / HTTP/2.0\r\nHost: h\r\n\r\n", errVersion)
	f(get+"A: b\nC: d\r\n\r\n", errFraming)
	f(get+"A: b\n\nGET / HTTP/1.1\r\n\r\n", errFraming)
	f(get+"A: b\r\n c\r\n\r\n", errFraming)
	f(get+"A: b\r\n\tc\r\n\r\n", errFraming)
	f(get+"A b: c\r\n\r\n", errFraming)
	f(get+"A:\r\nB: \t\r\n\r\n", nil)

	f(post+"Content-Length: 2\r\n\r\n", nil)
	f(post+"Transfer-Encoding: chunked\r\n\r\n", nil)
	f(post+"TRANSFER-ENCODING:Chunked\r\n\r\n", nil)
	f(post+"Transfer-Encoding: identity\r\n\r\n", errFraming)
	f(post+"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n", errFraming)
	f(post+"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n", errFraming)
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "DELETE", "TRACE"} {
		f(method+" / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", nil)
		f(method+" / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n", errFraming)
		f(method+" / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", errFraming)
	}

	f(post+"Expect: 100-continue\r\n\r\n", nil)
	f(post+"Expect:\t100-Continue \r\n\r\n", nil)
	f(post+"Expect: 200-ok\r\n\r\n", errExpectation)
	f(post+"Expect: 100-continue\r\nExpect: x\r\n\r\n", errExpectation)
	f(get+"Connection: keep-alive, Upgrade\r\nUpgrade: h2c\r\n\r\n", nil)
	f(get+"Connection: close, content-length\r\n\r\n", errFraming)
	f(get+"Connection:Transfer-Encoding\r\n\r\n", errFraming)
	f(get+"Connection: keep-alive\r\nConnection: a , Host\r\n\r\n", errFraming)

	for _, host := range []string{"example.com", "example.com:80", "[::1]:80", "10.0.0.1", "a_b", "EXAMPLE.com."} {
		f("GET / HTTP/1.1\r\nHost: "+host+"\r\n\r\n", nil)
	}
	for _, host := range []string{"a b", "a/b", "a\\b", "a@b", "a<b", `"a"`, "a?b", "a#b", "\xe9"} {
		f("GET / HTTP/1.1\r\nHost: "+host+"\r\n\r\n", errFraming)
	}
	f("GET http://h/a HTTP/1.1\r\nHost: other\r\n\r\n", nil)
	f("GET HTTPS://h/a HTTP/1.1\r\nHost: h\r\n\r\n", nil)
	f("GET gopher://h/a HTTP/1.1\r\nHost: h\r\n\r\n", errFraming)
	f("GET /a://b HTTP/1.1\r\nHost: h\r\n\r\n", nil)
}

// A framed request is what a reader of HTTP takes out of a connection.
type framed struct{ method, target, body string }

// ourRequests are the requests that the server finds in what a client sends.
func ourRequests(h *Handler, sent []byte) (list []framed) {
	server := Server(h)
	server.Handler = func(ctx *fasthttp.RequestCtx) {
		if err := checkFraming(&ctx.Request.Header); err != nil {
			h.turnDown(ctx, err)
			return
		}
		body, err := io.ReadAll(newUploadBody(ctx, time.Second, usual))
		if err != nil {
			ctx.SetConnectionClose()
			return
		}
		list = append(list, framed{string(ctx.Method()), string(ctx.Request.Header.RequestURI()), string(body)})
		if endBody(ctx) != nil {
			ctx.SetConnectionClose()
		}
	}
	// Whatever it says of the connection is of no interest.
	_ = server.ServeConn(&sentConn{in: bytes.NewReader(sent)})
	return list
}

// A sentConn is a connection on which all has been sent.
type sentConn struct {
	in    *bytes.Reader
	late  bool // the deadline for reading is over
	ended bool
}

func (c *sentConn) Read(p []byte) (int, error) {
	if c.late {
		return 0, os.ErrDeadlineExceeded
	}
	n, err := c.in.Read(p)
	c.ended = err == io.EOF
	return n, err
}

func (c *sentConn) SetReadDeadline(t time.Time) error {
	c.late = !t.IsZero() && t.Before(time.Now())
	return nil
}

func (c *sentConn) Ended() bool                      { return c.ended }
func (c *sentConn) SetDeadline(t time.Time) error    { return c.SetReadDeadline(t) }
func (c *sentConn) SetWriteDeadline(time.Time) error { return nil }
func (c *sentConn) Write(p []byte) (int, error)      { return len(p), nil }
func (c *sentConn) Close() error                     { return nil }
func (c *sentConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *sentConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }

// theirRequests are the requests that net/http finds in the same bytes. judged is false if it stops at what has nothing to do with framing.
func theirRequests(sent []byte) (list []framed, judged bool) {
	r := bufio.NewReaderSize(bytes.NewReader(sent), 16<<10)
	for {
		skipEmptyLines(r)
		request, err := http.ReadRequest(r)
		if err != nil {
			var address *url.Error
			return list, !errors.As(err, &address)
		}
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return list, true
		}
		list = append(list, framed{request.Method, request.RequestURI, string(body)})
	}
}

// skipEmptyLines passes over line breaks in front of a request, as RFC 9112, 2.2 asks servers to. net/http does so after a POST only.
func skipEmptyLines(r *bufio.Reader) {
	for {
		switch next, _ := r.Peek(2); {
		case bytes.HasPrefix(next, []byte("\n")):
			r.Discard(1)
		case bytes.Equal(next, []byte("\r\n")):
			r.Discard(2)
		default:
			return
		}
	}
}

func checkLikeNetHTTP(t *testing.T, h *Handler, sent []byte) {
	t.Helper()
	ours := ourRequests(h, sent)
	theirs, judged := theirRequests(sent)
	if len(ours) > len(theirs) && !judged {
		ours = ours[:len(theirs)]
	}
	// We may refuse more, and stop there. What we take must be the same.
	if len(ours) > len(theirs) || !slices.Equal(ours, theirs[:len(ours)]) {
		t.Errorf("%q\n we read        %q\n net/http reads %q", sent, ours, theirs)
	}
}

// framings are the beginnings of the corpus.
func framings() []string {
	const post = "POST / HTTP/1.1\r\nHost: h\r\n"
	const next = "GET /next HTTP/1.1\r\nHost: h\r\n\r\n"
	list := []string{
		next + next,
		"\r\n\n" + next,
		post + "Content-Length: 5\r\n\r\nhello" + next,
		post + "Content-Length: 005\r\n\r\nhello" + next,
		post + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello" + next,
		post + "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello" + next,
		"GET / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n" + next,
		"GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n" + next,
	}
	for _, length := range []string{"", "+5", "-5", "5,5", "5 5", "0x5", "99999999999999999999", "18446744073709551621", "5.0"} {
		list = append(list, post+"Content-Length: "+length+"\r\n\r\nhello"+next)
	}
	for _, coding := range []string{"chunked", "Chunked", "identity", "chunked, identity", "xchunked", "gzip, chunked", "chunked\r\nContent-Length: 9", " chunked", "\tchunked", `"chunked"`, "chunked,"} {
		list = append(list, post+"Transfer-Encoding: "+coding+"\r\n\r\n5\r\nhello\r\n0\r\n\r\n"+next)
	}
	for _, chunks := range []string{
		"5;a=b\r\nhello\r\n0\r\n\r\n", "5 \r\nhello\r\n0\r\n\r\n", "5\nhello\n0\n\n", "5\r\nhello0\r\n\r\n", "+5\r\nhello\r\n0\r\n\r\n", "0x5\r\nhello\r\n0\r\n\r\n",
		"10000000000000005\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\nA: b\r\n\r\n", "5\r\nhello\r\n0\r\nContent-Length: 3\r\n\r\n", "5\r\nhello\r\n0\r\n\n", "5\r\nhello\r\n0\r\n", "5\r\nhello\r\n", "5\r\nhel",
		"5;a\nb\r\nhello\r\n0\r\n\r\n", "005\r\nhello\r\n000\r\n\r\n",
	} {
		list = append(list, post+"Transfer-Encoding: chunked\r\n\r\n"+chunks, post+"Transfer-Encoding: chunked\r\n\r\n"+chunks+next)
	}
	for _, line := range []string{"A : b", "A\t: b", "A b: c", " A: b", "A: b\r\n c", "A: b\nC: d", "A: b\rC: d", ": b", "A", "A: \x00", "A: \x7f", "Host: i", "A: b\r"} {
		list = append(list, "GET / HTTP/1.1\r\nHost: h\r\n"+line+"\r\n\r\n"+next, "GET / HTTP/1.1\r\n"+line+"\r\nHost: h\r\n\r\n"+next)
	}
	return list
}

// Whenever net/http refuses a request, so do we, and whatever we take, it reads alike.
func TestFramingIsReadLikeNetHTTPReadsIt(t *testing.T) {
	h := serve(t).handler
	for _, sent := range framings() {
		checkLikeNetHTTP(t, h, []byte(sent))
	}
}

func FuzzFraming(f *testing.F) {
	h := serve(f).handler
	for _, sent := range framings() {
		f.Add([]byte(sent))
	}
	f.Fuzz(func(t *testing.T, sent []byte) { checkLikeNetHTTP(t, h, sent) })
}

// The check stands before every answer. What reading the head takes is the measure for it: go test -run '^$' -bench CheckFraming ./handler
func BenchmarkCheckFraming(b *testing.B) {
	for _, headers := range []string{
		"",
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36\r\nAccept: " + chrome + "\r\n" +
			"Accept-Encoding: gzip, deflate, br\r\nAccept-Language: en\r\nReferer: https://example.com/\r\nConnection: keep-alive\r\nCookie: a=b\r\n" +
			"Sec-Fetch-Dest: image\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Site: same-origin\r\n",
	} {
		head := "GET /download/x.png HTTP/1.1\r\nHost: example.com\r\n" + headers + "\r\n"
		name := fmt.Sprintf("%d headers", 1+strings.Count(headers, "\n"))
		var header fasthttp.RequestHeader
		in := strings.NewReader(head)
		r := bufio.NewReader(in)
		b.Run(name+"/read", func(b *testing.B) {
			for b.Loop() {
				in.Reset(head)
				r.Reset(in)
				if err := header.Read(r); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/check", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := checkFraming(&header); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
