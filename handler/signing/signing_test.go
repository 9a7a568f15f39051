package signing

import (
	"encoding/base64"
	"errors"
	"flag"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

var forgeries = flag.Int("forgeries", 100_000, "random signatures to try")

// A key is refused without being told.
func TestKeys(t *testing.T) {
	f := func(want string, list ...string) {
		t.Helper()
		k, err := ParseKeys(list)
		if want == "" {
			if err != nil || k.Len() != len(list) {
				t.Errorf("%q: %d keys, %v", list, k.Len(), err)
			}
			return
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", list, err, want)
			return
		}
		for _, text := range list {
			if _, secret, _ := strings.Cut(text, ":"); len(secret) > 8 && strings.Contains(err.Error(), secret[:8]) {
				t.Errorf("%q: the error tells of it: %v", list, err)
			}
		}
	}
	f("")
	f("", testKey1)
	f("", testKey1, testKey2, testKey3)
	f("", " "+testKey1+" ")
	f("key 1", "")
	f("key 1", "k1")
	f("key 1", digits(0, 32))
	f("key 1", ":"+digits(0, 32))
	f("key 1", "K1:"+digits(0, 32))
	f("key 1", "ninechars:"+digits(0, 32))
	f("key 1", "k-1:"+digits(0, 32))
	f("key 1", "k1:"+digits(0, 31))
	f("key 1", "k1:"+digits(0, 32)+"0")
	f("key 1", "k1:"+digits(0, 31)+"zz")
	f("key 1", "k1:"+strings.Repeat("00", maxKey+1))
	f("key 2", testKey1, "k2:"+digits(0, 31))
	f("key 2: there is another one", testKey1, "k1:"+digits(9, 32))
	if _, err := (*Keys)(nil).Sign("/download/"+testID, Terms{}); !errors.Is(err, ErrNone) {
		t.Errorf("without keys: %v", err)
	}
	if _, err := (*Keys)(nil).Verify(nil, []byte("/download/~k1.0.AAAAAAAAAAAAAAAAAAAAAA/"+testID), time.Now()); !errors.Is(err, ErrSignature) {
		t.Errorf("without keys: %v", err)
	}
}

// A key that signs no longer is good until it is taken away.
func TestRotation(t *testing.T) {
	path := "/download/" + testID + ".webp"
	old, both, done := keysOf(t, testKey1), keysOf(t, testKey2, testKey1), keysOf(t, testKey2)
	f := func(signer, server *Keys, want string) {
		t.Helper()
		signed, err := signer.Sign(path, Terms{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := server.Verify(nil, []byte(signed), time.Now()); resultOf(err) != want {
			t.Errorf("%s: %v, want %s", signed, err, want)
		}
	}
	f(old, both, "good")
	f(both, both, "good")
	f(both, done, "good")
	f(old, done, "bad")
	f(both, old, "bad")
}

func TestSignRefuses(t *testing.T) {
	k := keysOf(t, testKey1)
	f := func(path string, terms Terms) {
		t.Helper()
		if signed, err := k.Sign(path, terms); err == nil {
			t.Errorf("%s %+v: %s", path, terms, signed)
		}
	}
	image := "/download/" + testID
	for _, end := range []int64{-1, 1_000_000_000_000} {
		f(image, Terms{Expires: end})
	}
	for _, grant := range []string{
		"_", "w", "w0", "w01", "w1600s", "w1600s0", "w1600s1601", "w65536", "w99999999999999999999", "w1600x80", "d0", "d5", "d1.5", "webp-", "-webp", "webp--jpg", "WEBP", "w1600_", "_webp",
		"webp_w1600", "webp_d2", "d2_w1600", "w1600.webp", "w1600/webp", "w1600_d2_webp_n1", "n1", "webp jpg", "w1600\n", "9", strings.Repeat("webp-", 25) + "jpg",
	} {
		f(image, Terms{Grant: grant})
	}
	f(image+".webp", Terms{Grant: "w1600"})
	f(image+"/resize:80.webp", Terms{Grant: "d2"})
	f("/download/"+strings.Repeat("a/", 41), Terms{Grant: "d2"})
}

// Whichever byte is changed, and to whatever, the signature is good no more.
func TestEveryChangedByteIsNoticed(t *testing.T) {
	k := keysOf(t, testKey1, testKey2)
	now := time.Unix(testNow, 0)
	room := make([]byte, 0, 4096)
	for _, signed := range signedPaths(t, k) {
		tried := 0
		for i := range signed {
			changed := []byte(signed)
			for c := range 256 {
				if changed[i] = byte(c); changed[i] == signed[i] {
					continue
				}
				tried++
				if permit, err := k.Verify(room, changed, now); err == nil {
					t.Errorf("%q stands for %s", changed, permit.Path)
				}
			}
		}
		if tried != 255*len(signed) {
			t.Errorf("%d changes were tried of %s", tried, signed)
		}
	}
}

// signedPaths are one of each kind, without percent-encoding, of which there are several spellings. What a client may choose is left out.
func signedPaths(t testing.TB, k *Keys) (list []string) {
	t.Helper()
	for _, s := range []struct {
		path  string
		terms Terms
		after string
	}{
		{"/download/" + testID + "/crop:0,0,200,200/rotate:90.png", Terms{}, ""},
		{"/download/" + testID, Terms{Expires: testNow + 60}, ""},
		{"/proxy/_/" + testSource + "/resize:640.webp", Terms{Expires: testNow + 60}, ""},
		{"/download/" + testID + "/rotate:90", Terms{Grant: "w80s80_webp"}, "/resize:80.webp"},
	} {
		signed, err := k.Sign(s.path, s.terms)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.Verify(nil, []byte(signed+s.after), time.Unix(testNow, 0)); err != nil {
			t.Fatalf("%s: %v", signed+s.after, err)
		}
		if s.terms.Grant == "" {
			list = append(list, signed)
		}
	}
	return list
}

// No signature is found by chance, and none is made of others.
func TestForgeries(t *testing.T) {
	k := keysOf(t, testKey1, testKey2)
	now := time.Unix(testNow, 0)
	random := rand.New(rand.NewPCG(1, 2))
	paths := signedPaths(t, k)
	room := make([]byte, 0, 4096)
	tries := *forgeries
	if testing.Short() {
		tries /= 10
	}
	for i := range tries {
		signed := paths[random.IntN(len(paths))]
		parts := strings.SplitN(signed, "/", 4)
		signature := strings.Split(parts[2][1:], ".")
		code := make([]byte, 16+random.IntN(17))
		for j := range code {
			code[j] = byte(random.Uint32())
		}
		if i%2 == 0 {
			genuine, _ := base64.RawURLEncoding.DecodeString(signature[2])
			copy(code, genuine)
			bit := random.IntN(8 * len(genuine))
			code[bit/8] ^= 1 << (bit % 8)
		}
		key := signature[0]
		if i%3 == 0 {
			key = []string{"k1", "k2", "k3"}[random.IntN(3)]
		}
		forged := "/" + parts[1] + "/~" + key + "." + signature[1] + "." + base64.RawURLEncoding.EncodeToString(code)
		if i%5 == 0 {
			forged += ".w1600_webp_n1"
		}
		forged += "/" + parts[3]
		if permit, err := k.Verify(room, []byte(forged), now); err == nil {
			t.Fatalf("forgery %d, %s, stands for %s", i, forged, permit.Path)
		}
	}
}

// BenchmarkVerify verifies addresses of several kinds. The floor is the HMAC of that of a print, by itself.
func BenchmarkVerify(b *testing.B) {
	k := keysOf(b, testKey1, testKey2)
	b.Run("floor", func(b *testing.B) {
		text := []byte("calotype1\nk1\n1800003600\n/download/" + testID + "/crop:0,0,200,200/rotate:90.png")
		for b.Loop() {
			k.keys[0].giveBack(k.keys[0].compute(text))
		}
	})
	now := time.Unix(testNow, 0)
	for _, c := range []struct{ name, path, after string }{
		{"original", "/download/" + testID, ""},
		{"print", "/download/" + testID + "/crop:0,0,200,200/rotate:90.png", ""},
		{"remote", "/proxy/_/" + testSource + "/resize:640/quality:70.webp", ""},
		{"granted", "/download/" + testID, "/resize:800/dpr:2.webp"},
		{"longest", "/download/" + testID + "/" + strings.Repeat("abcdefg/", 490) + "x.png", ""},
	} {
		terms := Terms{Expires: testNow + 3600}
		if c.after != "" {
			terms.Grant = "w1600s80_d3_avif-webp-jpg"
		}
		signed, err := k.Sign(c.path, terms)
		if err != nil {
			b.Fatal(err)
		}
		raw, room := []byte(signed+c.after), make([]byte, 0, 8192)
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := k.Verify(room, raw, now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Whatever is sent, it is refused or it is the path that was signed; and what is signed is good however it is encoded on its way.
func FuzzVerify(f *testing.F) {
	k := keysOf(f, testKey1)
	now := time.Unix(testNow, 0)
	for _, v := range makeVectors(f).Verify {
		f.Add(v.Path, uint64(1))
	}
	f.Fuzz(func(t *testing.T, path string, seed uint64) {
		if permit, err := k.Verify(nil, []byte(path), now); err == nil {
			// The same address, signed here, stands for the same.
			signed, err := k.Sign(string(permit.Path), Terms{})
			if err != nil {
				t.Fatalf("%q stands for %q, which cannot be signed: %v", path, permit.Path, err)
			}
			if again, err := k.Verify(nil, []byte(signed), now); err != nil || string(again.Path) != string(permit.Path) {
				t.Fatalf("%q: %q, %v", signed, again.Path, err)
			}
		}
		signed, err := k.Sign("/download/"+path, Terms{})
		if err != nil {
			return
		}
		permit, err := k.Verify(nil, []byte(signed), now)
		if err != nil {
			t.Fatalf("%q: %v", signed, err)
		}
		want := string(permit.Path)
		sent := reencoded(signed, rand.New(rand.NewPCG(seed, 1)))
		if permit, err = k.Verify(nil, []byte(sent), now); err != nil || string(permit.Path) != want {
			t.Fatalf("%q, sent as %q: %q, %v", signed, sent, permit.Path, err)
		}
	})
}

// reencoded is what proxies may make of an address behind its route: bytes are percent-encoded or decoded, and slashes added.
func reencoded(signed string, random *rand.Rand) string {
	const mayStand = "!$&'()*+,;=:@-._~"
	route := signed[:strings.Index(signed[1:], "/")+2]
	var b strings.Builder
	b.WriteString(route)
	for i := len(route); i < len(signed); i++ {
		c := signed[i]
		switch {
		case c == '/':
			b.WriteString(strings.Repeat("/", 1+random.IntN(2)))
		case c == '%':
			code := signed[i : i+3]
			if random.IntN(2) == 0 {
				code = strings.ToLower(code)
			}
			b.WriteString(code)
			i += 2
		case random.IntN(4) == 0, strings.IndexByte(mayStand, c) >= 0 && random.IntN(2) == 0:
			b.WriteString(percent(string(c)))
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
