package remote

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"calotype/store"
)

func parse(t testing.TB, text string) Source {
	t.Helper()
	s, err := ParseSource(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return s
}

func TestCanonicalSource(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		s, err := ParseSource(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			return
		}
		if s.String() != want {
			t.Errorf("%q: got %q, want %q", text, s, want)
		}
		if again, err := ParseSource(want); err != nil || again != s {
			t.Errorf("%q read again: %v, %v", want, again, err)
		}
	}
	f("https://img.example.org/a/b.jpg", "https://img.example.org/a/b.jpg")
	f("HTTPS://IMG.Example.ORG/A.jpg", "https://img.example.org/A.jpg")
	f("https://example.org", "https://example.org/")
	f("https://example.org?x", "https://example.org/?x")
	f("https://example.org:443/a", "https://example.org/a")
	f("http://example.org:80/a", "http://example.org/a")
	f("http://example.org:443/a", "http://example.org:443/a")
	f("https://example.org/a#part", "https://example.org/a")
	f("https://example.org/a?#part", "https://example.org/a?")

	// A path is encoded where it must be, and not where it need not be.
	f("https://example.org/%7Eme/%41%2d%2E%5f.jpg", "https://example.org/~me/A-._.jpg")
	f("https://example.org/a%2fb%3ac", "https://example.org/a%2Fb%3Ac")
	f("https://example.org/a b/ü/[1].jpg", "https://example.org/a%20b/%C3%BC/%5B1%5D.jpg")
	f("https://example.org//a//b/", "https://example.org//a//b/")
	f("https://example.org/a.../..b/.c/d..", "https://example.org/a.../..b/.c/d..")
	f("https://example.org/100%25.jpg", "https://example.org/100%25.jpg")
	f("https://example.org/%E4.jpg", "https://example.org/%E4.jpg")
	f("https://example.org/a;v=1,2!$&'()*+=:@", "https://example.org/a;v=1,2!$&'()*+=:@")

	// A query stays as it is.
	f("https://example.org/a?b=%7e&c=../..&d=%zz&e=?/", "https://example.org/a?b=%7e&c=../..&d=%zz&e=?/")
	f("https://example.org/a?b=ü c|", "https://example.org/a?b=%C3%BC%20c%7C")

	f("https://bücher.example/", "https://xn--bcher-kva.example/")
	f("https://BÜCHER.example/", "https://xn--bcher-kva.example/")
	f("https://faß.example/", "https://xn--fa-hia.example/")
	f("https://例え。テスト/", "https://xn--r8jz45g.xn--zckzah/")
	f("https://my_bucket.s3.example.org/", "https://my_bucket.s3.example.org/")
	f("https://r3---sn-4g5e.example.org/", "https://r3---sn-4g5e.example.org/")
	f("http://images:8080/a", "http://images:8080/a")
	f("http://93.184.216.34/a", "http://93.184.216.34/a")
	f("http://[2606:4700:0:0::1111]/", "http://[2606:4700::1111]/")
	f("http://[2606:4700::1111]:8080/", "http://[2606:4700::1111]:8080/")

	f("s3://bucket/a/b.jpg", "s3://bucket/a/b.jpg")
	f("s3://bucket/a%2Fb%2Ejpg%3A", "s3://bucket/a/b.jpg:")
	f("gs://my.bucket_1/a%3Fb%23c%25", "gs://my.bucket_1/a%3Fb%23c%25")
	f("azblob://container/ä", "azblob://container/%C3%A4")
	f("local:///a/b.jpg", "local:///a/b.jpg")
	f("local:///a%20b.jpg", "local:///a%20b.jpg")
}

