package handler

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"calotype/handler/forwarded"
	"calotype/handler/token"
)

const (
	goodToken, otherToken = "the-token-of-the-tests", "another-token+in/base64=="
	wrongToken            = "a-token-that-is-no-more"
)

func tokens(t testing.TB) *token.Set {
	t.Helper()
	s, err := token.New([]string{goodToken, otherToken})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func with(a Access) func(*Options) { return func(o *Options) { o.Access = a } }

func bearer(token string) string { return "Authorization: Bearer " + token + "\r\n" }

func basic(password string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("anybody:"+password)) + "\r\n"
}

// request is the text of one, with a host and further lines of its head.
func request(method, target, host, lines, body string) string {
	if body != "" {
		lines += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	return method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\n" + lines + "\r\n" + body
}

// Who may do what, by what the server was started with and what the request says.
func TestWhoMayDoWhat(t *testing.T) {
	picture := string(draws(t, "rg", "by"))
	const here = "127.0.0.1:8080"
	var s *site
	var id string
	begin := func(a Access) {
		s = serve(t, with(a))
		s.handler.SetTenants(Tenant{Access: Access{Open: true}})
		id = s.upload([]byte(picture)).ID
		s.handler.SetTenants(Tenant{Access: a})
	}
	f := func(method, target, host, lines string, status int, code string) {
		t.Helper()
		body := ""
		if method == "POST" {
			body = picture
		}
		target = strings.ReplaceAll(target, "ID", id)
		a := s.raw(request(method, target, host, lines+"Connection: close\r\n", body), method)[0]
		if a.status != status || a.header.Get("Calotype-Error") != code {
			t.Errorf("%s %s at %s with %q: %d %s, want %d %s", method, target, host, lines, a.status, a.header.Get("Calotype-Error"), status, code)
		}
		challenges := a.header.Values("WWW-Authenticate")
		if want := status == http.StatusUnauthorized; want != slices.Equal(challenges, []string{challengeBearer}) {
			t.Errorf("%s %s with %q: challenges %q", method, target, lines, challenges)
		}
		if status >= 400 && a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s %s with %q: may be kept: %q", method, target, lines, a.header.Get("Cache-Control"))
		}
	}
	// What everyone may do, always.
	free := func(host, lines string) {
		t.Helper()
		for _, target := range []string{"/download/ID", "/download/ID/rotate:90.png", "/download?id=ID", "/download/ID.json", "/srcset/ID.auto", "/capabilities", "/openapi.json", mustAsset("style.css")} {
			f("GET", target, host, lines, 200, "")
			f("HEAD", target, host, lines, 200, "")
		}
		f("GET", "/", host, lines, 302, "")
		f("OPTIONS", "/upload-image", host, lines, 204, "")
	}
	// What not everyone may do.
	kept := func(host, lines string, status int, code string) {
		t.Helper()
		created := status
		if status == 200 {
			created = 201
		}
		f("POST", "/upload-image", host, lines, created, code)
		if status != 200 {
			f("POST", "/purge", host, lines, status, code)
			f("POST", "/sign", host, lines, status, code)
			f("DELETE", "/images/ID", host, lines, status, code)
		}
		for _, target := range []string{"/upload-image", "/download", "/download?exts=png", "/download?ids=ID", "/download?before=ID", "/images", "/images?id=ID", "/images/ID"} {
			f("GET", target, host, lines, status, code)
			f("HEAD", target, host, lines, status, code)
		}
	}
	const (
		crossSite, sameSite  = "Sec-Fetch-Site: cross-site\r\n", "Sec-Fetch-Site: same-site\r\n"
		sameOrigin, byPerson = "Sec-Fetch-Site: same-origin\r\n", "Sec-Fetch-Site: none\r\n"
		stranger, nowhere    = "Origin: https://evil.example\r\n", "Origin: null\r\n"
	)

	begin(Access{Tokens: tokens(t)})
	for _, loopback := range []bool{false, true} {
		s.handler.SetTenants(Tenant{Access: Access{Tokens: tokens(t), Loopback: loopback}})
		for _, host := range []string{"img.example", here} {
			free(host, "")
			free(host, crossSite+bearer(wrongToken))
			kept(host, "", 401, "unauthorized")
			kept(host, bearer(goodToken), 200, "")
			kept(host, "authorization: bearer   "+otherToken+" \r\n", 200, "")
			kept(host, basic(goodToken), 200, "")
			kept(host, basic(otherToken), 200, "")
		}
	}
	const host = "img.example"
	for _, lines := range []string{
		bearer(wrongToken), bearer(""), bearer(goodToken + "x"), bearer(goodToken[1:]), bearer(strings.ToUpper(goodToken)), bearer(goodToken + "," + otherToken),
		basic(wrongToken), basic(""), basic("anybody:" + goodToken), "Authorization: Basic " + goodToken + "\r\n", "Authorization: Basic\r\n",
		"Authorization: " + goodToken + "\r\n", "Authorization: Digest " + goodToken + "\r\n", "Authorization:\r\n",
		"Cookie: token=" + goodToken + "\r\n", "X-Token: " + goodToken + "\r\n",
	} {
		f("POST", "/upload-image", host, lines, 401, "unauthorized")
		f("GET", "/download", host, lines, 401, "unauthorized")
	}
	f("POST", "/upload-image?token="+goodToken, host, "", 401, "unauthorized")
	// A browser sends the password for every page that makes it do so.
	for _, from := range []string{crossSite, sameSite, "Sec-Fetch-Site: x\r\n", stranger, nowhere, "Origin: https://img.example:8443\r\n", sameSite + "Origin: https://img.example\r\n"} {
		f("POST", "/upload-image", host, basic(goodToken)+from, 403, "cross-site")
		f("POST", "/upload-image", host, bearer(goodToken)+from, 201, "")
		f("POST", "/upload-image", host, from, 401, "unauthorized")
		f("GET", "/download", host, basic(goodToken)+from, 200, "")
	}
	for _, from := range []string{sameOrigin, byPerson, "Origin: https://img.example\r\n", "Origin: http://IMG.example\r\n", sameOrigin + stranger, ""} {
		f("POST", "/upload-image", host, basic(goodToken)+from, 201, "")
	}
	f("POST", "/upload-image", "img.example:8443", basic(goodToken)+"Origin: https://img.example:8443\r\n", 201, "")

	f("POST", "/purge", host, basic(goodToken)+crossSite, 403, "cross-site")
	f("POST", "/sign", host, basic(goodToken)+crossSite, 403, "cross-site")
	f("DELETE", "/images/ID", host, basic(goodToken)+stranger, 403, "cross-site")
	f("DELETE", "/images/ID", host, bearer(goodToken)+stranger, 204, "")

	begin(Access{})
	free(host, "")
	kept(host, "", 403, "needs-token")
	kept(here, "", 403, "needs-token")
	kept("localhost", bearer(goodToken)+sameOrigin, 403, "needs-token")

	begin(Access{Open: true})
	free(host, "")
	kept(host, "", 200, "")
	kept(host, "X-Forwarded-For: 203.0.113.9\r\n"+bearer(wrongToken), 200, "")
	f("POST", "/upload-image", host, crossSite, 403, "cross-site")
	f("POST", "/upload-image", host, stranger, 403, "cross-site")
	f("POST", "/upload-image", host, "Origin: http://img.example\r\n", 201, "")
	f("GET", "/download", host, crossSite, 200, "")

	// Sites whose pages may upload may do nothing else.
	s.handler.Change(func(t *Tenant) { t.UploadOrigins = []string{"https://friend.example"} })
	friend := crossSite + "Origin: https://friend.example\r\n"
	f("POST", "/upload-image", host, friend, 201, "")
	f("POST", "/upload-image", host, crossSite+stranger, 403, "cross-site")
	f("POST", "/purge", host, friend, 403, "cross-site")
	f("DELETE", "/images/ID", host, friend, 403, "cross-site")
	f("DELETE", "/images/ID", host, sameOrigin, 204, "")

	begin(Access{Loopback: true})
	free(here, "")
	free(host, "X-Forwarded-For: 203.0.113.9\r\nVia: 1.1 cdn\r\n"+crossSite)
	for _, host := range []string{here, "127.0.0.1", "127.8.9.1:1", "localhost", "localhost:8080", "LocalHost:8080", "[::1]", "[::1]:8080"} {
		kept(host, "", 200, "")
		kept(host, sameOrigin, 200, "")
		kept(host, byPerson+bearer(wrongToken), 200, "")
		f("POST", "/upload-image", host, "Origin: http://"+host+"\r\n", 201, "")
		f("POST", "/upload-image", host, crossSite, 403, "cross-site")
		f("POST", "/upload-image", host, sameSite, 403, "cross-site")
		f("POST", "/upload-image", host, nowhere, 403, "cross-site")
		f("POST", "/upload-image", host, "Origin: http://localhost:3000\r\n", 403, "cross-site")
		f("GET", "/upload-image", host, crossSite, 200, "") // a link on another site
	}
	for _, host := range []string{"img.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.1.evil.example:80", "192.0.2.1", "0.0.0.0", "[::]", "[2001:db8::1]:80", "xlocalhost", "128.0.0.1"} {
		kept(host, "", 403, "needs-token")
		kept(host, sameOrigin, 403, "needs-token")
	}
	for _, name := range append(slices.Clone(proxyHeaders), "x-forwarded-for", "X-REAL-IP") {
		kept(here, name+": 127.0.0.1\r\n", 403, "needs-token")
	}
	// nginx, unless told otherwise.
	for _, target := range []string{"/upload-image", "/download"} {
		a := s.raw("GET "+target+" HTTP/1.0\r\nHost: 127.0.0.1:8080\r\nConnection: close\r\n\r\n", "GET")[0]
		s.wantProblem("HTTP/1.0", a, http.StatusForbidden, "needs-token")
	}
	f("GET", "http://img.example/download", here, "", 403, "needs-token")
	if detail := s.wantProblem("a foreign host", s.do("GET", "/download", nil, "Via", "1.1 x"), 403, "needs-token").Detail; !strings.Contains(detail, "--token") || !strings.Contains(detail, "--open") {
		t.Errorf("it is not said what to do: %q", detail)
	}
}

