//go:build cdn

package test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
)

// each runs a test for nginx and for Varnish, with an origin and an image of its own.
func (e *edge) each(t *testing.T, f func(t *testing.T, p *proxy, id string)) {
	for _, p := range e.proxies() {
		id := e.landscape()
		t.Run(p.name, func(t *testing.T) { f(t, p, id) })
	}
}

// Fifty who ask for the same print at once cost one print, and one request to the origin.
func TestCDNFiftyAtOnceCostOnePrint(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.each(t, func(t *testing.T, p *proxy, id string) {
		prints, asked := e.prints(), e.asked()
		target := "/download/" + id + "/resize:400/blur:2.webp"
		got := make([]received, 50)
		errors := make([]error, 50)
		together(50, func(i int) { got[i], errors[i] = sendTarget(http.MethodGet, p.address, target) })
		for i, r := range got {
			if errors[i] != nil || r.status != 200 || !bytes.Equal(r.body, got[0].body) || len(r.body) == 0 {
				t.Fatalf("the %dth of fifty got %v, %d and %d bytes", i, errors[i], r.status, len(r.body))
			}
		}
		if made, asks := e.prints()-prints, e.asked()-asked; made != 1 || asks != 1 {
			t.Errorf("the origin was asked %d times and made %d prints", asks, made)
		}
		get(t, p.address, target).must(t, 200, "HIT")
	})
}

// However an address is spelled, one print is made. Spellings that middlemen produce are one object.
func TestCDNSpellings(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.each(t, func(t *testing.T, p *proxy, id string) {
		prints, asked := e.prints(), e.asked()
		spellings := []struct {
			target string
			same   bool // the same object as the first
		}{
			{"/download/" + id + "/crop:10,20,200,100/rotate:90.png", false},
			{"/download/" + id + "/crop:10%2C20%2c200%2C100/rotate:90.png", true},
			{"/download/" + id + "/crop%3A10,20,200,100/rotate%3a90.png", true},
			{"/download/" + id + "//crop:10,20,200,100///rotate:90.png", true},
			{"/download/" + id + "/crop:10,20,200,100/rotate:90.png?utm_source=x", true},
			{"/download/" + id + "/crop=10~20~200~100/rotate=90.png", false},
			{"/download/" + id + "/crop%3D10%7E20~200~100/rotate=90.png", false},
			{"/download/" + id + "/CROP:10,20,200,100/Rotate:450.PNG", false},
			{"/download/" + strings.ToUpper(id) + "/crop:10,20,200,100/rotate:90.png", false},
			{"/download/" + strings.ReplaceAll(id, "-", "") + "/crop:10,20,200,100/rotate:90.png", false},
			{"/download/" + id + "/%63rop:10,20,200,100/rotate:90%2Epng", false},
		}
		want := get(t, e.address(), spellings[0].target).must(t, 200, "")
		for _, s := range spellings {
			got := get(t, p.address, s.target).must(t, 200, "")
			if !bytes.Equal(got.body, want.body) {
				t.Errorf("%s is another picture", s.target)
			}
			if s.same && got.cache() != "HIT" {
				t.Errorf("%s is a %s", s.target, got.cache())
			}
		}
		if made := e.prints() - prints; made != 1 {
			t.Errorf("%d prints were made", made)
		}
		if asks := e.asked() - asked; asks > len(spellings) {
			t.Errorf("the origin was asked %d times", asks)
		}
	})
}

