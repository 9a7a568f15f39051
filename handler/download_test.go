package handler

import (
	"bytes"
	"image"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"calotype/store"
	"calotype/transform"
)

func TestDownloadByID(t *testing.T) {
	s := serve(t)
	for format, u := range s.allFormats() {
		record, err := s.store.Get(t.Context(), mustID(t, u.ID))
		if err != nil {
			t.Fatal(err)
		}
		a := s.mustGet("/download?id=" + u.ID)
		b := s.mustGet("/download/" + u.ID)
		if !bytes.Equal(a.body, b.body) || int64(len(a.body)) != record.Bytes {
			t.Errorf("%s: %d bytes by query, %d by path, want %d", format, len(a.body), len(b.body), record.Bytes)
		}
		if mediaType := transform.FormatNamed(format).Type; a.header.Get("Content-Type") != mediaType || b.header.Get("Content-Type") != mediaType {
			t.Errorf("%s: types %s and %s", format, a.header.Get("Content-Type"), b.header.Get("Content-Type"))
		}
		if a.header.Get("ETag") != b.header.Get("ETag") || a.header.Get("Content-Location") != u.URL {
			t.Errorf("%s: by query %v, by path %v", format, a.header, b.header)
		}
		if got, want := a.header.Get("Link"), `<`+u.URL+`>; rel="canonical"`; got != want || b.header.Get("Link") != "" {
			t.Errorf("%s: by query Link %q, by path %q", format, got, b.header.Get("Link"))
		}
	}
}

func mustID(t testing.TB, text string) store.ID {
	t.Helper()
	id, err := store.ParseID(text)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestDownloadByIDGivesTheBytesOfTheUpload(t *testing.T) {
	s := serve(t)
	for format, data := range map[string][]byte{
		"jpeg": turned(encodeJPEG(t, photo(60, 40, 1)), 6), "png": draws(t, "rg", "by"), "gif": encodeGIF(t, 20, 10, 3),
	} {
		u := s.upload(data)
		for _, target := range []string{
			"/download?id=" + u.ID, "/download?dl=1&id=" + u.ID, "/download?id=" + strings.ToUpper(u.ID), "/download?id=" + strings.ReplaceAll(u.ID, "-", ""),
			"/download/" + u.ID, "/download/" + strings.ToUpper(u.ID), "/download//" + u.ID + "/", "/download/" + u.ID + "?x=y", "/download/" + u.ID + "/rotate:0",
		} {
			if got := s.mustGet(target).body; !bytes.Equal(got, data) {
				t.Errorf("%s of a %s gives other bytes", target, format)
			}
		}
	}
}

func TestUnknownID(t *testing.T) {
	s := serve(t)
	u := s.upload(draws(t, "r"))
	other := "01934f6e-8d5c-7b3a-9c1e-0a1b2c3d4e5f"
	for _, id := range []string{
		other, strings.ToUpper(other), "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
		"x", "1", "-", u.ID[:35], u.ID + "0", "{" + u.ID + "}", "urn:uuid:" + u.ID, strings.Repeat("a", 64), strings.Repeat("a", 1000), "%20", "%C3%A9", "..%5c", "%00",
	} {
		s.wantProblem("by query: "+id, s.get("/download?id="+id), http.StatusNotFound, "no-such-image")
	}
	s.wantProblem("no id", s.get("/download?id="), http.StatusNotFound, "no-such-image")
	for _, id := range []string{other, "x", u.ID[:35], u.ID + "0", strings.Repeat("a", 64)} {
		for _, rest := range []string{"", ".png", "/rotate:90.png", ".json", ".auto"} {
			s.wantProblem("by path: "+id+rest, s.get("/download/"+id+rest), http.StatusNotFound, "no-such-image")
		}
	}
	for _, id := range []string{"", "/", "é%2Fx", "a_b", "a+b", "{" + u.ID + "}", strings.Repeat("a", 65), "%2F" + u.ID, "%C3%A9"} {
		a := s.get("/download/" + id)
		if a.status != http.StatusNotFound && a.status != http.StatusBadRequest || a.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("/download/%s: %d %s", id, a.status, a.body)
		}
	}
	a := s.get("/download?id="+other, "Accept", "text/html,*/*")
	if a.status != http.StatusNotFound || a.header.Get("Content-Type") != "text/html; charset=utf-8" || !bytes.Contains(a.body, []byte("There is no such image")) {
		t.Errorf("for a browser: %d %s", a.status, a.header.Get("Content-Type"))
	}
	s.wantProblem("an image in a page", s.get("/download/"+other+".png", "Accept", "text/html,*/*"), http.StatusNotFound, "no-such-image")
}

