//go:build cdn

package test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const signKey = "k1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

// sign has the program sign a path.
func sign(t testing.TB, path string, options ...string) string {
	t.Helper()
	command := exec.Command(binary(t), append(append([]string{"sign"}, options...), path)...)
	command.Env = append(os.Environ(), "CALOTYPE_SIGN_KEYS="+signKey)
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v: %v", command, err)
	}
	return strings.TrimSpace(string(out))
}

// rewriters start proxies that change addresses on their way to a port, each in its own manner. They keep nothing.
var rewriters = []struct {
	name  string
	start func(t testing.TB, port int) *proxy
}{
	{"nginx as it comes", func(t testing.TB, port int) *proxy { return nginxRewriting(t, port, "", "") }},
	{"nginx decoding and merging", func(t testing.TB, port int) *proxy { return nginxRewriting(t, port, "/", "") }},
	{"nginx decoding, not merging", func(t testing.TB, port int) *proxy { return nginxRewriting(t, port, "/", "merge_slashes off;") }},
	{"nginx rewriting", func(t testing.TB, port int) *proxy {
		return nginxRewriting(t, port, "", "rewrite ^/(.*)$ /$1 break;")
	}},
	{"Varnish encoding", func(t testing.TB, port int) *proxy {
		return varnishRewriting(t, port, ":", "%3A", ",", "%2c", "~", "%7E", "-", "%2d", "=", "%3D", "r", "%72")
	}},
	{"Varnish decoding and merging", func(t testing.TB, port int) *proxy {
		return varnishRewriting(t, port, "(?i)%3a", ":", "(?i)%2c", ",", "(?i)%7e", "~", "(?i)%2e", ".", "//+", "/")
	}},
	{"Varnish adding slashes", func(t testing.TB, port int) *proxy {
		return varnishRewriting(t, port, "([^/])/([^/])", "\\1//\\2", "^//", "/")
	}},
}

// nginxRewriting starts an nginx whose proxy_pass has a path or not, with further directives.
func nginxRewriting(t testing.TB, port int, path, directives string) *proxy {
	t.Helper()
	folder, listen := t.TempDir(), freePort(t)
	site := filepath.Join(folder, "site.conf")
	if err := os.WriteFile(site, fmt.Appendf(nil, "server {\n listen 127.0.0.1:%d;\n %s\n location / { proxy_pass http://127.0.0.1:%d%s; proxy_http_version 1.1; }\n}\n", listen, directives, port, path), 0o644); err != nil {
		t.Fatal(err)
	}
	return nginxIn(t, folder, site, listen)
}

