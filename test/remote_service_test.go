//go:build remote

package test

import (
	"bytes"
	"encoding/base64"
	"flag"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"os"
	"strings"
	"testing"
	"time"
)

const (
	remoteTimeout = 3 * time.Second // of one fetch
	remoteSlack   = 5 * time.Second // what a busy machine may take longer
	remoteLargest = 8 << 20         // of one original
)

// remoteRecovery is how long is waited until a failure is forgotten. What an upstream has in place of a picture is remembered for a minute.
var remoteRecovery = flag.Duration("recovery", 20*time.Second, "how long is waited for pictures of upstreams that are well again; from 70s on for all of them")

// remotely runs the program such that it may fetch from upstreams, for everybody and without signatures, with the short times of tests.
func remotely(t testing.TB, from []*upstream, arguments ...string) instance {
	t.Helper()
	return remotelyIn(t, t.TempDir(), from, arguments...)
}

// remotelyIn is remotely with the data in a folder.
func remotelyIn(t testing.TB, data string, from []*upstream, arguments ...string) instance {
	t.Helper()
	var roots []string
	for _, u := range from {
		roots = append(roots, u.root())
	}
	s, command := startIn(t, data, os.Stderr, append(remoteArguments(strings.Join(roots, ",")), arguments...)...)
	t.Cleanup(func() { stop(t, command) })
	return s
}

// remoteArguments are those with which the program may fetch from the given sources.
func remoteArguments(sources string) []string {
	return []string{
		"--sources", sources, "--sign", "off", "--source-networks", "loopback",
		"--source-timeout", remoteTimeout.String(), "--source-max-bytes", "8MiB", "--source-floor", "0s",
	}
}

// proxied is where the prints of a remote image begin.
func proxied(url string) string {
	return "/proxy/_/" + base64.RawURLEncoding.EncodeToString([]byte(url))
}

// size decodes the head of a picture.
func (r received) size(t testing.TB) (format string, width, height int) {
	t.Helper()
	config, format, err := image.DecodeConfig(bytes.NewReader(r.body))
	if err != nil {
		t.Fatalf("%s of %d bytes: %v", r.header.Get("Content-Type"), len(r.body), err)
	}
	return format, config.Width, config.Height
}

// mustBeThePhoto checks that a print is one of 48×32 pixels of the photo: the answer to a request that ends in /resize:48.jpg.
func (r received) mustBeThePhoto(t testing.TB) {
	t.Helper()
	if format, width, height := r.must(t, 200, "").size(t); format != "jpeg" || width != 48 || height != 32 {
		t.Errorf("it is a %s of %d×%d pixels", format, width, height)
	}
}
