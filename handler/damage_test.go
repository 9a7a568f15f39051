package handler

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// blobPath is where the bytes of an image are on the disk.
func (s *site) blobPath(u uploaded) string {
	s.t.Helper()
	o, err := s.store.Get(s.t.Context(), mustID(s.t, u.ID))
	if err != nil {
		s.t.Fatal(err)
	}
	name := o.Digest.String()
	return filepath.Join(s.dir, "blobs", name[:2], name[2:4], name)
}

// spoil flips a bit in the middle of an image on the disk.
func (s *site) spoil(u uploaded) {
	s.t.Helper()
	path := s.blobPath(u)
	content, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	content[len(content)/2] ^= 0x10
	if err := os.Chmod(path, 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0); err != nil {
		s.t.Fatal(err)
	}
}

// Of an original with a flipped bit nothing is served: neither its bytes, in whole or in part, nor a print of it or with it. What was made before
// stays good, and an upload of the same bytes makes all good again.
func TestADamagedOriginal(t *testing.T) {
	s := serve(t)
	data := draws(t, "rg")
	u, ground := s.upload(data), s.upload(draws(t, "gb"))
	made := s.mustGet(u.URL + "/rotate:90.png")
	s.spoil(u)
	overlaid := ground.URL + "/overlay:" + u.ID + ".png"
	for range 2 {
		for _, target := range []string{u.URL, u.URL + "/rotate:180.png", u.URL + "/flip:h.json", u.URL + "/describe:exif.json", overlaid} {
			a := s.get(target)
			p := s.wantProblem(target, a, http.StatusBadGateway, "damaged-original")
			if a.header.Get("Cache-Control") != "no-store" || a.header.Get("ETag") != "" || p.Detail != "" {
				t.Errorf("%s: headers %v, detail %q", target, a.header, p.Detail)
			}
		}
		s.wantProblem("a part", s.get(u.URL, "Range", "bytes=0-3"), http.StatusBadGateway, "damaged-original")
	}
	if again := s.mustGet(u.URL + "/rotate:90.png"); string(again.body) != string(made.body) {
		t.Error("the print that was made before is another")
	}
	if n := s.handler.snapshot().DamagedOriginals; n != 1 {
		t.Errorf("%d damaged originals are counted, want 1", n)
	}
	if n := strings.Count(s.log.String(), u.ID); n != 1 {
		t.Errorf("the log tells of it %d times: %s", n, s.log)
	}
	s.mustGet(ground.URL + "/flip:h.png")

	s.upload(data)
	if a := s.mustGet(u.URL); string(a.body) != string(data) {
		t.Error("another upload of the same bytes has not made it whole")
	}
	for _, target := range []string{u.URL + "/rotate:180.png", overlaid} {
		s.mustGet(target)
	}
}

func TestAMissingOriginal(t *testing.T) {
	s := serve(t)
	u := s.upload(draws(t, "rg"))
	if err := os.Remove(s.blobPath(u)); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{u.URL, u.URL + "/rotate:180.png", u.URL + ".json"} {
		if p := s.wantProblem(target, s.get(target), http.StatusBadGateway, "damaged-original"); p.Detail != "" {
			t.Errorf("%s tells %q", target, p.Detail)
		}
	}
	if !strings.Contains(s.log.String(), u.ID) {
		t.Error("the log does not say which original is lost")
	}
	if a := s.do("DELETE", "/images/"+u.ID, nil); a.status != http.StatusNoContent {
		t.Errorf("it cannot be deleted: %d", a.status)
	}
	s.wantProblem("deleted", s.get(u.URL), http.StatusGone, "image-deleted")
}
