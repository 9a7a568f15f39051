package handler

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"

	"calotype/cache"
	"calotype/store"
	"calotype/transform"
)

func TestProblemsOfChainsTellWhere(t *testing.T) {
	s := serve(t)
	u := s.upload(encodePNG(t, photo(60, 40, 1)))
	f := func(chain string, want problemBody) {
		t.Helper()
		target := u.URL + chain
		got := s.wantProblem(chain, s.get(target), http.StatusBadRequest, "bad-chain")
		if got.Segment != want.Segment || got.Operation != want.Operation || got.Parameter != want.Parameter || got.Got != want.Got {
			t.Errorf("%s: got %+v, want %+v", chain, got, want)
		}
		if !strings.Contains(got.Expected, want.Expected) || want.Expected == "" || got.Detail == "" {
			t.Errorf("%s: expected is %q, detail %q", chain, got.Expected, got.Detail)
		}
		// The offset is that of the segment behind /download/.
		segments := strings.Split(strings.TrimPrefix(target, "/download/"), "/")
		if segment, offset := segments[want.Segment], len(strings.Join(segments[:want.Segment], "/"))+1; got.Offset != offset {
			t.Errorf("%s: offset %d, %q begins at %d", chain, got.Offset, segment, offset)
		}
	}
	f("/rotate:x.png", problemBody{Segment: 1, Operation: "rotate", Parameter: "angle", Expected: "must be a number of degrees", Got: "x"})
	f("/rotate:90/crop:0,0,-5,5.png", problemBody{Segment: 2, Operation: "crop", Parameter: "width", Expected: "must be whole pixels from 0 to 65535", Got: "-5"})
	f("/rotate:1e3.png", problemBody{Segment: 1, Operation: "rotate", Parameter: "angle", Expected: "must be a number", Got: "1e3"})
	f("/crop:1,2,3.png", problemBody{Segment: 1, Operation: "crop", Expected: "takes crop:", Got: "crop:1,2,3"})
	f("/flip.png", problemBody{Segment: 1, Operation: "flip", Parameter: "axis", Expected: "is missing"})
	f("/rotat:90.png", problemBody{Segment: 1, Expected: "did you mean rotate?", Got: "rotat"})
	f("/unknownop:1.png", problemBody{Segment: 1, Expected: "an operation (crop, ", Got: "unknownop"})
	f("/rotate:90/quality:0.jpg", problemBody{Segment: 2, Operation: "quality", Expected: "must be a whole number from 1 to 100", Got: "0"})
	f("/quality:80/quality:70.jpg", problemBody{Segment: 2, Operation: "quality", Expected: "is set twice", Got: "quality:70"})
	f("/blur:2.exe", problemBody{Segment: 1, Operation: "format", Expected: "must be jpg, png", Got: ".exe"})
	f("/rotate:90/%2e%2e/x.png", problemBody{Segment: 2, Expected: "must not be a dot segment", Got: ".."})
	f("/rotate:90/%zz.png", problemBody{Segment: 2, Expected: "two hexadecimal digits", Got: "%zz.png"})
	f("/rotate:90/%ff.png", problemBody{Segment: 2, Expected: "printable ASCII", Got: "%ff.png"})

	p := s.wantProblem("a setting that PNG lacks", s.get(u.URL+"/quality:50.png"), http.StatusBadRequest, "bad-chain")
	if p.Operation != "quality" || !strings.Contains(p.Expected, "is no setting of png prints") {
		t.Errorf("got %+v", p)
	}
	s.wantProblem("dots", s.get(u.URL+"/../../etc/passwd"), http.StatusBadRequest, "bad-chain")
	s.wantProblem("a hidden slash", s.get(u.URL+"%2F..%2Fx"), http.StatusNotFound, "no-such-address")
	s.wantProblem("too many operations", s.get(u.URL+strings.Repeat("/rotate:90", 33)+".png"), http.StatusBadRequest, "bad-chain")
	s.wantProblem("too many segments", s.get(u.URL+strings.Repeat("/rotate:0", 50)+".png"), http.StatusBadRequest, "bad-chain")
}

