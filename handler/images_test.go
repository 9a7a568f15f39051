package handler

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"calotype/store"
)

func TestListOfImages(t *testing.T) {
	s := serve(t)
	if got := string(s.mustGet("/images").body); got != "{\"images\":[]}\n" {
		t.Errorf("of none: %s", got)
	}
	var ids []string
	for i := range 7 {
		data := encodePNG(t, photo(8+i, 8, i))
		if i%3 == 0 {
			data = encodeJPEG(t, photo(8+i, 8, i))
		}
		ids = append(ids, s.upload(data).ID)
		time.Sleep(2 * time.Millisecond) // ids hold milliseconds
	}
	slices.Reverse(ids)
	created := map[string]time.Time{}
	for _, o := range s.originals() {
		created[o.ID.String()] = o.Created
	}
	f := func(query string, want ...string) {
		t.Helper()
		var got []string
		next := "/images?" + query
		for next != "" {
			a := s.mustGet(next)
			if a.header.Get("Content-Type") != "application/json" || a.header.Get("Cache-Control") != "private, no-cache" {
				t.Fatalf("%s: %v", next, a.header)
			}
			page := decode[imageList](t, a)
			for _, i := range page.Images {
				got = append(got, i.ID)
			}
			next = page.Next
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", query, got, want)
		}
	}
	at := func(id string) string { return url.QueryEscape(created[id].Format(time.RFC3339Nano)) }
	f("", ids...)
	f("limit=1", ids...)
	f("limit=3", ids...)
	f("limit=7", ids...)
	f("before="+ids[2], ids[3:]...)
	f("format=jpg", ids[0], ids[3], ids[6])
	f("format=jpeg|png&limit=2", ids...)
	f("format=gif")
	f("since="+at(ids[2]), ids[:3]...)
	f("until="+at(ids[2]), ids[3:]...)
	f("limit=1&since="+at(ids[4])+"&until="+at(ids[1])+"&format=png", ids[2], ids[4])
	f("since=2000-01-01&until=2000-01-02")
	f("until=2000-01-02")
	f("since=2000-01-01&unknown=1", ids...)

	i := decode[imageList](t, s.mustGet("/images?limit=1")).Images[0]
	o := s.originals()[0]
	if i.ID != o.ID.String() || i.Digest != o.Digest.String() || i.Bytes != o.Bytes || i.Format != "jpeg" || i.Width != 14 || i.URL != "/download/"+i.ID {
		t.Errorf("got %+v of %+v", i, o)
	}
	for _, query := range []string{"limit=0", "limit=501", "limit=x", "before=x", "format=exe", "since=x", "until=", "since=2026-13-01", "until=10000-01-01"} {
		s.wantProblem(query, s.get("/images?"+query), http.StatusBadRequest, "bad-query")
	}
	s.wantProblem("POST", s.do("POST", "/images", strings.NewReader("x")), http.StatusMethodNotAllowed, "method-not-allowed")
}

func TestDescriptionOfAnImage(t *testing.T) {
	s := serve(t)
	u := s.upload(encodePNG(t, photo(30, 20, 1)))
	a := s.mustGet("/images/" + u.ID)
	o := s.originals()[0]
	i := decode[imageDescription](t, a)
	if i.ID != u.ID || i.Digest != o.Digest.String() || i.Width != 30 || i.Created != o.Created.Format(time.RFC3339Nano) {
		t.Errorf("got %s", a.body)
	}
	if !slices.Equal(i.Tags, []string{"img-" + u.ID, "fmt-png"}) || i.ETag != s.mustGet(u.URL).header.Get("ETag") {
		t.Errorf("tags %q, ETag %s", i.Tags, i.ETag)
	}
	if a.header.Get("Cache-Control") != "private, no-cache" {
		t.Errorf("headers %v", a.header)
	}
	if got := s.get("/images/"+u.ID, "If-None-Match", a.header.Get("ETag")); got.status != http.StatusNotModified || len(got.body) != 0 {
		t.Errorf("with its ETag: %d", got.status)
	}
	if got := s.do("HEAD", "/images/"+u.ID, nil); got.status != http.StatusOK || got.length != int64(len(a.body)) {
		t.Errorf("HEAD: %d, %d bytes", got.status, got.length)
	}
	if other := s.mustGet("/images/" + strings.ToUpper(strings.ReplaceAll(u.ID, "-", ""))); string(other.body) != string(a.body) {
		t.Errorf("in another spelling: %s", other.body)
	}
	for _, id := range []string{"x", "", testID, u.ID + ".png", u.ID + "/", "../images"} {
		a := s.get("/images/" + id)
		s.wantProblem(id, a, http.StatusNotFound, "no-such-image")
		if a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%q: headers %v", id, a.header)
		}
	}
}

