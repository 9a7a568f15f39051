package handler

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"mime"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"calotype/handler/quota"
	"calotype/store"
	"calotype/transform"
)

func TestAddressNamesTheFile(t *testing.T) {
	s := serve(t)
	data := draws(t, "rg", "by")
	body, contentType := form(t, part{"image", "rose.png", "image/png", string(data)})
	u := decode[uploaded](t, s.do("POST", "/upload-image", body, "Content-Type", contentType))
	f := func(target, want string) {
		t.Helper()
		for range 2 { // made, and from memory
			if got := s.mustGet(target).header.Get("Content-Disposition"); got != want {
				t.Errorf("%s: got %s, want %s", target, got, want)
			}
		}
	}
	f(u.URL, `inline; filename="rose.png"`)
	f(u.URL+"/name:Cat-2", `inline; filename="Cat-2.png"`)
	f(u.URL+"/attach", `attachment; filename="rose.png"`)
	f(u.URL+"/attach:0", `inline; filename="rose.png"`)
	f(u.URL+"/v:2", `inline; filename="rose.png"`)
	f(u.URL+"/attach/name:2024", `attachment; filename="2024.png"`)
	f(u.URL+"/rotate:90.webp", `inline; filename="rose.webp"`)
	f(u.URL+"/rotate:90/name:Cat-2.webp", `inline; filename="Cat-2.webp"`)
	f(u.URL+"/name:Cat-2/rotate:90/attach.webp", `attachment; filename="Cat-2.webp"`)
	f(u.URL+"/rotate:90.webp", `inline; filename="rose.webp"`)
	f(u.URL+"/rotate:90/name:cat.auto", `inline; filename="cat.jpg"`)
	f("/download?id="+u.ID, `inline; filename="rose.png"`)
	f("/download?id="+u.ID+"&dl=1", `attachment; filename="rose.png"`)
	f("/download?id="+u.ID+"&dl=0", `inline; filename="rose.png"`)
	for _, target := range []string{u.URL + "/name:cat", u.URL + "/attach", u.URL + "/v:1", "/download?dl=1&id=" + u.ID} {
		if got := s.mustGet(target).body; !bytes.Equal(got, data) {
			t.Errorf("%s is not the original", target)
		}
	}
	if got := s.mustGet("/download?dl=1&id=" + u.ID).header.Get("Content-Location"); got != u.URL+"/attach:1" {
		t.Errorf("by query it is %s", got)
	}
	s.wantProblem("dl=yes", s.get("/download?dl=yes&id="+u.ID), http.StatusBadRequest, "bad-query")
}

// The canonical address has all that was asked for; what is negotiated, described or listed has it too.
func TestDeliveryIsPartOfTheAddress(t *testing.T) {
	s := serve(t)
	u := s.upload(draws(t, "rg", "by"))
	link := func(target, want string) {
		t.Helper()
		if want != "" {
			want = "<" + u.URL + want + `>; rel="canonical"`
		}
		if got := s.mustGet(target).header.Get("Link"); got != want {
			t.Errorf("%s: Link %s, want %s", target, got, want)
		}
	}
	link(u.URL+"/rotate:90/name:a/v:2.png", "")
	link(u.URL+"/v=2/Rotate:90/name:a.PNG", "/rotate:90/name:a/v:2.png")
	link(u.URL+"/rotate:90/v:2", "/rotate:90/v:2.png")
	link(u.URL+"/v:2", "")
	link(u.URL+"/attach", "/attach:1")
	a := s.mustGet(u.URL + "/rotate:90/v:2.auto")
	if got := a.header.Get("Content-Location"); got != u.URL+"/rotate:90/v:2.jpg" {
		t.Errorf("what was negotiated is %s", got)
	}
	if got := decode[printDescription](t, s.mustGet(u.URL+"/v:2/rotate:90/format:webp.json")).URL; got != u.URL+"/rotate:90/v:2.webp" {
		t.Errorf("what is described is %s", got)
	}
	if text := string(s.mustGet(u.srcset("/name:cat/v:2.webp?widths=1,2")).body); strings.Count(text, "/resize:1/name:cat/v:2.webp 1w") != 1 || strings.Count(text, "/download/") != strings.Count(text, "/name:cat/v:2.webp") {
		t.Errorf("what is listed is %s", text)
	}
}

