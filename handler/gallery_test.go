package handler

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// images are the ids on the page of the gallery that target shows to a program, and the address of the next page.
func (s *site) images(target string) (ids, formats []string, next string) {
	s.t.Helper()
	a := s.mustGet(target, "Accept", "application/json")
	if a.header.Get("Content-Type") != "application/json" || a.header.Get("Cache-Control") != keepPage || a.header.Get("X-Content-Type-Options") != "nosniff" {
		s.t.Errorf("%s: headers %v", target, a.header)
	}
	g := decode[galleryDescription](s.t, a)
	for _, i := range g.Images {
		ids, formats = append(ids, i.ID), append(formats, i.Format)
	}
	return ids, formats, g.Next
}

// The gallery shows the images of several formats, however their list is written.
func TestSeveralFormats(t *testing.T) {
	s := serve(t)
	all := s.allFormats()
	f := func(query string, want ...string) {
		t.Helper()
		ids, formats, _ := s.images("/download" + query)
		got := slices.Sorted(slices.Values(formats))
		if !slices.Equal(got, want) {
			t.Errorf("%s shows %v, want %v", query, got, want)
		}
		for i, id := range ids {
			if all[formats[i]].ID != id {
				t.Errorf("%s shows %s as %s", query, id, formats[i])
			}
		}
		if !slices.IsSortedFunc(ids, func(a, b string) int { return strings.Compare(b, a) }) {
			t.Errorf("%s does not show the newest first", query)
		}
	}
	f("?exts=jpeg|jpg|png|gif", "gif", "jpeg", "png")
	f("?exts=jpeg%7Cjpg%7Cpng%7Cgif", "gif", "jpeg", "png")
	f("?exts=jpeg%7cjpg%7cpng%7cgif", "gif", "jpeg", "png")
	f("?exts=jpeg,jpg,png,gif", "gif", "jpeg", "png")
	f("?exts=jpeg%2Cpng", "jpeg", "png")
	f("?exts=jpeg;png", "jpeg", "png")
	f("?exts=jpeg+png", "jpeg", "png")
	f("?exts=.JPG|.Png", "jpeg", "png")
	f("?exts=jpg", "jpeg")
	f("?exts=jpeg", "jpeg")
	f("?exts=png", "png")
	f("?exts=webp|avif", "avif", "webp")
	f("?exts=tif|tiff", "tiff")
	f("?exts=|png|", "png")
	f("?exts=bmp|ico", "bmp", "ico")
	f("?exts=heif", "heic")
	f("?exts=dib", "bmp")
	f("?exts=", "avif", "bmp", "gif", "heic", "ico", "jpeg", "png", "tiff", "webp")
	f("", "avif", "bmp", "gif", "heic", "ico", "jpeg", "png", "tiff", "webp")
	f("?exts=png&other=1", "png")
}

func TestGalleryRefusesWhatItDoesNotKnow(t *testing.T) {
	s := serve(t)
	for _, query := range []string{
		"exts=psd", "exts=jpeg|exe", "exts=*", "exts=auto", "exts=json", "exts=" + strings.Repeat("x", 2000), "exts=%00", "exts=%ff",
		"since=yesterday", "until=2026-02-30", "q=" + strings.Repeat("x", 256), "limit=0", "limit=-1", "limit=501", "limit=x", "limit=", "limit=99999999999999999999", "before=x", "before=",
	} {
		p := s.wantProblem(query, s.get("/download?"+query), http.StatusBadRequest, "bad-query")
		if len(p.Detail) > 300 || p.Detail == "" {
			t.Errorf("%s: detail %q", query, p.Detail)
		}
	}
	p := s.wantProblem("psd", s.get("/download?exts=png|psd"), http.StatusBadRequest, "bad-query")
	if !strings.Contains(p.Detail, `"psd"`) || !strings.Contains(p.Detail, "jpg, png, gif, webp, avif, tif") {
		t.Errorf("detail %q", p.Detail)
	}
	a := s.get("/download?exts=psd", "Accept", "text/html")
	if a.status != http.StatusBadRequest || a.header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("for a browser: %d %s", a.status, a.header.Get("Content-Type"))
	}
}