// A resource that does not say who may use it is for those who run the service.
func TestWhatIsOpenToEveryone(t *testing.T) {
	var zero route
	if zero.access != managed {
		t.Error("a new route is open")
	}
	open := map[string]access{
		"/download": publicIfNamed, "/download/{id}": public, "/proxy/{signature}/{source}": public, "/srcset/{id}": public, "/playground": public, "/playground/{id}": public,
		"/docs": public, "/docs/api": public, "/capabilities": public, "/openapi.json": public, "/assets/{name}": public, "/": public,
	}
	for _, r := range routes {
		if r.access != open[r.path] {
			t.Errorf("%s has access %d, want %d", r.path, r.access, open[r.path])
		}
		for _, m := range r.methods {
			if r.access != managed && m.name != "GET" {
				t.Errorf("%s %s is open", m.name, r.path)
			}
		}
	}
}

// The API description says what needs a token, if there are any.
func TestDescriptionTellsWhoMay(t *testing.T) {
	type document struct {
		Paths      map[string]map[string]struct{ Security []map[string][]string }
		Components struct {
			SecuritySchemes map[string]struct{ Type, Scheme string }
		}
	}
	for _, a := range []Access{{Tokens: tokens(t)}, {Open: true}} {
		d := decode[document](t, serve(t, with(a)).mustGet("/openapi.json"))
		if s := d.Components.SecuritySchemes; s["token"].Scheme != "bearer" || s["password"].Scheme != "basic" || s["token"].Type != "http" || len(s) != 2 {
			t.Errorf("schemes %v", s)
		}
		for path, methods := range d.Paths {
			for name, m := range methods {
				var ways []string
				for _, way := range m.Security {
					for scheme := range way {
						ways = append(ways, scheme)
					}
					if len(way) == 0 {
						ways = append(ways, "nothing")
					}
				}
				want := ""
				if i := slices.IndexFunc(routes, func(r route) bool { return r.path == path }); i >= 0 && a.Tokens != nil {
					want = map[access]string{managed: "token password", publicIfNamed: "token password nothing"}[routes[i].access]
				}
				if got := strings.Join(ways, " "); got != want {
					t.Errorf("%s %s needs %q, want %q", name, path, got, want)
				}
			}
		}
	}
}

