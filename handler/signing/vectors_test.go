package signing

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

//go:generate go test -run ^TestVectorsAreUpToDate$ . -update

var update = flag.Bool("update", false, "write docs/signing/vectors.json")

const vectorsFile = "../../docs/signing/vectors.json"

// vectors are what docs/signing/vectors.json holds.
type vectors struct {
	About   string          `json:"about"`
	Sign    []signVector    `json:"sign"`
	Refused []refusedVector `json:"refused"`
	Verify  []verifyVector  `json:"verify"`
	Expiry  []expiryVector  `json:"expiry"`
}

type signVector struct {
	Name    string `json:"name"`
	Key     string `json:"key"`
	Path    string `json:"path"`
	Expires int64  `json:"expires"`
	Grant   string `json:"grant"`
	Text    string `json:"text"` // what is signed
	Signed  string `json:"signed"`
}

type refusedVector struct {
	Name string `json:"name"`
	Key  string `json:"key"`
	Path string `json:"path"`
}

type verifyVector struct {
	Name   string   `json:"name"`
	Keys   []string `json:"keys"`
	Path   string   `json:"path"`
	Now    int64    `json:"now"`
	Result string   `json:"result"`            // good, missing, bad, outside or expired
	Stands string   `json:"address,omitempty"` // of a good one: the address without signature
}

type expiryVector struct {
	Now     int64 `json:"now"`
	Life    int64 `json:"life"`
	Expires int64 `json:"expires"`

	Name string `json:"name"`
}

const about = "Vectors for signed addresses, as docs/signing.md describes them. sign: a library makes signed of key, path, expires and grant; text is what is signed. " +
	"refused: a library signs none of these. verify: what a server that has these keys finds at the time now, in seconds since 1970, and which address a good one stands for. " +
	"expiry: the end of a signature that is to be good for life seconds at the least. The keys are no secrets."

var (
	testKey1 = "k1:" + digits(0, 32)
	testKey2 = "k2:" + digits(100, 32)
	testKey3 = "2026nov:" + digits(180, 64)
)

// digits are hexadecimal digits of so many bytes that go up.
func digits(first byte, n int) string {
	var b []byte
	for i := range n {
		b = append(b, first+byte(i))
	}
	return hex.EncodeToString(b)
}

const (
	testID     = "01934f6e-8d5c-7b3a-9c1e-0a1b2c3d4e5f"
	testSource = "aHR0cHM6Ly9pbWcuZXhhbXBsZS5vcmcvcGhvdG9zL2NhdCUyMDEuanBnP3Y9Mg" // https://img.example.org/photos/cat%201.jpg?v=2
	testNow    = 1_800_000_000
)

