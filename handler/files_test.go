package handler

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"calotype/store"
)

// tus sends a request by the protocol. The headers are pairs.
func (s *site) tus(method, path string, body []byte, headers ...string) answer {
	s.t.Helper()
	headers = append([]string{"Tus-Resumable", "1.0.0"}, headers...)
	if method == "PATCH" || len(body) > 0 {
		headers = append(headers, "Content-Type", "application/offset+octet-stream")
	}
	if len(body) == 0 {
		return s.do(method, path, nil, headers...)
	}
	return s.do(method, path, bytes.NewReader(body), headers...)
}

// begin creates an upload and returns its address.
func (s *site) begin(length int, headers ...string) string {
	s.t.Helper()
	a := s.tus("POST", "/files/", nil, append([]string{"Upload-Length", strconv.Itoa(length)}, headers...)...)
	if a.status != http.StatusCreated {
		s.t.Fatalf("POST /files/: got %d %s", a.status, a.body)
	}
	return a.header.Get("Location")
}

// send appends bytes to an upload.
func (s *site) send(address string, offset int, body []byte, headers ...string) answer {
	s.t.Helper()
	return s.tus("PATCH", address, body, append([]string{"Upload-Offset", strconv.Itoa(offset)}, headers...)...)
}

func (s *site) wantOffset(a answer, status, offset int) {
	s.t.Helper()
	if a.status != status || a.header.Get("Upload-Offset") != strconv.Itoa(offset) || a.header.Get("Tus-Resumable") != "1.0.0" {
		s.t.Fatalf("got %d, Upload-Offset %q, %s; want %d and %d", a.status, a.header.Get("Upload-Offset"), a.body, status, offset)
	}
}

func TestResumableUploadInParts(t *testing.T) {
	s := serve(t)
	data := encodePNG(t, photo(300, 200, 1))
	address := s.begin(len(data), "Upload-Metadata", "filename "+base64.StdEncoding.EncodeToString([]byte("/etc/žába.png"))+",filetype dGV4dC9wbGFpbg==")
	s.wantOffset(s.tus("HEAD", address, nil), 200, 0)
	a := s.send(address, 0, data[:1000])
	s.wantOffset(a, 204, 1000)
	if a.header.Get("Content-Location") != "" || a.header.Get("Upload-Expires") == "" {
		t.Errorf("headers %v", a.header)
	}
	s.wantOffset(s.send(address, 1000, data[1000:2000]), 204, 2000)
	a = s.tus("HEAD", address, nil)
	s.wantOffset(a, 200, 2000)
	if a.header.Get("Upload-Length") != fmt.Sprint(len(data)) || a.header.Get("Cache-Control") != "no-store" || !strings.HasPrefix(a.header.Get("Upload-Metadata"), "filename ") {
		t.Errorf("headers %v", a.header)
	}
	s.wantProblem("an offset behind", s.send(address, 1000, data[1000:]), 409, "wrong-offset")
	s.wantProblem("an offset before", s.send(address, 3000, data[3000:]), 409, "wrong-offset")
	a = s.send(address, 2000, data[2000:])
	s.wantOffset(a, 204, len(data))
	place := a.header.Get("Content-Location")
	if place != "/download/"+address[len("/files/"):] {
		t.Fatalf("the image is at %q, the upload was at %s", place, address)
	}
	if got := s.mustGet(place); !bytes.Equal(got.body, data) {
		t.Error("the image is another")
	}
	a = s.tus("HEAD", address, nil)
	s.wantOffset(a, 200, len(data))
	if a.header.Get("Content-Location") != place {
		t.Errorf("headers %v", a.header)
	}
	if u := decode[uploaded](t, s.mustGet(address)); u.Name != "žába.png" || u.Width != 300 || u.URL != place {
		t.Errorf("the upload is %+v", u)
	}
	s.wantNothingSpooled()
}

