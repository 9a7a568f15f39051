package remote

import (
	"strings"
	"testing"
)

func allow(t testing.TB, patterns ...string) *Allowed {
	t.Helper()
	a, err := ParseAllowed(patterns)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAllowed(t *testing.T) {
	f := func(pattern, text string, want bool) {
		t.Helper()
		if got := allow(t, "https://unrelated.example", pattern).Allows(parse(t, text)); got != want {
			t.Errorf("%s allows %s: %v", pattern, text, got)
		}
	}
	yes := func(pattern string, texts ...string) {
		t.Helper()
		for _, text := range texts {
			f(pattern, text, true)
		}
	}
	no := func(pattern string, texts ...string) {
		t.Helper()
		for _, text := range texts {
			f(pattern, text, false)
		}
	}
	yes("https://img.example.org", "https://img.example.org/", "https://IMG.example.org:443/a/b?c")
	no("https://img.example.org", "http://img.example.org/", "https://img.example.org:8443/", "https://example.org/", "https://a.img.example.org/", "https://img.example.org.evil.example/", "https://img.example.orgx/")
	yes("HTTPS://IMG.Example.org:443/", "https://img.example.org/a")
	yes("https://bücher.example", "https://xn--bcher-kva.example/a")

	yes("https://img.example.org/photos/", "https://img.example.org/photos/", "https://img.example.org/photos/a.jpg", "https://img.example.org/%70hotos/a/b?c")
	no("https://img.example.org/photos/", "https://img.example.org/photos", "https://img.example.org/photos2/a", "https://img.example.org/photos%2Fa.jpg", "https://img.example.org/Photos/a", "https://img.example.org//photos/a", "https://img.example.org/a/photos/b", "https://img.example.org/?/photos/")
	yes("https://img.example.org/photos", "https://img.example.org/photos", "https://img.example.org/photos/a.jpg", "https://img.example.org/photos?a")
	no("https://img.example.org/photos", "https://img.example.org/photos.jpg", "https://img.example.org/photos-private/a")
	yes("https://img.example.org/a b/%C3%BC/", "https://img.example.org/a%20b/ü/c")

	yes("https://*.example.org", "https://a.example.org/", "https://a.b.example.org/c")
	no("https://*.example.org", "https://example.org/", "https://aexample.org/", "https://a.example.org.evil.example/", "https://a.example.org:8443/", "http://a.example.org/", "https://evil.example/a.example.org/")
	yes("https://*.example.org:8443/photos/", "https://a.example.org:8443/photos/b")
	yes("https://*", "https://a.example/", "https://localhost/b")
	no("https://*", "https://a.example:8443/", "http://a.example/", "https://93.184.216.34/", "https://[2606:4700::1111]/", "s3://bucket/a")
	yes("http://*:8080/photos/", "http://a.example:8080/photos/b")

	yes("http://93.184.216.34", "http://93.184.216.34/a")
	yes("http://[2606:4700:0::1111]:8080", "http://[2606:4700::1111]:8080/a")
	yes("http://images:8080", "http://images:8080/a")
	no("http://images:8080", "http://images/a")

	yes("s3://bucket", "s3://bucket/a/b")
	yes("s3://bucket/prefix/", "s3://bucket/prefix/a")
	no("s3://bucket/prefix/", "s3://bucket/prefix", "s3://bucket/prefixes/a", "s3://other/prefix/a", "gs://bucket/prefix/a")
	yes("s3://bucket/a.jpg", "s3://bucket/a.jpg")
	yes("local:///photos/", "local:///photos/a/b.jpg")
	no("local:///photos/", "local:///photo", "local:///private/a", "s3://photos/a")
	yes("local:///", "local:///a")
}

func TestNothingIsAllowedByDefault(t *testing.T) {
	var none *Allowed
	if none.Allows(parse(t, "https://example.org/")) || allow(t).Allows(parse(t, "https://example.org/")) {
		t.Error("a source is allowed by no pattern")
	}
	if allow(t, "https://*", "http://*", "local:///").Allows(Source{}) {
		t.Error("no source is allowed")
	}
}

func TestBadPatterns(t *testing.T) {
	for _, text := range []string{
		"", "*", "example.org", "//example.org", "ftp://example.org", "https://", "https:///a/", "https://*.", "https://**", "https://*.*", "https://*.*.org", "https://*example.org", "https://a.*.org", "https://a.*", "https://*:0",
		"https://*.0.0.1", "https://*.1", "https://127.1", "https://0x7f000001", "https://*.[::1]", "https://*[::1]", "https://example.org.", "https://user@example.org", "https://example.org?a", "https://example.org/a?b", "https://example.org/#a",
		"https://example.org/../", "https://example.org/%2e%2e/", "https://example.org/a\\b", "https://example.org/%", "https://example.org:99999",
		"s3://*", "s3://*.a", "s3://", "s3://Bucket", "local://host/", "local://*", "local:///../",
	} {
		a, err := ParseAllowed([]string{"https://example.org", text})
		if err == nil || a != nil || !strings.Contains(err.Error(), "pattern of sources") {
			t.Errorf("%q: %v, %v", text, a, err)
		}
	}
}
