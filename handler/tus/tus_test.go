package tus

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestParseMetadata(t *testing.T) {
	good := func(text string, want Metadata) {
		t.Helper()
		if got, err := ParseMetadata(text); err != nil || !maps.Equal(got, want) {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
	bad := func(text string) {
		t.Helper()
		if got, err := ParseMetadata(text); !errors.Is(err, ErrHeader) {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
	good("", Metadata{})
	good(" ", Metadata{})
	good("filename Y2F0LmpwZw==", Metadata{"filename": "cat.jpg"})
	good("filename Y2F0LmpwZw==,is_confidential", Metadata{"filename": "cat.jpg", "is_confidential": ""})
	good("a , b ,c", Metadata{"a": "", "b": "", "c": ""}) // clients write an empty value in either way
	good("name 5YaZ55yf", Metadata{"name": "写真"})
	bad("filename cat.jpg")
	bad("filename Y2F0LmpwZw== extra")
	bad("filename Y2F0LmpwZw")
	bad(",")
	bad("a,")
	bad("a,a")
	bad("ä YQ==")
	bad("a\x00 YQ==")
	bad("a " + strings.Repeat("AAAA", MaxMetadata/4))
}

func TestMetadataNamesTheFile(t *testing.T) {
	for want, m := range map[string]Metadata{
		"a": {"filename": "a", "name": "b"}, "b": {"name": "b"}, "c": {"filename": "", "name": "c"}, "": {"filetype": "image/png"},
	} {
		if got := m.FileName(); got != want {
			t.Errorf("%v is called %q", m, got)
		}
		if again, err := ParseMetadata(m.String()); err != nil || !maps.Equal(again, m) {
			t.Errorf("%v is written %q, and read %v, %v", m, m.String(), again, err)
		}
	}
}

func TestParseNumber(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "007": 7, "10737418240": 10 << 30, "9223372036854775807": 1<<63 - 1} {
		if got, err := ParseNumber(HeaderLength, text); err != nil || got != want {
			t.Errorf("%q is %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "-1", "+1", " 1", "1 ", "1e3", "0x10", "1.0", "1,2", "9223372036854775808", "99999999999999999999", "١"} {
		if got, err := ParseNumber(HeaderLength, text); !errors.Is(err, ErrHeader) {
			t.Errorf("%q is %d, %v", text, got, err)
		}
	}
}

func TestParseConcatenation(t *testing.T) {
	good := func(text string, partial bool, final ...string) {
		t.Helper()
		if got, err := ParseConcatenation(text); err != nil || got.Partial != partial || !slices.Equal(got.Final, final) {
			t.Errorf("%q is %+v, %v", text, got, err)
		}
	}
	good("", false)
	good("partial", true)
	good("final;/files/a", false, "/files/a")
	good("final;/files/a /files/b", false, "/files/a", "/files/b")
	good("final; https://example.org/files/a  /files/b ", false, "https://example.org/files/a", "/files/b")
	for _, text := range []string{"final", "final;", "final; ", "Partial", "partial;", "first", "final;" + strings.Repeat("/files/a ", MaxParts+1)} {
		if got, err := ParseConcatenation(text); !errors.Is(err, ErrHeader) {
			t.Errorf("%q is %+v, %v", text, got, err)
		}
	}
	for address, want := range map[string]string{"/files/a": "a", "https://example.org/files/a": "a", "a": "a", "/files/a?token=x/y": "a", "/files/": "", "": ""} {
		if got := FileID(address); got != want {
			t.Errorf("the id in %q is %q", address, got)
		}
	}
}

func TestParseChecksum(t *testing.T) {
	data := []byte("negative")
	sha, one, five := sha256.Sum256(data), sha1.Sum(data), md5.Sum(data)
	for algorithm, sum := range map[string][]byte{"sha256": sha[:], "sha1": one[:], "md5": five[:], "crc32": {0x2f, 0x88, 0xe3, 0x7e}} {
		c, err := ParseChecksum(algorithm + " " + base64.StdEncoding.EncodeToString(sum))
		if err != nil {
			t.Errorf("%s: %v", algorithm, err)
			continue
		}
		h := c.Hash()
		h.Write(data)
		if got := h.Sum(nil); !slices.Equal(got, sum) || !slices.Equal(c.Want, sum) {
			t.Errorf("%s makes %x, want %x", algorithm, got, sum)
		}
		if !slices.Contains(strings.Split(Algorithms(), ","), algorithm) {
			t.Errorf("%s is not listed in %s", algorithm, Algorithms())
		}
	}
	if c, err := ParseChecksum(""); err != nil || c.Hash() != nil {
		t.Errorf("none is %+v, %v", c, err)
	}
	for text, want := range map[string]error{
		"sha3 AAAA": ErrAlgorithm, "SHA1 AAAA": ErrAlgorithm, " sha1": ErrAlgorithm, "sha1": ErrHeader, "sha1 ": ErrHeader, "sha1 !": ErrHeader,
		"sha1 AAAA": ErrHeader, "md5 " + base64.StdEncoding.EncodeToString(one[:]): ErrHeader,
	} {
		if c, err := ParseChecksum(text); !errors.Is(err, want) {
			t.Errorf("%q is %+v, %v", text, c, err)
		}
	}
}

// Whatever a client sends in the headers, what is taken of it is within bounds, and written it is read as the same.
func FuzzHeaders(f *testing.F) {
	f.Add("filename Y2F0LmpwZw==,is_confidential", "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", "final;/files/a /files/b", "100")
	f.Add("", "", "partial", "0")
	f.Add("name", "crc32 AAAAAA==", "", "9223372036854775807")
	f.Fuzz(func(t *testing.T, metadata, checksum, concatenation, number string) {
		if m, err := ParseMetadata(metadata); err == nil {
			if again, err := ParseMetadata(m.String()); len(m.String()) <= MaxMetadata && (err != nil || !maps.Equal(again, m)) {
				t.Errorf("metadata %q is %v, and read again %v, %v", metadata, m, again, err)
			}
			for key := range m {
				if !isKey(key) {
					t.Errorf("metadata %q has the key %q", metadata, key)
				}
			}
		} else if !errors.Is(err, ErrHeader) {
			t.Error(err)
		}
		if c, err := ParseChecksum(checksum); err == nil {
			if h := c.Hash(); checksum != "" && len(c.Want) != h.Size() {
				t.Errorf("checksum %q is %+v", checksum, c)
			}
		} else if !errors.Is(err, ErrHeader) && !errors.Is(err, ErrAlgorithm) {
			t.Error(err)
		}
		if c, err := ParseConcatenation(concatenation); err == nil {
			if len(c.Final) > MaxParts || c.Partial && c.Final != nil {
				t.Errorf("concatenation %q is %+v", concatenation, c)
			}
		} else if !errors.Is(err, ErrHeader) {
			t.Error(err)
		}
		if n, err := ParseNumber(HeaderOffset, number); err == nil {
			if again, err := ParseNumber(HeaderOffset, fmt.Sprint(n)); n < 0 || again != n || err != nil {
				t.Errorf("number %q is %d", number, n)
			}
		} else if !errors.Is(err, ErrHeader) {
			t.Error(err)
		}
	})
}
