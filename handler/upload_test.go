package handler

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"calotype/store"
	"calotype/transform"
)

func TestUploadTakesTheBody(t *testing.T) {
	s := serve(t)
	data := encodePNG(t, photo(30, 20, 1))
	a := s.do("POST", "/upload-image", bytes.NewReader(data), "Content-Type", "image/png")
	if a.status != http.StatusCreated || a.header.Get("Content-Type") != "application/json" {
		t.Fatalf("got %d %s: %s", a.status, a.header.Get("Content-Type"), a.body)
	}
	u := decode[uploaded](t, a)
	want := uploaded{ID: u.ID, URL: "/download/" + u.ID, Format: "png", Width: 30, Height: 20, Frames: 1, Bytes: int64(len(data))}
	if fmt.Sprint(u) != fmt.Sprint(want) {
		t.Errorf("got %+v, want %+v", u, want)
	}
	if _, err := store.ParseID(u.ID); err != nil || a.header.Get("Location") != u.URL {
		t.Errorf("id %q, Location %q", u.ID, a.header.Get("Location"))
	}
	if a.header.Get("Cache-Control") != "no-store" || a.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers %v", a.header)
	}
	for _, key := range []string{`"id":"`, `"url":"`, `"format":"png"`, `"width":30`, `"height":20`, fmt.Sprintf(`"bytes":%d`, len(data))} {
		if !bytes.Contains(a.body, []byte(key)) {
			t.Errorf("%s is missing in %s", key, a.body)
		}
	}
	if got := s.mustGet(u.URL).body; !bytes.Equal(got, data) {
		t.Error("what comes back is not what was uploaded")
	}
	s.wantNothingSpooled()
}