// walk goes through all pages and returns the ids in the order in which they were shown. Between pages it calls meanwhile.
func (s *site) walk(target string, meanwhile func()) (ids []string, pages int) {
	s.t.Helper()
	for target != "" {
		page, _, next := s.images(target)
		ids = append(ids, page...)
		if pages++; pages > 1000 {
			s.t.Fatal("the gallery has no end")
		}
		target = next
		meanwhile()
	}
	return ids, pages
}

func TestGalleryPagesShowEachImageOnce(t *testing.T) {
	s := serve(t)
	for i := range 23 {
		if i%3 == 0 {
			s.upload(encodeJPEG(t, photo(10+i, 10, i)))
		} else {
			s.upload(draws(t, strings.Repeat("r", i)))
		}
	}
	f := func(target, format string, limit int) {
		t.Helper()
		var want []string
		for _, o := range s.originals() {
			if format == "" || o.Format == format {
				want = append(want, o.ID.String())
			}
		}
		if got, pages := s.walk(target, func() {}); !slices.Equal(got, want) || pages != (len(want)+limit-1)/limit {
			t.Errorf("%s shows %d images on %d pages, want %d by %d", target, len(got), pages, len(want), limit)
		}
		// What is uploaded while one leafs through is newer than all pages that follow.
		if got, _ := s.walk(target, func() { s.upload(draws(t, "g")) }); !slices.Equal(got, want) {
			t.Errorf("%s shows %d images while others are uploaded, want %d", target, len(got), len(want))
		}
	}
	f("/download?limit=5", "", 5)
	f("/download?limit=4&exts=png", "png", 4)
	f("/download?exts=jpg|jpeg&limit=8", "jpeg", 8)
	f("/download", "", galleryLimit)
}

