//go:build tus

package test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"image"
	"image/png"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// told is what upload.mjs is told to do.
type told struct {
	Endpoint  string         `json:"endpoint"`
	File      string         `json:"file"`
	Storage   string         `json:"storage,omitempty"`   // file in which uploads are remembered by their fingerprints
	Previous  bool           `json:"previous,omitempty"`  // goes on with the one that is remembered there
	Abort     int            `json:"abort,omitempty"`     // after the chunk that comes to this offset
	AbortAt   int            `json:"abortAt,omitempty"`   // when so many bytes were sent, whatever becomes of them
	Terminate bool           `json:"terminate,omitempty"` // and has the server forget it
	Again     bool           `json:"again,omitempty"`     // and starts again
	Meddle    int            `json:"meddle,omitempty"`    // has somebody else send so many bytes after the first chunk
	Options   map[string]any `json:"options"`             // of tus-js-client
}

// came is what it says in the end.
type came struct {
	Done     *string // address of the image
	Error    *int    // status of the answer that it failed by, 0 if there was none
	Text     string
	URL      string
	Requests []string // methods and statuses
	Sent     int      // bytes that were acknowledged to this process
}

// send runs tus-js-client. heard, if it is not nil, is called after each chunk with its end.
func (u told) send(t *testing.T, heard func(offset int)) came {
	t.Helper()
	if _, err := os.Stat("tus/node_modules/tus-js-client"); err != nil {
		t.Skip("there is no tus-js-client, which make test-tus fetches")
	}
	if u.Options == nil {
		u.Options = map[string]any{}
	}
	if u.Options["retryDelays"] == nil {
		u.Options["retryDelays"] = []int{0, 100, 500, 1000, 2000, 4000, 8000}
	}
	text, err := json.Marshal(u)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command("node", "tus/upload.mjs", string(text))
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Skipf("there is no Node.js: %v", err)
	}
	defer command.Wait()
	defer command.Process.Kill()
	giveUp := time.AfterFunc(2*time.Minute, func() { command.Process.Kill() })
	defer giveUp.Stop()
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var chunk struct{ Chunk *int }
		if err := json.Unmarshal(lines.Bytes(), &chunk); err != nil {
			t.Fatalf("the client says %s", lines.Bytes())
		}
		if chunk.Chunk != nil {
			if heard != nil {
				heard(*chunk.Chunk)
			}
			continue
		}
		var result came
		if err := json.Unmarshal(lines.Bytes(), &result); err != nil {
			t.Fatalf("the client says %s", lines.Bytes())
		}
		return result
	}
	t.Fatal("the client says nothing in the end")
	return came{}
}

// noisePicture is a file of a picture that does not compress, of about 300 KB.
func noisePicture(t *testing.T, seed uint64) (path string, data []byte) {
	t.Helper()
	picture := image.NewGray(image.Rect(0, 0, 550, 550))
	rand.NewChaCha8([32]byte{byte(seed)}).Read(picture.Pix)
	var file bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.NoCompression}
	if err := encoder.Encode(&file, picture); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "noise.png")
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, file.Bytes()
}

// wantImage checks that an upload has become the image that was sent.
func wantImage(t *testing.T, address string, c came, data []byte) {
	t.Helper()
	if c.Done == nil || *c.Done == "" {
		t.Fatalf("the upload has not ended well: %+v", c)
	}
	answer, err := http.Get("http://" + address + *c.Done)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	hash := sha256.New()
	if n, err := io.Copy(hash, answer.Body); err != nil || answer.StatusCode != http.StatusOK || [32]byte(hash.Sum(nil)) != sha256.Sum256(data) {
		t.Errorf("%s is answered %d with %d bytes, %v, of %d; the client did %v", *c.Done, answer.StatusCode, n, err, len(data), c.Requests)
	}
}

// What tus-js-client can do with files, and the requests that it does it by.
func TestTusClientUploads(t *testing.T) {
	s := start(t)
	path, data := noisePicture(t, 1)
	f := func(what string, options map[string]any, want ...string) {
		t.Helper()
		c := told{Endpoint: "http://" + s.address + "/files/", File: path, Options: options}.send(t, nil)
		wantImage(t, s.address, c, data)
		slices.Sort(c.Requests) // those of parts come in any order
		slices.Sort(want)
		if !slices.Equal(c.Requests, want) {
			t.Errorf("%s: %v, want %v", what, c.Requests, want)
		}
	}
	f("at once", map[string]any{}, "POST 201", "PATCH 204")
	f("in chunks", map[string]any{"chunkSize": 100_000}, "POST 201", "PATCH 204", "PATCH 204", "PATCH 204", "PATCH 204")
	f("with its creation", map[string]any{"uploadDataDuringCreation": true}, "POST 201")
	f("in chunks, the first with its creation", map[string]any{"uploadDataDuringCreation": true, "chunkSize": 200_000}, "POST 201", "PATCH 204")
	f("by POST alone", map[string]any{"overridePatchMethod": true}, "POST 201", "POST 204")
	f("in parallel", map[string]any{"parallelUploads": 4},
		"POST 201", "PATCH 204", "POST 201", "PATCH 204", "POST 201", "PATCH 204", "POST 201", "PATCH 204", "POST 201")
	f("of unknown length", map[string]any{"uploadLengthDeferred": true, "chunkSize": 200_000}, "POST 201", "PATCH 204", "PATCH 204")
}