// extensions are all that name a format, and how files of that format begin.
var extensions = map[string]struct{ mediaType, magic string }{
	"jpg": {"image/jpeg", "\xff\xd8\xff"}, "jpeg": {"image/jpeg", "\xff\xd8\xff"},
	"png": {"image/png", "\x89PNG\r\n\x1a\n"}, "gif": {"image/gif", "GIF89a"},
	"webp": {"image/webp", "RIFF????WEBPVP8"}, "avif": {"image/avif", "????ftypavif"},
	"tif": {"image/tiff", "II*\x00"}, "tiff": {"image/tiff", "II*\x00"},
	"ico": {"image/vnd.microsoft.icon", "\x00\x00\x01\x00\x01\x00"},
}

// begins tells whether data begins like magic, in which ? is any byte.
func begins(data []byte, magic string) bool {
	if len(data) < len(magic) {
		return false
	}
	for i := range len(magic) {
		if magic[i] != '?' && magic[i] != data[i] {
			return false
		}
	}
	return true
}

func TestDownloadByExtension(t *testing.T) {
	s := serve(t)
	u := s.upload(encodePNG(t, photo(60, 40, 1)))
	for extension, want := range extensions {
		for _, target := range []string{u.URL + "." + extension, u.URL + "." + strings.ToUpper(extension), u.URL + "/rotate:90." + extension} {
			a := s.mustGet(target)
			if got := a.header.Get("Content-Type"); got != want.mediaType || !begins(a.body, want.magic) {
				t.Errorf("%s: %s, %q…", target, got, a.body[:20])
			}
			if slices.Contains([]string{"jpg", "jpeg", "png", "gif"}, extension) {
				picture, format, err := image.Decode(bytes.NewReader(a.body))
				if err != nil || "image/"+format != want.mediaType {
					t.Errorf("%s: decodes as %s, %v", target, format, err)
					continue
				}
				size := image.Pt(60, 40)
				if strings.Contains(target, "rotate") {
					size = image.Pt(40, 60)
				}
				if picture.Bounds().Size() != size {
					t.Errorf("%s: is %v, want %v", target, picture.Bounds().Size(), size)
				}
			}
		}
	}
	if a, b := s.mustGet(u.URL+".jpeg"), s.mustGet(u.URL+".jpg"); !bytes.Equal(a.body, b.body) {
		t.Error("jpeg and jpg differ")
	}
	if a := s.mustGet(u.URL + "/rotate:90"); a.header.Get("Content-Type") != "image/png" {
		t.Errorf("without an extension the print is %s", a.header.Get("Content-Type"))
	}
	s.wantProblem("an unknown extension", s.get(u.URL+".exe"), http.StatusBadRequest, "bad-chain")
	s.wantProblem("a video", s.get(u.URL+"/rotate:90.mp4"), http.StatusBadRequest, "bad-chain")
}

// Every format that is read becomes every format that is written.
func TestConversion(t *testing.T) {
	if testing.Short() {
		t.Skip("makes very many prints, one after the other")
	}
	s := serve(t)
	for from, u := range s.allFormats() {
		for extension, want := range extensions {
			a := s.get(u.URL + "." + extension)
			if a.status != http.StatusOK || a.header.Get("Content-Type") != want.mediaType || !begins(a.body, want.magic) {
				t.Errorf("%s to %s: %d %s, %.100q", from, extension, a.status, a.header.Get("Content-Type"), a.body)
			}
			d := decode[printDescription](t, s.mustGet(u.URL+"/format:"+transform.FormatByExtension(extension).Extension+".json"))
			if d.Width != 60 || d.Height != 40 || d.Bytes != len(a.body) || d.Type != want.mediaType {
				t.Errorf("%s to %s: %+v, the print has %d bytes", from, extension, d, len(a.body))
			}
		}
	}
}