func TestProblemsOfPrints(t *testing.T) {
	s := serve(t)
	u := s.upload(encodePNG(t, photo(60, 40, 1)))
	f := func(chain, code, detail string) {
		t.Helper()
		p := s.wantProblem(chain, s.get(u.URL+chain), http.StatusUnprocessableEntity, code)
		if !strings.Contains(p.Detail, detail) {
			t.Errorf("%s: detail %q, want %q in it", chain, p.Detail, detail)
		}
	}
	f("/crop:60,0,1,1.png", "outside-image", "60×40")
	f("/crop:0,-90,1,1.png", "outside-image", "60×40")
	f("/resize:9999,9999,stretch,up.png", "too-many-pixels", "at most 10000000")
	f("/resize:20000,1,stretch,up.png", "too-many-pixels", "at most 16384")
	f("/resize:16384,1,stretch,up.webp", "too-many-pixels", "16383")
}

// Nothing is decided by the name alone: the same id and chain under other routes is not there.
func TestProblemsOfAddresses(t *testing.T) {
	s := serve(t)
	u := s.upload(draws(t, "r"))
	for _, target := range []string{
		"/nothing", "/downloads/" + u.ID, "/Download/" + u.ID, "/download2", "/upload-image/", "/upload-image/x", "/openapi.json/", "/openapi", "/%64ownload/" + u.ID,
		"/assets/", "/assets/../openapi.json", "/assets/style.00000000.css", "/.git/config", "/index.html", "/capabilities%00", "//", "/./download/" + u.ID, "/x/../download",
	} {
		a := s.raw("GET "+target+" HTTP/1.1\r\nHost: h\r\n\r\n", "GET")[0]
		s.wantProblem(target, a, http.StatusNotFound, "no-such-address")
	}
	a := s.get("/nothing", "Accept", "text/html")
	if a.status != http.StatusNotFound || a.header.Get("Content-Type") != "text/html; charset=utf-8" || a.header.Get("Calotype-Error") != "no-such-address" {
		t.Errorf("for a browser: %d %v", a.status, a.header)
	}
}

func TestMethods(t *testing.T) {
	s := serve(t)
	u := s.upload(draws(t, "rg"))
	path := mustAsset("style.css")
	f := func(target, allow string) {
		t.Helper()
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "get"} {
			if slices.Contains(strings.Split(allow, ", "), method) {
				continue
			}
			a := s.do(method, target, nil)
			s.wantProblem(method+" "+target, a, http.StatusMethodNotAllowed, "method-not-allowed")
			if a.header.Get("Allow") != allow {
				t.Errorf("%s %s: Allow %q, want %q", method, target, a.header.Get("Allow"), allow)
			}
		}
		a := s.do("OPTIONS", target, nil, "Origin", "https://example.com", "Access-Control-Request-Method", "GET")
		if a.status != http.StatusNoContent || a.header.Get("Allow") != allow || len(a.body) != 0 {
			t.Errorf("OPTIONS %s: %d, Allow %q, want %q", target, a.status, a.header.Get("Allow"), allow)
		}
		if a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("OPTIONS %s: headers %v", target, a.header)
		}
	}
	f("/images", "GET, HEAD, OPTIONS")
	f("/images/"+u.ID, "DELETE, GET, HEAD, OPTIONS")
	f("/purge", "OPTIONS, POST")
	f("/sign", "OPTIONS, POST")
	f("/upload-image", "GET, HEAD, OPTIONS, POST")
	f("/download", "GET, HEAD, OPTIONS")
	f("/download?id="+u.ID, "GET, HEAD, OPTIONS")
	f(u.URL, "GET, HEAD, OPTIONS")
	f(u.URL+"/rotate:90.png", "GET, HEAD, OPTIONS")
	f("/capabilities", "GET, HEAD, OPTIONS")
	f("/openapi.json", "GET, HEAD, OPTIONS")
	f(path, "GET, HEAD, OPTIONS")
	f("/", "GET, HEAD, OPTIONS")
	for _, method := range []string{"POST", "DELETE", "OPTIONS"} {
		s.wantProblem(method, s.do(method, "/nothing", nil), http.StatusNotFound, "no-such-address")
	}
	// Not even a print in memory is given to another method.
	s.mustGet(u.URL + "/rotate:90.png")
	s.wantProblem("DELETE of a print", s.do("DELETE", u.URL+"/rotate:90.png", nil), http.StatusMethodNotAllowed, "method-not-allowed")
	if n := len(s.originals()); n != 1 {
		t.Errorf("%d images are left", n)
	}
}