func TestCreationsThatAreRefused(t *testing.T) {
	s := serve(t)
	f := func(status int, code string, headers ...string) {
		t.Helper()
		s.wantProblem(strings.Join(headers, " "), s.tus("POST", "/files/", nil, headers...), status, code)
	}
	f(400, "bad-upload")
	f(400, "bad-upload", "Upload-Length", "-1")
	f(400, "bad-upload", "Upload-Length", "much")
	f(400, "bad-upload", "Upload-Length", "10", "Upload-Defer-Length", "1")
	f(400, "bad-upload", "Upload-Defer-Length", "2")
	f(400, "bad-upload", "Upload-Length", "10", "Upload-Metadata", "filename a.png")
	f(400, "bad-upload", "Upload-Length", "10", "Upload-Concat", "whole")
	f(400, "bad-upload", "Upload-Length", "10", "Upload-Concat", "final;/files/01a217ab-c3a3-7673-b03b-f4b56ed52bed")
	f(404, "no-such-upload", "Upload-Concat", "final;/files/x")
	f(400, "no-file", "Upload-Length", "0")
	f(413, "upload-too-large", "Upload-Length", "4194305")
	f(413, "upload-too-large", "Upload-Length", "9223372036854775807")
	a := s.do("POST", "/files/", nil, "Upload-Length", "10", "Tus-Resumable", "0.2.2")
	s.wantProblem("another version", a, 412, "tus-version")
	if a.header.Get("Tus-Version") != "1.0.0" {
		t.Errorf("headers %v", a.header)
	}
	if files, err := os.ReadDir(filepath.Join(s.dir, "uploads")); err == nil && len(files) > 0 {
		t.Errorf("there are %v", files)
	}
}

func TestChunksThatAreRefused(t *testing.T) {
	s := serve(t)
	file := s.begin(100)
	f := func(what string, status int, code string, body []byte, headers ...string) {
		t.Helper()
		s.wantProblem(what, s.tus("PATCH", file, body, headers...), status, code)
		s.wantOffset(s.tus("HEAD", file, nil), 200, 0)
	}
	f("no offset", 400, "bad-upload", nil)
	f("a negative offset", 400, "bad-upload", nil, "Upload-Offset", "-1")
	f("another offset", 409, "wrong-offset", []byte("x"), "Upload-Offset", "1")
	f("more than is missing", 413, "upload-too-large", make([]byte, 101), "Upload-Offset", "0")
	f("another length", 400, "bad-upload", nil, "Upload-Offset", "0", "Upload-Length", "99")
	f("an unknown algorithm", 400, "unknown-checksum", nil, "Upload-Offset", "0", "Upload-Checksum", "sha3 AAAA")
	s.wantProblem("another type", s.do("PATCH", file, strings.NewReader("x"), "Tus-Resumable", "1.0.0", "Upload-Offset", "0", "Content-Type", "image/png"), 415, "bad-content-type")
	for _, address := range []string{"/files/", "/files/x", "/files/01a217ab-c3a3-7673-b03b-f4b56ed52bed", file + "/x"} {
		if a := s.send(address, 0, []byte("x")); a.status != 404 && a.status != 405 {
			t.Errorf("PATCH %s: %d", address, a.status)
		}
	}
}

