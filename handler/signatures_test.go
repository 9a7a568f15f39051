package handler

import (
	"bytes"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"calotype/handler/signing"
	"calotype/handler/token"
)

const signKey = "k1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

func signKeys(t testing.TB, list ...string) *signing.Keys {
	t.Helper()
	keys, err := signing.ParseKeys(list)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func signedBy(t testing.TB, keys *signing.Keys, path string, terms signing.Terms) string {
	t.Helper()
	signed, err := keys.Sign(path, terms)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// What must be signed, by mode.
func TestWhatMustBeSigned(t *testing.T) {
	keys := signKeys(t, signKey)
	for _, mode := range []struct {
		name            string
		original, print int // without a signature
	}{{SignOff, 200, 200}, {"", 200, 200}, {SignRemote, 200, 200}, {SignTransforms, 200, 403}, {SignAll, 403, 403}} {
		t.Run(mode.name, func(t *testing.T) {
			s := serve(t, func(o *Options) { o.Sign, o.Keys = mode.name, keys })
			id := s.upload(draws(t, "rg", "by")).ID
			image := "/download/" + id
			f := func(path string, want int) {
				t.Helper()
				for range 2 { // made, and from memory
					a := s.get(path)
					if code := a.header.Get("Calotype-Error"); a.status != want || want == 403 && code != "not-signed" {
						t.Errorf("%s: %d %s, want %d", path, a.status, code, want)
					}
				}
				signed := signedBy(t, keys, path, signing.Terms{})
				for range 2 {
					if a := s.get(signed); a.status != 200 || a.header.Get("Link") != "" {
						t.Errorf("%s: %d %s %s", signed, a.status, a.header.Get("Calotype-Error"), a.header.Get("Link"))
					}
				}
			}
			f(image, mode.original)
			f(image+"/attach/name:x", mode.original)
			f(image+"/rotate:90.png", mode.print)
			f(image+".webp", mode.print)
			f(image+".auto", mode.print)
			f(image+".json", mode.print)
			f(image+"/icc:keep", mode.print)
			if a := s.get("/download?id=" + id); a.status != 200 {
				t.Errorf("who manages images gets no original by its id: %d", a.status) // from this machine
			}
		})
	}
}

// What lives elsewhere must be signed, unless that is turned off, and keeps no longer than its signature.
func TestSignedPicturesElsewhere(t *testing.T) {
	o := newOrigin(t, draws(t, "rg", "by"), http.Header{"Cache-Control": {"max-age=1000"}})
	keys := signKeys(t, signKey)
	s := serveElsewhere(t, o.URL)
	path := o.address("/rotate:90.png")
	allowed := s.handler.tenants.Load().fallback.Sources
	for _, mode := range []string{"", SignRemote, SignTransforms, SignAll} {
		s.handler.SetTenants(Tenant{Sign: mode, Keys: keys, Sources: allowed})
		for range 2 {
			if a := s.get(path); a.status != 403 || a.header.Get("Calotype-Error") != "not-signed" {
				t.Errorf("--sign=%s: %d %s", mode, a.status, a.header.Get("Calotype-Error"))
			}
			s.mustGet(signedBy(t, keys, path, signing.Terms{}))
			signed := signedBy(t, keys, path, signing.Terms{Expires: time.Now().Unix() + 100})
			a := s.mustGet(signed)
			var seconds int
			if _, err := fmt.Sscanf(a.header.Get("Cache-Control"), "public, max-age=%d", &seconds); err != nil || seconds > 100 || seconds < 90 || strings.Count(a.header.Get("Cache-Control"), ",") != 1 {
				t.Errorf("--sign=%s: %s", mode, a.header.Get("Cache-Control"))
			}
			for i := len("/proxy/"); i < len(signed); i += 7 {
				changed := signed[:i] + "%" + signed[i+1:]
				if a := s.get(changed); a.status != 403 {
					t.Errorf("--sign=%s: %s is %d", mode, changed, a.status)
				}
			}
			if a := s.get(signedBy(t, keys, path, signing.Terms{Expires: 1})); a.status != 410 {
				t.Errorf("--sign=%s: what has ended is %d", mode, a.status)
			}
			granted := signedBy(t, keys, o.address(""), signing.Terms{Grant: "w10s2_png"})
			if a := s.get(granted + "/resize:2.png"); a.status != 200 {
				t.Errorf("--sign=%s: what is granted is %d %s", mode, a.status, a.body)
			}
			if a := s.get(granted + "/resize:3.png"); a.status != 403 {
				t.Errorf("--sign=%s: what is not granted is %d", mode, a.status)
			}
		}
	}
	srcset := strings.Replace(path, proxyRoute, srcsetRoute, 1) + "?widths=1,2"
	if a := s.get(srcset); a.status != 403 || a.header.Get("Calotype-Error") != "needs-token" {
		t.Errorf("%s is %d %s", srcset, a.status, a.header.Get("Calotype-Error"))
	}
	s.handler.SetTenants(Tenant{Sign: SignRemote, Keys: keys, Sources: allowed, Access: Access{Open: true}})
	for _, match := range addressInText.FindAllStringSubmatch(string(s.mustGet(srcset).body), -1) {
		s.mustGet(match[1])
	}
	if asked := o.asked.Load(); asked != 1 {
		t.Errorf("the origin was asked %d times", asked)
	}
}

// A signature that is there must be good, whether it must be there or not.
func TestBadSignatures(t *testing.T) {
	keys := signKeys(t, signKey)
	for _, mode := range []string{SignOff, SignRemote, SignTransforms, SignAll} {
		s := serve(t, func(o *Options) { o.Sign, o.Keys = mode, keys })
		image := "/download/" + s.upload(draws(t, "rg", "by")).ID
		good := signedBy(t, keys, image+"/rotate:90.png", signing.Terms{})
		now := time.Now().Unix()
		f := func(path string, status int, code, keep string) {
			t.Helper()
			a := s.get(path)
			if a.status != status || a.header.Get("Calotype-Error") != code || a.header.Get("Cache-Control") != keep {
				t.Errorf("--sign=%s %s: %d %s %s", mode, path, a.status, a.header.Get("Calotype-Error"), a.header.Get("Cache-Control"))
			}
		}
		const briefly = "public, max-age=10"
		f(strings.Replace(good, "rotate:90", "rotate:91", 1), 403, "bad-signature", briefly)
		f(strings.Replace(good, "rotate:90", "rotate:%9", 1), 403, "bad-signature", briefly)
		f(strings.Replace(good, "rotate:90", "nonsense", 1), 403, "bad-signature", briefly)
		f(strings.Replace(good, "~k1", "~k2", 1), 403, "bad-signature", briefly)
		f("/download/~/"+image[len("/download/"):], 403, "bad-signature", briefly)
		f(signedBy(t, signKeys(t, "k1:"+strings.Repeat("ab", 32)), image+".png", signing.Terms{}), 403, "bad-signature", briefly)
		f(signedBy(t, keys, image+".png", signing.Terms{Expires: now - 1}), 410, "signature-expired", "public, max-age=3600")
		bounded := signedBy(t, keys, image, signing.Terms{Grant: "w100s2_png"})
		f(bounded+"/resize:3.png", 403, "outside-grant", briefly)
		f(signedBy(t, keys, image+"/nonsense.png", signing.Terms{}), 400, "bad-chain", "public, max-age=60")
		if a := s.get(bounded + "/resize:2.png"); a.status != 200 {
			t.Errorf("what is granted is %d %s", a.status, a.body)
		}
	}
}

// Every byte of a signed path matters.
func TestEveryByteOfASignedPath(t *testing.T) {
	keys := signKeys(t, signKey)
	s := serve(t, func(o *Options) { o.Sign, o.Keys = SignAll, keys })
	u := s.upload(draws(t, "rg", "by"))
	for _, signed := range []string{
		signedBy(t, keys, "/download/"+u.ID+"/crop:0,0,1,2/rotate:90.png", signing.Terms{}),
		signedBy(t, keys, "/download/"+u.ID+"/rotate:90.png", signing.Terms{Expires: time.Now().Unix() + 3600}),
	} {
		if a := s.get(signed); a.status != 200 {
			t.Fatalf("%s: %d", signed, a.status)
		}
		for i := len("/download/"); i < len(signed); i++ {
			for _, c := range "aZ09-_.~:,=/%&é" {
				changed := signed[:i] + string(c) + signed[i+1:]
				if changed == signed {
					continue
				}
				if a := s.get(changed); a.status != 403 {
					t.Errorf("%q: %d %s", changed, a.status, a.header.Get("Calotype-Error"))
				}
			}
		}
	}
}

// However a signed address is spelled on its way, it is the same print; what has ended is not served from memory.
func TestSignedAddressesOnTheirWay(t *testing.T) {
	keys := signKeys(t, signKey)
	s := serve(t, func(o *Options) { o.Sign, o.Keys = SignAll, keys })
	id := s.upload(draws(t, "rg", "by")).ID
	signed := signedBy(t, keys, "/download/"+id+"/crop:0,0,1,2/rotate:90.png", signing.Terms{Expires: time.Now().Unix() + 2})
	want := s.mustGet(signed)
	spellings := []string{
		strings.NewReplacer(":", "%3A", ",", "%2c").Replace(signed), strings.Replace(signed, "~", "%7E", 1),
		strings.ReplaceAll(signed, "/", "//")[1:] + "/", strings.Replace(signed, "rotate", "%72otate", 1),
	}
	for _, spelling := range spellings {
		if a := s.mustGet(spelling); string(a.body) != string(want.body) || a.header.Get("ETag") != want.header.Get("ETag") {
			t.Errorf("%s is another print", spelling)
		}
	}
	if misses := s.handler.prints.Stats().Misses; misses != 1 {
		t.Errorf("%d prints were made", misses)
	}
	time.Sleep(2100 * time.Millisecond)
	for _, spelling := range append(spellings, signed) {
		if a := s.get(spelling); a.status != 410 {
			t.Errorf("%s has ended, and is %d", spelling, a.status)
		}
	}
}

// What is signed until a time is kept no longer.
func TestSignedAnswersAreKeptUntilTheyEnd(t *testing.T) {
	keys := signKeys(t, signKey)
	s := serve(t, func(o *Options) { o.Sign, o.Keys = SignAll, keys })
	image := "/download/" + s.upload(draws(t, "rg", "by")).ID
	until := func(path string, life, most int) {
		t.Helper()
		signed := signedBy(t, keys, path, signing.Terms{Expires: time.Now().Unix() + int64(life)})
		for range 2 {
			a := s.mustGet(signed)
			var seconds int
			if _, err := fmt.Sscanf(a.header.Get("Cache-Control"), "public, max-age=%d", &seconds); err != nil || seconds > most || seconds < most-5 {
				t.Errorf("%s: %q, want %d seconds", path, a.header.Get("Cache-Control"), most)
			}
			if strings.Count(a.header.Get("Cache-Control"), ",") != 1 {
				t.Errorf("%s: %q says more", path, a.header.Get("Cache-Control"))
			}
		}
	}
	until(image, 100, 100)
	until(image+"/rotate:90.png", 100, 100)
	until(image+"/rotate:90.auto", 100, 100)
	until(image+"/rotate:90/name:x.png", 100, 100)
	until(image+"/rotate:90.json", 100, 100)
	until(image+"/rotate:90.json", 100_000, 3600)
	until(image+"/rotate:90.png", 100*24*3600, 30*24*3600)
	if a := s.mustGet(signedBy(t, keys, image+"/rotate:90.png", signing.Terms{})); !strings.Contains(a.header.Get("Cache-Control"), "immutable") {
		t.Errorf("without an end: %s", a.header.Get("Cache-Control"))
	}
}

// When a key is taken away, what it has signed is no longer served, from memory either.
func TestKeysThatAreTakenAway(t *testing.T) {
	old, new := signKeys(t, signKey), signKeys(t, "k2:"+strings.Repeat("ab", 32))
	for _, mode := range []string{SignRemote, SignAll} {
		s := serve(t, func(o *Options) { o.Sign, o.Keys = mode, old })
		signed := signedBy(t, old, "/download/"+s.upload(draws(t, "rg", "by")).ID+"/rotate:90.png", signing.Terms{})
		for range 3 {
			s.mustGet(signed)
		}
		s.handler.SetTenants(Tenant{Sign: mode, Keys: new})
		if a := s.get(signed); a.status != 403 {
			t.Errorf("--sign=%s: %d", mode, a.status)
		}
	}
}

var addressInText = regexp.MustCompile(`(?:^|[" ])(/(?:download|proxy)/[^" <\\]+)`)

// Who manages images is told addresses that are signed: by the pages, the lists, the uploads and /srcset, which is for nobody else then.
func TestWhoManagesImagesIsToldSignedAddresses(t *testing.T) {
	keys := signKeys(t, signKey)
	tokens, err := token.New([]string{"0123456789abcdef"})
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, func(o *Options) { o.Sign, o.Keys, o.Access = SignAll, keys, Access{Tokens: tokens} })
	const authorization = "Bearer 0123456789abcdef"
	first := s.do("POST", uploadPath, bytes.NewReader(draws(t, "rg", "by")), "Authorization", authorization)
	if first.status != 201 || s.get(first.header.Get("Location")).status != 200 {
		t.Fatalf("the upload is %d, at %s", first.status, first.header.Get("Location"))
	}
	id := decode[struct{ ID string }](t, first).ID
	f := func(path, accept string, least int) {
		t.Helper()
		if a := s.get(path); a.status != 401 {
			t.Errorf("%s is %d for everyone", path, a.status)
		}
		a := s.get(path, "Authorization", authorization, "Accept", accept)
		if a.status != 200 {
			t.Fatalf("%s is %d %s", path, a.status, a.body)
		}
		seen := 0
		for _, match := range addressInText.FindAllStringSubmatch(string(a.body), -1) {
			seen++
			if got := s.get(match[1]); got.status != http.StatusOK {
				t.Errorf("%s names %s, which is %d", path, match[1], got.status)
			}
		}
		if seen < least {
			t.Errorf("%s names %d addresses: %s", path, seen, a.body)
		}
	}
	f("/images", "", 1)
	f("/images/"+id, "", 1)
	f("/download", "text/html", 3)
	f("/download", "application/json", 1)
	f("/srcset/"+id+"/crop:0,0,2,1.auto?widths=1,2&placeholder=0", "", 3)
	f("/srcset/"+id+".webp?as=json&widths=1,2&placeholder=0", "", 3)
	if a := s.get("/download?id=" + id); a.status != 403 || a.header.Get("Calotype-Error") != "not-signed" {
		t.Errorf("by its id everyone gets %d", a.status)
	}
}