// Proxies send the whole URL (RFC 9112, 3.2.2).
func TestAbsoluteForm(t *testing.T) {
	s := serve(t)
	u := s.upload(draws(t, "rg", "by"))
	f := func(target string, want int) {
		t.Helper()
		if a := s.raw("GET "+target+" HTTP/1.1\r\nHost: h\r\n\r\n", "GET")[0]; a.status != want {
			t.Errorf("%s: %d %s, want %d", target, a.status, a.body, want)
		}
	}
	f("http://h"+u.URL, 200)
	f("http://h"+u.URL+"/rotate:90.png", 200)
	f("https://h:8443"+u.URL+"/rotate:90.png?x", 200)
	f("http://h/download?id="+u.ID, 200)
	f("http://h/download?exts=png|jpg", 200)
	f("http://h/upload-image", 200)
	f("http://h", 302)
	f("http://h/", 302)
	f("http://h?x", 302)
	f("http://h?x=http://h"+u.URL, 302)
	f("http://h/nothing", 404)
}

func TestRequestsThatAreNone(t *testing.T) {
	s := serve(t)
	u := s.upload(draws(t, "r"))
	f := func(what, text string, status int, code string) {
		t.Helper()
		a := s.raw(text, "GET")[0]
		s.wantProblem(what, a, status, code)
		if !a.closed {
			t.Errorf("%s: the connection is to be used again", what)
		}
	}
	f("nonsense", "hello\r\n\r\n", 400, "bad-request")
	f("no host", "GET / HTTP/1.1\r\n\r\n", 400, "bad-request")
	f("a space in the address", "GET /download/a b HTTP/1.1\r\nHost: h\r\n\r\n", 400, "bad-request")
	f("a control character in the address", "GET /download/a\x01b HTTP/1.1\r\nHost: h\r\n\r\n", 400, "bad-request")
	f("a header without a colon", "GET / HTTP/1.1\r\nHost: h\r\nnonsense\r\n\r\n", 400, "bad-request")
	f("two lengths", "POST /upload-image HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, "bad-request")
	f("length and chunks", "POST /upload-image HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "ambiguous-request")
	f("an unknown expectation", "GET / HTTP/1.1\r\nHost: h\r\nExpect: wonders\r\n\r\n", 417, "unknown-expectation")
	f("two expectations", "POST /upload-image HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\nExpect: wonders\r\n\r\n", 417, "unknown-expectation")
	f("HTTP/2", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505, "http-version")
	f("a length that is none", "POST /upload-image HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n", 400, "bad-request")
	f("long headers", "GET / HTTP/1.1\r\nHost: h\r\nX: "+strings.Repeat("x", 20_000)+"\r\n\r\n", 431, "headers-too-long")
	f("a very long address", "GET /download/"+strings.Repeat("x", 20_000)+" HTTP/1.1\r\nHost: h\r\n\r\n", 431, "headers-too-long")
	s.mustGet(u.URL)
}

func TestAddressesThatAreTooLong(t *testing.T) {
	s := serve(t)
	u := s.upload(draws(t, "r"))
	long := u.URL + strings.Repeat("/", transform.MaxPath-len(u.URL)+len("/download/")-len("rotate:90.png")) + "rotate:90.png"
	s.mustGet(long)
	s.wantProblem("one byte more", s.get(long+"/"), http.StatusRequestURITooLong, "address-too-long")
	s.mustGet(u.URL + "?" + strings.Repeat("x", 8000))
}

// What comes with a GET is neither read nor taken for the next request.
func TestBodyOfAGetEndsTheConnection(t *testing.T) {
	s := serve(t)
	u := s.upload(draws(t, "rg"))
	smuggled := "DELETE " + u.URL + " HTTP/1.1\r\nHost: h\r\n\r\n"
	f := func(target, headers, body string, closed bool) {
		t.Helper()
		for range 2 { // made, and from memory
			conn := s.dial()
			if _, err := io.WriteString(conn, "GET "+target+" HTTP/1.1\r\nHost: h\r\n"+headers+"\r\n"+body); err != nil {
				t.Fatal(err)
			}
			if err := conn.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			all, _ := io.ReadAll(conn)
			if n := bytes.Count(all, []byte("HTTP/1.1 ")); n != 1 {
				t.Errorf("%s with %q: %d answers", target, headers, n)
			}
			if got := bytes.Contains(all, []byte("Connection: close")); got != closed {
				t.Errorf("%s with %q: closed %v, want %v", target, headers, got, closed)
			}
		}
	}
	for _, target := range []string{u.URL, u.URL + "/rotate:90.png", "/download", "/nothing", "/download/x"} {
		f(target, fmt.Sprintf("Content-Length: %d\r\n", len(smuggled)), smuggled, true)
		f(target, "Transfer-Encoding: chunked\r\n", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(smuggled), smuggled), true)
		f(target, "Content-Length: 0\r\n", "", false)
		f(target, "", "", false)
	}
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	s := serve(t)
	u := s.upload(draws(t, "rg"))
	get := func(target string) string { return "GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n" }
	head := "HEAD " + u.URL + " HTTP/1.1\r\nHost: h\r\n\r\n"
	data := draws(t, "by")
	post := fmt.Sprintf("POST /upload-image HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", len(data), data)
	body, contentType := form(t, part{"image", "a.png", "image/png", string(data)})
	formHead := "POST /upload-image HTTP/1.1\r\nHost: h\r\nContent-Type: " + contentType + "\r\n"
	inForm := fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", formHead, body.Len(), body)
	var got []int
	for _, a := range s.raw(
		get(u.URL)+get(u.URL+"/rotate:90.png")+head+get("/nothing")+post+inForm+get(u.URL+"/nonsense.png")+get(u.URL),
		"GET", "GET", "HEAD", "GET", "POST", "POST", "GET", "GET",
	) {
		got = append(got, a.status)
		if a.closed {
			t.Error("a connection is closed without need")
		}
	}
	if want := []int{200, 200, 200, 404, 201, 201, 400, 200}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}

	// Where chunks end is too easily seen at different places for another request to be read behind them.
	inChunks := s.raw(fmt.Sprintf("%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", formHead, body.Len(), body), "POST")[0]
	if inChunks.status != http.StatusCreated || !inChunks.closed {
		t.Errorf("in chunks: got %d, closed %v", inChunks.status, inChunks.closed)
	}
	// Who sends one gets the answer although it is not read: not a connection that is reset while it sends.
	large := s.do("POST", "/nothing", bytes.NewReader(make([]byte, 8<<20)))
	s.wantProblem("a large body that nobody reads", large, http.StatusNotFound, "no-such-address")
	unread := s.raw("POST /nothing HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", "POST")[0]
	if unread.status != http.StatusNotFound || !unread.closed {
		t.Errorf("a body that nobody reads: got %d, closed %v", unread.status, unread.closed)
	}
}

