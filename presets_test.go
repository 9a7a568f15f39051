package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Presets of a file, and those of a tenant's file, count once SIGHUP has been sent; a file that is wrong changes nothing.
func TestPresetFilesAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	ours, theirs, list := filepath.Join(dir, "presets.yaml"), filepath.Join(dir, "shop.yaml"), filepath.Join(dir, "tenants.yaml")
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(ours, "small:\n  1: resize:1.png\n")
	write(theirs, "small: resize:2,up.png\n")
	write(list, "shop:\n  hosts: [shop.example]\n  presets: shop.yaml\n  presets-only: true\n  tokens: [abcdefghijklmnop]\n")
	const secret, host = "abcdefghijklmnop", "shop.example"
	r := run(t, "--presets", ours, "--tenants", list, "--open")
	a, b := r.upload("localhost", "", onePixel(t)), r.upload(host, secret, onePixel(t))
	kind := func(host, target, want string) {
		t.Helper()
		for range 2 {
			if body := r.must(host, "", "GET", target, nil, http.StatusOK); http.DetectContentType(body) != want {
				t.Errorf("%s at %s is %s, want %s", target, host, http.DetectContentType(body), want)
			}
		}
	}
	kind("localhost", a+"/preset:small", "image/png")
	kind(host, b+"/preset:small", "image/png")
	r.must("localhost", "", "GET", a+"/resize:1.gif", nil, http.StatusOK)
	r.must(host, "", "GET", b+"/resize:1.gif", nil, http.StatusForbidden)

	write(ours, "small:\n  1: resize:1.png\n  2: resize:1.gif\n")
	write(theirs, "small: resize:2,up.gif\n")
	r.hangUp("option=--tenants")
	kind("localhost", a+"/preset:small", "image/gif")
	kind("localhost", a+"/preset:small,1", "image/png")
	kind(host, b+"/preset:small", "image/gif")

	write(ours, "small:\n  2: resize:1.png\n") // which was a GIF
	write(theirs, "small: blink\n")
	r.hangUp("option=--tenants")
	kind("localhost", a+"/preset:small", "image/gif")
	kind(host, b+"/preset:small", "image/gif")
	for _, words := range []string{"preset small: version 2 was another chain", `not \"blink\"`, theirs} {
		if !strings.Contains(r.said.String(), words) {
			t.Errorf("it does not say %q: %s", words, r.said)
		}
	}
}

func TestPresetsAreCheckedAtTheStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "presets.yaml")
	if err := os.WriteFile(path, []byte("a: rotate:x\nb: preset:c\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &serveCommand{Presets: path}
	if _, err := c.presets(); err == nil || !strings.Contains(err.Error(), "preset a: rotate: angle") || !strings.Contains(err.Error(), "preset b: there is no such preset: c") {
		t.Errorf("got %v", err)
	}
	for want, c := range map[string]serveCommand{
		"did you mean resize": {Operations: []string{"resiz"}},
		"no sizes to snap to": {Snap: true},
		"not 70000":           {Sizes: []int{320, 70000}},
	} {
		if _, err := c.policy(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
