package handler

import (
	"bytes"
	"fmt"
	"image"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"calotype/handler/purge"
	"calotype/handler/quota"
	"calotype/handler/signing"
	"calotype/handler/token"
	"calotype/store"
	"calotype/store/remote"
	"calotype/transform"
)

// The tenants of these tests, and the one without a name.
const (
	acmeHost, zetaHost, namelessHost    = "img.acme.example", "img.zeta.example", "elsewhere.example"
	acmeToken, zetaToken, namelessToken = "a-token-of-acme-0", "a-token-of-zeta-0", "a-token-of-nobody"
)

// tokenSet is one token.
func tokenSet(t testing.TB, text string) *token.Set {
	t.Helper()
	set, err := token.New([]string{text})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// serveTenants starts a site for acme, zeta and one without a name.
func serveTenants(t testing.TB, change ...func(*Options)) *site {
	t.Helper()
	s := serve(t, change...)
	s.handler.SetTenants(
		Tenant{Access: Access{Tokens: tokenSet(t, namelessToken)}},
		Tenant{Name: "acme", Hosts: []string{acmeHost}, Access: Access{Tokens: tokenSet(t, acmeToken)}},
		Tenant{Name: "zeta", Hosts: []string{zetaHost, "zeta.example"}, Access: Access{Tokens: tokenSet(t, zetaToken)}},
	)
	return s
}

// visited are the routes that requests of these tests have taken.
var visited = map[string]bool{}

// at sends a request as do does, to a host, with a token.
func (s *site) at(host, secret, method, target string, body []byte, headers ...string) answer {
	s.t.Helper()
	request := &http.Request{
		Method: method, URL: &url.URL{Scheme: "http", Host: s.host, Opaque: target}, Host: host, Header: http.Header{}, ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
	request.Header.Set("X-Request-Id", "r")
	if secret != "" {
		request.Header.Set("Authorization", "Bearer "+secret)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	path, _, _ := strings.Cut(target, "?")
	if i := slices.IndexFunc(routes, func(r route) bool { return r.fits([]byte(path)) }); i >= 0 {
		visited[routes[i].path] = true
	}
	response, err := s.client.Do(request)
	if err != nil {
		s.t.Fatalf("%s %s at %s: %v", method, target, host, err)
	}
	return read(s.t, method+" "+target+" at "+host, response)
}

// uploadAt uploads an image for a tenant.
func (s *site) uploadAt(host, secret string, data []byte) uploaded {
	s.t.Helper()
	a := s.at(host, secret, "POST", "/upload-image", data)
	if a.status != http.StatusCreated {
		s.t.Fatalf("upload at %s: %d %s", host, a.status, a.body)
	}
	return decode[uploaded](s.t, a)
}

// An address belongs to the tenant whose host is asked for, in any spelling; to all other hosts belongs the one without a name.
func TestTheHostSaysWhichTenant(t *testing.T) {
	s := serveTenants(t)
	all := s.handler.tenants.Load()
	f := func(host, want string) {
		t.Helper()
		if got := all.of([]byte(host)).Name; got != want {
			t.Errorf("%s is %q, want %q", host, got, want)
		}
	}
	f(acmeHost, "acme")
	f(acmeHost+":8080", "acme")
	f("zeta.example:1", "zeta")
	f("zeta.example.", "")
	f("acme.example", "")
	f("x."+acmeHost, "")
	f("", "")
	f("[::1]:80", "")

	u := s.uploadAt(acmeHost, acmeToken, draws(t, "rg"))
	for _, request := range []string{
		"GET " + u.URL + " HTTP/1.1\r\nHost: " + acmeHost + "\r\n\r\n",
		"GET " + u.URL + " HTTP/1.1\r\nHost: IMG.Acme.Example:80\r\n\r\n",
		"GET http://" + acmeHost + u.URL + " HTTP/1.1\r\nHost: " + acmeHost + "\r\n\r\n",
	} {
		if a := s.raw(request, "GET")[0]; a.status != http.StatusOK {
			t.Errorf("%q: %d %s", request, a.status, a.body)
		}
	}
}

// seenBy is all that an answer tells, but for the time.
func seenBy(a answer) string {
	var b strings.Builder
	fmt.Fprintln(&b, a.status)
	for _, name := range slices.Sorted(maps.Keys(a.header)) {
		if name != "Date" {
			fmt.Fprintf(&b, "%s: %s\n", name, strings.Join(a.header[name], ", "))
		}
	}
	b.Write(a.body)
	return b.String()
}

// Whatever route is asked at the host of one tenant, by whoever, about the images of another, deleted ones too: the answer is the same as
// about images that never were. And whatever was asked and done, the other still has what he had.
func TestNoTenantLearnsOfAnother(t *testing.T) {
	s := serveTenants(t)
	picture, layer := encodePNG(t, photo(60, 40, 1)), draws(t, "rg")
	secrets := map[string]string{acmeHost: acmeToken, zetaHost: zetaToken, namelessHost: namelessToken}
	hosts := []string{acmeHost, zetaHost, namelessHost}
	type belongings struct {
		kept, layer, deleted uploaded
		begun                string // id of an upload that can be resumed
	}
	has := map[string]belongings{}
	for _, host := range hosts {
		b := belongings{s.uploadAt(host, secrets[host], picture), s.uploadAt(host, secrets[host], layer), s.uploadAt(host, secrets[host], draws(t, "by")), ""}
		begun := s.at(host, secrets[host], "POST", "/files/", nil, "Tus-Resumable", "1.0.0", "Upload-Length", "100")
		if b.begun = strings.TrimPrefix(begun.header.Get("Location"), "/files/"); b.begun == "" {
			t.Fatalf("%d %s", begun.status, begun.body)
		}
		if a := s.at(host, secrets[host], "DELETE", "/images/"+b.deleted.ID, nil); a.status != http.StatusNoContent {
			t.Fatalf("%d %s", a.status, a.body)
		}
		has[host] = b
		// What is in memory could be given away.
		for _, chain := range []string{"/resize:20.png", "/resize:20/name:cat.png", "/overlay:" + b.layer.ID + ".png", "/resize:20.auto", "/resize:20.json"} {
			for range 2 {
				if a := s.at(host, "", "GET", b.kept.URL+chain, nil); a.status != http.StatusOK {
					t.Fatalf("%s%s: %d %s", b.kept.URL, chain, a.status, a.body)
				}
			}
		}
	}

	// Requests about an image, beside one of whoever asks.
	requests := func(id, own string) []string {
		upper := strings.ToUpper(strings.ReplaceAll(id, "-", ""))
		list := []string{"GET /download?id=" + id, "GET /download?id=" + id + "&dl=1", "GET /images/" + id, "DELETE /images/" + id, "GET /srcset/" + own + "/overlay:" + id + ".png?widths=20"}
		list = append(list, "GET /files/"+id, "HEAD /files/"+id, "PATCH /files/"+id, "DELETE /files/"+id)
		for _, spelled := range []string{id, upper} {
			for _, rest := range []string{"", ".png", "/resize:20.png", "/Resize=20.PNG", "/resize:20/name:cat.png", "/resize:20.auto", "/resize:20.json", "/rotate:90.png", "/look:on.json"} {
				list = append(list, "GET /download/"+spelled+rest, "HEAD /download/"+spelled+rest, "GET /srcset/"+spelled+rest, "GET /playground/"+spelled+rest)
			}
			list = append(list, "GET /download/"+own+"/overlay:"+spelled+".png", "GET /download/"+own+"/overlay:"+spelled+".json")
		}
		return list
	}
	ask := func(host, secret, request, id string) answer {
		t.Helper()
		method, target, _ := strings.Cut(request, " ")
		return s.at(host, secret, method, target, nil, "If-None-Match", `"x"`, "Tus-Resumable", "1.0.0", "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream")
	}
	never := store.ID{1, 2, 3, 4, 5, 6, 0x70, 8, 0x80, 10}.String()
	for _, host := range hosts {
		for _, other := range hosts {
			if other == host {
				continue
			}
			for _, id := range []string{has[other].kept.ID, has[other].layer.ID, has[other].deleted.ID, has[other].begun} {
				asked, unknown := requests(id, has[host].kept.ID), requests(never, has[host].kept.ID)
				for i := range asked {
					for _, secret := range []string{"", secrets[host], secrets[other]} {
						got, want := seenBy(ask(host, secret, asked[i], id)), seenBy(ask(host, secret, unknown[i], never))
						hide := strings.NewReplacer(never, "ID", strings.ToUpper(strings.ReplaceAll(never, "-", "")), "ID")
						hideOther := strings.NewReplacer(id, "ID", strings.ToUpper(strings.ReplaceAll(id, "-", "")), "ID")
						if got, want = hideOther.Replace(got), hide.Replace(want); got != want {
							t.Errorf("%s at %s is answered\n%s\nand not\n%s", asked[i], host, got, want)
						}
					}
				}
				// A purge says what it does by numbers.
				for _, body := range []string{`{"ids":["%s"]}`, `{"tags":["img-%s"]}`, `{"prefixes":["/download/%s"]}`, `{"prefixes":["/download/%s/resize:20"]}`, `{"ids":["%s"],"tags":["fmt-gif"]}`} {
					got := s.at(host, secrets[host], "POST", "/purge", fmt.Appendf(nil, body, id), "Content-Type", "application/json")
					want := s.at(host, secrets[host], "POST", "/purge", fmt.Appendf(nil, body, never), "Content-Type", "application/json")
					if seenBy(got) != seenBy(want) || got.status != http.StatusOK {
						t.Errorf("purge of %s at %s: %s, and not %s", fmt.Sprintf(body, id), host, seenBy(got), seenBy(want))
					}
				}
			}
			// The token of one is none at another's, whatever is asked.
			for _, request := range []string{"GET /images", "GET /download", "POST /purge", "POST /sign", "POST /upload-image", "GET /upload-image", "GET /sign-in", "GET /presets", "PUT /presets/x", "GET /presets/x", "DELETE /presets/x", "POST /files/", "GET /files/" + has[host].begun, "PATCH /files/" + has[host].begun, "DELETE /files/" + has[other].begun, "DELETE /images/" + has[other].kept.ID, "GET /images/" + has[other].kept.ID} {
				method, target, _ := strings.Cut(request, " ")
				s.wantProblem(request+" at "+other, s.at(other, secrets[host], method, target, nil), http.StatusUnauthorized, "unauthorized")
			}
		}
		// Lists have what is one's own.
		for _, target := range []string{"/images", "/images?limit=1", "/images?format=png|gif", "/download", "/download?exts=png", "/playground"} {
			a := s.at(host, secrets[host], "GET", target, nil, "Accept", "application/json")
			for _, other := range hosts {
				if shown := strings.Contains(string(a.body), has[other].kept.ID) || strings.Contains(string(a.body), has[other].layer.ID); shown != (other == host) || a.status != http.StatusOK {
					t.Errorf("%s at %s: %d, shows what %s has: %t", target, host, a.status, other, shown)
				}
			}
		}
	}
	// What is for all is the same for all.
	for _, target := range []string{"/", "/playground", "/capabilities", "/openapi.json", "/docs", "/docs/api", "/assets/x", "/proxy/_/aHR0cDovL2EuZXhhbXBsZS9h.png"} {
		for _, host := range hosts[1:] {
			if got, want := seenBy(s.at(host, "", "GET", target, nil)), seenBy(s.at(hosts[0], "", "GET", target, nil)); got != want {
				t.Errorf("%s at %s is answered\n%s\nand not\n%s", target, host, got, want)
			}
		}
	}
	for _, r := range routes {
		if !visited[r.path] {
			t.Errorf("nothing was asked of %s", r.path)
		}
	}
	// All that was there is still in memory.
	for _, host := range hosts {
		if a := s.at(host, secrets[host], "HEAD", "/files/"+has[host].begun, nil, "Tus-Resumable", "1.0.0"); a.status != http.StatusOK || a.header.Get("Upload-Offset") != "0" {
			t.Errorf("the upload of %s: %d %v", host, a.status, a.header)
		}
		for _, chain := range []string{"/resize:20.png", "/resize:20/name:cat.png", "/overlay:" + has[host].layer.ID + ".png"} {
			a := s.at(host, "", "GET", has[host].kept.URL+chain, nil)
			if a.status != http.StatusOK || a.header.Get("Cache-Status") != statusHit {
				t.Errorf("%s%s at %s: %d, %s", has[host].kept.URL, chain, host, a.status, a.header.Get("Cache-Status"))
			}
		}
	}
}

// A purge by format or preset is of the prints of one tenant, and only his tags are told to caches in front.
func TestAPurgeIsOfOneTenant(t *testing.T) {
	f := newFront(t)
	s := serveTenants(t, behind(t, f), func(o *Options) { o.CacheTags = []string{"Cache-Tag"} })
	u, v, w := s.uploadAt(acmeHost, acmeToken, draws(t, "rg")), s.uploadAt(zetaHost, zetaToken, draws(t, "rg")), s.uploadAt(namelessHost, namelessToken, draws(t, "rg"))
	show := func() {
		for host, image := range map[string]uploaded{acmeHost: u, zetaHost: v, namelessHost: w} {
			s.at(host, "", "GET", image.URL+"/rotate:90.png", nil)
		}
	}
	show()
	if tags := s.at(acmeHost, "", "GET", u.URL+"/rotate:90.png", nil).header.Get("Cache-Tag"); tags != "img-"+u.ID+",tenant-acme.fmt-png" {
		t.Errorf("tags %q", tags)
	}
	if tags := s.at(namelessHost, "", "GET", w.URL+"/rotate:90.png", nil).header.Get("Cache-Tag"); tags != "img-"+w.ID+",fmt-png" {
		t.Errorf("tags %q", tags)
	}
	asked := 0
	purge := func(host, secret, tag string, prints int, told string) {
		t.Helper()
		show()
		a := s.at(host, secret, "POST", "/purge", []byte(`{"tags":["`+tag+`"]}`), "Content-Type", "application/json")
		if got := decode[purgeAnswer](t, a); a.status != http.StatusOK || got.Prints != prints {
			t.Errorf("purge of %s at %s: %d %s", tag, host, a.status, a.body)
		}
		asked++
		if got := strings.Fields(f.told(t, asked)); got[len(got)-1] != told {
			t.Errorf("the cache in front is told of %q, want %q", got, told)
		}
	}
	purge(acmeHost, acmeToken, "fmt-png", 1, "tenant-acme.fmt-png")
	purge(acmeHost, acmeToken, "tenant-acme.fmt-png", 1, "tenant-acme.fmt-png")
	purge(zetaHost, zetaToken, "preset-x", 0, "tenant-zeta.preset-x")
	purge(namelessHost, namelessToken, "fmt-png", 1, "fmt-png")
	for host, secret := range map[string]string{namelessHost: namelessToken, zetaHost: zetaToken} {
		a := s.at(host, secret, "POST", "/purge", []byte(`{"tags":["tenant-acme.fmt-png"]}`), "Content-Type", "application/json")
		s.wantProblem("a tag of another", a, http.StatusBadRequest, "bad-purge")
	}
	for host, image := range map[string]uploaded{acmeHost: u, zetaHost: v} {
		if a := s.at(host, "", "GET", image.URL+"/rotate:90.png", nil); a.header.Get("Cache-Status") != statusHit {
			t.Errorf("what was not purged at %s: %s", host, a.header.Get("Cache-Status"))
		}
	}
}

// What a tenant may have and ask for is his own affair.
func TestLimitsOfATenant(t *testing.T) {
	s := serveTenants(t, func(o *Options) { o.MaxUploadBytes = 10_000 })
	s.handler.SetTenants(
		Tenant{Access: Access{Tokens: tokenSet(t, namelessToken)}},
		Tenant{
			Name: "acme", Hosts: []string{acmeHost}, Access: Access{Tokens: tokenSet(t, acmeToken)}, MaxUploadBytes: 3000, Quota: quota.New(3, 0, time.Hour),
			Limits: transform.Limits{Pixels: 5000, Side: 100}, Most: store.Usage{Images: 2},
		},
		Tenant{Name: "zeta", Hosts: []string{zetaHost}, Access: Access{Tokens: tokenSet(t, zetaToken)}, MaxUploadBytes: 1 << 30, Most: store.Usage{Bytes: 200}},
	)
	post := func(host, secret string, data []byte) answer {
		return s.at(host, secret, "POST", "/upload-image", data)
	}
	small, large := draws(t, "rg"), encodePNG(t, photo(90, 60, 1))
	s.wantProblem("too many pixels", post(acmeHost, acmeToken, encodePNG(t, image.NewNRGBA(image.Rect(0, 0, 90, 60)))), http.StatusUnprocessableEntity, "too-many-pixels")
	s.wantProblem("too many bytes", post(acmeHost, acmeToken, make([]byte, 3001)), http.StatusRequestEntityTooLarge, "upload-too-large")
	s.wantProblem("too many bytes for all", post(zetaHost, zetaToken, make([]byte, 10_001)), http.StatusRequestEntityTooLarge, "upload-too-large")
	u := s.uploadAt(acmeHost, acmeToken, small)
	s.wantProblem("a long side", s.at(acmeHost, "", "GET", u.URL+"/resize:101,up.png", nil), http.StatusUnprocessableEntity, "too-many-pixels")
	s.wantProblem("many pixels", s.at(acmeHost, "", "GET", u.URL+"/resize:100,100,stretch,up.png", nil), http.StatusUnprocessableEntity, "too-many-pixels")
	for i := range 3 {
		if a := s.at(acmeHost, "", "GET", fmt.Sprintf("%s/resize:%d,up.png", u.URL, 10+i), nil); a.status != http.StatusOK {
			t.Errorf("print %d: %d %s", i, a.status, a.body)
		}
	}
	s.wantProblem("one print more", s.at(acmeHost, "", "GET", u.URL+"/resize:20,up.png", nil), http.StatusTooManyRequests, "too-many-prints")
	s.uploadAt(acmeHost, acmeToken, small)
	full := s.wantProblem("one image more", post(acmeHost, acmeToken, small), http.StatusInsufficientStorage, "tenant-full")
	if full.Detail != "tenant acme: no more is kept for it: it has 2 images, and may have 2" {
		t.Errorf("it is told %q", full.Detail)
	}
	if a := s.at(acmeHost, acmeToken, "DELETE", "/images/"+u.ID, nil); a.status != http.StatusNoContent {
		t.Fatalf("%d %s", a.status, a.body)
	}
	s.uploadAt(acmeHost, acmeToken, small)

	// The other tenants have limits of their own, or none.
	v := s.uploadAt(zetaHost, zetaToken, small)
	if a := s.at(zetaHost, "", "GET", v.URL+"/resize:200,up.png", nil); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
	s.wantProblem("more bytes", post(zetaHost, zetaToken, large), http.StatusInsufficientStorage, "tenant-full")
	for range 3 {
		s.uploadAt(namelessHost, namelessToken, small)
	}
	s.uploadAt(namelessHost, namelessToken, large)
}

// Equal bytes of two tenants are two images: prints of one are not counted for the other, and the deletion of one takes nothing from the other.
func TestEqualBytesOfTwoTenants(t *testing.T) {
	s := serveTenants(t)
	data := draws(t, "rg", "by")
	u, v := s.uploadAt(acmeHost, acmeToken, data), s.uploadAt(zetaHost, zetaToken, data)
	if a := s.at(acmeHost, acmeToken, "DELETE", "/images/"+u.ID, nil); a.status != http.StatusNoContent {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a := s.at(zetaHost, "", "GET", v.URL, nil); a.status != http.StatusOK || !bytes.Equal(a.body, data) {
		t.Errorf("%d", a.status)
	}
	s.wantProblem("at its own tenant's", s.at(acmeHost, "", "GET", u.URL+".png", nil), http.StatusGone, "image-deleted")
}

// After a change a host is served as it now is, and nothing that was in memory is given to whom it is not for.
func TestTenantsChange(t *testing.T) {
	s := serveTenants(t)
	u := s.uploadAt(acmeHost, acmeToken, draws(t, "rg"))
	address := u.URL + "/rotate:90.png"
	status := func(host string, want int) {
		t.Helper()
		for range 2 {
			if a := s.at(host, "", "GET", address, nil); a.status != want {
				t.Errorf("at %s: %d %s, want %d", host, a.status, a.body, want)
			}
		}
	}
	status(acmeHost, 200)
	status(namelessHost, 404)
	// acme goes, and its images with it, until it comes back under another host.
	s.handler.SetTenants(Tenant{Access: Access{Tokens: tokenSet(t, namelessToken)}})
	status(acmeHost, 404)
	status(namelessHost, 404)
	if a := s.raw("GET "+address+"\n@acme HTTP/1.1\r\nHost: h\r\n\r\n", "GET")[0]; a.status == http.StatusOK {
		t.Error("a key is taken for an address")
	}
	acme := Tenant{Name: "acme", Hosts: []string{namelessHost}, Access: Access{Tokens: tokenSet(t, zetaToken)}}
	s.handler.SetTenants(Tenant{Access: Access{Tokens: tokenSet(t, namelessToken)}}, acme)
	status(acmeHost, 404)
	status(namelessHost, 200)
	s.wantProblem("the old token", s.at(namelessHost, acmeToken, "GET", "/images", nil), http.StatusUnauthorized, "unauthorized")
	if a := s.at(namelessHost, zetaToken, "GET", "/images", nil); a.status != http.StatusOK || !strings.Contains(string(a.body), u.ID) {
		t.Errorf("the new token: %d %s", a.status, a.body)
	}
}

// A signature of one tenant's key, and an image from one tenant's sources, are nothing at the hosts of others; what is fetched for both is
// purged by each for himself.
func TestKeysAndSourcesOfTenants(t *testing.T) {
	lasting := http.Header{"Cache-Control": {"max-age=1000"}}
	shared, private := newOrigin(t, draws(t, "rg", "by"), lasting), newOrigin(t, draws(t, "by"), lasting)
	f := newFront(t)
	s := serveElsewhere(t, shared.URL, private.URL)
	s.handler.hooks.Close()
	o := options(t)
	behind(t, f)(&o)
	s.handler.hooks = purge.Start(o.Hooks, s.store, 0, s.handler.metrics.Purged, s.handler.log)
	allowed := func(origins ...*origin) *remote.Allowed {
		var patterns []string
		for _, o := range origins {
			patterns = append(patterns, o.URL)
		}
		a, err := remote.ParseAllowed(patterns)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	acmeKeys, zetaKeys := signKeys(t, "k1:"+strings.Repeat("ab", 32)), signKeys(t, "k1:"+strings.Repeat("cd", 32))
	s.handler.SetTenants(
		Tenant{Access: Access{Tokens: tokenSet(t, namelessToken)}},
		Tenant{Name: "acme", Hosts: []string{acmeHost}, Access: Access{Tokens: tokenSet(t, acmeToken)}, Sources: allowed(shared, private), Keys: acmeKeys, Sign: SignAll},
		Tenant{Name: "zeta", Hosts: []string{zetaHost}, Access: Access{Tokens: tokenSet(t, zetaToken)}, Sources: allowed(shared), Keys: zetaKeys},
	)
	want := func(host, path string, status int, code string) {
		t.Helper()
		for range 2 {
			if a := s.at(host, "", "GET", path, nil); a.status != status || a.header.Get("Calotype-Error") != code {
				t.Errorf("%s at %s: %d %s", path, host, a.status, a.body)
			}
		}
	}
	by := func(keys *signing.Keys, path string) string { return signedBy(t, keys, path, signing.Terms{}) }
	path, secret := shared.address("/rotate:90.png"), private.address("/rotate:90.png")
	want(acmeHost, by(acmeKeys, path), 200, "")
	want(acmeHost, by(acmeKeys, secret), 200, "")
	want(zetaHost, by(zetaKeys, path), 200, "")
	want(zetaHost, by(acmeKeys, path), 403, "bad-signature")
	want(acmeHost, by(zetaKeys, path), 403, "bad-signature")
	want(zetaHost, by(zetaKeys, secret), 403, "source-not-allowed")
	want(zetaHost, path, 403, "not-signed")
	want(namelessHost, by(acmeKeys, path), 403, "bad-signature")
	want(namelessHost, path, 403, "no-sources")

	// An uploaded image, too: a signature of the other tenant's key does not even say that there is one.
	u := s.uploadAt(acmeHost, acmeToken, draws(t, "rg"))
	place := u.URL[strings.LastIndex(u.URL, "/"):]
	want(acmeHost, u.URL, 200, "")
	want(acmeHost, "/download"+place, 403, "not-signed")
	want(zetaHost, u.URL, 403, "bad-signature")
	want(zetaHost, by(zetaKeys, "/download"+place), 404, "no-such-image")

	id := s.at(zetaHost, "", "GET", by(zetaKeys, path), nil).header.Get("Cache-Tag")
	id = regexp.MustCompile(`^tenant-zeta\.img-([0-9a-f-]{36}),tenant-zeta\.fmt-png$`).ReplaceAllString(id, "$1")
	if a := s.at(zetaHost, zetaToken, "POST", "/purge", []byte(`{"ids":["`+id+`"]}`), "Content-Type", "application/json"); a.status != 200 || decode[purgeAnswer](t, a).Prints != 1 {
		t.Errorf("a purge of %q: %d %s", id, a.status, a.body)
	}
	if told := f.told(t, 1); told != "tenant-zeta.img-"+id {
		t.Errorf("the cache in front is told of %q", told)
	}
	if a := s.at(acmeHost, "", "GET", by(acmeKeys, path), nil); !strings.HasPrefix(a.header.Get("Cache-Status"), statusHit) {
		t.Errorf("the print of the other tenant is gone: %s", a.header.Get("Cache-Status"))
	}
	if asked := shared.asked.Load(); asked > 2 {
		t.Errorf("the origin was asked %d times", asked)
	}
}
