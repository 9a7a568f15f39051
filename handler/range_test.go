package handler

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"testing"
)

func TestParseRange(t *testing.T) {
	f := func(value string, size, first, last int64) {
		t.Helper()
		part, verdict := parseRange([]byte(value), size)
		if verdict != rangePart || part != (byteRange{first, last}) {
			t.Errorf("%q of %d: %v, verdict %d; want %d-%d", value, size, part, verdict, first, last)
		}
	}
	f("bytes=0-0", 100, 0, 0)
	f("bytes=0-", 100, 0, 99)
	f("bytes=0-99", 100, 0, 99)
	f("bytes=99-", 100, 99, 99)
	f("bytes=10-1000", 100, 10, 99)
	f("bytes=-1", 100, 99, 99)
	f("bytes=-100", 100, 0, 99)
	f("bytes=-1000", 100, 0, 99)
	f("BYTES=5-6", 100, 5, 6)
	f("bytes= 5-6", 100, 5, 6)
	f("bytes=,5-6, ,", 100, 5, 6)
	f("bytes=0-4,5-9", 100, 0, 9)
	f("bytes=5-9, 0-4", 100, 0, 9)
	f("bytes=0-9,3-5", 100, 0, 9)
	f("bytes=90-,-20", 100, 80, 99)
	f("bytes=0-4,100-", 100, 0, 4) // what lies beyond the end is left out
	f("bytes=0-0,-0", 100, 0, 0)
	f("bytes=0-99999999999999999999999999", 100, 0, 99)
	f("bytes=-99999999999999999999999999", 100, 0, 99)
	f("bytes=00-007", 100, 0, 7)

	f1 := func(want int, name, value string, size int64) {
		t.Helper()
		if part, verdict := parseRange([]byte(value), size); verdict != want {
			t.Errorf("%q of %d: %v, verdict %d; want %s", value, size, part, verdict, name)
		}
	}
	outside := func(value string, size int64) { t.Helper(); f1(rangeOutside, "outside", value, size) }
	outside("bytes=100-", 100)
	outside("bytes=100-200", 100)
	outside("bytes=-0", 100)
	outside("bytes=-0,200-300", 100)
	outside("bytes=99999999999999999999999999-", 100)
	outside("bytes=0-", 0)
	outside("bytes=-5", 0)

	whole := func(value string, size int64) { t.Helper(); f1(rangeWhole, "whole", value, size) }
	for _, value := range []string{
		"", "bytes", "bytes=", "bytes=,", "bytes =0-1", "pixels=0-1", "bytes=5-2", "bytes=a-b", "bytes=-", "bytes=--1", "bytes=1", "bytes=1-2-3", "bytes=+1-2",
		"bytes=0x1-2", "bytes=1 -2", "bytes=1- 2", "bytes=0-1;2-3", "bytes=0-1,x", "bytes=5-2,0-1", "bytes=0-1,bytes=3-4", "0-1", "bytes:0-1",
		"bytes=0-0,2-2", "bytes=0-4,6-9", "bytes=0-0,-1",
		"bytes=" + strings.TrimSuffix(strings.Repeat("0-0,", mostRanges+1), ","),
	} {
		whole(value, 100)
	}
}

// rangeModel is what RFC 9110, 14.1 and 14.2, say of a Range header, spelled out byte by byte: which of them are wanted.
func rangeModel(value string, size int) (wanted []bool, verdict int) {
	unit, set, ok := strings.Cut(value, "=")
	if !ok || !strings.EqualFold(unit, "bytes") {
		return nil, rangeWhole
	}
	wanted = make([]bool, size)
	specs := 0
	for spec := range strings.SplitSeq(set, ",") {
		spec = strings.Trim(spec, " \t")
		if spec == "" {
			continue
		}
		specs++
		first, last, ok := strings.Cut(spec, "-")
		number := func(s string) *big.Int {
			if strings.Trim(s, "0123456789") != "" || s == "" {
				return nil
			}
			n, _ := new(big.Int).SetString(s, 10)
			return n
		}
		from, to := number(first), number(last)
		if !ok || from == nil && first != "" || to == nil && last != "" || from == nil && to == nil || from != nil && to != nil && from.Cmp(to) > 0 {
			return nil, rangeWhole
		}
		for i := range wanted {
			at, fromEnd := big.NewInt(int64(i)), big.NewInt(int64(size-i))
			if from == nil {
				wanted[i] = wanted[i] || fromEnd.Cmp(to) <= 0
			} else {
				wanted[i] = wanted[i] || from.Cmp(at) <= 0 && (to == nil || at.Cmp(to) <= 0)
			}
		}
	}
	changes, before := 0, false
	for _, w := range wanted {
		if w && !before {
			changes++
		}
		before = w
	}
	switch {
	case specs == 0 || specs > mostRanges || changes > 1:
		return nil, rangeWhole
	case changes == 0:
		return nil, rangeOutside
	}
	return wanted, rangePart
}