// A page asks for the token in place of the page that needs it. Where a browser has no scripts, its own dialog asks at one address, and leads on.
func TestRefusedPages(t *testing.T) {
	s := serve(t, with(Access{Tokens: tokens(t)}))
	for _, target := range []string{"/upload-image", "/download"} {
		a := s.get(target, "Accept", "text/html")
		if a.status != 401 || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") || !slices.Equal(a.header.Values("WWW-Authenticate"), []string{challengeBearer}) ||
			!strings.Contains(string(a.body), `<form class="sheet" id="locked" hidden>`) || !strings.Contains(string(a.body), `<a href="/sign-in">`) {
			t.Errorf("%s: %d %v %s", target, a.status, a.header, a.body)
		}
	}
	if a := s.get(signInPath, "Accept", "text/html"); a.status != 401 || !slices.Equal(a.header.Values("WWW-Authenticate"), []string{challengeBearer, challengeBasic}) {
		t.Errorf("%s: %d %v", signInPath, a.status, a.header)
	}
	name, value, _ := strings.Cut(strings.TrimSpace(basic(goodToken)), ": ")
	if a := s.get(signInPath, "Accept", "text/html", name, value); a.status != 302 || a.header.Get("Location") != "/upload-image" {
		t.Errorf("%s with a token: %d %v", signInPath, a.status, a.header)
	}
}

