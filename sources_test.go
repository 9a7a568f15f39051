package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/alecthomas/kong"
)

// proxied is the address of a print of a source.
func proxied(source, chain string) string {
	return "/proxy/_/" + base64.RawURLEncoding.EncodeToString([]byte(source)) + chain
}

// mustBePicture checks that an answer is a PNG of a size.
func mustBePicture(t *testing.T, status int, header http.Header, body []byte, width, height int) {
	t.Helper()
	picture, err := png.Decode(bytes.NewReader(body))
	if status != 200 || err != nil {
		t.Fatalf("status %d, %v, %.200s", status, err, body)
	}
	if size := picture.Bounds().Size(); size != image.Pt(width, height) {
		t.Errorf("it is %v, want %d×%d", size, width, height)
	}
}

func pictureOf(t *testing.T, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewNRGBA(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestOriginalsThatLiveElsewhere(t *testing.T) {
	var asked atomic.Int64
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Path != "/photos/a.png" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Cache-Control", "max-age=600")
		w.Write(pictureOf(t, 40, 30))
	}))
	defer origin.Close()
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "b.png"), pictureOf(t, 20, 10), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, func(c *serveCommand) {
		c.Sources = []string{origin.URL + "/photos/", "local:///"}
		c.SourceNetworks = []string{"loopback"}
		c.SourceRoot = root
		c.Sign = "off"
	})
	for _, chain := range []string{"/rotate:90.png", "/rotate:90.png", "/rotate=90.png"} {
		status, header, body := s.get(proxied(origin.URL+"/photos/a.png", chain))
		mustBePicture(t, status, header, body, 30, 40)
		if control := header.Get("Cache-Control"); !strings.HasPrefix(control, "public, max-age=") {
			t.Errorf("Cache-Control: %s", control)
		}
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("the origin was asked %d times", n)
	}
	status, header, body := s.get(proxied("local:///b.png", "/resize:10.png"))
	mustBePicture(t, status, header, body, 10, 5)
	for source, want := range map[string]int{
		origin.URL + "/photos/none.png": 404,
		origin.URL + "/other/a.png":     403,
		"https://example.org/a.png":     403,
		"ftp://example.org/a.png":       400,
	} {
		if status, _, body := s.get(proxied(source, "/rotate:90.png")); status != want {
			t.Errorf("%s: status %d, want %d: %.200s", source, status, want, body)
		}
	}
	if files, err := filepath.Glob(filepath.Join(s.options.Data, "sources", "??", "*")); err != nil || len(files) != 4 {
		t.Errorf("kept are %v, %v", files, err)
	}
}

func TestWithoutSourcesNothingIsFetched(t *testing.T) {
	s := start(t, nil)
	if status, _, _ := s.get(proxied("https://example.org/a.png", "/rotate:90.png")); status != 403 {
		t.Errorf("status %d", status)
	}
	if _, err := os.Stat(filepath.Join(s.options.Data, "sources")); !os.IsNotExist(err) {
		t.Errorf("there is a folder for sources: %v", err)
	}
}

func TestOptionsOfSourcesThatCannotBeMeant(t *testing.T) {
	for arguments, want := range map[string]string{
		"--sources=img.example.org":                   "--sources",
		"--sources=https://img.example.org":           "--sign-keys",
		"--sources=https://example.org/?a=b":          "--sources",
		"--sources=local:///":                         "--source-root",
		"--source-bytes=1MB":                          "--source-bytes",
		"--source-bytes=40MB --source-max-bytes=32MB": "--source-bytes",
		"--source-max-bytes=0":                        "--source-max-bytes",
		"--source-timeout=0s":                         "--source-timeout",
		"--source-floor=2h --source-cap=1h":           "--source-floor",
		"--source-floor=-1s":                          "--source-floor",
		"--source-networks=everywhere":                "--source-networks",
		"--source-buckets=s3://user:password@bucket":  "--source-buckets",
	} {
		var c commands
		p, err := newParser(&c, kong.Exit(func(int) {}))
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.Parse(append([]string{"serve"}, strings.Fields(arguments)...))
		if err == nil || !strings.Contains(fmt.Sprint(err), want) || strings.Contains(fmt.Sprint(err), "password") {
			t.Errorf("%s: got error %v", arguments, err)
		}
	}
}