// testID is the id of no image.
const testID = "01990000-0000-7000-8000-000000000001"

func TestDelete(t *testing.T) {
	s := serve(t)
	u, other := s.upload(draws(t, "rg", "by")), s.upload(draws(t, "rg"))
	a := s.do("DELETE", "/images/"+u.ID, nil)
	if a.status != http.StatusNoContent || len(a.body) != 0 || a.header.Get("Cache-Control") != "no-store" || a.header.Get("Content-Type") != "" {
		t.Fatalf("got %d %s %v", a.status, a.body, a.header)
	}
	again := s.do("DELETE", "/images/"+u.ID, nil)
	s.wantProblem("again", again, http.StatusGone, "image-deleted")
	if again.header.Get("Cache-Control") != "no-store" {
		t.Errorf("again: %v", again.header)
	}
	s.wantProblem("described", s.get("/images/"+u.ID), http.StatusGone, "image-deleted")
	gone := s.get(u.URL)
	s.wantProblem("downloaded", gone, http.StatusGone, "image-deleted")
	if gone.header.Get("Cache-Control") != "public, max-age=3600" {
		t.Errorf("downloaded: %v", gone.header)
	}
	s.wantProblem("by query", s.get("/download?id="+u.ID), http.StatusGone, "image-deleted")
	if list := decode[imageList](t, s.mustGet("/images")).Images; len(list) != 1 || list[0].ID != other.ID {
		t.Errorf("listed %v", list)
	}
	for _, id := range []string{testID, "x", ""} {
		s.wantProblem("DELETE "+id, s.do("DELETE", "/images/"+id, nil), http.StatusNotFound, "no-such-image")
	}
	s.wantProblem("POST", s.do("POST", "/images/"+other.ID, strings.NewReader("x")), http.StatusMethodNotAllowed, "method-not-allowed")
	if body := s.do("DELETE", "/images/"+other.ID, strings.NewReader("what is this?")); body.status != http.StatusBadRequest || !body.closed {
		t.Errorf("with a body: %d, closed: %t", body.status, body.closed)
	}
	s.mustGet(other.URL)
}

func TestDeleteIfMatch(t *testing.T) {
	s := serve(t)
	f := func(status int, matches func(described, original string) []string) {
		t.Helper()
		u := s.upload(draws(t, "rg", "by"))
		lists := matches(s.mustGet("/images/"+u.ID).header.Get("ETag"), s.mustGet(u.URL).header.Get("ETag"))
		var headers []string
		for _, list := range lists {
			headers = append(headers, "If-Match", list)
		}
		a := s.do("DELETE", "/images/"+u.ID, nil, headers...)
		there := s.get(u.URL).status
		if a.status != status || (there == http.StatusOK) != (status != http.StatusNoContent) {
			t.Errorf("%q: got %d, and then %d", lists, a.status, there)
		}
		if status == http.StatusPreconditionFailed {
			s.wantProblem("precondition-failed", a, status, "precondition-failed")
			if a.header.Get("Cache-Control") != "no-store" {
				t.Errorf("headers %v", a.header)
			}
		}
	}
	f(204, func(described, _ string) []string { return []string{described} })
	f(204, func(_, original string) []string { return []string{original} })
	f(204, func(_, _ string) []string { return []string{"*"} })
	f(204, func(_, original string) []string { return []string{`"a", "b" ,` + original + `, "c"`} })
	f(204, func(_, original string) []string { return []string{`"a"`, original} })
	f(412, func(_, _ string) []string { return []string{`"a"`} })
	f(412, func(_, _ string) []string { return []string{""} })
	f(412, func(_, original string) []string { return []string{"W/" + original} }) // the comparison is strong
	f(412, func(described, original string) []string { return []string{strings.Trim(original, `"`), `"b"`} })

	s.wantProblem("of none", s.do("DELETE", "/images/"+testID, nil, "If-Match", "*"), http.StatusNotFound, "no-such-image")
	u := s.upload(draws(t, "rg"))
	s.do("DELETE", "/images/"+u.ID, nil)
	s.wantProblem("of one that is gone", s.do("DELETE", "/images/"+u.ID, nil, "If-Match", `"a"`), http.StatusGone, "image-deleted")
}