func TestWhatIsNoSource(t *testing.T) {
	f := func(text, words string) {
		t.Helper()
		s, err := ParseSource(text)
		if !errors.Is(err, ErrSource) || !strings.Contains(err.Error(), words) {
			t.Errorf("%q: %q, %v, want an error with %q", text, s, err, words)
		}
		if s != (Source{}) {
			t.Errorf("%q: %v beside an error", text, s)
		}
	}
	for _, text := range []string{"", "a", "/etc/passwd", "example.org/a.jpg", "https:", "https:/example.org", "https:example.org", "//example.org/", "https%3A//example.org/", ":https://example.org"} {
		f(text, "")
	}
	for _, scheme := range []string{"ftp", "file", "gopher", "dict", "ldap", "unix", "jar", "data", "javascript", "ws", "h2c", "https ", " https", "https\t", "s3+http", "httрs", ""} {
		f(scheme+"://example.org/a", "the scheme is none of http, https, s3, gs, azblob, local")
	}
	for _, host := range []string{
		"", ":80", ".", "..", ".org", "example..org", "example.org.", "-_.example.org.", "exa mple.org", "example.org\t", "example.org%00", "%65xample.org", "ex%61mple.org", "example.org\\@127.0.0.1",
		"user@example.org", "user:password@example.org", "@example.org", ":@example.org", "example.org@", "a@b@example.org", "example.org:80@127.0.0.1",
		"exa*mple.org", "exa<mple.org", "example.org,", "example.org;a", "example.org|", "example!org", "a\u00adb\x00.org", "\u200b", "xn--\u00fc.example", "xn--a.example", "xn--", "xn--0.pt", strings.Repeat("a", 64) + ".org", strings.Repeat("a.", 127) + "org",
	} {
		f("http://"+host+"/", "host")
	}
	for _, port := range []string{":", ":0", ":00", ":080", ":65536", ":99999999999999999999", ":-1", ":+80", ":8o", ": 80", ":80 ", ":0x50", ":80:80", ":http"} {
		f("http://example.org"+port+"/", "")
	}
	for _, host := range []string{"[", "]", "[]", "[::1", "::1]", "::1", "2606:4700::1111", "[::1]x", "[[::1]]", "[fe80::1%eth0]", "[fe80::1%25eth0]", "[::ffff:8.8.8.8]", "[::ffff:808:808]", "[8.8.8.8]", "[::1]:0", "[v1.a]", "[2606:4700::11111]", "[2606:4700:::1]"} {
		f("http://"+host+"/", "")
	}

	const climbs = "segment . or .."
	for _, path := range []string{
		"..", ".", "a/..", "a/../b", "a/./b", "%2e%2e", "a/%2E%2e/b", ".%2e", "%2e", "a%2f..%2fb", "a%5c..%5cb", "..%2f", "%2f..", "..%5c", "..;", "..;a=b/c", "%2e%2e%3b/c", ".;",
		"%252e%252e/a", "a%252f..", "%25252e%25252e/", "a/%25%32%65%25%32%65/b", "%25252525252525", "zz%25zz/%252e%252e/a",
	} {
		f("https://example.org/"+path, climbs)
		f("s3://bucket/"+path, climbs)
		f("local:///"+path, climbs)
	}
	for _, path := range []string{"\\", "a\\..\\b", "\x00", "%00", "a%0d%0ab", "a\r\nHost: b", "a\tb", "a\x7f", "%7f", "%1f", "%", "a%2", "a%zz", "100%", "\xff", "\xc0\xae\xc0\xae/"} {
		f("https://example.org/"+path, "")
		f("s3://bucket/"+path, "")
	}
	for _, query := range []string{"\x00", "\r\n", "\t", "\x7f", "\xff"} {
		f("https://example.org/?"+query, "")
	}
	for _, text := range []string{"s3://", "s3:///a", "s3://a/b", "s3://bucket", "s3://bucket/", "s3://Bucket/a", "s3://bucket:80/a", "s3://user@bucket/a", "s3://[::1]/a", "s3://../a", "s3://a..b/a", "s3://bücket/a", "s3://bucket//a", "s3://bucket/a//b", "s3://bucket/a/", "gs://%62ucket/a", "azblob://" + strings.Repeat("a", 223) + "/a"} {
		f(text, "")
	}
	f("s3://bucket/a?endpoint=http://169.254.169.254", "has no query")
	f("local:///a?b", "has no query")
	for _, text := range []string{"local://", "local:///", "local:////", "local:///a/", "local:///a//b", "local:////etc/passwd", "local:///%2fetc/passwd", "local:///a%5cb"} {
		f(text, "")
	}
	f("local://localhost/a", "local has no host")
	f("local://./a", "local has no host")

	f("https://example.org/"+strings.Repeat("a", MaxSource), "more than 2048 bytes")
	f("https://example.org/"+strings.Repeat("ü", MaxSource/4), "more than 2048 bytes") // in its canonical form
	parse(t, "https://example.org/"+strings.Repeat("a", MaxSource-len("https://example.org/")))
}