func TestChecksumsOfChunks(t *testing.T) {
	s := serve(t)
	data := draws(t, "rg", "by")
	sum := func(data []byte) string {
		sum := sha1.Sum(data)
		return "sha1 " + base64.StdEncoding.EncodeToString(sum[:])
	}
	file := s.begin(len(data))
	s.wantOffset(s.send(file, 0, data[:10], "Upload-Checksum", sum(data[:10])), 204, 10)
	s.wantProblem("damaged on the way", s.send(file, 10, data[10:20], "Upload-Checksum", sum(data[11:21])), 460, "wrong-checksum")
	s.wantOffset(s.tus("HEAD", file, nil), 200, 10)
	s.wantProblem("damaged at the beginning", s.send(s.begin(5000), 0, make([]byte, 5000), "Upload-Checksum", sum(data)), 460, "wrong-checksum") // and not refused for what it is
	s.wantProblem("damaged at the end", s.send(file, 10, data[10:], "Upload-Checksum", sum(data)), 460, "wrong-checksum")
	s.wantOffset(s.tus("HEAD", file, nil), 200, 10)

	text := bytes.Repeat([]byte("no image"), 500)
	s.wantProblem("no image, undamaged", s.send(s.begin(len(text)), 0, text, "Upload-Checksum", sum(text)), 415, "unsupported-image")

	// Of one that is cut off nothing counts, since nobody knows whether it is right.
	conn := s.dial()
	fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: h\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 10\r\nContent-Type: application/offset+octet-stream\r\nUpload-Checksum: %s\r\nContent-Length: %d\r\n\r\n%s",
		file, sum(data[10:]), len(data)-10, data[10:20])
	conn.Close()
	s.wantOffset(s.tus("HEAD", file, nil), 200, 10)
	a := s.send(file, 10, data[10:], "Upload-Checksum", sum(data[10:]))
	s.wantOffset(a, 204, len(data))
	if !bytes.Equal(s.mustGet(a.header.Get("Content-Location")).body, data) {
		t.Error("the image is another")
	}
}

func TestCreationWithUpload(t *testing.T) {
	s := serve(t)
	data := draws(t, "rg", "by")
	a := s.tus("POST", "/files/", data, "Upload-Length", fmt.Sprint(len(data)), "Upload-Metadata", "name YS5wbmc=")
	u := decode[uploaded](t, a)
	if a.status != 201 || a.header.Get("Location") != "/files/"+u.ID || a.header.Get("Content-Location") != u.URL || u.Name != "a.png" {
		t.Errorf("got %d %v %s", a.status, a.header, a.body)
	}
	s.wantOffset(a, 201, len(data))
	a = s.tus("POST", "/files/", data[:20], "Upload-Length", fmt.Sprint(len(data)))
	s.wantOffset(a, 201, 20)
	s.wantOffset(s.send(a.header.Get("Location"), 20, data[20:]), 204, len(data))
	s.wantProblem("more than its length", s.tus("POST", "/files/", data, "Upload-Length", "10"), 413, "upload-too-large")
	s.wantProblem("no image", s.tus("POST", "/files/", []byte("no image"), "Upload-Length", "8"), 415, "unsupported-image")
	s.wantProblem("not what was meant", s.tus("POST", "/files/", data, "Upload-Length", "1000", "Upload-Checksum", "crc32 AAAAAA=="), 460, "wrong-checksum")
	if n := len(s.originals()); n != 2 {
		t.Errorf("%d images are kept", n)
	}
}

func TestTheLengthMayBeToldLater(t *testing.T) {
	s := serve(t)
	data := draws(t, "rg", "by")
	begin := func() string {
		t.Helper()
		a := s.tus("POST", "/files/", nil, "Upload-Defer-Length", "1")
		if a.status != 201 {
			t.Fatalf("got %d %v", a.status, a.header)
		}
		return a.header.Get("Location")
	}
	file := begin()
	s.wantOffset(s.send(file, 0, data[:10]), 204, 10)
	a := s.tus("HEAD", file, nil)
	s.wantOffset(a, 200, 10)
	if a.header.Get("Upload-Defer-Length") != "1" || a.header.Get("Upload-Length") != "" {
		t.Errorf("headers %v", a.header)
	}
	s.wantProblem("less than came", s.send(file, 10, nil, "Upload-Length", "9"), 400, "bad-upload")
	s.wantProblem("more than is taken", s.send(file, 10, nil, "Upload-Length", "5000000"), 413, "upload-too-large")
	s.wantOffset(s.send(file, 10, data[10:]), 204, len(data))
	a = s.send(file, len(data), nil, "Upload-Length", fmt.Sprint(len(data)))
	s.wantOffset(a, 204, len(data))
	if !bytes.Equal(s.mustGet(a.header.Get("Content-Location")).body, data) {
		t.Error("the image is another")
	}

	file = begin()
	a = s.send(file, 0, data, "Upload-Length", fmt.Sprint(len(data))) // with the last bytes
	s.wantOffset(a, 204, len(data))

	// Whoever never tells it does not send for ever.
	file = begin()
	a = s.do("PATCH", file, io.MultiReader(bytes.NewReader(encodePNG(t, photo(30, 20, 1))), bytes.NewReader(make([]byte, 5<<20))),
		"Tus-Resumable", "1.0.0", "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream")
	s.wantProblem("too much", a, 413, "upload-too-large")
	s.wantProblem("afterwards", s.get(file), 413, "upload-too-large")
}

