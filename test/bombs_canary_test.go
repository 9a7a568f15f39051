//go:build hostile

package test

import (
	"bytes"
	"compress/zlib"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A canary is an address that nobody has a reason to ask for, and a file that nobody has a reason to read.
type canary struct {
	address, file, secret string

	mutex sync.Mutex
	asked []string
}

func newCanary(t testing.TB) *canary {
	t.Helper()
	c := &canary{secret: rand.Text(), file: filepath.Join(t.TempDir(), "canary.txt")}
	if err := os.WriteFile(c.file, []byte(c.secret+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		c.mutex.Lock()
		defer c.mutex.Unlock()
		c.asked = append(c.asked, r.URL.Path)
	}))
	t.Cleanup(server.Close)
	c.address = server.URL
	return c
}

func (c *canary) hits() []string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return slices.Clone(c.asked)
}

// leaked tells whether the body holds the secret, in one of the ways in which it could get there.
func leaked(body []byte, secret string) bool {
	texts := [][]byte{body}
	for _, b := range dissect(body).blocks {
		kind, data := "", []byte(nil)
		if formatOf(body) == "png" {
			kind, data = string(body[b.start+4:b.start+8]), body[b.start+8:b.end-4]
		}
		if kind != "zTXt" && kind != "iTXt" && kind != "iCCP" {
			continue
		}
		for i := range min(len(data), 200) { // where the compressed part begins depends on the names before it
			if r, err := zlib.NewReader(bytes.NewReader(data[i:])); err == nil {
				text, _ := io.ReadAll(io.LimitReader(r, 1<<20))
				texts = append(texts, text)
			}
		}
	}
	digits := hex.EncodeToString([]byte(secret))
	// The middle of the secret stands alike in any base64 of it that begins at the same of three places.
	forms := []string{secret, digits, strings.ToUpper(digits)}
	for shift := range 3 {
		encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + secret))
		forms = append(forms, encoded[4:len(encoded)-4])
	}
	for _, text := range texts {
		// Profiles in text chunks are broken into lines.
		joined := bytes.ReplaceAll(text, []byte("\n"), nil)
		for _, form := range forms {
			if bytes.Contains(text, []byte(form)) || bytes.Contains(joined, []byte(form)) {
				return true
			}
		}
	}
	return false
}

// Nothing that an image names is read or fetched, and nothing that is hidden in one is in its prints.
func TestHostileNames(t *testing.T) {
	c := newCanary(t)
	// The program has stopped when this returns, so that what it does in the background is over too.
	t.Run("service", func(t *testing.T) { c.watch(t) })
	if hits := c.hits(); len(hits) > 0 {
		t.Errorf("the program has fetched %v", hits)
	}
}

// watch uploads all exploits that name the canary, and asks for their prints.
func (c *canary) watch(t *testing.T) {
	s := launch(t)
	visitor := newClient(s.address)
	t.Cleanup(visitor.close)
	r := newReport(t)
	send := func(file, request string, ask func() answer) answer {
		a := visitor.insist(t.Context(), r, func() answer {
			a := ask()
			a.file, a.request = file, request
			return a
		})
		if leaked(a.body, c.secret) {
			t.Errorf("%s: the answer to %s holds what is in a file of the machine", file, request)
		}
		if request != "upload" && (bytes.Contains(a.body, []byte(payload)) || bytes.Contains(a.body, []byte("%PDF-"))) {
			t.Errorf("%s: %s holds what was hidden in the original", file, request)
		}
		if hits := c.hits(); len(hits) > 0 {
			t.Fatalf("%s: %s has made the program fetch %v", file, request, hits)
		}
		return a
	}
	taken := 0
	names := []string{c.file, "../../../../../.." + c.file, "text:" + c.file, c.address + "/name", "|wget " + c.address + "/name"}
	for i, file := range chosen(t, exploits(c.address, c.file)) {
		disposition := fmt.Sprintf("attachment; filename=%q", names[i%len(names)])
		uploaded := send(file.name, "upload", func() answer {
			return visitor.upload(t.Context(), file.build(), "Content-Disposition", disposition)
		})
		if file.visible && uploaded.status != http.StatusUnsupportedMediaType {
			t.Errorf("%s is answered %d", file.name, uploaded.status)
		}
		id := uploaded.id()
		if id == "" {
			continue
		}
		taken++
		for _, chain := range chains {
			send(file.name, chain.path, func() answer {
				return visitor.do(t.Context(), http.MethodGet, "/download/"+id+chain.path, nil)
			})
		}
	}
	if taken == 0 && *only == "" {
		t.Error("no image was taken, so that no decoder has seen one")
	}
	t.Logf("%d images were taken\n%s", taken, r)
}

// The canary sings: the listener notices a visitor, and the secret is found in all its forms.
func TestCanary(t *testing.T) {
	c := newCanary(t)
	response, err := http.Get(c.address + "/x")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if hits := c.hits(); !slices.Equal(hits, []string{"/x"}) {
		t.Errorf("the listener has seen %v", hits)
	}
	text, err := os.ReadFile(c.file)
	if err != nil {
		t.Fatal(err)
	}
	digits := hex.EncodeToString(text)
	for name, body := range map[string][]byte{
		"bare":     join([]byte("before "), text, []byte("after")),
		"hex":      []byte(digits),
		"capitals": []byte(strings.ToUpper(digits)),
		"base64":   []byte(base64.StdEncoding.EncodeToString(append([]byte("ab"), text...))),
		"a text of a PNG": pngDot(pngChunk("zTXt", []byte("Raw profile type\x00\x00"),
			deflated([]byte("\nexif\n      27\n"+digits[:20]+"\n"+digits[20:]), 0))),
	} {
		if !leaked(body, c.secret) {
			t.Errorf("the secret is not seen: %s", name)
		}
	}
	if leaked(pngDot(pngChunk("tEXt", []byte("profile\x00"+c.file))), c.secret) {
		t.Error("the secret is seen where only its file is named")
	}
}