// What is not part of a cache's key changes nothing of what is stored, whether it comes with the request that fills the cache or
// with a later one.
func TestCDNNothingUnkeyedChangesWhatIsStored(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	attacks := []struct {
		name, method, query string
		headers             []string
	}{
		{"host", "GET", "", []string{"Host", "evil.example"}},
		{"forwarded host", "GET", "", []string{"X-Forwarded-Host", "evil.example", "X-Host", "evil.example", "Forwarded", "host=evil.example"}},
		{"other target", "GET", "", []string{"X-Original-URL", "/upload-image", "X-Rewrite-URL", "/upload-image"}},
		{"scheme", "GET", "", []string{"X-Forwarded-Proto", "https", "X-Forwarded-Scheme", "nothttps", "X-Forwarded-Port", "99"}},
		{"method", "GET", "", []string{"X-HTTP-Method-Override", "DELETE", "X-Method-Override", "POST"}},
		{"query", "GET", "?evil=1&dl=1&v=2", nil},
		{"range", "GET", "", []string{"Range", "bytes=0-9"}},
		{"bad range", "GET", "", []string{"Range", "bytes=99999999-"}},
		{"head", "HEAD", "", nil},
		{"head with range", "HEAD", "", []string{"Range", "bytes=0-9"}},
		{"condition", "GET", "", []string{"If-None-Match", "*"}},
		{"date", "GET", "", []string{"If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT"}},
		{"match", "GET", "", []string{"If-Match", `"no"`}},
		{"cookie", "GET", "", []string{"Cookie", "session=1"}},
		{"authorization", "GET", "", []string{"Authorization", "Bearer x"}},
		{"accept", "GET", "", []string{"Accept", "text/html"}},
		{"encoding", "GET", "", []string{"Accept-Encoding", "br, gzip;q=0.1, identity;q=0"}},
		{"origin", "GET", "", []string{"Origin", "https://evil.example"}},
		{"request id", "GET", "", []string{"X-Request-Id", "evil\"<script>"}},
		{"hop by hop", "GET", "", []string{"Connection", "close, X-Forwarded-Scheme", "TE", "trailers"}},
		{"expect", "GET", "", []string{"Cache-Control", "no-cache, no-store", "Pragma", "no-cache"}},
	}
	e.each(t, func(t *testing.T, p *proxy, id string) {
		for i, a := range attacks {
			t.Run(a.name, func(t *testing.T) {
				target := fmt.Sprintf("/download/%s/resize:%d.png", id, 20+i)
				askTarget(t, a.method, p.address, target+a.query, a.headers...)
				stored := get(t, p.address, target).must(t, 200, "")
				if repeated := askTarget(t, a.method, p.address, target+a.query, a.headers...); repeated.cache() != "HIT" {
					t.Errorf("it is a %s when it comes again", repeated.cache())
				}
				again := get(t, p.address, target).must(t, 200, "HIT")
				clean := get(t, e.address(), target).must(t, 200, "")
				for _, got := range []received{stored, again} {
					if !bytes.Equal(got.body, clean.body) {
						t.Error("the picture is another")
					}
					if differences := compareHeaders(got.header, clean.header); len(differences) > 0 {
						t.Errorf("the headers differ:\n%s", strings.Join(differences, "\n"))
					}
				}
			})
		}
	})
}

// compareHeaders tells what differs between an answer by way of a cache and one of the origin.
func compareHeaders(got, want http.Header) (differences []string) {
	// These speak of one exchange, not of the picture.
	own := []string{"Date", "Age", "Via", "X-Cache", "Connection", "Server", "X-Request-Id", "Cache-Status", "Server-Timing", "Accept-Ranges"}
	for name := range got {
		if want[name] == nil && !slices.Contains(own, name) {
			differences = append(differences, name+": added: "+got.Get(name))
		}
	}
	for name, values := range want {
		if !slices.Contains(own, name) && !slices.Equal(got[name], values) {
			differences = append(differences, fmt.Sprintf("%s: %q, want %q", name, got[name], values))
		}
	}
	slices.Sort(differences)
	return differences
}

// Parts of a picture come from what is stored, and so do answers to those who have it.
func TestCDNRangesAndConditionsAreAnsweredFromTheCache(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.each(t, func(t *testing.T, p *proxy, id string) {
		for _, target := range []string{"/download/" + id + "/resize:300.jpg", "/download/" + id} {
			whole := get(t, p.address, target).must(t, 200, "MISS")
			tag, modified := whole.header.Get("ETag"), whole.header.Get("Last-Modified")
			size := len(whole.body)
			asked := e.asked()
			for _, c := range []struct {
				name    string
				headers []string
				status  int
				body    []byte
				part    string
			}{
				{"first bytes", []string{"Range", "bytes=0-99"}, 206, whole.body[:100], fmt.Sprintf("bytes 0-99/%d", size)},
				{"last bytes", []string{"Range", "bytes=-100"}, 206, whole.body[size-100:], fmt.Sprintf("bytes %d-%d/%d", size-100, size-1, size)},
				{"the rest", []string{"Range", "bytes=100-"}, 206, whole.body[100:], fmt.Sprintf("bytes 100-%d/%d", size-1, size)},
				{"beyond", []string{"Range", "bytes=99999999-"}, 416, nil, fmt.Sprintf("bytes */%d", size)},
				{"of this", []string{"Range", "bytes=0-9", "If-Range", tag}, 206, whole.body[:10], fmt.Sprintf("bytes 0-9/%d", size)},
				{"of another", []string{"Range", "bytes=0-9", "If-Range", `"another"`}, 200, whole.body, ""},
				{"known", []string{"If-None-Match", tag}, 304, []byte{}, ""},
				{"known weakly", []string{"If-None-Match", "W/" + tag}, 304, []byte{}, ""},
				{"known by date", []string{"If-Modified-Since", modified}, 304, []byte{}, ""},
				{"unknown", []string{"If-None-Match", `"another"`}, 200, whole.body, ""},
			} {
				t.Run(c.name, func(t *testing.T) {
					got := get(t, p.address, target, c.headers...)
					if got.status != c.status || got.header.Get("Content-Range") != c.part {
						t.Errorf("%s %v: %d %q, want %d %q", target, c.headers, got.status, got.header.Get("Content-Range"), c.status, c.part)
					}
					if c.body != nil && !bytes.Equal(got.body, c.body) {
						t.Errorf("%s %v: %d bytes, want %d", target, c.headers, len(got.body), len(c.body))
					}
					if c.status < 400 && got.header.Get("ETag") != tag {
						t.Errorf("%s %v: the entity tag is %s, want %s", target, c.headers, got.header.Get("ETag"), tag)
					}
				})
			}
			if asks := e.asked() - asked; asks != 0 {
				t.Errorf("%s: the origin was asked %d times more", target, asks)
			}
		}
	})
}