// Of two images with the same bytes one is deleted.
func TestDeleteOfSharedBytes(t *testing.T) {
	s := serve(t)
	data := encodePNG(t, photo(60, 40, 1))
	a, b := s.upload(data), s.upload(data)
	for _, u := range []uploaded{a, b} {
		s.mustGet(u.URL + "/resize:20.png")
		if got := s.mustGet(u.URL); string(got.body) != string(data) {
			t.Fatal("other bytes")
		}
	}
	s.do("DELETE", "/images/"+a.ID, nil)
	s.wantProblem("the one", s.get(a.URL), http.StatusGone, "image-deleted")
	s.wantProblem("its print", s.get(a.URL+"/resize:20.png"), http.StatusGone, "image-deleted")
	if got := s.mustGet(b.URL); string(got.body) != string(data) {
		t.Error("the other has other bytes")
	}
	s.mustGet(b.URL + "/resize:20.png")
	s.mustGet(b.URL + "/resize:21.png")
}

func TestCacheTags(t *testing.T) {
	s := serve(t, func(o *Options) { o.CacheTags = []string{"Cache-Tag", "Surrogate-Key", "Edge-Cache-Tag", "xkey"} })
	below, above := s.upload(encodePNG(t, photo(60, 40, 1))), s.upload(draws(t, "rg"))
	f := func(target string, want ...string) {
		t.Helper()
		first := s.mustGet(target)
		answers := []answer{first, s.mustGet(target), s.do("HEAD", target, nil), s.get(target, "If-None-Match", first.header.Get("ETag"))}
		if answers[3].status != http.StatusNotModified {
			t.Errorf("%s: %d with its ETag", target, answers[3].status)
		}
		for _, a := range answers {
			for _, name := range []string{"Cache-Tag", "Surrogate-Key", "Edge-Cache-Tag", "Xkey"} {
				separator := " "
				if strings.HasSuffix(name, "Tag") {
					separator = ","
				}
				if got := a.header.Values(name); len(got) != 1 || got[0] != strings.Join(want, separator) {
					t.Errorf("%s: %d with %s %q, want %q", target, a.status, name, got, want)
				}
			}
		}
	}
	image := "img-" + below.ID
	f(below.URL, image, "fmt-png")
	f(below.URL+"/resize:20.jpg", image, "fmt-jpg")
	f(below.URL+"/Resize=20.JPEG", image, "fmt-jpg")
	f(below.URL+"/resize:20.auto", image, "fmt-jpg")
	f(below.URL+"/resize:20.json", image, "fmt-json")
	f(below.URL+"/resize:20/describe:look.json", image, "fmt-json")
	f(below.URL+"/overlay:"+above.ID+"/overlay:"+strings.ToUpper(above.ID)+",north/resize:20.webp", image, "img-"+above.ID, "fmt-webp")
	f(below.URL+"/overlay:"+below.ID+".webp", image, "fmt-webp")
	f(below.URL+"/overlay:"+above.ID+".json", image, "img-"+above.ID, "fmt-json")
	if a := s.get(below.URL + "/no:1.png"); a.header.Get("Cache-Tag") != "" {
		t.Errorf("a problem has %v", a.header)
	}
	plain := serve(t)
	if a := plain.mustGet(plain.upload(draws(t, "rg")).URL + "/flip:h.png"); a.header.Get("Cache-Tag") != "" {
		t.Errorf("without the option: %v", a.header)
	}
}

