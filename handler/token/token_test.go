package token

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const first, second, third = "a-first-token-of-32-characters.~", "SECOND/token+of=", "0123456789abcdef"

func set(t *testing.T, tokens ...string) *Set {
	t.Helper()
	s, err := New(tokens)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestHas(t *testing.T) {
	s := set(t, first, third, first)
	for candidate, want := range map[string]bool{
		first: true, third: true, "": false, first[:31]: false, first + "x": false, strings.ToUpper(first): false, "0123456789abcdeg": false,
		first + third: false, first + "," + third: false, strings.Repeat("x", 1<<20): false,
	} {
		if s.Has([]byte(candidate)) != want {
			t.Errorf("%.40q: %v, want %v", candidate, !want, want)
		}
	}
	if none := set(t); none.Has(nil) || none.Has([]byte(first)) || none.Len() != 0 {
		t.Error("an empty set has a token")
	}
}

func TestTokensThatAreNone(t *testing.T) {
	f := func(token string, want error) {
		t.Helper()
		_, err := New([]string{first, token})
		if !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", token, err, want)
		}
		if err != nil && (!strings.HasPrefix(err.Error(), "token 2 ") || token != "" && strings.Contains(err.Error(), token)) {
			t.Errorf("%q is told of as %q", token, err)
		}
	}
	f("", ErrShort)
	f("fifteen-letters", ErrShort)
	f("sixteen-letters!", ErrCharacters)
	f("words with spaces between", ErrCharacters)
	f("one-token,another-one", ErrCharacters)
	f("schlüsselschlüssel", ErrCharacters)
	f("equal=signs=between", ErrCharacters)
	f("================", ErrCharacters)
	f("line-break-at-the-end\n", ErrCharacters)
	f(second, nil)
	f("c29tZSBiYXNlNjQgaGVyZQ==", nil)
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := set(t, first)
	want := func(what string, changed bool, wrong error, good ...string) {
		t.Helper()
		got, err := s.Load(path)
		if got != changed || !errors.Is(err, wrong) {
			t.Errorf("%s: %v, %v; want %v, %v", what, got, err, changed, wrong)
		}
		if err != nil && strings.Contains(err.Error(), third[:8]) {
			t.Errorf("%s: the error says %v", what, err)
		}
		if s.Len() != 1+len(good) || !s.Has([]byte(first)) {
			t.Errorf("%s: %d tokens", what, s.Len())
		}
		for _, token := range good {
			if !s.Has([]byte(token)) {
				t.Errorf("%s: %q is not good", what, token)
			}
		}
	}
	const other = "another-token-of-the-file"
	want("no file", false, fs.ErrNotExist)
	write("# keys\n\n  " + third + "\r\n")
	want("one", true, nil, third)
	want("the same", false, nil, third)
	write(third + "\n" + other)
	want("two", true, nil, third, other)
	write("")
	want("empty", false, ErrNone, third, other)
	write("# nothing\n")
	want("a comment", false, ErrNone, third, other)
	write(other + "\n" + third[:12] + "\n")
	want("too short", false, ErrShort, third, other)
	write(other + "\n")
	want("the first is no more", true, nil, other)
	if s.Has([]byte(third)) {
		t.Error("a token that is no longer in the file is good")
	}
}

func TestFollow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	s := set(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var mutex sync.Mutex
		var reports []error
		go s.Follow(ctx, path, time.Second, func(err error) {
			mutex.Lock()
			defer mutex.Unlock()
			reports = append(reports, err)
		})
		f := func(want int, last error) {
			t.Helper()
			time.Sleep(5 * time.Second)
			mutex.Lock()
			defer mutex.Unlock()
			if len(reports) != want || !errors.Is(reports[want-1], last) {
				t.Errorf("reports: %v", reports)
			}
		}
		f(1, fs.ErrNotExist) // said once, not at every turn
		// At once, since it may be read just now.
		if err := errors.Join(os.WriteFile(path+".new", []byte(third), 0o600), os.Rename(path+".new", path)); err != nil {
			t.Fatal(err)
		}
		f(2, nil)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		f(3, fs.ErrNotExist)
		if !s.Has([]byte(third)) {
			t.Error("the token was taken back with the file")
		}
	})
}

func TestAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := NewAttempts(3, time.Minute)
		allowed := func(client string, want bool) {
			t.Helper()
			err := a.Allow(client)
			if (err == nil) != want {
				t.Errorf("%q: %v", client, err)
			}
			var exceeded *Exceeded
			if err != nil && (!errors.As(err, &exceeded) || exceeded.Retry <= 0 || exceeded.Retry > time.Minute || !errors.Is(err, ErrAttempts)) {
				t.Errorf("%q: %#v", client, err)
			}
		}
		for range 3 {
			allowed("a", true)
			a.Count("a")
			a.Count("")
		}
		time.Sleep(59 * time.Second)
		allowed("a", false)
		allowed("b", true)
		a.Count("")
		allowed("", true)
		time.Sleep(time.Second)
		allowed("a", true)
		if a.Total() != 7 {
			t.Errorf("%d in all", a.Total())
		}
	})
}

func TestAttemptsAreBounded(t *testing.T) {
	a := NewAttempts(1, time.Hour)
	for i := range 3 * maxClients {
		a.Count(strings.Repeat("x", i%100) + string(rune(i)))
		if len(a.wrong) > maxClients {
			t.Fatalf("%d clients are remembered", len(a.wrong))
		}
	}
}