func TestPostStandsForOtherMethods(t *testing.T) {
	s := serve(t)
	data := draws(t, "rg", "by")
	file := s.begin(len(data))
	s.wantOffset(s.tus("POST", file, data, "X-HTTP-Method-Override", "PATCH", "Upload-Offset", "0"), 204, len(data))
	file = s.begin(10)
	if a := s.tus("POST", file, nil, "X-HTTP-Method-Override", "DELETE"); a.status != 204 {
		t.Errorf("got %d %s", a.status, a.body)
	}
	s.wantProblem("what has ended", s.get(file), 404, "no-such-upload")
	u := s.upload(data)
	s.wantProblem("elsewhere", s.tus("POST", "/images/"+u.ID, nil, "X-HTTP-Method-Override", "DELETE"), 405, "method-not-allowed")
	file = s.begin(10)
	if a := s.tus("GET", file, nil, "X-HTTP-Method-Override", "DELETE"); a.status != 200 {
		t.Errorf("GET: %d", a.status)
	}
	s.wantOffset(s.tus("HEAD", file, nil), 200, 0)
}

func TestUploadsAreTerminated(t *testing.T) {
	s := serve(t)
	file := s.begin(100)
	s.send(file, 0, draws(t, "r")[:20])
	if a := s.tus("DELETE", file, nil); a.status != 204 || a.header.Get("Tus-Resumable") != "1.0.0" {
		t.Errorf("got %d %v", a.status, a.header)
	}
	for _, a := range []answer{s.tus("HEAD", file, nil), s.tus("DELETE", file, nil), s.send(file, 20, []byte("x"))} {
		if a.status != 404 {
			t.Errorf("afterwards: %d", a.status)
		}
	}
	s.wantUploads()
	data := draws(t, "rg")
	file = s.begin(len(data))
	place := s.send(file, 0, data).header.Get("Content-Location")
	s.wantProblem("an image", s.tus("DELETE", file, nil), 403, "whole-upload")
	s.mustGet(place)
	if a := s.do("DELETE", "/images/"+file[len("/files/"):], nil); a.status != 204 {
		t.Errorf("got %d", a.status)
	}
	s.wantProblem("an image that was deleted", s.get(file), 410, "image-deleted")
}