func TestPurge(t *testing.T) {
	s := serve(t)
	a, b := s.upload(encodePNG(t, photo(60, 40, 1))), s.upload(encodePNG(t, photo(60, 40, 2)))
	small, alias := a.URL+"/resize:20.png", a.URL+"/resize=20.PNG"
	targets := []string{
		small, a.URL + "/resize:30.webp", a.URL + "/resize:30/describe:look.json", b.URL + "/resize:20.png", b.URL + "/overlay:" + a.ID + ".webp",
	}
	kept := func(target string) bool {
		_, known := s.handler.prints.Lookup([]byte(target))
		return known
	}
	f := func(body string, prints int, gone ...string) {
		t.Helper()
		for _, target := range append(slices.Clone(targets), alias) {
			s.mustGet(target)
		}
		s.wantKept(targets[0], targets[1], targets[3], targets[4], alias)
		answer := s.postPurge(body)
		if want := fmt.Sprintf("{\"prints\":%d,\"hooks\":[]}\n", prints); answer.status != http.StatusOK || string(answer.body) != want {
			t.Errorf("%s: %d %s, want %s", body, answer.status, answer.body, want)
		}
		if answer.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", body, answer.header)
		}
		for _, target := range append(slices.Clone(targets), alias) {
			if strings.HasSuffix(target, ".json") {
				continue
			}
			if kept(target) == slices.Contains(gone, target) {
				t.Errorf("%s: %s is kept: %t", body, target, kept(target))
			}
		}
	}
	sketch := 2 // the print that is described, and its sketch; the print is one of PNG
	f(`{"ids":["`+a.ID+`"]}`, 3+sketch, small, alias, targets[1], targets[4])
	f(`{"ids":["`+strings.ToUpper(b.ID)+`"]}`, 2, targets[3], targets[4])
	f(`{"tags":["img-`+b.ID+`"]}`, 2, targets[3], targets[4])
	f(`{"tags":["fmt-webp"]}`, 2, targets[1], targets[4])
	f(`{"tags":["fmt-jpg","anything"],"presets":["hero"]}`, 0)
	f(`{"prefixes":["/download/`+a.ID+`/resize:20"]}`, 1, small, alias)
	f(`{"prefixes":["/download/`+a.ID+`","/srcset/`+a.ID+`"]}`, 2+sketch, small, alias, targets[1])
	f(`{"ids":["`+a.ID+`","`+testID+`"],"prefixes":["/download/`+b.ID+`"]}`, 4+sketch, small, alias, targets[1], targets[3], targets[4])

	if got := s.mustGet(a.URL); len(got.body) == 0 {
		t.Error("something was deleted")
	}
	many := `{"ids":["` + strings.Repeat(testID+`","`, 1000) + testID + `"]}`
	for _, body := range []string{
		"", "x", "[]", "null", "{}", `{"ids":[]}`, `{"ids":"a"}`, `{"ids":["x"]}`, `{"id":["` + a.ID + `"]}`, `{"ids":["` + a.ID + `"]} x`, many,
		`{"tags":[""]}`, `{"tags":["a b"]}`, `{"tags":["a,b"]}`, `{"tags":["*"]}`, `{"tags":["a\r\nX: y"]}`, `{"tags":["` + strings.Repeat("a", 129) + `"]}`, `{"presets":["a b"]}`,
		`{"prefixes":[""]}`, `{"prefixes":["/"]}`, `{"prefixes":["/download/"]}`, `{"prefixes":["/download/x"]}`, `{"prefixes":["download/` + a.ID + `"]}`,
		`{"prefixes":["/download/` + a.ID + `*"]}`, `{"prefixes":["/download/` + a.ID + ` x"]}`, `{"prefixes":["/download/` + strings.ToUpper(a.ID) + `"]}`,
		`{"prefixes":["/upload-image"]}`, strings.Repeat(" ", 257<<10) + `{"ids":["` + a.ID + `"]}`,
	} {
		answer := s.postPurge(body)
		s.wantProblem(fmt.Sprintf("%.60s", body), answer, http.StatusBadRequest, "bad-purge")
	}
	for _, mediaType := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a"} {
		answer := s.do("POST", "/purge", strings.NewReader(`{"ids":["`+a.ID+`"]}`), "Content-Type", mediaType)
		s.wantProblem(mediaType, answer, http.StatusBadRequest, "bad-purge")
	}
	s.wantProblem("GET", s.get("/purge"), http.StatusMethodNotAllowed, "method-not-allowed")
}

func (s *site) postPurge(body string) answer {
	s.t.Helper()
	return s.do("POST", "/purge", strings.NewReader(body), "Content-Type", "application/json")
}

// wantKept waits until prints are in memory: what is set takes a moment to be seen.
func (s *site) wantKept(targets ...string) {
	s.t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		missing := slices.DeleteFunc(slices.Clone(targets), func(target string) bool {
			_, known := s.handler.prints.Lookup([]byte(target))
			return known
		})
		if len(missing) == 0 {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("not kept: %v", missing)
		}
	}
}

// A record that was removed by somebody else is found out after a purge.
func TestPurgeForgetsRecords(t *testing.T) {
	s := serve(t)
	u := s.upload(draws(t, "rg"))
	s.mustGet(u.URL + "/flip:h.png")
	id, err := store.ParseID(u.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.store.Remove(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if a := s.postPurge(`{"ids":["` + u.ID + `"]}`); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	s.wantProblem("afterwards", s.get(u.URL+"/flip:h.png"), http.StatusGone, "image-deleted")
}