// varnishRewriting starts a Varnish that replaces patterns in addresses behind their route, given in pairs.
func varnishRewriting(t testing.TB, port int, pairs ...string) *proxy {
	t.Helper()
	folder, listen := t.TempDir(), freePort(t)
	var rules strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(&rules, "  set req.http.rest = regsuball(req.http.rest, {\"%s\"}, {\"%s\"});\n", pairs[i], pairs[i+1])
	}
	vcl := filepath.Join(folder, "rewriting.vcl")
	if err := os.WriteFile(vcl, fmt.Appendf(nil, `vcl 4.1;
backend origin { .host = "127.0.0.1"; .port = "%d"; }
sub vcl_recv {
  set req.http.route = regsub(req.url, "^(/[a-z]+/).*$", "\1");
  set req.http.rest = regsub(req.url, "^/[a-z]+/", "");
%s  set req.url = req.http.route + req.http.rest;
  return (pass);
}
`, port, rules.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return varnishIn(t, folder, vcl, listen)
}

// A signed address is good whatever proxies make of it on its way, one or two of them, and however it was written at its beginning. A byte
// that is another is 403, and one whose time is over 410.
func TestCDNSignaturesSurviveProxies(t *testing.T) {
	t.Parallel()
	o := newOrigin(t, "--sign", "all", "--sign-keys", signKey, "--sources", "local:///", "--source-root", filepath.Dir(sample(t, "landscape.jpg")))
	id := o.landscape()
	remote := sign(t, "/proxy/_/"+base64.RawURLEncoding.EncodeToString([]byte("local:///landscape.jpg"))+"/crop:10,20,200,100/rotate:90.png")
	plain := sign(t, "/download/"+id+"/crop:10,20,200,100/rotate:90.png")
	granted := sign(t, "/download/"+id+"/crop:10,20,200,100", "--grant", "w400s20_d2_png-webp") + "/resize:40/dpr:2.png"
	ended := signedUntil(t, time.Now().Unix()-1, "/download/"+id+"/rotate:90.png")
	want := map[string][]byte{}
	for _, address := range []string{plain, granted, remote} {
		want[address] = get(t, o.address(), address).must(t, 200, "").body
	}
	check := func(t *testing.T, p *proxy) {
		for address, body := range want {
			for _, spelling := range spellings(address) {
				if got := get(t, p.address, spelling); got.status != 200 || !bytes.Equal(got.body, body) {
					t.Errorf("%s is %d %s", spelling, got.status, got.header.Get("Calotype-Error"))
				}
			}
		}
		for _, spelling := range spellings(ended) {
			if got := get(t, p.address, spelling); got.status != 410 {
				t.Errorf("%s has ended, and is %d", spelling, got.status)
			}
		}
		for i := len("/download/"); i < len(plain); i++ {
			changed := []byte(plain)
			if changed[i] = 'q'; plain[i] == 'q' {
				changed[i] = 'Q'
			}
			if got := get(t, p.address, string(changed)); got.status != 403 {
				t.Errorf("%s is %d", changed, got.status)
			}
		}
		if got := get(t, p.address, granted[:strings.Index(granted, "/resize")]+"/resize:420.png"); got.status != 403 || got.header.Get("Calotype-Error") != "outside-grant" {
			t.Errorf("what is not granted is %d", got.status)
		}
	}
	for i, first := range rewriters {
		t.Run(first.name, func(t *testing.T) { check(t, first.start(t, o.port)) })
		second := rewriters[(i+3)%len(rewriters)]
		t.Run(first.name+", behind it "+second.name, func(t *testing.T) {
			check(t, first.start(t, portOf(t, second.start(t, o.port))))
		})
	}
}

// spellings are ways to write an address that programs, pages and mails have, and some at random.
func spellings(address string) []string {
	route := strings.Index(address, "~")
	list := []string{
		address,
		strings.NewReplacer(":", "%3A", ",", "%2C").Replace(address),
		strings.NewReplacer(":", "%3a", ",", "%2c", "~", "%7e", "-", "%2d").Replace(address),
		address[:route] + strings.ReplaceAll(address[route:], "/", "//") + "/",
	}
	random := rand.New(rand.NewPCG(1, uint64(len(address))))
	for range 10 {
		var b strings.Builder
		b.WriteString(address[:route])
		for _, c := range []byte(address[route:]) {
			switch {
			case c == '/':
				b.WriteString(strings.Repeat("/", 1+random.IntN(3)))
			case random.IntN(3) > 0:
				b.WriteByte(c)
			case random.IntN(2) > 0:
				fmt.Fprintf(&b, "%%%02x", c)
			default:
				fmt.Fprintf(&b, "%%%02X", c)
			}
		}
		list = append(list, b.String())
	}
	return list
}

// signedUntil signs a path by the definition of signatures, with an end in seconds since 1970.
func signedUntil(t testing.TB, end int64, path string) string {
	t.Helper()
	name, digits, _ := strings.Cut(signKey, ":")
	secret, err := hex.DecodeString(digits)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "calotype1\n%s\n%d\n%s", name, end, path)
	code := base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
	return strings.Replace(path, "/download/", fmt.Sprintf("/download/~%s.%d.%s/", name, end, code), 1)
}

// Signed prints are kept by the caches of deploy/ until they end, and no longer, and are gone with their image.
func TestCDNSignedPrintsAreKeptAndPurged(t *testing.T) {
	t.Parallel()
	e := newEdge(t, "--sign", "all", "--sign-keys", signKey)
	for _, p := range e.proxies() {
		t.Run(p.name, func(t *testing.T) {
			id := e.landscape()
			forEver := sign(t, "/download/"+id+"/resize:40.webp")
			end := time.Now().Unix() + 4
			ending := signedUntil(t, end, "/download/"+id+"/resize:41.webp")
			prints := e.prints()
			for _, address := range []string{forEver, ending} {
				get(t, p.address, address).must(t, 200, "MISS")
				get(t, p.address, address).must(t, 200, "HIT")
				get(t, p.address, strings.ReplaceAll(address, ":", "%3A")).must(t, 200, "HIT")
				get(t, p.address, strings.Replace(address, "~", "%7E", 1)).must(t, 200, "HIT")
			}
			get(t, p.address, signedUntil(t, end+60, "/download/"+id+"/resize:41.webp")).must(t, 200, "MISS")
			if made := e.prints() - prints; made != 2 {
				t.Errorf("%d prints were made", made)
			}
			get(t, p.address, strings.Replace(forEver, "resize:40", "resize:42", 1)).must(t, 403, "")
			time.Sleep(time.Until(time.Unix(end+1, 0)))
			get(t, p.address, ending).must(t, 410, "")
			get(t, p.address, forEver).must(t, 200, "HIT")

			if got := purge(t, e, p, id); got.status/100 != 2 {
				t.Fatalf("the purge is answered %d", got.status)
			}
			get(t, p.address, forEver).must(t, 200, "MISS")
		})
	}
}

// purge takes all of an image out of a cache by hand.
func purge(t testing.TB, e *edge, p *proxy, id string) received {
	t.Helper()
	if p == e.varnish {
		return askTarget(t, "PURGE", p.address, "/", "xkey", "img-"+id)
	}
	return askTarget(t, "PURGE", p.address, "/download/"+id+"*")
}

// portOf is the port that a proxy listens on.
func portOf(t testing.TB, p *proxy) (port int) {
	t.Helper()
	if _, err := fmt.Sscanf(p.address, "http://127.0.0.1:%d", &port); err != nil {
		t.Fatal(err)
	}
	return port
}
