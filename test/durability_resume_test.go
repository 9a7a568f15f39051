//go:build durability && linux

package test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A begun is an upload that can be resumed, as far as the client knows.
type begun struct {
	deposit
	offset int // that was acknowledged
}

// tus sends a request by the protocol tus. The status is 0 if no answer came.
func (l *ledger) tus(c *http.Client, method, address string, body []byte, headers map[string]string) (status int, header http.Header) {
	request, err := http.NewRequest(method, address, bytes.NewReader(body))
	if err != nil {
		panic(err) // the address is well formed
	}
	request.Header.Set("Tus-Resumable", "1.0.0")
	request.Header.Set("Content-Type", "application/offset+octet-stream")
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := c.Do(request)
	if err != nil {
		return 0, nil
	}
	defer response.Body.Close()
	io.Copy(io.Discard, response.Body) // the head says all
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.deaf {
		return 0, nil
	}
	return response.StatusCode, response.Header
}

// uploadInParts sends a picture by some requests, with a checksum or without, and notes what is answered. The status is that of the last, or 201 if it
// has become an image.
func (l *ledger) uploadInParts(c *http.Client, address string, d deposit, parts int) (id string, status int, answer string) {
	file := d.file()
	l.mu.Lock()
	l.sums[sha256.Sum256(file)] = true
	l.mu.Unlock()
	status, header := l.tus(c, "POST", "http://"+address+"/files/", nil, map[string]string{"Upload-Length": strconv.Itoa(len(file))})
	if status != http.StatusCreated {
		return "", status, header.Get("Calotype-Error")
	}
	path := header.Get("Location")
	l.note(path, begun{d, 0})
	for offset := 0; offset < len(file); {
		end := min(len(file), offset+1+len(file)/parts)
		headers := map[string]string{"Upload-Offset": strconv.Itoa(offset)}
		if l.draw(2) == 0 {
			headers["Upload-Checksum"] = checksum(file[offset:end])
		}
		if status, header = l.tus(c, "PATCH", "http://"+address+path, file[offset:end], headers); status != http.StatusNoContent {
			return "", status, header.Get("Calotype-Error")
		}
		offset = end
		l.note(path, begun{d, offset})
	}
	return l.finish(path, header, file), http.StatusCreated, ""
}

// note notes what is known of an upload.
func (l *ledger) note(path string, b begun) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begun[path] = b
}

// finish notes that an upload has become an image.
func (l *ledger) finish(path string, header http.Header, file []byte) (id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.begun, path)
	id = strings.TrimPrefix(header.Get("Content-Location"), "/download/")
	l.acknowledged++
	l.kept[id] = sha256.Sum256(file)
	return id
}

// resume has all uploads that were begun go on where the server says, which is not before what it has acknowledged, and end.
func (l *ledger) resume(t testing.TB, address string) {
	t.Helper()
	c := connection()
	defer c.CloseIdleConnections()
	l.deaf = false
	for _, path := range slices.Sorted(maps.Keys(l.begun)) {
		b, file := l.begun[path], l.begun[path].file()
		status, header := l.tus(c, "HEAD", "http://"+address+path, nil, nil)
		offset, err := strconv.Atoi(header.Get("Upload-Offset"))
		if status != http.StatusOK || err != nil || offset < b.offset || offset > len(file) {
			t.Errorf("upload %s of %d bytes, of which %d were acknowledged: status %d, offset %q", path, len(file), b.offset, status, header.Get("Upload-Offset"))
			delete(l.begun, path)
			continue
		}
		l.resumed++
		if offset < len(file) {
			status, header = l.tus(c, "PATCH", "http://"+address+path, file[offset:], map[string]string{"Upload-Offset": strconv.Itoa(offset)})
		}
		if want := "/download/" + strings.TrimPrefix(path, "/files/"); header.Get("Content-Location") != want {
			t.Errorf("upload %s goes on at %d and ends with status %d, as image %q", path, offset, status, header.Get("Content-Location"))
			delete(l.begun, path)
			continue
		}
		l.finish(path, header, file)
	}
}

func checksum(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256 " + base64.StdEncoding.EncodeToString(sum[:])
}