// wantUploads checks which files there are of uploads under way.
func (s *site) wantUploads(want ...string) {
	s.t.Helper()
	entries, err := os.ReadDir(filepath.Join(s.dir, "uploads"))
	if err != nil {
		s.t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	if !slices.Equal(names, want) {
		s.t.Errorf("there are %v, want %v", names, want)
	}
}

func TestAnImageIsMadeOfParts(t *testing.T) {
	s := serve(t)
	data := encodePNG(t, photo(300, 200, 1))
	part := func(data []byte, headers ...string) string {
		file := s.begin(len(data), append(headers, "Upload-Concat", "partial")...)
		a := s.send(file, 0, data)
		s.wantOffset(a, 204, len(data))
		if b := s.tus("HEAD", file, nil); a.header.Get("Content-Location") != "" || b.header.Get("Upload-Concat") != "partial" || b.header.Get("Content-Location") != "" {
			t.Errorf("headers of a part %v, then %v", a.header, b.header)
		}
		return file
	}
	first, second := part(data[:500]), part(data[500:])
	join := func(parts ...string) answer {
		return s.tus("POST", "/files/", nil, "Upload-Concat", "final;"+strings.Join(parts, " "), "Upload-Metadata", "filename YS5wbmc=")
	}
	a := join("http://"+s.host+first, second) // addresses may be absolute
	u := decode[uploaded](t, a)
	if a.status != 201 || a.header.Get("Location") != "/files/"+u.ID || a.header.Get("Content-Location") != u.URL || u.Name != "a.png" || u.Bytes != int64(len(data)) {
		t.Fatalf("got %d %v %s", a.status, a.header, a.body)
	}
	if !bytes.Equal(s.mustGet(u.URL).body, data) {
		t.Error("the image is another")
	}
	// A client whose answer was lost asks again, for the whole or for the parts.
	if again := join(first, second); again.status != 201 || again.header.Get("Location") != a.header.Get("Location") || decode[uploaded](t, again).ID != u.ID {
		t.Errorf("again: %d %v %s", again.status, again.header, again.body)
	}
	s.wantOffset(s.tus("HEAD", first, nil), 200, 500)
	if n := len(s.originals()); n != 1 {
		t.Errorf("%d images are kept", n)
	}

	incomplete := s.begin(100, "Upload-Concat", "partial")
	s.wantProblem("one that is not complete", join(incomplete), 400, "not-parts")
	s.wantProblem("one that is none", join(s.begin(100)), 400, "not-parts")
	s.wantProblem("others of the same", join(second, first), 400, "not-parts")
	s.wantProblem("the whole itself", join("/files/"+u.ID), 404, "no-such-upload")
	s.wantProblem("no image", join(part([]byte("no")), part([]byte("image"))), 415, "unsupported-image")
	big := []string{}
	for range 3 {
		big = append(big, part(make([]byte, 2<<20)))
	}
	s.wantProblem("too large a whole", join(big...), 413, "upload-too-large")
	again := part(data[:500])
	s.wantProblem("bytes for a part of another", s.send(again, 500, []byte("x")), 413, "upload-too-large")
}

// What is certainly no image is refused at the cost of its beginning, and that is remembered.
func TestNoImageIsRefusedEarly(t *testing.T) {
	s := serve(t)
	file := s.begin(4 << 20)
	conn := s.dial()
	fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: h\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: 4194304\r\n\r\n%s", file, strings.Repeat("no image", 2000))
	a := s.answerOn(conn, "PATCH")
	p := s.wantProblem("text", a, 415, "unsupported-image")
	if again := s.wantProblem("asked again", s.get(file), 415, "unsupported-image"); again.Detail != p.Detail || again.Title != p.Title || again.Instance == p.Instance {
		t.Errorf("first it was %+v, then %+v", p, again)
	}
	if a := s.tus("HEAD", file, nil); a.status != 415 || a.header.Get("Calotype-Error") != "unsupported-image" {
		t.Errorf("HEAD: %d %v", a.status, a.header)
	}
	s.wantProblem("more of it", s.send(file, 0, []byte("x")), 415, "unsupported-image")
	s.wantUploads(file[len("/files/"):] + ".upload")

	// The beginning may come in pieces.
	text := []byte(strings.Repeat("no image", 200))
	file = s.begin(len(text))
	s.wantOffset(s.send(file, 0, text[:1000]), 204, 1000)
	s.wantProblem("in pieces", s.send(file, 1000, text[1000:1100]), 415, "unsupported-image")
	damaged := encodeJPEG(t, photo(60, 40, 1))[:300]
	file = s.begin(len(damaged))
	s.wantProblem("a damaged image", s.send(file, 0, damaged), 422, "damaged-image")
	s.wantProblem("asked again", s.get(file), 422, "damaged-image")
	if a := s.tus("DELETE", file, nil); a.status != 204 {
		t.Errorf("a refused one is deleted: %d", a.status)
	}
}

// answerOn reads the answer that comes on a connection.
func (s *site) answerOn(conn net.Conn, method string) answer {
	s.t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		s.t.Fatal(err)
	}
	return read(s.t, method, response)
}

