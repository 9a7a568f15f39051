package handler

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"calotype/store"
	"calotype/transform"
)

// Where SVG is switched on it is drawn; its original is a file to be saved, which no browser runs.
func TestSVG(t *testing.T) {
	engine, err := transform.NewEngine(transform.Options{Workers: 1, Limits: transform.Limits{Pixels: 50_000_000, Side: 16384}, Formats: []string{"svg"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(engine.Close)
	s := serve(t, func(o *Options) { o.Engine = engine })
	const file = `<svg xmlns="http://www.w3.org/2000/svg" width="4" height="2"><script>alert(1)</script><rect width="2" height="2" fill="#f00"/><rect x="2" width="2" height="2" fill="#00f"/></svg>`
	u := s.upload([]byte(file))
	if u.Format != "svg" || u.Width != 4 || u.Height != 2 {
		t.Errorf("uploaded as %+v", u)
	}
	a := s.mustGet(u.URL)
	if string(a.body) != file || a.header.Get("Content-Type") != "image/svg+xml" {
		t.Errorf("the original is %s, %q", a.header.Get("Content-Type"), a.body)
	}
	if got := a.header.Get("Content-Disposition"); !strings.HasPrefix(got, "attachment; ") || !strings.Contains(got, ".svg") {
		t.Errorf("the original is sent as %s", got)
	}
	if a.header.Get("Content-Security-Policy") != "default-src 'none'; style-src 'unsafe-inline'; sandbox" || a.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("the original has the headers %v", a.header)
	}
	a = s.mustGet(u.URL + "/flip:h")
	if got := reads(t, a.body); a.header.Get("Content-Type") != "image/png" || got != "bbrr bbrr" || bytes.Contains(a.body, []byte("script")) {
		t.Errorf("the print is %s, %s", a.header.Get("Content-Type"), got)
	}
	d := decode[printDescription](t, s.mustGet(u.URL+"/resize:2.json"))
	if d.Format != "png" || d.Width != 2 || d.Height != 1 || d.Original.Format != "svg" || d.Original.Width != 4 {
		t.Errorf("described as %+v", d)
	}
	s.wantProblem("entities", s.do("POST", "/upload-image", strings.NewReader(`<!DOCTYPE svg [<!ENTITY a "b">]><svg/>`)), http.StatusUnsupportedMediaType, "unsupported-image")

	// Where it is switched off again the original stays, and has no prints.
	off := serve(t)
	spool, err := off.store.Spool()
	if err != nil {
		t.Fatal(err)
	}
	defer spool.Discard()
	if _, err := spool.Write([]byte(file)); err != nil {
		t.Fatal(err)
	}
	kept, err := off.store.Add(t.Context(), spool, store.Original{Format: "svg", Width: 4, Height: 2, Orientation: 1, Frames: 1, Depth: 8, Alpha: true}, store.Usage{})
	if err != nil {
		t.Fatal(err)
	}
	url := "/download/" + kept.ID.String()
	off.mustGet(url)
	off.wantProblem("a print of what is off", off.get(url+"/rotate:90.png"), http.StatusUnsupportedMediaType, "unsupported-image")
}

// A print of an original that is only read has the format that is said of it, and its description says so.
func TestOriginalsThatAreOnlyRead(t *testing.T) {
	s := serve(t)
	all := s.allFormats()
	for format, want := range map[string]string{"bmp": "png", "ico": "png", "heic": "jpeg", "gif": "gif", "tiff": "tiff"} {
		d := decode[printDescription](t, s.mustGet(all[format].URL+"/resize:20.json"))
		if d.Format != want || d.Original.Format != format || d.Width != 20 || !strings.HasSuffix(d.URL, "."+transform.FormatNamed(want).Extension) {
			t.Errorf("%s: %+v", format, d)
		}
	}
	s.wantProblem("a BMP is not written", s.get(all["png"].URL+".bmp"), http.StatusBadRequest, "bad-chain")
	s.wantProblem("an icon of 300×200", s.get(s.upload(encodePNG(t, photo(300, 200, 1))).URL+".ico"), http.StatusUnprocessableEntity, "too-many-pixels")
}