// A large upload that is refused is answered before it has come, and its client sees the answer.
func TestRefusedBeforeTheBody(t *testing.T) {
	s := serve(t, with(Access{Tokens: tokens(t)}))
	const length = 30_000_000
	// At once, whether or not the body comes.
	for _, lines := range []string{"Content-Length: 30000000\r\n", "Transfer-Encoding: chunked\r\n"} {
		began := time.Now()
		conn := s.dial()
		if _, err := io.WriteString(conn, "POST /upload-image HTTP/1.1\r\nHost: h\r\n"+lines+"\r\n"+strings.Repeat("x", 16<<10)); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if a := read401(t, response); !a.closed || time.Since(began) > 5*time.Second {
			t.Errorf("%s: closed %v after %v", lines, a.closed, time.Since(began))
		}
		conn.Close()
	}
	// A client that reads only when it has sent everything.
	for _, body := range []io.Reader{bytes.NewReader(make([]byte, length)), io.LimitReader(zeros{}, length)} {
		s.wantProblem("all at once", s.do("POST", "/upload-image", body), 401, "unauthorized")
	}
	s.wantProblem("no such address", s.do("POST", "/nothing", bytes.NewReader(make([]byte, length))), 404, "no-such-address")
	s.wantNothingSpooled()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func read401(t *testing.T, response *http.Response) answer {
	t.Helper()
	a := read(t, "the answer", response)
	if a.status != 401 || !slices.Equal(a.header.Values("WWW-Authenticate"), []string{challengeBearer}) || a.header.Get("Calotype-Error") != "unauthorized" {
		t.Errorf("%d %v", a.status, a.header)
	}
	return a
}

// Who asks whether to send is told so (RFC 9110, 10.1.1).
func TestExpect(t *testing.T) {
	s := serve(t, with(Access{Tokens: tokens(t)}))
	picture := draws(t, "rg", "by")
	ask := func(target, lines string) (*net.TCPConn, *bufio.Reader, *http.Response) {
		t.Helper()
		conn := s.dial()
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\nExpect: 100-continue\r\n%s\r\n", target, len(picture), lines)
		reader := bufio.NewReader(conn)
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		return conn, reader, response
	}
	_, _, response := ask("/upload-image", "")
	if a := read401(t, response); !a.closed {
		t.Error("the connection is to be used again")
	}
	_, _, response = ask("/upload-image", bearer(wrongToken))
	read401(t, response)
	_, _, response = ask("/nothing", "")
	s.wantProblem("nothing", read(t, "nothing", response), 404, "no-such-address")
	_, _, response = ask("/capabilities", "")
	a := read(t, "capabilities", response)
	if s.wantProblem("a method", a, 405, "method-not-allowed"); a.header.Get("Allow") != "GET, HEAD, OPTIONS" {
		t.Errorf("Allow: %q", a.header.Get("Allow"))
	}

	conn, reader, response := ask("/upload-image", bearer(goodToken))
	if response.StatusCode != http.StatusContinue {
		t.Fatalf("with a token: %s", response.Status)
	}
	if _, err := conn.Write(picture); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a := read(t, "the upload", response); a.status != 201 || a.closed {
		t.Errorf("with a token: %d, closed %v", a.status, a.closed)
	}
}

// Who guesses has to wait, with the right token too, and nobody else has.
func TestGuessing(t *testing.T) {
	loopback, err := forwarded.ParseNetworks([]string{"loopback"})
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, with(Access{Tokens: tokens(t)}), func(o *Options) { o.Trusted = loopback })
	f := func(client, token string) answer {
		return s.get("/download", "Authorization", "Bearer "+token, "X-Forwarded-For", client)
	}
	for range maxAttempts {
		s.wantProblem("a wrong token", f("203.0.113.9", wrongToken), 401, "unauthorized")
	}
	for _, token := range []string{wrongToken, goodToken} {
		a := f("203.0.113.9", token)
		if s.wantProblem("one more", a, 429, "too-many-attempts"); a.header.Get("Retry-After") == "" {
			t.Errorf("headers %v", a.header)
		}
	}
	if a := f("203.0.113.10", goodToken); a.status != 200 {
		t.Errorf("another client gets %d", a.status)
	}
	// Without a token nothing is guessed, and prints are for everyone.
	s.wantProblem("no token", s.get("/download", "X-Forwarded-For", "203.0.113.9"), 401, "unauthorized")
	s.mustGet("/capabilities", "X-Forwarded-For", "203.0.113.9", "Authorization", "Bearer "+wrongToken)
	if n := s.handler.snapshot().WrongTokens; n != maxAttempts {
		t.Errorf("%d wrong tokens are counted", n)
	}
}