// A fault of ours costs one request, and the client learns nothing of it.
func TestPanicCostsOneRequest(t *testing.T) {
	o := options(t)
	log := &logged{}
	whole := serve(t, func(o *Options) {})
	u := whole.upload(draws(t, "rg"))
	// A handler without a store, and one whose prints cannot be made.
	o.Log, o.Store = whole.handler.log, whole.store
	storeless, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer storeless.Close()
	storeless.store = nil
	engineless, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer engineless.Close()
	for what, h := range map[string]*Handler{"no store": storeless, "no engine": engineless} {
		if h == engineless {
			h.engine = nil
		}
		s := &site{t: t, client: whole.client, handler: h, host: listen(t, h), log: log}
		for _, target := range []string{u.URL + "/rotate:90.png", u.URL + ".json"} {
			p := s.wantProblem(what, s.get(target), http.StatusInternalServerError, "internal")
			if p.Detail != "" {
				t.Errorf("%s: detail %q", what, p.Detail)
			}
		}
		s.mustGet("/openapi.json")
	}
	if text := whole.log.String(); !strings.Contains(text, "panic") || !strings.Contains(text, "download.go") {
		t.Errorf("the log does not say where: %.300s", text)
	}
}

// Only what a client has done itself is explained to it.
func TestProblemsKeepOurAffairsToOurselves(t *testing.T) {
	disk := fmt.Errorf("spool: %w: %w", store.ErrFull, &pathError{})
	libvips := fmt.Errorf("%w: %w", transform.ErrBroken, errors.New("VipsJpeg: premature end of /srv/data/blobs/ab/cd/abcd"))
	for _, err := range []error{
		disk, libvips, &pathError{}, fmt.Errorf("original x: %w: %w", store.ErrDamaged, &pathError{}),
		fmt.Errorf("%w: %w", cache.ErrClosed, libvips), fmt.Errorf("%w: %w", cache.ErrClosed, &pathError{}),
		&cache.PanicError{Value: "/srv/data"}, fmt.Errorf("%w: %w", transform.ErrBusy, &pathError{}),
	} {
		p, body := explain(err)
		if text := fmt.Sprintf("%+v", body); strings.Contains(text, "/srv") || strings.Contains(text, "Vips") {
			t.Errorf("%v is told as %s", err, text)
		}
		if p.status < 500 && p.status != http.StatusUnprocessableEntity {
			t.Errorf("%v is %d", err, p.status)
		}
	}
}

