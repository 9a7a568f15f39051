package cloud

import (
	"slices"
	"strings"
	"testing"
)

func TestURLsOfBuckets(t *testing.T) {
	f := func(address string, want place) {
		t.Helper()
		s, got, err := parse(address)
		if err != nil || got != want || !strings.HasPrefix(address, s.scheme+"://") {
			t.Errorf("%s: got %+v, %v, want %+v", address, got, err, want)
		}
	}
	for _, scheme := range Schemes() {
		f(scheme+"://images", place{bucket: "images"})
		f(scheme+"://images?prefix=calotype", place{bucket: "images", prefix: "calotype/"})
		f(scheme+"://images/?prefix=/a/b/", place{bucket: "images", prefix: "a/b/"})
	}
	if slices.Contains(Schemes(), "s3") {
		f("s3://images?region=eu-central-1", place{bucket: "images", region: "eu-central-1"})
		f("s3://images?endpoint=http://127.0.0.1:8333&prefix=x", place{bucket: "images", endpoint: "http://127.0.0.1:8333", prefix: "x/"})
	}
}

func TestURLsThatAreNone(t *testing.T) {
	if len(Schemes()) < 3 {
		t.Skip("this build leaves out a cloud")
	}
	f := func(address, want string) {
		t.Helper()
		if _, _, err := parse(address); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error that says %q", address, err, want)
		}
	}
	f("", "does not begin as a URL of blobs does")
	f("ftp://images", "s3://, gs://, azblob://")
	f("images", "does not begin as a URL of blobs does")
	f("s3://", "names no bucket")
	f("s3://images/folder", "?prefix=folder")
	f("s3://key:secret@images", "secrets do not belong into the URL")
	f("s3://images?acl=public", "prefix and region and endpoint, not acl")
	f("s3://images?region=a&region=b", "region twice")
	f("s3://images?endpoint=127.0.0.1:8333", "its endpoint must be a URL")
	f("gs://images?endpoint=https://example.org", "it may have prefix, not endpoint")
	f("s3://images?%zz", "its query cannot be read")
	if _, _, err := parse("s3://key:secret@images"); strings.Contains(err.Error(), "secret@") {
		t.Errorf("the error tells the secret: %v", err)
	}
}