func TestPartsOfASource(t *testing.T) {
	f := func(text string, kind Kind, scheme, host, key, name string) {
		t.Helper()
		s := parse(t, text)
		if s.Kind() != kind || s.Scheme() != scheme || s.Host() != host || s.Key() != key || s.Name() != name {
			t.Errorf("%s: kind %d, scheme %q, host %q, key %q, name %q", s, s.Kind(), s.Scheme(), s.Host(), s.Key(), s.Name())
		}
	}
	f("https://example.org:443/a/b%20c.jpg?d=/e", KindHTTP, "https", "example.org", "a/b c.jpg", "b c.jpg")
	f("http://[2606:4700::1111]:8080", KindHTTP, "http", "[2606:4700::1111]:8080", "", "")
	f("https://example.org/o/images%2Fcat.jpg", KindHTTP, "https", "example.org", "o/images/cat.jpg", "cat.jpg")
	f("s3://bucket/a%20b/c%3F.png", KindBucket, "s3", "bucket", "a b/c?.png", "c?.png")
	f("local:///a%25b/c.png", KindLocal, "local", "", "a%b/c.png", "c.png")

	long := parse(t, "https://example.org/a"+strings.Repeat("ü", 200)).Name()
	if len(long) != store.MaxName || !strings.HasSuffix(long, "ü") {
		t.Errorf("a long name has %d bytes and ends with %q", len(long), long[len(long)-2:])
	}
}

// What a source is asked for by is its canonical text and nothing else, whatever net/url would make of it.
func TestSourceIsAskedForAsWritten(t *testing.T) {
	for _, text := range []string{"https://example.org//a%2Fb/%C3%BC;c=%27'%25?d=%zz&e=ü", "https://example.org/?", "https://example.org/%5B%7C%5D"} {
		s := parse(t, text)
		_, want, _ := strings.Cut(strings.TrimPrefix(s.String(), "https://"), "/")
		if got := s.URL().RequestURI(); got != "/"+want {
			t.Errorf("%s: asked for by %q, want %q", s, got, "/"+want)
		}
	}
}

func TestIDOfASource(t *testing.T) {
	// sha256sum says 3ad8581c dc16 4c35 dbb1 c51806d4dad7 and so on: the version and the variant replace six bits of it.
	id := parse(t, "https://example.org/b.jpg").ID()
	if id.Version() != 8 || id.Variant().String() != "RFC4122" {
		t.Errorf("%s: version %d, variant %s", id, id.Version(), id.Variant())
	}
	if got, want := id.String(), "3ad8581c-dc16-8c35-9bb1-c51806d4dad7"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if other := parse(t, "https://example.org/b.jpg?").ID(); other == id {
		t.Error("two sources have one id")
	}
}

func FuzzSource(f *testing.F) {
	for _, seed := range []string{
		"https://img.example.org:8443/a%20b/../c.jpg?d#e", "http://[::ffff:127.0.0.1]/", "s3://bucket/a%2Fb", "local:///a/b", "http://0x7f.1/", "http://user@bücher。example./%252e%252e/", "https://1.2.3.4/a;b?%zz",
	} {
		f.Add(seed)
	}
	everything, err := ParseAllowed([]string{"http://*", "https://*"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSource(text)
		if err != nil {
			if !errors.Is(err, ErrSource) || s != (Source{}) || everything.Allows(s) {
				t.Fatalf("%v, %v", s, err)
			}
			return
		}
		again, err := ParseSource(s.String())
		if err != nil || again != s || again.ID() != s.ID() {
			t.Fatalf("%q read again: %q, %v", s, again, err)
		}
		// All who read the text see the same: this package, net/url, and whom net/http connects to.
		u := s.URL()
		if u.Scheme != s.Scheme() || u.Host != s.Host() || u.User != nil || u.Fragment != "" || u.Opaque != "" {
			t.Fatalf("%q is %#v to net/url", s, u)
		}
		if s.Kind() == KindHTTP && u.Scheme+"://"+u.Host+u.RequestURI() != s.String() {
			t.Fatalf("%q is asked for by %q", s, u.RequestURI())
		}
		if key, err := url.PathUnescape(u.EscapedPath()); err != nil || key != "/"+s.Key() && s.Kind() != KindHTTP {
			t.Fatalf("%q: key %q, %v", s, key, err)
		}
		for segment := range strings.SplitSeq(s.Key(), "/") {
			if segment == ".." || segment == "." {
				t.Fatalf("%q climbs", s)
			}
		}
	})
}