// What only one person may see, or what changes, is not kept.
func TestCDNPrivateAnswersAreNotStored(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.each(t, func(t *testing.T, p *proxy, id string) {
		for _, target := range []string{"/download?id=" + id, "/download?exts=jpeg", "/srcset/" + id + "/resize:100.jpg?widths=50,100", "/upload-image"} {
			for range 2 {
				got := get(t, p.address, target).must(t, 200, "")
				if got.cache() == "HIT" || got.cache() == "STALE" {
					t.Errorf("%s is a %s", target, got.cache())
				}
			}
		}
	})
}

// Who comes through a proxy needs a token to upload and to delete, even if the proxy is on the same machine, and the token reaches the
// program. Pictures are for everybody.
func TestCDNTokensPass(t *testing.T) {
	t.Parallel()
	const token = "0123456789abcdef"
	e := newEdge(t, "--token", token, "--trusted", "loopback")
	cutout, err := os.ReadFile(sample(t, "cutout.png"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range e.proxies() {
		t.Run(p.name, func(t *testing.T) {
			upload := func(authorization string) (int, string) {
				request, err := http.NewRequest(http.MethodPost, p.address+"/upload-image", bytes.NewReader(cutout))
				if err != nil {
					t.Fatal(err)
				}
				request.Header.Set("Content-Type", "image/png")
				request.Header.Set("Authorization", authorization)
				response, err := http.DefaultClient.Do(request)
				if err != nil {
					t.Fatal(err)
				}
				defer response.Body.Close()
				return response.StatusCode, response.Header.Get("Location")
			}
			if status, _ := upload("Bearer wrong0123456789a"); status != 401 && status != 403 {
				t.Errorf("an upload with a wrong token is answered %d", status)
			}
			status, location := upload("Bearer " + token)
			if status != 201 {
				t.Fatalf("an upload with the token is answered %d", status)
			}
			get(t, p.address, location).must(t, 200, "MISS")
			get(t, p.address, location, "Authorization", "Bearer wrong0123456789a").must(t, 200, "HIT")
			image := strings.Replace(location, "/download/", "/images/", 1)
			for _, method := range []string{"DELETE", "GET"} {
				if got := askTarget(t, method, p.address, image); got.status != 401 && got.status != 403 {
					t.Errorf("%s without a token is answered %d", method, got.status)
				}
			}
			get(t, p.address, image, "Authorization", "Bearer "+token).must(t, 200, "")
			if got := get(t, p.address, image); got.status == 200 {
				t.Error("what was shown to one who has the token is shown to another")
			}
			askTarget(t, "DELETE", p.address, image, "Authorization", "Bearer "+token).must(t, 204, "")
		})
	}
}

// An upload by way of a proxy is a picture at once.
func TestCDNUploadsPass(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	photo := get(t, e.address(), "/download/"+e.landscape()).body
	for _, p := range e.proxies() {
		t.Run(p.name, func(t *testing.T) {
			response, err := http.Post(p.address+"/upload-image", "image/jpeg", bytes.NewReader(photo))
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			location := response.Header.Get("Location")
			if response.StatusCode != 201 || location == "" {
				t.Fatalf("the upload is answered %d, and leads to %q", response.StatusCode, location)
			}
			if got := get(t, p.address, location).must(t, 200, "MISS"); !bytes.Equal(got.body, photo) {
				t.Error("what comes back is not what was uploaded")
			}
		})
	}
}