func FuzzRange(f *testing.F) {
	for _, value := range []string{"bytes=0-0", "bytes=-5,0-3", "bytes=3-,1-2", "bytes=2-1", "bytes=,", "Bytes=1-1,2-2,3-3", "bytes=-0", "bytes=99999999999999999999-"} {
		f.Add(value, uint8(10))
	}
	f.Fuzz(func(t *testing.T, value string, size uint8) {
		part, verdict := parseRange([]byte(value), int64(size))
		wanted, want := rangeModel(value, int(size))
		if want == rangeWhole && strings.Count(value, ",") > mostRanges {
			return // which of two reasons comes first is of no interest
		}
		if verdict != want {
			t.Fatalf("%q of %d: verdict %d, want %d", value, size, verdict, want)
		}
		for i, w := range wanted {
			if in := part.first <= int64(i) && int64(i) <= part.last; in != w {
				t.Fatalf("%q of %d: %v, byte %d is wrong", value, size, part, i)
			}
		}
	})
}

func TestRanges(t *testing.T) {
	s := serve(t)
	u := s.upload(encodeJPEG(t, photo(600, 400, 1)))
	for _, target := range []string{u.URL, "/download?id=" + u.ID, u.URL + ".webp", u.URL + "/resize:100.png", u.URL + "/resize:100.auto"} {
		a := s.mustGet(target)
		size, tag, date := len(a.body), a.header.Get("ETag"), a.header.Get("Last-Modified")
		if size < 500 || a.header.Get("Accept-Ranges") != "bytes" {
			t.Fatalf("%s: %d bytes, Accept-Ranges %q", target, size, a.header.Get("Accept-Ranges"))
		}
		sum := sha256.Sum256(a.body)
		digest := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
		part := func(first, last int, headers ...string) {
			t.Helper()
			b := s.do("GET", target, nil, headers...)
			if b.status != http.StatusPartialContent || !bytes.Equal(b.body, a.body[first:last+1]) {
				t.Errorf("%s with %q: %d and %d bytes, want 206 and %d", target, headers, b.status, len(b.body), last+1-first)
				return
			}
			if got, want := b.header.Get("Content-Range"), fmt.Sprintf("bytes %d-%d/%d", first, last, size); got != want {
				t.Errorf("%s with %q: Content-Range %q, want %q", target, headers, got, want)
			}
			for name := range a.header {
				switch name {
				case "Date", "X-Request-Id", "Content-Length", "Cache-Status", "Link":
				default:
					if b.header.Get(name) != a.header.Get(name) {
						t.Errorf("%s with %q: %s is %q, of the whole %q", target, headers, name, b.header.Get(name), a.header.Get(name))
					}
				}
			}
			if b.header.Get("Repr-Digest") != digest {
				t.Errorf("%s with %q: Repr-Digest %q, want %q", target, headers, b.header.Get("Repr-Digest"), digest)
			}
		}
		part(0, 0, "Range", "bytes=0-0")
		part(10, size-1, "Range", "bytes=10-")
		part(size-1, size-1, "Range", "bytes=-1")
		part(0, size-1, "Range", "bytes=0-")
		part(0, 9, "Range", "bytes=0-4,5-9")
		part(3, 7, "Range", "bytes=3-7", "If-Range", tag)
		part(3, 7, "Range", "bytes=3-7", "If-None-Match", `"a"`)
		part(3, 7, "Range", "bytes=3-7", "If-Match", tag)

		whole := func(headers ...string) {
			t.Helper()
			b := s.do("GET", target, nil, headers...)
			if b.status != http.StatusOK || !bytes.Equal(b.body, a.body) || b.header.Get("Content-Range") != "" {
				t.Errorf("%s with %q: %d and %d bytes, want all", target, headers, b.status, len(b.body))
			}
		}
		whole("Range", "bytes=5-2")
		whole("Range", "bytes=a-b")
		whole("Range", "lines=0-1")
		whole("Range", "bytes=0-1,5-9")
		whole("Range", "bytes=0-1", "Range", "bytes=2-3")
		whole("Range", "bytes=0-1", "If-Range", `"a"`)
		whole("Range", "bytes=0-1", "If-Range", "W/"+tag)
		whole("Range", "bytes=0-1", "If-Range", "Mon, 01 Jan 2001 00:00:00 GMT")
		whole("Range", "bytes=9999999-", "If-Range", `"a"`)
		if strings.HasSuffix(target, u.ID) {
			part(0, 1, "Range", "bytes=0-1", "If-Range", date)
		} else {
			whole("Range", "bytes=0-1", "If-Range", date) // other encoders make other bytes of the same date
		}

		for _, value := range []string{"bytes=-0", fmt.Sprintf("bytes=%d-", size)} {
			b := s.do("GET", target, nil, "Range", value)
			if b.status != http.StatusRequestedRangeNotSatisfiable || b.header.Get("Content-Range") != fmt.Sprintf("bytes */%d", size) || b.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s with %s: %d, %v", target, value, b.status, b.header)
			}
		}
		if b := s.do("GET", target, nil, "Range", "bytes=0-1", "If-None-Match", tag); b.status != http.StatusNotModified || b.header.Get("Content-Range") != "" || b.header.Get("Repr-Digest") != "" {
			t.Errorf("%s: a known tag with a range is answered %d, %v", target, b.status, b.header)
		}
		if b := s.do("HEAD", target, nil, "Range", "bytes=0-1"); b.status != http.StatusOK || b.header.Get("Content-Length") != fmt.Sprint(size) {
			t.Errorf("HEAD %s with a range: %d, length %s", target, b.status, b.header.Get("Content-Length"))
		}
	}
	for _, target := range []string{u.URL + "/resize:100.json", u.srcset(".auto"), "/download", "/upload-image", "/openapi.json"} {
		a := s.mustGet(target, "Range", "bytes=0-1")
		if a.header.Get("Accept-Ranges") != "" || len(a.body) < 3 {
			t.Errorf("%s: Accept-Ranges %q, %d bytes", target, a.header.Get("Accept-Ranges"), len(a.body))
		}
	}
}

