package handler

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
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
