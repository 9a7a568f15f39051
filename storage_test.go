package main

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOriginalsInAnotherFolder(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "deep", "blobs")
	s := start(t, func(c *serveCommand) { c.Blobs = "file://" + folder })
	content := onePixel(t)
	status, id := s.post(content)
	if status != http.StatusCreated {
		t.Fatalf("an upload is answered with %d", status)
	}
	files, err := filepath.Glob(filepath.Join(folder, "??", "??", "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("in the folder are %v, %v", files, err)
	}
	if got := read(t, files[0]); !bytes.Equal(got, content) {
		t.Errorf("its file has %d other bytes", len(got))
	}
	if _, err := os.Stat(filepath.Join(s.options.Data, "blobs")); !os.IsNotExist(err) {
		t.Errorf("the data folder has blobs, too: %v", err)
	}
	s.close()
	again := start(t, func(c *serveCommand) { c.Blobs, c.Data = "file://"+folder, s.options.Data })
	if status, _, got := again.get("/download/" + id); status != http.StatusOK || !bytes.Equal(got, content) {
		t.Errorf("after a restart it is answered with %d and %d bytes", status, len(got))
	}
}

func TestBlobsThatCannotBeMeant(t *testing.T) {
	f := func(url, want string) {
		t.Helper()
		s := storage{Data: t.TempDir(), Blobs: url}
		opened, err := s.open(t.Context(), false)
		if err == nil {
			opened.Close()
		}
		if err == nil || !strings.HasPrefix(err.Error(), "--blobs: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error that says %q", url, err, want)
		}
	}
	f("file://host/srv/blobs", "file:///srv/blobs")
	f("file:blobs", "file:///srv/blobs")
	f("file:///srv/blobs?prefix=x", "file:///srv/blobs")
	f("/srv/blobs", "does not begin as a URL of blobs does")
	f("s3://", "names no bucket")
}
