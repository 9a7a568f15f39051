package handler

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestFormsThatAreBombs(t *testing.T) {
	s := serve(t)
	f := func(what, contentType, body, detail string) {
		t.Helper()
		a := s.do("POST", "/upload-image", strings.NewReader(body), "Content-Type", contentType)
		if p := s.wantProblem(what, a, http.StatusBadRequest, "bad-form"); !strings.Contains(p.Detail, detail) {
			t.Errorf("%s: got %q, want %q", what, p.Detail, detail)
		}
		s.wantNothingSpooled()
	}
	const form = "multipart/form-data; boundary=b"
	part := func(headers, content string) string { return "--b\r\n" + headers + "\r\n" + content + "\r\n" }
	const field = "Content-Disposition: form-data; name=\"a\"\r\n"
	f("fields without end", form, strings.Repeat(part(field, ""), 100_000)+"--b--\r\n", "more than 2000 parts")
	f("files without end", form, strings.Repeat(part("Content-Disposition: form-data; name=\"a\"; filename=\"a\"\r\n", "x"), 100_000)+"--b--\r\n", "more than 1000 files")
	f("a long header", form, part(field+"A: "+strings.Repeat("x", 1<<20)+"\r\n", "x")+"--b--\r\n", "the headers of a part are longer than 16384 bytes")
	f("many headers", form, part(field+strings.Repeat("A: b\r\n", 10_000), "x")+"--b--\r\n", "not well formed")
	f("a header that never ends", form, "--b\r\n"+strings.Repeat("A", 1<<20), "not well formed")
	f("long headers of a later part", form, part(field, "x")+part(field+"A: "+strings.Repeat("x", 1<<20)+"\r\n", "x")+"--b--\r\n", "the headers of a part are longer than 16384 bytes")
	f("no beginning", form, strings.Repeat("x\r\n", 1<<18), "the headers of a part are longer than 16384 bytes")
	f("no boundary", "multipart/form-data", part(field, "x"), "names no boundary")
	f("an empty boundary", `multipart/form-data; boundary=""`, part(field, "x"), "names no boundary")
	f("a long boundary", "multipart/form-data; boundary="+strings.Repeat("b", 71), part(field, "x"), "names no boundary")
	f("forms in a form", form, strings.Repeat("--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n", 100_000), "more than 2000 parts")
}

// What a form may have is more than anybody sends.
func TestFormsUpToTheBounds(t *testing.T) {
	s := serve(t)
	picture := draws(t, "rg", "by")
	var body bytes.Buffer
	for range maxParts - 1 {
		body.WriteString("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n")
	}
	fmt.Fprintf(&body, "--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\nA: %s\r\n\r\n%s\r\n--b--\r\n", strings.Repeat("x", maxPartHead-4096), picture)
	a := s.do("POST", "/upload-image", &body, "Content-Type", "multipart/form-data; boundary=b")
	if a.status != http.StatusCreated {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	if got := reads(t, s.mustGet(decode[uploaded](t, a).URL).body); got != "rg by" {
		t.Errorf("got %s", got)
	}
}