// makeVectors has the package make them.
func makeVectors(t testing.TB) vectors {
	v := vectors{About: about}
	image := "/download/" + testID
	// sign adds a vector of a library and, since what it makes must be good, one of a server.
	sign := func(name, key, path string, expires int64, grant string) string {
		t.Helper()
		signed, err := keysOf(t, key).Sign(path, Terms{Expires: expires, Grant: grant})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		route, rest, _ := strings.Cut(signed[1:], "/")
		segment, rest, _ := strings.Cut(rest, "/")
		parts := strings.Split(segment[1:], ".")
		text := "calotype1\n" + parts[0] + "\n" + parts[1] + "\n"
		if grant != "" {
			text = "calotype1-bounded\n" + parts[0] + "\n" + parts[1] + "\n" + parts[3] + "\n"
		}
		v.Sign = append(v.Sign, signVector{name, key, path, expires, grant, text + "/" + route + "/" + rest, signed})
		return signed
	}
	verify := func(name, path string, now int64, keys ...string) {
		t.Helper()
		if len(keys) == 0 {
			keys = []string{testKey1}
		}
		entry := verifyVector{Name: name, Keys: keys, Path: path, Now: now}
		permit, err := keysOf(t, keys...).Verify(nil, []byte(path), time.Unix(now, 0))
		entry.Result = resultOf(err)
		if err == nil {
			entry.Stands = string(permit.Path)
		}
		v.Verify = append(v.Verify, entry)
	}
	refuse := func(name, key, path string) {
		t.Helper()
		if signed, err := keysOf(t, testKey1).Sign(path, Terms{}); key == testKey1 && err == nil {
			t.Fatalf("%s: signed as %s", name, signed)
		}
		v.Refused = append(v.Refused, refusedVector{name, key, path})
	}

	plainOne := sign("an original", testKey1, image, 0, "")
	chain := sign("a print", testKey1, image+"/crop:0,0,200,200/rotate:90.png", 0, "")
	sign("an extension alone", testKey1, image+".webp", 0, "")
	sign("every character that stands for itself", testKey1, image+"/AZaz09-._~!$&'()*+,;=:@.png", 0, "")
	sign("a synonym is another text", testKey1, image+"/crop=0~0~200~200.png", 0, "")
	sign("an upper case id is another text", testKey1, "/download/"+strings.ToUpper(testID)+".png", 0, "")
	sign("another key", testKey2, image+"/resize:320.webp", 0, "")
	sign("a key of 64 bytes with a long name", testKey3, image+"/resize:320.webp", 0, "")
	sign("capital digits of a key", "k1:"+strings.ToUpper(digits(0, 32)), image+"/resize:320.webp", 0, "")
	remote := sign("a remote image", testKey1, "/proxy/"+testSource+"/resize:640.webp", 0, "")
	sign("a remote image, with the mark of no signature", testKey1, "/proxy/_/"+testSource+"/resize:640.webp", 0, "")
	sign("a remote image that begins with the mark", testKey1, "/proxy/_x/resize:640.webp", 0, "")
	sign("an extension behind a source", testKey1, "/proxy/_/"+testSource+".webp", 0, "")
	sign("a source in percent-encoding", testKey1, "/proxy/_/https%3A%2F%2Fimg.example.org%2Fcat.jpg/resize:640.webp", 0, "")
	sign("a source in lower case percent-encoding", testKey1, "/proxy/_/https%3a%2f%2fimg.example.org%2fcat.jpg/resize:640.webp", 0, "")
	sign("a source in two layers of percent-encoding", testKey1, "/proxy/_/https%3A%2F%2Fimg.example.org%2Fcat%25201.jpg/resize:640.webp", 0, "")
	sign("a source with a query", testKey1, "/proxy/_/https%3A%2F%2Fimg.example.org%2Fcat.jpg%3Fv%3D2%26w%3D3%23x/resize:640.webp", 0, "")
	sign("a source in a bucket", testKey1, "/proxy/_/czM6Ly9idWNrZXQva2V5LmpwZw/resize:640.webp", 0, "")
	sign("percent-encoding that need not be", testKey1, image+"/crop%3A0%2C0%2C200%2C200.png", 0, "")
	sign("the same in lower case", testKey1, image+"/crop%3a0%2c0%2c200%2c200.png", 0, "")
	sign("percent-encoded letters", testKey1, image+"/%72esize%3A%33%32%30.%77ebp", 0, "")
	sign("percent-encoded tilde and hyphens", testKey1, "/download/"+strings.ReplaceAll(testID, "-", "%2D")+"/crop=0%7E0%7e9%7E9.png", 0, "")
	sign("percent-encoded sub-delimiters", testKey1, image+"/%21%24%26%27%28%29%2A%2B%2C%3B%3D%3A%40.png", 0, "")
	sign("what must be percent-encoded", testKey1, image+"/%22%23%25%2F%3C%3E%3F%5B%5C%5D%5E%60%7B%7C%7D%20%7F%01.png", 0, "")
	sign("empty segments", testKey1, "/download//"+testID+"///resize:320//dpr:2.webp//", 0, "")
	sign("an encoded slash is none", testKey1, image+"%2Fresize:320.webp", 0, "")
	for _, u := range []struct{ name, text string }{
		{"two bytes", "café"}, {"three bytes", "写真"}, {"four bytes", "📷"}, {"combining", "e\u0301"}, {"right to left", "صورة"}, {"a surrogate's neighbor", "\uffff"},
	} {
		sign("UTF-8, "+u.name, testKey1, image+"/name:"+u.text+".png", 0, "")
		sign("UTF-8 in percent-encoding, "+u.name, testKey1, image+"/name:"+percent(u.text)+".png", 0, "")
	}
	soon := sign("an end", testKey1, image+"/resize:320.webp", testNow+3600, "")
	sign("an end of a remote image", testKey1, "/proxy/_/"+testSource+"/resize:640.webp", testNow+86400, "")
	sign("an end at the first second", testKey1, image+"/resize:320.webp", 1, "")
	sign("an end beyond 32 bits", testKey1, image+"/resize:320.webp", 4_294_967_296, "")
	sign("an end of twelve digits", testKey1, image+"/resize:320.webp", 999_999_999_999, "")
	grants := []string{
		"w1600s80_d3_avif-webp-jpg", "w1600s80", "w1600", "d2", "webp", "w1600s80_webp", "d4_avif-webp-jpg-auto", "w65535s1_d1_jpg", "w1600s80_d3",
	}
	for _, g := range grants {
		sign("granted: "+g, testKey1, image, 0, g)
	}
	bounded := v.Sign[len(v.Sign)-len(grants)].Signed
	sign("granted with an end", testKey1, image, testNow+3600, grants[0])
	sign("granted behind operations", testKey1, image+"/crop:0,0,200,200/rotate:90", 0, grants[0])
	sign("granted for a remote image", testKey1, "/proxy/_/"+testSource, 0, grants[0])
	sign("granted for a source in percent-encoding", testKey1, "/proxy/_/https%3A%2F%2Fimg.example.org%2Fcat.jpg", 0, grants[0])
	sign("granted, with encodings and empty segments", testKey1, image+"//crop%3A0%2c0,200,200/", 0, grants[0])

	refuse("no key", "", image)
	refuse("a key without a name", ":"+digits(0, 32), image)
	refuse("a key that is too short", "k1:"+digits(0, 31), image)
	refuse("a key with half a byte", "k1:"+digits(0, 32)+"0", image)
	refuse("a key that is not hexadecimal", "k1:"+strings.Repeat("zz", 32), image)
	refuse("nothing", testKey1, "")
	refuse("no image", testKey1, "/download/")
	refuse("slashes alone", testKey1, "/download///")
	refuse("another route", testKey1, "/images/"+testID)
	refuse("a route in capitals", testKey1, "/DOWNLOAD/"+testID)
	refuse("a relative path", testKey1, "download/"+testID)
	refuse("an address with a host", testKey1, "https://example.org"+image)
	refuse("a query", testKey1, image+"?v=1")
	refuse("a fragment", testKey1, image+"#x")
	refuse("an address that is signed", testKey1, plainOne)
	refuse("a dot segment", testKey1, image+"/./resize:320.webp")
	refuse("two dots", testKey1, image+"/../x.webp")
	refuse("two dots in percent-encoding", testKey1, image+"/%2e%2E/x.webp")
	refuse("a percent sign alone", testKey1, image+"/100%")
	refuse("half a percent-encoding", testKey1, image+"/%2")
	refuse("no hexadecimal digits", testKey1, image+"/%zz.png")
	refuse("percent-encoding that is not UTF-8", testKey1, image+"/%FF.png")
	refuse("UTF-8 of a surrogate", testKey1, image+"/%ED%A0%80.png")

	for _, s := range v.Sign {
		key := s.Key
		path := s.Signed
		if s.Grant != "" {
			path += exampleOf(s.Grant)
		}
		verify("signed: "+s.Name, path, testNow, key)
	}
	spellings := func(name, signed string) {
		rest := signed[strings.Index(signed[1:], "/")+1:]
		route := strings.TrimSuffix(signed, rest)
		verify(name+", all that may be percent-encoded", route+"/"+everything(rest[1:]), testNow)
		verify(name+", in lower case", route+"/"+strings.ToLower(everything(rest[1:])), testNow)
		verify(name+", separators percent-encoded", route+strings.NewReplacer(":", "%3A", ",", "%2C", "~", "%7E", "=", "%3D").Replace(rest), testNow)
		verify(name+", percent-encoding undone", route+strings.NewReplacer("%3A", ":", "%2C", ",").Replace(rest), testNow)
		verify(name+", slashes added", route+strings.ReplaceAll(rest, "/", "//")+"/", testNow)
	}
	spellings("a print", chain)
	spellings("a remote image", remote)
	spellings("a granted print", bounded+exampleOf(grants[0]))

	verify("no signature", image+".webp", testNow)
	verify("no signature, remote", "/proxy/_/"+testSource+"/resize:640.webp", testNow)
	verify("no key", chain, testNow, testKey2)
	verify("a second key", chain, testNow, testKey2, testKey1)
	verify("another byte of the path", strings.Replace(chain, "rotate:90", "rotate:91", 1), testNow)
	verify("another case", strings.Replace(chain, "rotate", "ROTATE", 1), testNow)
	verify("a synonym", strings.Replace(chain, "rotate:90", "rotate=90", 1), testNow)
	verify("less", strings.TrimSuffix(chain, "/rotate:90.png"), testNow)
	verify("more", chain+"/x", testNow)
	verify("an encoded slash", strings.Replace(chain, "/rotate", "%2Frotate", 1), testNow)
	verify("another route", strings.Replace(chain, "/download/", "/proxy/", 1), testNow)
	verify("encoded twice", strings.Replace(chain, ":", "%253A", 1), testNow)
	verify("a broken encoding", strings.Replace(chain, "crop:", "crop%:", 1), testNow)
	verify("another end", strings.Replace(soon, "1800003600", "1800003601", 1), testNow)
	verify("no end", strings.Replace(soon, "1800003600", "0", 1), testNow)
	verify("an end with a leading zero", strings.Replace(soon, "1800003600", "01800003600", 1), testNow)
	verify("the last second", soon, testNow+3599)
	verify("the end", soon, testNow+3600)
	verify("long after", soon, testNow+1e9)
	verify("an end that is over and another path", strings.Replace(soon, "320", "321", 1), testNow+3600)
	code := strings.Split(chain, ".")[2]
	code, _, _ = strings.Cut(code, "/")
	full, err := keysOf(t, testKey1).fullCode(chain)
	if err != nil {
		t.Fatal(err)
	}
	verify("a whole code", strings.Replace(chain, code, full, 1), testNow)
	verify("a code of 20 bytes", strings.Replace(chain, code, full[:27-1]+lastOf(full, 20), 1), testNow)
	verify("a code that is too short", strings.Replace(chain, code, code[:21], 1), testNow)
	verify("a code that is too long", strings.Replace(chain, code, full+"A", 1), testNow)
	verify("a code of zeros", strings.Replace(chain, code, strings.Repeat("A", 22), 1), testNow)
	verify("no code", strings.Replace(chain, code, "", 1), testNow)
	verify("a code with other last bits", strings.Replace(chain, code, code[:21]+string(code[21]+1), 1), testNow)
	verify("a code with padding", strings.Replace(chain, code, code+"==", 1), testNow)
	verify("no parts", "/download/~/"+testID, testNow)
	verify("one part", "/download/~k1/"+testID, testNow)
	verify("a signature alone", strings.TrimSuffix(plainOne, "/"+testID), testNow)
	verify("a signature twice", strings.Replace(chain, "/download/", "/download/"+strings.Split(chain, "/")[2]+"/", 1), testNow)
	verify("a tilde percent-encoded", strings.Replace(chain, "~", "%7E", 1), testNow)
	verify("a signature percent-encoded", strings.Replace(chain, "~k1.0.", "%7e%6b1%2E0%2e", 1), testNow)
	verify("a plain one made bounded", strings.Replace(plainOne, "/"+testID, "."+grants[0]+"_n1/"+testID, 1)+exampleOf(grants[0]), testNow)
	verify("a bounded one made plain", strings.Replace(bounded, "."+grants[0]+"_n1", "", 1), testNow)
	verify("another grant", strings.Replace(bounded, "w1600", "w3200", 1)+exampleOf(grants[0]), testNow)
	verify("another image of a grant", strings.Replace(bounded, testID[:8], "01934f6f", 1)+exampleOf(grants[0]), testNow)
	for _, inside := range []string{
		"/resize:80.avif", "/resize:1600.webp", "/resize=800.jpg", "/resize:80/dpr:1.jpg", "/resize:80/dpr:1.5.jpg", "/resize:80/dpr:3.jpg", "/resize%3A80%2Fdpr:3.jpg",
		"//resize:80///dpr=2.5.jpg", "/%72esize%3A80.%6Apg",
		"", ".webp", "/resize:0.webp", "/resize:79.webp", "/resize:81.webp", "/resize:1680.webp", "/resize:99999999999999999999.webp", "/resize:080.webp", "/resize:80", "/resize:80.png",
		"/resize:80.WEBP", "/resize:80,80.webp", "/resize:80p.webp", "/resize:80.5.webp", "/RESIZE:80.webp", "/resize:80/dpr:3.5.webp", "/resize:80/dpr:4.webp", "/resize:80/dpr:0.5.webp",
		"/resize:80/dpr:1.25.webp", "/resize:80/dpr:2", "/dpr:2.webp", "/dpr:2/resize:80.webp", "/resize:80/dpr:2/dpr:2.webp", "/resize:80/resize:80.webp", "/resize:80/quality:1.webp",
		"/resize:80/blur:9.webp", "/blur:9/resize:80.webp", "/resize:80.webp/x",
	} {
		verify("granted or not: "+inside, bounded+inside, testNow)
	}
	small := map[string][]string{
		"d2":            {"", "/dpr:2", "/dpr:1.5", "/dpr:2.5", "/dpr:2.webp", "/resize:80"},
		"webp":          {".webp", "", ".png", "/as.webp", "/resize:80.webp"},
		"w1600s80":      {"/resize:80", "/resize:80.webp", ""},
		"w1600":         {"/resize:1", "/resize:1599", "/resize:1601"},
		"w1600s80_webp": {"/resize:80.webp", "/resize:80/dpr:1.webp", "/resize:80"},
	}
	for _, s := range v.Sign {
		if s.Expires == 0 && strings.HasPrefix(s.Name, "granted: ") {
			for _, after := range small[s.Grant] {
				verify(s.Name+": "+after, s.Signed+after, testNow)
			}
		}
	}
	for _, e := range []struct {
		name      string
		now, life int64
	}{
		{"a minute", testNow, 60},
		{"a second", testNow, 1},
		{"a second later", testNow + 1, 1},
		{"an hour", testNow, 3600},
		{"an hour, from its first second on", testNow + 1, 3600},
		{"an hour, to its last", testNow + 3599, 3600},
		{"less than an hour", testNow, 3599},
		{"less than a day", testNow, 86399},
		{"a day", testNow, 86400},
		{"thirty days", testNow, 30 * 86400},
		{"on the grid", 86400, 86400},
	} {
		v.Expiry = append(v.Expiry, expiryVector{e.now, e.life, Expiry(time.Unix(e.now, 0), time.Duration(e.life)*time.Second), e.name})
	}
	return v
}