// Parts of a large original are sent from the file, without reading what lies before them.
func TestRangesOfALargeOriginal(t *testing.T) {
	s := serve(t, func(o *Options) { o.MaxUploadBytes = 100 << 20 })
	data := make([]byte, 65<<20)
	for i := 0; i < len(data); i += 4099 {
		data[i] = byte(i / 4099)
	}
	copy(data, encodeJPEG(t, photo(60, 40, 1))) // what follows the end of a JPEG belongs to the file all the same
	u := s.upload(data)
	size := len(data)
	for _, part := range []struct {
		asked       string
		first, last int
	}{
		{"bytes=0-99", 0, 99},
		{"bytes=67108800-67108927", 67108800, 67108927},
		{"bytes=-100", size - 100, size - 1},
		{"bytes=1000000-", 1000000, size - 1},
	} {
		a := s.get(u.URL, "Range", part.asked)
		if a.status != http.StatusPartialContent || !bytes.Equal(a.body, data[part.first:part.last+1]) {
			t.Errorf("%s: %d and %d bytes", part.asked, a.status, len(a.body))
		}
		if got, want := a.header.Get("Content-Range"), fmt.Sprintf("bytes %d-%d/%d", part.first, part.last, size); got != want {
			t.Errorf("%s: Content-Range %q, want %q", part.asked, got, want)
		}
	}
}

func TestPrecondition(t *testing.T) {
	s := serve(t)
	u := s.upload(draws(t, "rg", "by"))
	for _, target := range conditional(u) {
		a := s.mustGet(target)
		tag, date := a.header.Get("ETag"), a.header.Get("Last-Modified")
		f := func(want int, headers ...string) {
			t.Helper()
			if b := s.do("GET", target, nil, headers...); b.status != want {
				t.Errorf("%s with %q: %d, want %d", target, headers, b.status, want)
			}
		}
		f(200, "If-Match", tag)
		f(200, "If-Match", "*")
		f(200, "If-Match", `"a", `+tag)
		f(412, "If-Match", `"a"`)
		f(412, "If-Match", "W/"+tag) // the comparison is strong
		f(304, "If-Match", tag, "If-None-Match", tag)
		f(412, "If-Match", `"a"`, "If-None-Match", tag)
		f(200, "If-Unmodified-Since", date)
		f(412, "If-Unmodified-Since", "Mon, 01 Jan 2001 00:00:00 GMT")
		f(200, "If-Unmodified-Since", "soon")
		f(200, "If-Match", tag, "If-Unmodified-Since", "Mon, 01 Jan 2001 00:00:00 GMT") // the tag counts
	}
}
