package handler

import (
	"encoding/json"
	"html"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"calotype/handler/signing"
	"calotype/transform"
)

// playgroundOf reads the page at an address: what its script is told, and the page without its tags' quotation.
func (s *site) playgroundOf(target string, headers ...string) (data playgroundData, page string) {
	s.t.Helper()
	a := s.mustGet(target, headers...)
	if a.header.Get("Cache-Control") != keepPage || a.header.Get("Content-Type") != "text/html; charset=utf-8" {
		s.t.Errorf("%s: headers %v", target, a.header)
	}
	found := regexp.MustCompile(`data-playground="([^"]*)"`).FindSubmatch(a.body)
	if found == nil {
		s.t.Fatalf("%s: %s", target, a.body)
	}
	if err := json.Unmarshal([]byte(html.UnescapeString(string(found[1]))), &data); err != nil {
		s.t.Fatal(err)
	}
	return data, html.UnescapeString(string(a.body))
}

// The page shows the print of the chain in its address, also to who has no scripts, and says what is wrong with one that is none.
func TestPlaygroundShowsThePrintOfItsAddress(t *testing.T) {
	s := serve(t)
	u := s.upload(encodePNG(t, photo(60, 40, 1)))
	f := func(chain, print, problem string) {
		t.Helper()
		data, page := s.playgroundOf("/playground/" + u.ID + chain)
		if data.Original.ID != u.ID || data.Original.Width != 60 || data.Prints != u.URL || data.Signed {
			t.Errorf("%s: the script is told %+v", chain, data)
		}
		if shown := strings.Contains(page, `<img src="`+u.URL+print+`"`); shown != (problem == "") {
			t.Errorf("%s: shows %s: %t\n%s", chain, print, shown, page)
		}
		if told := strings.Contains(page, `role="alert"`); told != (problem != "") || !strings.Contains(page, problem) {
			t.Errorf("%s: %q is not told in\n%s", chain, problem, page)
		}
	}
	f("", "", "")
	f(".webp", ".webp", "")
	f("/crop:0,0,20,20/rotate:90.png", "/crop:0,0,20,20/rotate:90.png", "")
	f("/CROP=0~0~20~20.PNG", "/crop:0,0,20,20.png", "")
	f("/resize:20.auto", "/resize:20.auto", "")
	f("/crop:100,100,20,20.png", "", "has no part of the picture")
	f("/rotat:90", "", "did you mean rotate?")
	f("/rotate:x", "", "rotate: angle must be a number of degrees")
	f("/quality:50.png", "", "is no setting of png prints")
	f("/preset:none", "", "there is no such preset")
	f("/%3Cscript%3E", "", "an operation")
	if _, page := s.playgroundOf("/playground/" + u.ID + `/%22%3E%3Cscript%3E`); !strings.Contains(page, `value="/"><script>"`) {
		t.Errorf("the chain is not in the field: %s", page)
	}

	s.wantProblem("an unknown image", s.get("/playground/"+someID), http.StatusNotFound, "no-such-image")
	s.wantProblem("no id", s.get("/playground/x/crop:1"), http.StatusNotFound, "no-such-image")
	s.do("DELETE", "/images/"+u.ID, nil)
	s.wantProblem("a deleted image", s.get("/playground/"+u.ID+"/rotate:90"), http.StatusGone, "image-deleted")
}

// A form leads to the address of what was written into it, on this server and nowhere else.
func TestPlaygroundFormsLeadToItsAddress(t *testing.T) {
	s := serve(t)
	u := s.upload(encodePNG(t, photo(60, 40, 1)))
	f := func(target, want string) {
		t.Helper()
		if a := s.get(target); a.status != http.StatusSeeOther || a.header.Get("Location") != want {
			t.Errorf("%s: %d %q, want %q", target, a.status, a.header.Get("Location"), want)
		}
	}
	page := "/playground/" + u.ID
	f(page+"?chain=", page)
	f(page+"?chain=.webp", page+".webp")
	f(page+"?chain=/crop:0,0,20,20.png", page+"/crop:0,0,20,20.png")
	f(page+"?chain=crop%3A0%2C0%2C20%2C20%2Frotate%3A90.png", page+"/crop:0,0,20,20/rotate:90.png")
	f(page+"/rotate:90.png?chain=//evil.example/x", page+"/evil.example/x")
	f(page+"?chain=%0d%0aX:%20y", page+"/X:%20y")
	f(page+"?chain=rotate%25253A90", page+"/rotate%253A90")
	f("/playground?id="+u.ID, page)
	f("/playground?id=//evil.example", "/playground/%2F%2Fevil.example")
	f("/playground?id=%20a%20b", "/playground/a%20b")
}

// Without an id the newest images are offered, to those who may see them.
func TestPlaygroundOffersImages(t *testing.T) {
	s := serve(t)
	u := s.upload(encodePNG(t, photo(60, 40, 1)))
	if a := s.mustGet("/playground"); !strings.Contains(string(a.body), `href="/playground/`+u.ID+`"`) {
		t.Errorf("%s", a.body)
	}
	s.restart(func(o *Options) { o.Access = Access{Tokens: tokens(t)} })
	for header, want := range map[string]bool{"": false, "Bearer " + goodToken: true} {
		if a := s.mustGet("/playground", "Authorization", header); strings.Contains(string(a.body), u.ID) != want {
			t.Errorf("with %q the images are shown: %t", header, !want)
		}
	}
	s.playgroundOf("/playground/" + u.ID + "/rotate:90") // whoever knows an image has a page for it
}

// Where all must be signed, what is known of an original is for those who manage images. The prints on their page are signed.
func TestPlaygroundKeepsWhatMustBeSigned(t *testing.T) {
	s := serve(t)
	u := s.upload(encodePNG(t, photo(60, 40, 1)))
	page := "/playground/" + u.ID + "/rotate:90.png"
	admitted := []string{"Authorization", "Bearer " + goodToken}
	for mode, open := range map[string]bool{SignTransforms: true, SignAll: false} {
		s.restart(func(o *Options) {
			o.Access, o.Sign, o.Keys = Access{Tokens: tokens(t)}, mode, signKeys(t, signKey)
		})
		a := s.get(page)
		if a.status == http.StatusOK != open || strings.Contains(string(a.body), "<img") || open && !strings.Contains(string(a.body), signing.ErrMissing.Error()) {
			t.Errorf("%s: %d %s", mode, a.status, a.body)
		}
		data, text := s.playgroundOf(page, admitted...)
		print := regexp.MustCompile(`<img src="([^"]+)"`).FindStringSubmatch(text)
		if !data.Signed || print == nil {
			t.Fatalf("%s: %+v, the page shows %v", mode, data, print)
		}
		s.mustGet(print[1])
	}
}

func TestPlaygroundTellsWhatIsServed(t *testing.T) {
	policy, err := transform.NewPolicy(transform.Policy{Names: []string{"resize", "quality"}, Sizes: []int{20, 40}})
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, func(o *Options) { o.Policy = policy })
	u := s.upload(encodePNG(t, photo(60, 40, 1)))
	data, page := s.playgroundOf("/playground/" + u.ID + "/rotate:90")
	if !slices.Contains(data.Names, "resize") || slices.Contains(data.Names, "rotate") || !strings.Contains(page, "not among what is served here") {
		t.Errorf("%+v\n%s", data, page)
	}
}