// exampleOf is what a client may append to an address with a grant.
func exampleOf(text string) (example string) {
	g, _ := parseGrant([]byte(text + "_n1"))
	if g.width > 0 {
		example += fmt.Sprintf("/resize:%d", g.step*2)
	}
	if g.density > 0 {
		example += fmt.Sprintf("/dpr:%d", g.density)
	}
	if format, _, _ := strings.Cut(string(g.formats), "-"); format != "" {
		example += "." + format
	}
	return example
}

func keysOf(t testing.TB, list ...string) *Keys {
	t.Helper()
	k, err := ParseKeys(list)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// resultOf is the word of the vectors for what Verify has returned.
func resultOf(err error) string {
	for _, r := range []struct {
		err  error
		word string
	}{{ErrMissing, "missing"}, {ErrSignature, "bad"}, {ErrOutside, "outside"}, {ErrExpired, "expired"}} {
		if errors.Is(err, r.err) {
			return r.word
		}
	}
	return "good"
}

// percent encodes every byte.
func percent(s string) string {
	return "%" + strings.ToUpper(strings.Join(strings.Fields(fmt.Sprintf("% x", s)), "%"))
}

// everything encodes every byte but slashes and what is encoded already.
func everything(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '/':
			b.WriteByte('/')
		case s[i] == '%':
			b.WriteString(s[i : i+3])
			i += 2
		default:
			b.WriteString(percent(s[i : i+1]))
		}
	}
	return b.String()
}