// A browser is led through the same pages.
func TestGalleryForBrowsers(t *testing.T) {
	s := serve(t)
	originals := map[string][]byte{}
	for i, name := range []string{"rose.jpeg", "žába.jpg", `<b>"quoted"</b>.jpg`, ""} {
		data := encodeJPEG(t, photo(400+i, 300, i))
		body, contentType := form(t, part{"image", name, "image/jpeg", string(data)})
		u := decode[uploaded](t, s.do("POST", "/upload-image", body, "Content-Type", contentType))
		originals[u.URL] = data
	}
	s.upload(draws(t, "r"))
	shown := 0
	for target := "/download?exts=jpeg|png&limit=2"; target != ""; {
		a := s.mustGet(target, "Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
		if a.header.Get("Content-Type") != "text/html; charset=utf-8" || a.header.Get("Vary") != "Accept" || a.header.Get("Cache-Control") != keepPage {
			t.Errorf("headers %v", a.header)
		}
		target = ""
		for _, e := range elements(t, string(a.body)) {
			address := e.attributes["href"]
			if _, download := e.attributes["download"]; download {
				shown++
				b := s.mustGet(address)
				if data, known := originals[address]; known && string(b.body) != string(data) {
					t.Errorf("%s does not download the original", address)
				}
				if !strings.Contains(b.header.Get("Content-Disposition"), "filename=") {
					t.Errorf("%s has the disposition %q", address, b.header.Get("Content-Disposition"))
				}
			}
			if e.name == "img" {
				sources := []string{e.attributes["src"]}
				for candidate := range strings.SplitSeq(e.attributes["srcset"], ", ") {
					source, _, _ := strings.Cut(candidate, " ")
					sources = append(sources, source)
				}
				for _, source := range sources {
					if b := s.mustGet(source); b.header.Get("Content-Type") != "image/webp" || b.header.Get("Link") != "" {
						t.Errorf("thumbnail %s: %v", source, b.header)
					}
				}
			}
			if e.attributes["rel"] == "next" {
				target = address
			}
		}
	}
	if shown != 5 {
		t.Errorf("%d images are shown", shown)
	}
}

func TestGalleryIsAPageUnlessJSONIsAskedFor(t *testing.T) {
	s := serve(t)
	f := func(accept, want string) {
		t.Helper()
		if got := s.mustGet("/download", "Accept", accept).header.Get("Content-Type"); got != want {
			t.Errorf("Accept: %s gets %s, want %s", accept, got, want)
		}
	}
	f("", "text/html; charset=utf-8")
	f("*/*", "text/html; charset=utf-8")
	f("text/html", "text/html; charset=utf-8")
	f("text/html,application/json;q=0.9", "text/html; charset=utf-8")
	f("application/json", "application/json")
	f("application/json, */*", "application/json")
	if a := s.mustGet("/download", "Accept", "application/json"); string(a.body) != `{"images":[]}`+"\n" {
		t.Errorf("the empty gallery is %s", a.body)
	}
	if a := s.mustGet("/download"); !strings.Contains(string(a.body), "No images yet") {
		t.Errorf("the empty page is %s", a.body)
	}
}

func TestGalleryLinksArePlain(t *testing.T) {
	s := serve(t)
	for range 3 {
		s.upload(draws(t, "r"))
	}
	_, _, next := s.images("/download?exts=png|jpg&limit=2")
	u, err := url.Parse(next)
	if err != nil || u.Path != "/download" || u.Query().Get("exts") != "png|jpeg" || u.Query().Get("limit") != "2" || strings.ContainsAny(next, "| ") {
		t.Errorf("next is %s, %v", next, err)
	}
	if a := s.do("HEAD", next, nil); a.status != http.StatusOK {
		t.Errorf("HEAD %s: %d", next, a.status)
	}
}

// The gallery and the list for those who manage images find the same by names and times, page by page, for programs and for browsers.
func TestGallerySearches(t *testing.T) {
	s := serve(t)
	ids := map[string]string{}
	for i, name := range []string{"Oak tree.png", "house.png", "TREE house.png", "a_tree.jpg", "äpfel.png"} {
		data := draws(t, strings.Repeat("r", i+1))
		if strings.HasSuffix(name, "jpg") {
			data = encodeJPEG(t, photo(20, 20, i))
		}
		body, contentType := form(t, part{"image", name, "image/png", string(data)})
		ids[name] = decode[uploaded](t, s.do("POST", "/upload-image", body, "Content-Type", contentType)).ID
	}
	f := func(query string, want ...string) {
		t.Helper()
		for i, name := range want {
			want[i] = ids[name]
		}
		for _, target := range []string{"/download?" + query, "/download?limit=1&" + query, "/images?limit=2&" + strings.ReplaceAll(query, "exts=", "format=")} {
			if got, _ := s.walk(target, func() {}); !slices.Equal(got, want) {
				t.Errorf("%s shows %d images, want %d", target, len(got), len(want))
			}
		}
		var shown []string
		for _, e := range elements(t, string(s.mustGet("/download?"+query, "Accept", "text/html").body)) {
			if id := e.attributes["data-id"]; id != "" {
				shown = append(shown, id)
			}
		}
		if !slices.Equal(shown, want) {
			t.Errorf("the page of %s shows %d images, want %d", query, len(shown), len(want))
		}
	}
	f("q=tree", "a_tree.jpg", "TREE house.png", "Oak tree.png")
	f("q=TREE&exts=png", "TREE house.png", "Oak tree.png")
	f("q=tree+h", "TREE house.png")
	f("q=%C3%84P", "äpfel.png")
	f("q=_", "a_tree.jpg")
	f("q=%25")
	f("q=tree&since=2020-01-01&until=2120-01-01", "a_tree.jpg", "TREE house.png", "Oak tree.png")
	f("q=tree&since=2120-01-01")
	f("since=2020-01-01&exts=jpg", "a_tree.jpg")
	f("until=2020-01-01T12:00:00Z")
	f("q=%FF%00")

	// A form sends its empty fields, too.
	if got, _, _ := s.images("/download?q=&since=&until=&exts="); len(got) != 5 {
		t.Errorf("an empty form shows %d images", len(got))
	}
	_, _, next := s.images("/download?q=tree&since=2020-01-01&exts=jpg|png&limit=1")
	if want := "/download?before=" + ids["a_tree.jpg"] + "&exts=jpeg%7Cpng&limit=1&q=tree&since=2020-01-01"; next != want {
		t.Errorf("the next page is at %s, want %s", next, want)
	}
}