func TestUploadTakesAChunkedBody(t *testing.T) {
	s := serve(t)
	data := encodeJPEG(t, photo(300, 200, 1))
	a := s.do("POST", "/upload-image", io.MultiReader(bytes.NewReader(data)))
	if a.status != http.StatusCreated || !bytes.Equal(s.mustGet(decode[uploaded](t, a).URL).body, data) {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

func TestUploadWaitsForContinue(t *testing.T) {
	s := serve(t)
	data := encodePNG(t, photo(30, 20, 1))
	conn := s.dial()
	fmt.Fprintf(conn, "POST /upload-image HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(data))
	reader := bufio.NewReader(conn)
	if line, err := reader.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	if _, err := reader.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(data); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a := read(t, "upload", response); a.status != http.StatusCreated {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

func TestUploadGivesEveryUploadItsID(t *testing.T) {
	s := serve(t)
	data := draws(t, "rg", "by")
	first, second := s.upload(data), s.upload(data)
	if first.ID == second.ID {
		t.Error("two uploads have one id")
	}
	if !bytes.Equal(s.mustGet(first.URL).body, s.mustGet(second.URL).body) {
		t.Error("equal uploads differ")
	}
}

func TestUploadTellsTheSizeThatIsSeen(t *testing.T) {
	u := serve(t).upload(turned(encodeJPEG(t, photo(60, 40, 1)), 6))
	if u.Width != 40 || u.Height != 60 {
		t.Errorf("a photo taken upright is %d×%d", u.Width, u.Height)
	}
}

// turned puts an EXIF orientation behind the start marker of a JPEG.
func turned(data []byte, orientation byte) []byte {
	exif := "\xff\xe1\x00\x22Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00"
	return slices.Concat(data[:2], []byte(exif), []byte{orientation, 0, 0, 0, 0, 0, 0, 0}, data[2:])
}

func TestUploadTakesForms(t *testing.T) {
	s := serve(t)
	red, green := string(draws(t, "r")), string(draws(t, "gg"))
	f := func(what string, want string, parts ...part) {
		t.Helper()
		body, contentType := form(t, parts...)
		a := s.do("POST", "/upload-image", body, "Content-Type", contentType)
		u := decode[uploaded](t, a)
		files := u.Images
		if len(files) == 0 {
			files = []uploaded{u}
			if location := a.header.Get("Location"); location != u.URL {
				t.Errorf("%s: Location %q", what, location)
			}
		} else if a.header.Get("Location") != "" {
			t.Errorf("%s: one Location for many images", what)
		}
		var got []string
		for _, file := range files {
			got = append(got, fmt.Sprintf("%s %d×%d", file.Name, file.Width, file.Height))
		}
		if a.status != http.StatusCreated || strings.Join(got, ", ") != want {
			t.Errorf("%s: got %d %s, want %s", what, a.status, a.body, want)
		}
		s.wantNothingSpooled()
	}
	f("one file", "a.png 1×1", part{"image", "a.png", "image/png", red})
	f("any field name", "a.png 1×1", part{"whatever", "a.png", "image/png", red})
	f("several files", "a.png 1×1, b.png 2×1", part{"image", "a.png", "image/png", red}, part{"image", "b.png", "image/png", green})
	f("several fields", "a.png 1×1, b.png 2×1", part{"one", "a.png", "", red}, part{"two", "b.png", "", green})
	f("a file of no name", " 1×1", part{"image", "", "image/png", red})
	f("a field in which nothing is chosen", "a.png 1×1", part{"one", "", "application/octet-stream", ""}, part{"two", "a.png", "image/png", red})
	f("plain fields", "a.png 1×1", part{"title", "", "", "hello"}, part{"image", "a.png", "image/png", red}, part{"after", "", "", red})
	f("a path of Unix", "a.png 1×1", part{"image", "/etc/../a.png", "image/png", red})
	f("a path of Windows", "a.png 1×1", part{"image", `C:\\Users\\me\\a.png`, "image/png", red})
	f("quotes", `say "hi".png 1×1`, part{"image", `say "hi".png`, "image/png", red})
	f("UTF-8", "žába 写真 🐸.png 1×1", part{"image", "žába 写真 🐸.png", "image/png", red})
	f("not UTF-8", "a.png 1×1", part{"image", "\xffa\xfe.png", "image/png", red})
	f("folders alone", " 1×1", part{"image", "../..", "image/png", red})
	f("a long name", strings.Repeat("x", store.MaxName)+" 1×1", part{"image", strings.Repeat("x", 1000), "image/png", red})
	f("a long name cut between letters", strings.Repeat("é", store.MaxName/2)+" 1×1", part{"image", strings.Repeat("é", 200), "image/png", red})
}

func TestUploadTakesTheNameOfABody(t *testing.T) {
	s := serve(t)
	f := func(disposition, want string) {
		t.Helper()
		a := s.do("POST", "/upload-image", bytes.NewReader(draws(t, "r")), "Content-Disposition", disposition)
		if got := decode[uploaded](t, a).Name; a.status != http.StatusCreated || got != want {
			t.Errorf("%s: got %d, name %q, want %q", disposition, a.status, got, want)
		}
	}
	f(`attachment; filename="a.png"`, "a.png")
	f(`attachment; filename="/tmp/a.png"`, "a.png")
	f(`attachment; filename*=UTF-8''%C5%BE%C3%A1ba.png`, "žába.png")
	f(`attachment`, "")
	f(`;;;`, "")
}

func TestUploadTellsOfEachFile(t *testing.T) {
	s := serve(t)
	body, contentType := form(t, part{"image", "a.png", "image/png", string(draws(t, "r"))}, part{"image", "b.png", "image/png", "no image"},
		part{"image", "c.png", "image/png", ""}, part{"image", "d.png", "image/png", string(draws(t, "g"))})
	a := s.do("POST", "/upload-image", body, "Content-Type", contentType)
	u := decode[uploaded](t, a)
	if a.status != http.StatusCreated || len(u.Images) != 4 {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	var got []string
	for _, i := range u.Images {
		result := "kept"
		if i.Error != nil {
			result = strings.TrimPrefix(i.Error.Type, "urn:calotype:problem:")
		}
		if (i.ID == "") != (i.Error != nil) {
			t.Errorf("%+v has both or neither", i)
		}
		got = append(got, i.Name+" "+result)
	}
	if want := "a.png kept, b.png unsupported-image, c.png no-file, d.png kept"; strings.Join(got, ", ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if n := len(s.originals()); n != 2 {
		t.Errorf("%d images are kept", n)
	}

	body, contentType = form(t, part{"image", "b.png", "image/png", "no image"}, part{"image", "c.png", "image/png", "none either"})
	a = s.do("POST", "/upload-image", body, "Content-Type", contentType)
	if u := decode[uploaded](t, a); a.status != http.StatusUnsupportedMediaType || len(u.Images) != 2 || u.Images[1].Error == nil {
		t.Errorf("if none is kept: got %d %s", a.status, a.body)
	}
	s.wantNothingSpooled()
}

func TestUploadAnswersBrowsersWithAPage(t *testing.T) {
	s := serve(t)
	page := func(parts ...part) answer {
		t.Helper()
		body, contentType := form(t, parts...)
		a := s.do("POST", "/upload-image", body, "Content-Type", contentType, "Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
		if got := a.header.Get("Content-Type"); got != "text/html; charset=utf-8" {
			t.Fatalf("got %d %s: %s", a.status, got, a.body)
		}
		if a.header.Get("Content-Security-Policy") == "" || a.header.Get("X-Content-Type-Options") != "nosniff" || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("headers %v", a.header)
		}
		return a
	}
	a := page(part{"image", "<b>a.png", "image/png", string(draws(t, "r"))}, part{"image", "b.txt", "text/plain", "no image"})
	kept := s.originals()[0].ID.String()
	for _, want := range []string{"1 image uploaded, 1 refused", kept, "/download/" + kept + "/resize:320,320.webp", "&lt;b&gt;a.png", "b.txt", "Not kept."} {
		if !bytes.Contains(a.body, []byte(want)) {
			t.Errorf("%q is missing in the page", want)
		}
	}
	if a.status != http.StatusCreated {
		t.Errorf("got %d", a.status)
	}
	for _, e := range elements(t, string(a.body)) {
		if e.name == "img" {
			s.mustGet(e.attributes["src"])
		}
	}
	if a := page(part{"image", "a.png", "image/png", string(draws(t, "r"))}); a.status != http.StatusCreated || a.header.Get("Location") != "/download/"+s.originals()[0].ID.String() {
		t.Errorf("one image: got %d, Location %q", a.status, a.header.Get("Location"))
	}
	if a := page(part{"image", "a.png", "image/png", "no image"}); a.status != http.StatusUnsupportedMediaType || !bytes.Contains(a.body, []byte("Not kept.")) {
		t.Errorf("no image: got %d %s", a.status, a.body)
	}
	if a := page(part{"image", "", "application/octet-stream", ""}); a.status != http.StatusBadRequest || !bytes.Contains(a.body, []byte("No file was sent")) {
		t.Errorf("nothing chosen: got %d %s", a.status, a.body)
	}
}

func TestUploadKnowsTypesByContent(t *testing.T) {
	s := serve(t)
	a := s.do("POST", "/upload-image", bytes.NewReader(encodeJPEG(t, photo(30, 20, 1))), "Content-Type", "image/png", "Content-Disposition", `attachment; filename="a.gif"`)
	u := decode[uploaded](t, a)
	if a.status != http.StatusCreated || u.Format != "jpeg" {
		t.Errorf("a JPEG called PNG and GIF: %d %s", a.status, a.body)
	}
	if got := s.mustGet(u.URL).header.Get("Content-Type"); got != "image/jpeg" {
		t.Errorf("comes back as %s", got)
	}
	for format, u := range s.allFormats() {
		if u.Format != format || u.Width != 60 || u.Height != 40 {
			t.Errorf("a %s is said to be %s of %d×%d", format, u.Format, u.Width, u.Height)
		}
	}
}

func TestUploadRefusesWhatIsNoImage(t *testing.T) {
	s := serve(t)
	for name, content := range map[string]string{
		"text": "hello", "HTML": "<!doctype html><script>alert(1)</script>", "SVG": `<svg xmlns="http://www.w3.org/2000/svg"/>`,
		"PDF": "%PDF-1.7\n", "one byte": "x", "zeros": strings.Repeat("\x00", 10_000), "a program": "\x7fELF\x02\x01\x01",
	} {
		a := s.do("POST", "/upload-image", strings.NewReader(content), "Content-Type", "image/png")
		s.wantProblem(name, a, http.StatusUnsupportedMediaType, "unsupported-image")
		body, contentType := form(t, part{"image", "a.png", "image/png", content})
		a = s.do("POST", "/upload-image", body, "Content-Type", contentType)
		s.wantProblem(name+" in a form", a, http.StatusUnsupportedMediaType, "unsupported-image")
	}
	a := s.do("POST", "/upload-image", bytes.NewReader(draws(t, "rg", "by")[:20]))
	s.wantProblem("half a header", a, http.StatusUnprocessableEntity, "damaged-image")
	if n := len(s.originals()); n != 0 {
		t.Errorf("%d of them are kept", n)
	}
	s.wantNothingSpooled()
}

func TestUploadRefusesTooManyPixels(t *testing.T) {
	engine, err := transform.NewEngine(transform.Options{Limits: transform.Limits{Pixels: 1000, Side: 100}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(engine.Close)
	s := serve(t, func(o *Options) { o.Engine = engine })
	s.upload(encodePNG(t, photo(50, 20, 1)))
	s.wantProblem("1020 pixels", s.do("POST", "/upload-image", bytes.NewReader(encodePNG(t, photo(51, 20, 1)))), 422, "too-many-pixels")
	s.wantProblem("101 pixels wide", s.do("POST", "/upload-image", bytes.NewReader(encodePNG(t, photo(101, 2, 1)))), 422, "too-many-pixels")
	s.wantProblem("three frames", s.do("POST", "/upload-image", bytes.NewReader(encodeGIF(t, 20, 20, 3))), 422, "too-many-pixels")
	s.wantNothingSpooled()
}

func TestUploadRefusesNothing(t *testing.T) {
	s := serve(t)
	post := func(body, contentType string) answer {
		return s.do("POST", "/upload-image", strings.NewReader(body), "Content-Type", contentType)
	}
	s.wantProblem("an empty body", post("", "image/png"), 400, "no-file")
	s.wantProblem("no body", s.do("POST", "/upload-image", nil), 400, "no-file")
	s.wantProblem("an empty chunked body", s.do("POST", "/upload-image", io.MultiReader()), 400, "no-file")
	body, contentType := form(t)
	s.wantProblem("an empty form", post(body.String(), contentType), 400, "no-file")
	body, contentType = form(t, part{"title", "", "", "hello"}, part{"image", "", "application/octet-stream", ""})
	s.wantProblem("a form without a file", post(body.String(), contentType), 400, "no-file")
	body, contentType = form(t, part{"image", "a.png", "image/png", ""})
	s.wantProblem("an empty file", post(body.String(), contentType), 400, "no-file")
	s.wantProblem("a form without a boundary", post(body.String(), "multipart/form-data"), 400, "bad-form")
	s.wantProblem("a form of another boundary", post(body.String(), "multipart/form-data; boundary=other"), 400, "bad-form")
	s.wantProblem("a part without headers", post("--b\r\nnonsense\r\n--b--\r\n", "multipart/form-data; boundary=b"), 400, "bad-form")
	s.wantProblem("a form in pieces", post("--b\r\nContent-Disposition: form-data; name=x; filename=x.png\r\n\r\nabc", "multipart/form-data; boundary=b"), 400, "upload-cut-off")
	if n := len(s.originals()); n != 0 {
		t.Errorf("%d images are kept", n)
	}
	s.wantNothingSpooled()
}

func TestUploadRefusesTooManyFiles(t *testing.T) {
	s := serve(t)
	parts := slices.Repeat([]part{{"image", "a.png", "image/png", "x"}}, maxFiles+1)
	body, contentType := form(t, parts...)
	s.wantProblem("too many files", s.do("POST", "/upload-image", body, "Content-Type", contentType), 400, "bad-form")
}

// endless is a body that comes for as long as the server takes it, at most left bytes.
type endless struct{ left, read int64 }

func (e *endless) Read(p []byte) (int, error) {
	if e.left == e.read {
		return 0, io.EOF
	}
	n := min(int64(len(p)), e.left-e.read)
	for i := range p[:n] {
		p[i] = 'x'
	}
	e.read += n
	return int(n), nil
}

func TestUploadRefusesTooManyBytes(t *testing.T) {
	s := serve(t, func(o *Options) { o.MaxUploadBytes = 100_000 })
	f := func(what string, size int64, announced bool, before string, contentType string) {
		t.Helper()
		body := &endless{left: size}
		request, err := http.NewRequest("POST", "http://"+s.host+"/upload-image", io.MultiReader(strings.NewReader(before), body))
		if err != nil {
			t.Fatal(err)
		}
		if announced {
			request.ContentLength = int64(len(before)) + size
		}
		request.Header.Set("Content-Type", contentType)
		start := time.Now()
		response, err := s.client.Do(request)
		if err != nil {
			t.Errorf("%s: the answer does not arrive: %v", what, err)
			return
		}
		s.wantProblem(what, read(t, what, response), http.StatusRequestEntityTooLarge, "upload-too-large")
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s: the answer took %v", what, took)
		}
		s.wantNothingSpooled()
	}
	const formType = "multipart/form-data; boundary=b"
	const before = "--b\r\nContent-Disposition: form-data; name=x; filename=x.png\r\n\r\n"
	for what, size := range map[string]int64{"a byte too many": 100_001, "ten times too many": 1 << 20, "a thousand times too many": 100 << 20} {
		f(what+", announced", size, true, "", "image/png")
		f(what+", in chunks", size, false, "", "image/png")
		f(what+", in a form", size, true, before, formType)
		f(what+", in a form in chunks", size, false, before, formType)
	}
	a := s.do("POST", "/upload-image", bytes.NewReader(make([]byte, 100_000)))
	s.wantProblem("as many as are allowed", a, http.StatusUnsupportedMediaType, "unsupported-image")
}

// A client that sends nothing but the head learns at once that the rest is not wanted.
func TestUploadRefusesAnnouncedBytesUnseen(t *testing.T) {
	s := serve(t, func(o *Options) { o.MaxUploadBytes = 100_000 })
	start := time.Now()
	head := "POST /upload-image HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\n"
	a := s.raw(head+strings.Repeat("x", 8<<10), "POST")[0]
	s.wantProblem("announced", a, http.StatusRequestEntityTooLarge, "upload-too-large")
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("the answer took %v", took)
	}
	if !a.closed {
		t.Error("the connection is to be used again")
	}
}

func TestUploadThatIsCutOffLeavesNothing(t *testing.T) {
	s := serve(t)
	data := encodeJPEG(t, photo(1000, 800, 1))
	head := "POST /upload-image HTTP/1.1\r\nHost: h\r\n"
	sized := fmt.Sprintf("%sContent-Length: %d\r\n\r\n", head, len(data))
	body, contentType := form(t, part{"image", "a.jpg", "image/jpeg", string(data)})
	inForm := fmt.Sprintf("%sContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", head, contentType, body.Len(), body)
	for what, text := range map[string]string{
		"behind the head":        sized,
		"after a few bytes":      sized + string(data[:1000]),
		"in the middle":          sized + string(data[:len(data)/2]),
		"before the last byte":   sized + string(data[:len(data)-1]),
		"in the middle, chunked": fmt.Sprintf("%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", head, len(data)/2, data[:len(data)/2]),
		"in a chunk":             fmt.Sprintf("%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s", head, len(data), data[:len(data)/2]),
		"in a form":              inForm[:len(inForm)/2],
		"before a form ends":     inForm[:len(inForm)-20],
	} {
		conn := s.dial()
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		if err := conn.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%s: %v", what, err)
		} else if a := read(t, what, response); a.status != http.StatusBadRequest {
			t.Errorf("%s: got %d %s", what, a.status, a.body)
		}
		conn = s.dial()
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		conn.Close()
		s.wantNothingSpooled()
		if list := s.originals(); len(list) != 0 {
			t.Fatalf("cut off %s, it is kept with %d of %d bytes", what, list[0].Bytes, len(data))
		}
	}
	s.upload(data)
}

func TestUploadGivesUpAClientThatSendsNothing(t *testing.T) {
	s := serve(t, func(o *Options) { o.UploadPause = 500 * time.Millisecond })
	data := encodeJPEG(t, photo(1000, 800, 1))
	head := fmt.Sprintf("POST /upload-image HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", len(data))
	a := s.raw(head+string(data[:len(data)/2]), "POST")[0]
	s.wantProblem("a pause", a, http.StatusBadRequest, "upload-cut-off")
	s.wantNothingSpooled()

	// One who is slow but steady is waited for.
	conn := s.dial()
	if _, err := io.WriteString(conn, head); err != nil {
		t.Fatal(err)
	}
	for piece := range slices.Chunk(data, len(data)/8+1) {
		time.Sleep(100 * time.Millisecond)
		if _, err := conn.Write(piece); err != nil {
			t.Fatal(err)
		}
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if a := read(t, "slow", response); a.status != http.StatusCreated {
		t.Errorf("slow but steady: got %d %s", a.status, a.body)
	}
}

// One who sends a byte now and then, so that no pause is long, is given up as well.
func TestUploadGivesUpAClientThatSendsAlmostNothing(t *testing.T) {
	s := serve(t, func(o *Options) { o.allowance = allowance{stall: 500 * time.Millisecond, slowest: 1 << 20} })
	for what, headers := range map[string]string{"length": "Content-Length: 1000000\r\n", "chunks": "Transfer-Encoding: chunked\r\n"} {
		conn := s.dial()
		if _, err := io.WriteString(conn, "POST /upload-image HTTP/1.1\r\nHost: h\r\n"+headers+"\r\n"); err != nil {
			t.Fatal(err)
		}
		if what == "chunks" {
			if _, err := io.WriteString(conn, "f4240\r\n"); err != nil {
				t.Fatal(err)
			}
		}
		// What comes first is read before the upload begins.
		if _, err := conn.Write(make([]byte, 9<<10)); err != nil {
			t.Fatal(err)
		}
		answered := make(chan answer)
		go func() {
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Error(err)
				close(answered)
				return
			}
			answered <- read(t, what, response)
		}()
		for begin, done := time.Now(), false; !done && time.Since(begin) < 20*time.Second; {
			select {
			case a := <-answered:
				s.wantProblem(what, a, http.StatusBadRequest, "upload-cut-off")
				done = true
			case <-time.After(20 * time.Millisecond):
				conn.Write([]byte("x"))
			}
			if !done && time.Since(begin) > 15*time.Second {
				t.Errorf("%s: not given up", what)
				done = true
			}
		}
		s.wantNothingSpooled()
	}
}

func TestUploadFormIsShown(t *testing.T) {
	s := serve(t)
	a := s.mustGet("/upload-image")
	if a.header.Get("Content-Type") != "text/html; charset=utf-8" || a.header.Get("Cache-Control") != keepPage {
		t.Errorf("headers %v", a.header)
	}
	var files, submits int
	for _, e := range elements(t, string(a.body)) {
		switch {
		case e.name == "form":
			if e.attributes["method"] != "post" || e.attributes["enctype"] != "multipart/form-data" || e.attributes["action"] != "/upload-image" {
				t.Errorf("form %v", e.attributes)
			}
		case e.name == "input" && e.attributes["type"] == "file":
			files++
		case e.name == "button":
			submits++
		case e.name == "link" && e.attributes["rel"] == "stylesheet":
			if sheet := s.mustGet(e.attributes["href"]); sheet.header.Get("Content-Type") != "text/css; charset=utf-8" || sheet.header.Get("Cache-Control") != keepAsset {
				t.Errorf("stylesheet %v", sheet.header)
			}
		}
	}
	if files != 1 || submits != 1 || !bytes.Contains(a.body, []byte("at most 4 MiB and at most 10 megapixels")) {
		t.Errorf("%d files, %d buttons in %s", files, submits, a.body)
	}
	home := s.get("/")
	if home.status != http.StatusFound || home.header.Get("Location") != "/upload-image" {
		t.Errorf("/ leads to %d %s", home.status, home.header.Get("Location"))
	}
}

// The bytes of an upload go to disk as they come: what the process allocates does not grow with them.
func TestUploadDoesNotHoldTheImage(t *testing.T) {
	s := serve(t, func(o *Options) { o.MaxUploadBytes = 64 << 20 })
	var b bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.NoCompression}
	if err := encoder.Encode(&b, image.NewNRGBA(image.Rect(0, 0, 2600, 2600))); err != nil {
		t.Fatal(err)
	}
	data := b.Bytes()
	if len(data) < 25<<20 {
		t.Fatalf("%d bytes", len(data))
	}
	head := "--b\r\nContent-Disposition: form-data; name=x; filename=x.png\r\n\r\n"
	for what, body := range map[string]func() (io.Reader, string){
		"body": func() (io.Reader, string) { return bytes.NewReader(data), "image/png" },
		"form": func() (io.Reader, string) {
			return io.MultiReader(strings.NewReader(head), bytes.NewReader(data), strings.NewReader("\r\n--b--\r\n")), "multipart/form-data; boundary=b"
		},
	} {
		reader, contentType := body()
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		a := s.do("POST", "/upload-image", reader, "Content-Type", contentType)
		runtime.ReadMemStats(&after)
		if a.status != http.StatusCreated {
			t.Fatalf("%s: %d %s", what, a.status, a.body)
		}
		// All that was allocated on the way, freed or not, client included.
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
			t.Errorf("%s: an upload of %d bytes allocates %d", what, len(data), grown)
		}
		s.wantStored(decode[uploaded](t, a).URL, data)
	}
	s.wantNothingSpooled()
}

// wantStored compares an original with what was uploaded.
func (s *site) wantStored(url string, data []byte) {
	s.t.Helper()
	if sha256.Sum256(s.mustGet(url).body) != sha256.Sum256(data) {
		s.t.Errorf("%s is not what was uploaded", url)
	}
}

func TestUploadsDoNotDisturbEachOther(t *testing.T) {
	s := serve(t)
	const clients = 12
	failures := make(chan error, clients)
	for i := range clients {
		data := encodeJPEG(t, photo(200+i, 100, i))
		go func() {
			failures <- func() error {
				response, err := s.client.Post("http://"+s.host+"/upload-image", "image/jpeg", bytes.NewReader(data))
				if err != nil {
					return err
				}
				defer response.Body.Close()
				got, err := s.client.Get("http://" + s.host + response.Header.Get("Location"))
				if err != nil {
					return err
				}
				defer got.Body.Close()
				if back, err := io.ReadAll(got.Body); err != nil || !bytes.Equal(back, data) {
					return errors.Join(err, errors.New("another image comes back"))
				}
				return nil
			}()
		}()
	}
	for range clients {
		if err := <-failures; err != nil {
			t.Error(err)
		}
	}
	if n := len(s.originals()); n != clients {
		t.Errorf("%d images are kept", n)
	}
}