type pathError struct{}

func (*pathError) Error() string        { return "write /srv/data/spool/x: no space left on device" }
func (*pathError) Is(target error) bool { return target == syscall.ENOSPC }

// Every failure that a package declares has its answer, and every answer a name of its own.
func TestProblemsAreComplete(t *testing.T) {
	for _, err := range []error{
		transform.ErrSyntax, transform.ErrPath, transform.ErrTooLong, transform.ErrOutside, transform.ErrUnwritten, transform.ErrNoGlyph, transform.ErrTooLarge, transform.ErrUnsupported, transform.ErrBroken,
		transform.ErrBusy, store.ErrNotFound, store.ErrGone, store.ErrFull, store.ErrDamaged, cache.ErrClosed,
	} {
		if p, _ := explain(fmt.Errorf("x: %w", err)); p.err != err {
			t.Errorf("%v is answered as %q", err, p.code)
		}
	}
	titles := map[string]int{}
	for _, p := range problems {
		if status, known := titles[p.code]; known && status != p.status {
			t.Errorf("%s has two statuses", p.code)
		}
		titles[p.code] = p.status
		if p.title == "" || p.keep == "" || p.status < 400 {
			t.Errorf("%+v is not complete", p)
		}
		if p.status >= 500 && p.keep != "no-store" {
			t.Errorf("%s may be kept: %s", p.code, p.keep)
		}
	}
}

func TestBusyTellsWhenToComeAgain(t *testing.T) {
	s := serve(t)
	u := s.upload(draws(t, "rg"))
	s.handler.prints.Close()
	a := s.get(u.URL + "/rotate:90.png")
	s.wantProblem("stopping", a, http.StatusServiceUnavailable, "stopping")
	if a.header.Get("Retry-After") == "" {
		t.Errorf("headers %v", a.header)
	}
}
