package store

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestParseID(t *testing.T) {
	id, _, err := newID()
	if err != nil {
		t.Fatal(err)
	}
	text := id.String()
	bare := strings.ReplaceAll(text, "-", "")
	for _, s := range []string{text, bare, strings.ToUpper(text), strings.ToUpper(bare)} {
		if got, err := ParseID(s); err != nil || got != id {
			t.Errorf("%q: got %v, %v", s, got, err)
		}
	}
	for _, s := range []string{
		"", "0", "urn:uuid:" + text, "{" + text + "}", "{" + bare + "}", " " + text, text + "\n", text[:35], text + "0", bare[:31], bare + "0",
		text[:35] + "g", bare[:31] + "-", strings.ReplaceAll(text, "-", "_"), bare + "----", "-" + text[:35], strings.Repeat("é", 18), strings.Repeat("0", 1<<20),
	} {
		if got, err := ParseID(s); !errors.Is(err, ErrBadID) || got != (ID{}) {
			t.Errorf("%.50q: got %v, %v, want ErrBadID", s, got, err)
		} else if len(err.Error()) > 500 {
			t.Errorf("an error of %d bytes", len(err.Error()))
		}
	}
}

func FuzzParseID(f *testing.F) {
	for _, s := range []string{
		"", "0193d5e8-7c1f-7abc-8def-0123456789ab", "0193D5E87C1F7ABC8DEF0123456789AB", "00000000-0000-0000-0000-000000000000",
		"{0193d5e8-7c1f-7abc-8def-0123456789ab}", "urn:uuid:0193d5e8-7c1f-7abc-8def-0123456789ab", "0193d5e8_7c1f_7abc_8def_0123456789ab",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseID(s)
		if err != nil {
			if !errors.Is(err, ErrBadID) || id != (ID{}) {
				t.Errorf("%q: got %v, %v", s, id, err)
			}
			return
		}
		text := id.String()
		if lower := strings.ToLower(s); lower != text && lower != strings.ReplaceAll(text, "-", "") {
			t.Errorf("%q was read as %s", s, text)
		}
		if again, err := ParseID(text); err != nil || again != id {
			t.Errorf("%s: got %v, %v", text, again, err)
		}
	})
}

func TestParseDigest(t *testing.T) {
	d := Digest{0xab, 1, 31: 0xff}
	if got, err := ParseDigest(d.String()); err != nil || got != d {
		t.Errorf("got %v, %v", got, err)
	}
	for _, s := range []string{"", d.String()[1:], d.String() + "0", strings.ToUpper(d.String()), strings.Repeat("g", 64), strings.Repeat("0", 1<<20)} {
		if got, err := ParseDigest(s); !errors.Is(err, ErrBadDigest) || got != (Digest{}) {
			t.Errorf("%.80q: got %v, %v, want ErrBadDigest", s, got, err)
		}
	}
}

func TestNewIDsGrow(t *testing.T) {
	start := time.Now().UTC().Truncate(time.Millisecond)
	last := ""
	for range 10_000 {
		id, created, err := newID()
		if err != nil {
			t.Fatal(err)
		}
		if id.String() <= last {
			t.Fatalf("%s after %s", id, last)
		}
		if created.Before(start) || created.After(time.Now().Add(time.Second)) || created.Location() != time.UTC || !created.Equal(created.Truncate(time.Millisecond)) {
			t.Fatalf("%s was created at %s", id, created)
		}
		last = id.String()
	}
}