func TestTusClientIsToldWhatIsWrong(t *testing.T) {
	s := start(t, "--max-upload-bytes", "200kB")
	path, _ := noisePicture(t, 1)
	text := filepath.Join(t.TempDir(), "text.png")
	if err := os.WriteFile(text, bytes.Repeat([]byte("no image "), 10_000), 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(what, path string, status int, words string, want ...string) {
		t.Helper()
		c := told{Endpoint: "http://" + s.address + "/files/", File: path}.send(t, nil)
		if c.Error == nil || *c.Error != status || !strings.Contains(c.Text, words) || !slices.Equal(c.Requests, want) {
			t.Errorf("%s: %+v, want %d and %v", what, c, status, want)
		}
	}
	f("too large", path, 413, "at most 200,000 bytes are taken", "POST 413")
	f("no image", text, 415, "the content is no image", "POST 201", "PATCH 415")
}

func TestTusClientTerminates(t *testing.T) {
	s := start(t)
	path, _ := noisePicture(t, 1)
	c := told{Endpoint: "http://" + s.address + "/files/", File: path, Abort: 100_000, Terminate: true, Options: map[string]any{"chunkSize": 100_000}}.send(t, nil)
	if want := []string{"POST 201", "PATCH 204", "DELETE 204"}; !slices.Equal(c.Requests, want) {
		t.Errorf("%v, want %v", c.Requests, want)
	}
	if answer, err := http.Get(c.URL); err != nil || answer.StatusCode != http.StatusNotFound {
		t.Errorf("afterwards: %v, %v", answer, err)
	}
}

func TestTusClientResumes(t *testing.T) {
	s := start(t)
	path, data := noisePicture(t, 1)
	endpoint := "http://" + s.address + "/files/"

	// Another process, perhaps days later, knows the file by its fingerprint.
	f := func(what string, options map[string]any, least int, want ...string) {
		t.Helper()
		storage := filepath.Join(t.TempDir(), "uploads.json")
		first := told{Endpoint: endpoint, File: path, Storage: storage, Abort: 100_000, Options: options}.send(t, nil)
		second := told{Endpoint: endpoint, File: path, Storage: storage, Previous: true, Options: options}.send(t, nil)
		wantImage(t, s.address, second, data)
		if !slices.Equal(second.Requests, want) && len(want) > 0 || !slices.Contains(second.Requests, "HEAD 200") {
			t.Errorf("%s: first %v, then %v, want %v", what, first.Requests, second.Requests, want)
		}
		if second.Sent > len(data)-least {
			t.Errorf("%s: %d of %d bytes were sent again", what, second.Sent, len(data))
		}
	}
	f("by fingerprint", map[string]any{"chunkSize": 100_000}, 100_000, "HEAD 200", "PATCH 204", "PATCH 204", "PATCH 204")
	f("parts by fingerprint", map[string]any{"chunkSize": 50_000, "parallelUploads": 2}, 50_000)

	// One that was aborted amid a request goes on behind what came.
	c := told{Endpoint: endpoint, File: path, AbortAt: 200_000, Again: true}.send(t, nil)
	wantImage(t, s.address, c, data)

	// What has expired is begun anew.
	c = told{Endpoint: endpoint, File: path, Options: map[string]any{"uploadUrl": endpoint + "01a217ab-c3a3-7673-b03b-f4b56ed52bed"}}.send(t, nil)
	wantImage(t, s.address, c, data)
	if want := []string{"HEAD 404", "POST 201", "PATCH 204"}; !slices.Equal(c.Requests, want) {
		t.Errorf("an upload that has expired: %v, want %v", c.Requests, want)
	}

	// Another offset than the client thinks.
	c = told{Endpoint: endpoint, File: path, Meddle: 1000, Options: map[string]any{"chunkSize": 200_000}}.send(t, nil)
	wantImage(t, s.address, c, data)
	if want := []string{"POST 201", "PATCH 204", "meddling 204", "PATCH 409", "HEAD 200", "PATCH 204"}; !slices.Equal(c.Requests, want) {
		t.Errorf("another offset: %v, want %v", c.Requests, want)
	}
}

// The server is killed three times while a file is sent, and comes back at the same address. The client has to do nothing but to try again.
func TestTusClientOutlivesKills(t *testing.T) {
	path, data := noisePicture(t, 1)
	folder := t.TempDir()
	s, command := startIn(t, folder, os.Stderr)
	t.Cleanup(func() { stop(t, command) })
	kills := 0
	c := told{Endpoint: "http://" + s.address + "/files/", File: path, Options: map[string]any{"chunkSize": 30_000}}.send(t, func(offset int) {
		if offset < (kills+1)*60_000 || kills == 3 {
			return
		}
		kills++
		command.Process.Kill()
		command.Wait()
		s, command = startIn(t, folder, os.Stderr, "--listen", s.address)
	})
	wantImage(t, s.address, c, data)
	if kills != 3 || c.Sent > len(data)+3*30_000 {
		t.Errorf("%d kills, and %d bytes were sent of %d", kills, c.Sent, len(data))
	}
	if files, err := os.ReadDir(filepath.Join(folder, "uploads")); err != nil || len(files) > 0 {
		t.Errorf("left are %v, %v", files, err)
	}
}