// What comes out of a conversion can go in again, and shows the same.
func TestConversionThereAndBack(t *testing.T) {
	s := serve(t)
	const picture = "rrrrgggg rrrrgggg bbbbyyyy bbbbyyyy"
	original := s.upload(draws(t, strings.Fields(picture)...))
	for _, there := range []string{".png", ".tif", ".gif", "/lossless:1.webp"} {
		u := s.upload(s.mustGet(original.URL + there).body)
		if got := reads(t, s.mustGet(u.URL+".png").body); got != picture {
			t.Errorf("%s and back: %s", there, got)
		}
	}
}

func TestDownloadNamesTheFile(t *testing.T) {
	s := serve(t)
	f := func(name, original, png string) {
		t.Helper()
		body, contentType := form(t, part{"image", name, "image/jpeg", string(encodeJPEG(t, photo(20, 10, 1)))})
		u := decode[uploaded](t, s.do("POST", "/upload-image", body, "Content-Type", contentType))
		original, png = strings.ReplaceAll(original, "ID", u.ID), strings.ReplaceAll(png, "ID", u.ID)
		if got := s.mustGet(u.URL).header.Get("Content-Disposition"); got != original {
			t.Errorf("%q: got %s, want %s", name, got, original)
		}
		if got := s.mustGet(u.URL + "/rotate:90.png").header.Get("Content-Disposition"); got != png {
			t.Errorf("%q: got %s, want %s", name, got, png)
		}
	}
	f("rose.jpeg", `inline; filename="rose.jpg"`, `inline; filename="rose.png"`)
	f("rose.tar.gz", `inline; filename="rose.tar.jpg"`, `inline; filename="rose.tar.png"`)
	f("rose", `inline; filename="rose.jpg"`, `inline; filename="rose.png"`)
	f("", `inline; filename="ID.jpg"`, `inline; filename="ID.png"`)
	f("žába.jpg", `inline; filename="__ba.jpg"; filename*=UTF-8''%C5%BE%C3%A1ba.jpg`, `inline; filename="__ba.png"; filename*=UTF-8''%C5%BE%C3%A1ba.png`)
	f(`a"b;c.jpg`, `inline; filename="a_b_c.jpg"; filename*=UTF-8''a%22b%3Bc.jpg`, `inline; filename="a_b_c.png"; filename*=UTF-8''a%22b%3Bc.png`)
	f("100%.jpg", `inline; filename="100_.jpg"; filename*=UTF-8''100%25.jpg`, `inline; filename="100_.png"; filename*=UTF-8''100%25.png`)
}

func TestDownloadManyAtOnce(t *testing.T) {
	s := serve(t)
	data := encodePNG(t, photo(500, 400, 1))
	u := s.upload(data)
	failures := make(chan error, 50)
	for range cap(failures) {
		go func() {
			response, err := s.client.Get("http://" + s.host + u.URL)
			if err == nil {
				var b bytes.Buffer
				if _, err = b.ReadFrom(response.Body); err == nil && !bytes.Equal(b.Bytes(), data) {
					err = http.ErrContentLength
				}
				response.Body.Close()
			}
			failures <- err
		}()
	}
	for range cap(failures) {
		if err := <-failures; err != nil {
			t.Error(err)
		}
	}
}

// A client that leaves in the middle costs no open file.
func TestDownloadThatIsCutOffClosesTheFile(t *testing.T) {
	s := serve(t)
	u := s.upload(encodePNG(t, photo(1200, 1000, 1)))
	open := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip("this system does not list open files")
		}
		return len(entries)
	}
	s.mustGet(u.URL)
	before := open()
	for range 20 {
		conn := s.dial()
		if _, err := conn.Write([]byte("GET " + u.URL + " HTTP/1.1\r\nHost: h\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	for range 100 {
		if open() <= before+2 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("%d files were open, %d are", before, open())
}