// However many addresses differ only in how the print is sent, it is made once, kept once and counted once.
func TestDeliveriesShareOnePrint(t *testing.T) {
	s := serve(t, func(o *Options) { o.Quota = quota.New(1, 0, time.Hour) })
	u := s.upload(encodePNG(t, noise(100, 100, 1)))
	first := s.mustGet(u.URL + "/v:0/rotate:90.png")
	if got := first.header.Get("Cache-Status"); got != "calotype; fwd=uri-miss; stored" {
		t.Errorf("first: %s", got)
	}
	for i := range 20 {
		for _, target := range []string{
			fmt.Sprintf("%s/rotate:90/v:%d.png", u.URL, i), fmt.Sprintf("%s/rotate:90/name:n%d/attach.png", u.URL, i), fmt.Sprintf("%s/Rotate=90/v:%d", u.URL, i), u.URL + "/rotate:90.png",
		} {
			a := s.mustGet(target)
			if !bytes.Equal(a.body, first.body) || a.header.Get("ETag") != first.header.Get("ETag") || a.header.Get("Cache-Status") != "calotype; hit" {
				t.Errorf("%s: %d bytes, %v", target, len(a.body), a.header)
			}
			if b := s.get(target, "If-None-Match", first.header.Get("ETag")); b.status != http.StatusNotModified {
				t.Errorf("%s: %d", target, b.status)
			}
		}
	}
	if stats := s.handler.prints.Stats(); stats.Misses != 1 || stats.Entries != 1 {
		t.Errorf("%+v", stats)
	}
	s.handler.prints.Remove(u.URL + "/rotate:90.png")
	if a := s.mustGet(u.URL + "/rotate:90/v:1.png"); !bytes.Equal(a.body, first.body) || a.header.Get("Cache-Status") != "calotype; fwd=uri-miss; stored" {
		t.Errorf("when the print is gone: %v", a.header)
	}
	s.wantProblem("another print", s.get(u.URL+"/rotate:180/v:1.png"), http.StatusTooManyRequests, "too-many-prints")
}

// A deleted image is gone under every name, also where the next request would have been answered from memory.
func TestDeletedUnderEveryName(t *testing.T) {
	s := serve(t)
	u := s.upload(draws(t, "rg", "by"))
	targets := []string{u.URL + "/name:cat", u.URL + "/rotate:90/name:cat.png", u.URL + "/rotate:90/name:cat/v:2.auto", u.URL + "/Rotate:90/attach.png", "/download?dl=1&id=" + u.ID}
	for range 2 {
		for _, target := range targets {
			s.mustGet(target)
		}
	}
	if a := s.do("DELETE", "/images/"+u.ID, nil); a.status != http.StatusNoContent {
		t.Fatalf("%d %s", a.status, a.body)
	}
	for _, target := range targets {
		s.wantProblem(target, s.get(target), http.StatusGone, "image-deleted")
	}
}

// Browsers, and whoever else reads the header, find the name that was meant, and nothing that ends it early (RFC 6266, appendix D).
func TestDispositionIsReadAsItWasMeant(t *testing.T) {
	fallback := regexp.MustCompile(`^(inline|attachment); filename="([ !#$&-.0-9<-\[\]-~]+\.png)"(; filename\*=UTF-8''[A-Za-z0-9!#$&+.^_` + "`" + `|~%-]+)?$`)
	f := func(name, stem string) {
		t.Helper()
		for _, attached := range []bool{false, true} {
			chain, want := transform.Chain{}, "inline"
			if attached {
				chain, want = chain.Attach(), "attachment"
			}
			value := string(disposition(store.Original{Name: name}, transform.FormatNamed("png"), chain))
			if !fallback.MatchString(value) {
				t.Errorf("%q: %s", name, value)
			}
			kind, parameters, err := mime.ParseMediaType(value)
			if err != nil || kind != want || parameters["filename"] != stem+".png" || len(parameters) != 1 {
				t.Errorf("%q: %s is read as %s %q, %v", name, value, kind, parameters, err)
			}
		}
	}
	same := func(stem string) { t.Helper(); f(stem+".jpeg", stem) }
	same("plans")
	same("my plans")
	same("the 'plans'")
	same(`the "plans"`)
	same(`back\slash`)
	same(`ends in \`)
	same("50%")
	same("%20 is a space")
	same("%41%e9")
	same("a;b=c,d")
	same("a/b:c")
	same("€ rates")
	same("£ and $")
	same("žluťoučký kůň")
	same("файл")
	same("写真")
	same("صورة")
	same("🌹")
	same("👩‍👩‍👧‍👦 family")
	same("e\u0301") // not composed
	same("\u202egnp.exe")
	same("line\r\nSet-Cookie: a=b")
	same("tab\tnull\x00delete\x7f")
	same(strings.Repeat("ř", store.MaxName/2))
	same("a.b")
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var name []rune
		for range 1 + random.IntN(20) {
			name = append(name, []rune{rune(1 + random.IntN(127)), rune(128 + random.IntN(0x700)), rune(0x1f300 + random.IntN(0x300)), rune(' ' + random.IntN(95))}[random.IntN(4)])
		}
		same(string(name))
	}
	f(".htaccess", ".htaccess")
	f("rose", "rose")
	f("", store.Original{}.ID.String())
}