// Nothing that a client or an operator reads has a token in it.
func TestTokensStayUntold(t *testing.T) {
	s := serve(t, with(Access{Tokens: tokens(t)}))
	var said bytes.Buffer
	for _, authorization := range []string{"Bearer " + goodToken, "Bearer " + wrongToken, "Basic " + base64.StdEncoding.EncodeToString([]byte("u:"+goodToken)), goodToken} {
		for _, target := range []string{"/upload-image", "/download", "/download?before=x", "/nothing", "/openapi.json"} {
			for _, method := range []string{"GET", "POST", "DELETE"} {
				a := s.do(method, target, strings.NewReader("x"), "Authorization", authorization)
				fmt.Fprintf(&said, "%v\n%s\n", a.header, a.body)
			}
		}
	}
	// A failure of ours is logged, whatever the request was.
	s.handler.store = nil
	s.wantProblem("a panic", s.get("/download", "Authorization", "Bearer "+goodToken), 500, "internal")
	if !strings.Contains(s.log.String(), "panic") {
		t.Error("nothing was logged")
	}
	for _, secret := range []string{goodToken, wrongToken, base64.StdEncoding.EncodeToString([]byte("u:" + goodToken))} {
		if strings.Contains(said.String(), secret) || strings.Contains(s.log.String(), secret) {
			t.Errorf("%q is told", secret)
		}
	}
}

// Whatever the head of a request says, who has no token is not admitted, and nothing breaks.
func FuzzAdmission(f *testing.F) {
	f.Add("Basic YTpi", "h", "cross-site", "null")
	f.Add("Bearer x", "127.0.0.1:80", "", "http://127.0.0.1:80")
	f.Add("basic \xff=", "[::1", "same-origin", "://")
	withTokens := &Handler{engine: options(f).Engine, attempts: token.NewAttempts(maxAttempts, attemptWindow)}
	withTokens.SetTenants(Tenant{Access: Access{Tokens: tokens(f)}})
	f.Fuzz(func(t *testing.T, authorization, host, site, origin string) {
		var ctx fasthttp.RequestCtx
		ctx.Request.Header.SetMethod("POST")
		ctx.Request.SetRequestURI("/upload-image")
		ctx.Request.Header.SetHost(host)
		ctx.Request.Header.Set("Authorization", authorization)
		ctx.Request.Header.Set("Sec-Fetch-Site", site)
		ctx.Request.Header.Set("Origin", origin)
		if err := withTokens.admit(&ctx, managed); err == nil {
			t.Fatalf("%q is admitted", authorization)
		}
		if fromThisMachine(&ctx) {
			t.Fatal("a connection from nowhere is from this machine")
		}
		namesLoopback(host)
	})
}
