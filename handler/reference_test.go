package handler

import (
	"bytes"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"calotype/docs"
	"calotype/transform"
)

// The reference says all that the declarations say, and leads to each of them by name.
func TestReferenceSaysAll(t *testing.T) {
	a := serve(t).mustGet(referencePath, "Accept", "text/html")
	if a.header.Get("Content-Type") != "text/html; charset=utf-8" || a.header.Get("Cache-Control") != "public, no-cache" || a.header.Get("Content-Security-Policy") != pagePolicy {
		t.Errorf("headers %v", a.header)
	}
	said := map[string]string{} // by the id of the entry
	text := ""
	for _, section := range strings.Split(string(a.body), `<section class="entry" id="`)[1:] {
		id, content, _ := strings.Cut(section, `"`)
		said[id] = content
	}
	for _, e := range elements(t, string(a.body)) {
		text += e.text + "\n"
	}
	in := func(id string, wants ...string) {
		t.Helper()
		if said[id] == "" {
			t.Errorf("there is nothing at #%s", id)
		}
		for _, want := range wants {
			if !strings.Contains(said[id], string(prose(want))) {
				t.Errorf("#%s does not say %q", id, want)
			}
		}
	}
	for _, o := range transform.Operations {
		in(o.Name, o.Doc)
		in(o.Name, o.Examples...)
		for _, f := range o.Forms {
			in(o.Name, f.Signature(o.Name), f.Doc)
			for i := range f.Params {
				in(o.Name, f.Params[i].Doc, strings.TrimPrefix(f.Params[i].Expected(), "must be "))
			}
		}
	}
	for _, s := range transform.Settings {
		in(s.Name, s.Doc, s.Signature(), s.Example, s.Param.Doc)
	}
	for _, f := range transform.Formats {
		in(f.Name, f.Doc, f.Type, "."+f.Extension)
	}
	for _, f := range transform.Originals {
		if !f.Written() {
			in("originals", f.Name, f.Type, f.Doc)
		}
	}
	for _, want := range []string{"AVIF or WebP where the ", "has the pixels as they are coded there", "in shares of width and height from the top left."} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q", want)
		}
	}
}

// Its samples are pictures that are there, of the sizes that it says, and may be kept for ever.
func TestReferenceHasSamples(t *testing.T) {
	s := serve(t)
	shown := map[string]bool{}
	for _, e := range elements(t, string(s.mustGet(referencePath).body)) {
		if e.name != "img" {
			continue
		}
		shown[e.attributes["src"]] = true
		a := s.mustGet(e.attributes["src"])
		if kind := http.DetectContentType(a.body); a.header.Get("Content-Type") != kind || a.header.Get("Cache-Control") != keepAsset || a.header.Get("Content-Encoding") != "" {
			t.Errorf("%s is %s: %v", e.attributes["src"], kind, a.header)
		}
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := fs.ReadDir(docs.Samples, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		path, err := assetPath(sampleFolder + f.Name())
		// Some are shown by the README alone, and one is what transparency is shown on.
		if err != nil || !shown[path] && f.Name() != docs.Cutout && !bytes.Contains(readme, []byte(docs.SampleFolder+"/"+f.Name())) {
			t.Errorf("%s is not shown, at %q: %v", f.Name(), path, err)
		}
	}
}

// It is sent small, and not again to who has it.
func TestReferenceIsSentSmall(t *testing.T) {
	s := serve(t)
	plain := s.mustGet(referencePath)
	small := s.mustGet(referencePath, "Accept-Encoding", "br")
	var got bytes.Buffer
	if _, err := fasthttp.WriteUnbrotli(&got, small.body); err != nil || !bytes.Equal(got.Bytes(), plain.body) || len(small.body) > len(plain.body)/4 {
		t.Errorf("%d bytes become %d: %v", len(plain.body), len(small.body), err)
	}
	if small.header.Get("ETag") == plain.header.Get("ETag") || small.header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("tags %s and %s, Vary %q", small.header.Get("ETag"), plain.header.Get("ETag"), small.header.Get("Vary"))
	}
	if a := s.get(referencePath, "Accept-Encoding", "br", "If-None-Match", small.header.Get("ETag")); a.status != http.StatusNotModified {
		t.Errorf("who has it gets %d", a.status)
	}
}

func TestProse(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "plain": "plain", "`code`": "<code>code</code>", "a `b` <c> `<d>` e": "a <code>b</code> &lt;c&gt; <code>&lt;d&gt;</code> e",
	} {
		if got := string(prose(text)); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}
