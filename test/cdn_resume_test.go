//go:build cdn

package test

import (
	"bytes"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// An upload goes through a proxy as it comes, and on after it was cut off.
func TestCDNUploadsAreResumed(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	photo := append(get(t, e.address(), "/download/"+e.landscape()).body, make([]byte, 1_000_000)...)
	for _, p := range e.proxies() {
		t.Run(p.name, func(t *testing.T) {
			begun := askTus(t, "POST", p.address+"/files/", nil, "Upload-Length", strconv.Itoa(len(photo)))
			path := begun.Header.Get("Location")
			if begun.StatusCode != 201 || !strings.HasPrefix(path, "/files/") {
				t.Fatalf("the creation is answered %d, and leads to %q", begun.StatusCode, path)
			}
			if sent := askTus(t, "PATCH", p.address+path, photo[:100_000], "Upload-Offset", "0"); sent.StatusCode != 204 {
				t.Fatalf("a chunk is answered %d", sent.StatusCode)
			}

			conn, err := net.Dial("tcp", strings.TrimPrefix(p.address, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: h\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 100000\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: %d\r\n\r\n%s",
				path, len(photo)-100_000, photo[100_000:600_000])
			time.Sleep(200 * time.Millisecond) // if it passes at all, it has then
			conn.Close()
			head := askTus(t, "HEAD", p.address+path, nil)
			offset, err := strconv.Atoi(head.Header.Get("Upload-Offset"))
			if head.StatusCode != 200 || err != nil || offset <= 100_000 || offset > 600_000 {
				t.Fatalf("after a cut HEAD is answered %d, Upload-Offset %q", head.StatusCode, head.Header.Get("Upload-Offset"))
			}
			sent := askTus(t, "PATCH", p.address+path, photo[offset:], "Upload-Offset", strconv.Itoa(offset))
			if sent.StatusCode != 204 {
				t.Fatalf("the rest is answered %d", sent.StatusCode)
			}
			if got := get(t, p.address, sent.Header.Get("Content-Location")).must(t, 200, "MISS"); !bytes.Equal(got.body, photo) {
				t.Error("what comes back is not what was uploaded")
			}
			ended := askTus(t, "POST", p.address+"/files/", nil, "Upload-Length", "100").Header.Get("Location")
			if got := askTus(t, "DELETE", p.address+ended, nil); got.StatusCode != 204 {
				t.Errorf("the end is answered %d", got.StatusCode)
			}
		})
	}
}
