package handler

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"calotype/handler/signing"
)

func (s *site) postSign(body string, headers ...string) answer {
	s.t.Helper()
	return s.do("POST", signPath, strings.NewReader(body), append([]string{"Content-Type", "application/json"}, headers...)...)
}

// Who has a token gets addresses signed that others can then use without one.
func TestAddressesAreSignedForWhoHasAToken(t *testing.T) {
	keys := signKeys(t, signKey, "k2:"+strings.Repeat("ab", 32))
	s := serve(t, with(Access{Tokens: tokens(t)}), func(o *Options) { o.Sign, o.Keys = SignAll, keys })
	admitted := []string{"Authorization", "Bearer " + goodToken}
	u := decode[uploaded](t, s.do("POST", uploadPath, strings.NewReader(string(draws(t, "rg", "by"))), admitted...))
	image := "/download/" + u.ID
	end := time.Now().Unix() + 1000

	for _, path := range []string{image, image + "/crop:0,0,1,2/rotate:90.png", image + "/resize=1~1.JPG", "/proxy/_/aHR0cHM6Ly9pbWcuZXhhbXBsZS5vcmcvY2F0LmpwZw/resize:640.webp"} {
		for expires, terms := range map[string]signing.Terms{"": {}, `, "expires": 0`: {}, fmt.Sprintf(`, "expires": %d`, end): {Expires: end}} {
			a := s.postSign(`{"address": "`+path+`"`+expires+`}`, admitted...)
			got := decode[signAnswer](t, a)
			if a.status != 200 || got.Address != signedBy(t, keys, path, terms) || got.Expires != terms.Expires || a.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s%s: %d %s", path, expires, a.status, a.body)
			}
			if strings.HasPrefix(path, image) && (s.get(path).status != 403 || s.get(got.Address).status != 200) {
				t.Errorf("%s is %d, and %s is %d", path, s.get(path).status, got.Address, s.get(got.Address).status)
			}
		}
	}
	got := decode[signAnswer](t, s.postSign(`{"address": "`+image+`/crop:0,0,2,1", "grant": "w2_png"}`, admitted...))
	if a := s.get(got.Address + "/resize:1.png"); a.status != 200 {
		t.Errorf("what is granted is %d %s", a.status, a.body)
	}
	if a := s.get(got.Address + "/resize:3.png"); a.status != 403 {
		t.Errorf("what is not granted is %d", a.status)
	}

	ask := `{"address": "` + image + `"}`
	for _, headers := range [][]string{nil, {"Authorization", "Bearer " + wrongToken}} {
		if a := s.postSign(ask, headers...); a.status != 401 || strings.Contains(string(a.body), "~k1") {
			t.Errorf("with %v: %d %s", headers, a.status, a.body)
		}
	}
}

// What is no address of an image is not signed, nor what could not be answered.
func TestWhatIsNotSigned(t *testing.T) {
	s := serve(t, func(o *Options) { o.Keys = signKeys(t, signKey) })
	image := "/download/" + s.upload(draws(t, "rg", "by")).ID
	f := func(body, want string) {
		t.Helper()
		a := s.postSign(body)
		problem := s.wantProblem(body, a, http.StatusBadRequest, "bad-sign")
		if !strings.Contains(problem.Detail, want) {
			t.Errorf("%s: %q, want %q", body, problem.Detail, want)
		}
	}
	address := func(path string) string { return fmt.Sprintf(`{"address": %q}`, path) }
	for _, path := range []string{"", "/", "/download", "/download/", "/download?id=x", "/images/x", "/srcset/x", "https://img.example" + image, "//download/x", image[1:], image + "?dl=1", image + "/../x", "/download/%zz"} {
		f(address(path), "only addresses below /download/ and /proxy/ can be signed")
	}
	f(address(signedBy(t, signKeys(t, signKey), image, signing.Terms{})), "it is signed already")
	f(address(image+"/rotate:abc.png"), "angle")
	f(address(image+"/rotate:90.xyz"), "xyz")
	f(address("/download/x y"), "")
	f(address("/proxy/_/%21"), "")
	f(fmt.Sprintf(`{"address": %q, "expires": %d}`, image, time.Now().Unix()-1), "still to come")
	f(fmt.Sprintf(`{"address": %q, "expires": -1}`, image), "still to come")
	f(fmt.Sprintf(`{"address": %q, "expires": "tomorrow"}`, image), "JSON object")
	f(fmt.Sprintf(`{"address": %q, "expires": 99999999999999}`, image), "its end is")
	f(fmt.Sprintf(`{"address": %q, "grant": "x"}`, image), "a grant is written as")
	f(`{"path": "/download/x"}`, "JSON object")
	f(`{"address": "/download/x"} {}`, "something follows")
	f(`[]`, "JSON object")
	f(address("/download/"+strings.Repeat("x", signBytes)), "has more than")

	if problem := s.wantProblem("a chain", s.postSign(address(image+"/rotate:abc.png")), 400, "bad-sign"); problem.Operation != "rotate" || problem.Segment != 1 {
		t.Errorf("of a chain it says %+v", problem)
	}
	for _, mediaType := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"} {
		s.wantProblem(mediaType, s.do("POST", signPath, strings.NewReader(address(image)), "Content-Type", mediaType), 400, "bad-sign")
	}
	s.wantProblem("GET", s.get(signPath), http.StatusMethodNotAllowed, "method-not-allowed")
}

func TestServersWithoutKeysSignNothing(t *testing.T) {
	s := serve(t)
	u := s.upload(draws(t, "rg"))
	s.wantProblem("without keys", s.postSign(`{"address": "`+u.URL+`"}`), http.StatusConflict, "no-sign-keys")
}

// Each tenant's addresses are signed by his own key.
func TestTenantsSignByTheirOwnKeys(t *testing.T) {
	own, other := signKeys(t, signKey), signKeys(t, "k2:"+strings.Repeat("ab", 32))
	s := serve(t)
	s.handler.SetTenants(Tenant{Access: Access{Open: true}, Keys: own}, Tenant{Name: "b", Hosts: []string{"b.example"}, Access: Access{Open: true}, Keys: other})
	const path = "/download/01934f6e-8d5c-7b3a-9c1e-0a1b2c3d4e5f/rotate:90.png"
	for host, keys := range map[string]*signing.Keys{"a.example": own, "b.example": other} {
		a := s.at(host, "", "POST", signPath, []byte(`{"address": "`+path+`"}`), "Content-Type", "application/json")
		if got := decode[signAnswer](t, a); got.Address != signedBy(t, keys, path, signing.Terms{}) {
			t.Errorf("%s signs it as %s", host, got.Address)
		}
	}
}