// fullCode is the whole MAC of an address that is signed without a grant.
func (k *Keys) fullCode(signed string) (string, error) {
	parts := strings.SplitN(signed, "/", 4)
	m := k.keys[0].compute([]byte(plainDomain + "k1\n0\n/" + parts[1] + "/" + parts[3]))
	defer k.keys[0].giveBack(m)
	return base64.RawURLEncoding.EncodeToString(m.sum[:]), nil
}

// lastOf is the last character of so many bytes of a code.
func lastOf(full string, size int) string {
	sum, _ := base64.RawURLEncoding.DecodeString(full)
	code := base64.RawURLEncoding.EncodeToString(sum[:size])
	return code[len(code)-1:]
}

func TestVectorsAreUpToDate(t *testing.T) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(makeVectors(t)); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(vectorsFile, text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(vectorsFile)
	if err != nil || !bytes.Equal(got, text.Bytes()) {
		t.Errorf("%s is not up to date; run make generate", vectorsFile)
	}
}

// What is signed is the text of the vector, by the definition of HMAC-SHA256 alone.
func TestVectorsAreTrue(t *testing.T) {
	v := makeVectors(t)
	for _, s := range v.Sign {
		name, digits, _ := strings.Cut(s.Key, ":")
		secret, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatal(err)
		}
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(s.Text))
		code := base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
		if want := fmt.Sprintf("/~%s.%d.%s", name, s.Expires, code); !strings.Contains(s.Signed, want) {
			t.Errorf("%s: %s, want %s", s.Name, s.Signed, want)
		}
	}
	words := map[string]int{}
	for _, e := range v.Verify {
		words[e.Result]++
		if strings.HasPrefix(e.Name, "signed: ") && e.Result != "good" && !strings.Contains(e.Name, "the first second") {
			t.Errorf("%s: %s is %s", e.Name, e.Path, e.Result)
		}
	}
	t.Logf("%d to sign, %d to refuse, %d to verify (%v), %d ends", len(v.Sign), len(v.Refused), len(v.Verify), words, len(v.Expiry))
	for _, word := range []string{"good", "missing", "bad", "outside", "expired"} {
		if words[word] == 0 {
			t.Errorf("no vector is %s", word)
		}
	}
}