// sendSome begins a PATCH of a whole file on a connection of its own, and sends the beginning.
func (s *site) sendSome(file string, data []byte, some int) *net.TCPConn {
	s.t.Helper()
	conn := s.dial()
	fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: h\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: %d\r\n\r\n%s", file, len(data), data[:some])
	return conn
}

// waitForWriting waits until bytes of an upload are on disk, whether they count or not.
func (s *site) waitForWriting(file string, bytes int) {
	s.t.Helper()
	path := filepath.Join(s.dir, "uploads", file[len("/files/"):])
	for range 1000 {
		if info, err := os.Stat(path); err == nil && info.Size() >= int64(bytes) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatalf("the bytes of %s do not come", file)
}

// withTail is an image of 100 kilobytes, most of them behind its end.
func withTail(t *testing.T) []byte {
	return append(encodePNG(t, photo(300, 200, 1)), make([]byte, 100_000)...)
}

func TestWhatCameBeforeACutCounts(t *testing.T) {
	s := serve(t)
	data := withTail(t)
	file := s.begin(len(data))
	conn := s.sendSome(file, data, 20_000)
	s.waitForWriting(file, 20_000)
	conn.Close()
	s.wantOffset(s.tus("HEAD", file, nil), 200, 20_000)
	s.wantOffset(s.send(file, 20_000, data[20_000:]), 204, len(data))
	if !bytes.Equal(s.mustGet("/download/"+file[len("/files/"):]).body, data) {
		t.Error("the image is another")
	}
}

// A connection may be dead without anybody knowing. Whoever asks for the offset goes on, and the other ends.
func TestWhoeverAsksForTheOffsetGoesOn(t *testing.T) {
	s := serve(t)
	data := withTail(t)
	file := s.begin(len(data))
	conn := s.sendSome(file, data, 20_000)
	s.waitForWriting(file, 20_000)
	s.wantProblem("a second one", s.send(file, 0, data), 423, "upload-held")
	if a := s.get(file); a.status != 200 || a.header.Get("Upload-Offset") != "0" {
		t.Errorf("whoever only wants to know: %d %v", a.status, a.header)
	}
	s.wantOffset(s.tus("HEAD", file, nil), 200, 20_000)
	s.wantProblem("the first", s.answerOn(conn, "PATCH"), 423, "upload-held")
	s.wantOffset(s.send(file, 20_000, data[20_000:]), 204, len(data))
}

// A server that stops answers whoever sends, and what has come stays.
func TestDrainingEndsUploadsUnderWay(t *testing.T) {
	s := serve(t, ownEngine(t))
	data := withTail(t)
	file := s.begin(len(data))
	conn := s.sendSome(file, data, 20_000)
	s.waitForWriting(file, 20_000)
	s.handler.Drain()
	s.wantProblem("under way", s.answerOn(conn, "PATCH"), 503, "stopping")
	s.wantProblem("a new one", s.tus("POST", "/files/", nil, "Upload-Length", "100"), 503, "stopping")
	s.wantProblem("more", s.send(file, 20_000, data[20_000:]), 503, "stopping")
	s.wantOffset(s.tus("HEAD", file, nil), 200, 20_000)
}

func TestUploadsThatStallAreGivenUp(t *testing.T) {
	s := serve(t, func(o *Options) { o.UploadPause = 200 * time.Millisecond })
	data := withTail(t)
	file := s.begin(len(data))
	conn := s.sendSome(file, data, 20_000)
	if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	// Without an answer, after which clients try again by themselves.
	if got, err := io.ReadAll(conn); err != nil || len(got) > 0 {
		t.Errorf("the connection ends with %q, %v", got, err)
	}
	s.wantOffset(s.tus("HEAD", file, nil), 200, 20_000)
}

// If all bytes came and the image cannot be kept now, the upload waits. Whoever asks for the offset tries again.
func TestACompleteUploadWaitsForRoom(t *testing.T) {
	s := serve(t)
	s.handler.SetTenants(Tenant{Access: Access{Open: true}}, Tenant{Name: "acme", Hosts: []string{acmeHost}, Access: Access{Tokens: tokenSet(t, acmeToken)}, Most: store.Usage{Images: 1}})
	data := draws(t, "rg")
	at := func(method, target string, body []byte, headers ...string) answer {
		return s.at(acmeHost, acmeToken, method, target, body, append(headers, "Tus-Resumable", "1.0.0", "Content-Type", "application/offset+octet-stream")...)
	}
	file := at("POST", "/files/", nil, "Upload-Length", fmt.Sprint(len(data))).header.Get("Location")
	at("PATCH", file, data[:10], "Upload-Offset", "0")
	u := s.uploadAt(acmeHost, acmeToken, draws(t, "r"))
	s.wantProblem("before the rest", at("PATCH", file, data[10:], "Upload-Offset", "10"), 507, "tenant-full")
	s.wantProblem("a new one", at("POST", "/files/", nil, "Upload-Length", "100"), 507, "tenant-full")

	// As if it had become full while the rest came.
	id, err := store.ParseID(file[len("/files/"):])
	if err != nil {
		t.Fatal(err)
	}
	held, err := s.store.HoldResumable(t.Context(), id, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := held.Write(data[10:]); err != nil {
		t.Fatal(err)
	}
	if err := held.Mark(); err != nil {
		t.Fatal(err)
	}
	held.Release()
	if a := at("HEAD", file, nil); a.status != 423 || a.header.Get("Retry-After") == "" {
		t.Errorf("while it is full: %d %v", a.status, a.header)
	}
	if a := at("DELETE", "/images/"+u.ID, nil); a.status != 204 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	a := at("HEAD", file, nil)
	s.wantOffset(a, 200, len(data))
	if got := s.at(acmeHost, "", "GET", a.header.Get("Content-Location"), nil); !bytes.Equal(got.body, data) {
		t.Errorf("then it is %d %s", got.status, got.body)
	}
}

// Who asks first sends no body in vain.
func TestFilesWaitForContinue(t *testing.T) {
	s := serve(t)
	file := s.begin(100)
	for head, status := range map[string]int{
		"POST /files/ HTTP/1.1\r\nUpload-Length: 99999999":                    413,
		"POST /files/ HTTP/1.1\r\nUpload-Length: x":                           400,
		"PATCH " + file + " HTTP/1.1\r\nUpload-Offset: 7":                     409,
		"PATCH " + file + " HTTP/1.1\r\nUpload-Offset: 0":                     100,
		"PATCH /files/x HTTP/1.1\r\nUpload-Offset: 0":                         404,
		"PUT " + file + " HTTP/1.1\r\nUpload-Offset: 0":                       405,
		"PATCH " + file + " HTTP/1.1\r\nTus-Resumable: 2\r\nUpload-Offset: 0": 412,
	} {
		conn := s.dial()
		version := "Tus-Resumable: 1.0.0\r\n"
		if strings.Contains(head, "Tus-Resumable") {
			version = ""
		}
		fmt.Fprintf(conn, "%s\r\nHost: h\r\n%sContent-Type: application/offset+octet-stream\r\nContent-Length: 50\r\nExpect: 100-continue\r\n\r\n", head, version)
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil || !strings.HasPrefix(line, fmt.Sprintf("HTTP/1.1 %d ", status)) {
			t.Errorf("%q is answered %q, %v", head, line, err)
		}
		conn.Close()
	}
}

// Connections are kept from one request to the next, as clients expect who send many chunks.
func TestChunksShareAConnection(t *testing.T) {
	s := serve(t)
	data := draws(t, "rg", "by")
	file := s.begin(len(data))
	patch := func(offset, end int) string {
		return fmt.Sprintf("PATCH %s HTTP/1.1\r\nHost: h\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: %d\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: %d\r\n\r\n%s", file, offset, end-offset, data[offset:end])
	}
	answers := s.raw("POST /files/ HTTP/1.1\r\nHost: h\r\nTus-Resumable: 1.0.0\r\nUpload-Length: 10\r\n\r\n"+patch(0, 10)+patch(10, 10)+patch(10, len(data))+
		"HEAD "+file+" HTTP/1.1\r\nHost: h\r\nTus-Resumable: 1.0.0\r\n\r\n", "POST", "PATCH", "PATCH", "PATCH", "HEAD")
	var got []int
	for _, a := range answers {
		got = append(got, a.status)
	}
	if want := []int{201, 204, 204, 204, 200}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Pages of the sites that may upload can do all of the protocol, and others nothing.
func TestPagesOfOtherSitesResume(t *testing.T) {
	s := serve(t, func(o *Options) { o.UploadOrigins = []string{friend} })
	data := draws(t, "rg")
	file := s.begin(len(data))
	for _, target := range []string{"/files/", file} {
		a := s.preflight(target, friend, "PATCH", "tus-resumable, upload-offset")
		for name, part := range map[string]string{
			corsOrigin: friend, "Access-Control-Allow-Methods": "PATCH", "Access-Control-Allow-Headers": "Upload-Offset", "Access-Control-Expose-Headers": "Upload-Offset", "Tus-Version": "1.0.0",
		} {
			if !strings.Contains(a.header.Get(name), part) {
				t.Errorf("OPTIONS %s: %s is %q", target, name, a.header.Get(name))
			}
		}
		if a := s.preflight(target, stranger, "PATCH", "tus-resumable"); a.header.Get(corsOrigin) != "" {
			t.Errorf("OPTIONS %s of a stranger: %v", target, a.header)
		}
	}
	a := s.send(file, 0, data[:10], "Origin", friend, "Sec-Fetch-Site", "cross-site")
	s.wantOffset(a, 204, 10)
	if a.header.Get(corsOrigin) != friend || !strings.Contains(a.header.Get("Access-Control-Expose-Headers"), "Upload-Offset") {
		t.Errorf("headers %v", a.header)
	}
	a = s.send(file, 0, data, "Origin", friend, "Sec-Fetch-Site", "cross-site")
	s.wantProblem("an offset behind", a, 409, "wrong-offset")
	if a.header.Get(corsOrigin) != friend {
		t.Errorf("headers of a problem %v", a.header)
	}
	s.wantProblem("a stranger", s.send(file, 10, data[10:], "Origin", stranger, "Sec-Fetch-Site", "cross-site"), 403, "cross-site")
	s.wantProblem("the end by a stranger", s.tus("DELETE", file, nil, "Origin", stranger, "Sec-Fetch-Site", "cross-site"), 403, "cross-site")
}

// A restart of the service loses nothing that was acknowledged.
func TestUploadsOutliveARestart(t *testing.T) {
	dir := t.TempDir()
	open := func(t *testing.T) *site {
		kept, err := store.Open(t.Context(), store.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		s := serve(t, func(o *Options) { o.Store = kept })
		s.dir = dir
		return s
	}
	data := encodePNG(t, photo(300, 200, 1))
	var file string
	t.Run("begun", func(t *testing.T) {
		s := open(t)
		file = s.begin(len(data), "Upload-Metadata", "filename YS5wbmc=")
		s.wantOffset(s.send(file, 0, data[:4000]), 204, 4000)
	})
	t.Run("ended", func(t *testing.T) {
		s := open(t)
		a := s.tus("HEAD", file, nil)
		s.wantOffset(a, 200, 4000)
		if a.header.Get("Upload-Metadata") != "filename YS5wbmc=" {
			t.Errorf("headers %v", a.header)
		}
		a = s.send(file, 4000, data[4000:])
		s.wantOffset(a, 204, len(data))
		image := s.originals()[0]
		if image.Digest != sha256.Sum256(data) || image.Name != "a.png" || !bytes.Equal(s.mustGet(a.header.Get("Content-Location")).body, data) {
			t.Errorf("kept is %+v", image)
		}
	})
}
