// Package token knows the secrets of those who may change what a server keeps, and counts the attempts of those who guess. It
// knows no HTTP.
package token

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// MinLength is the least number of characters of a token.
const MinLength = 16

// Errors of this package never contain a token, or a part of one.
var (
	ErrShort      = fmt.Errorf("has less than %d characters", MinLength)
	ErrCharacters = errors.New("has other characters than letters, digits and -._~+/ with = at its end")
	ErrNone       = errors.New("holds no token")
)

// token68 is what may follow "Bearer" (RFC 6750, 2.1), so that every token fits into a header.
var token68 = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)

type hash [sha256.Size]byte

// A Set holds the tokens that are good now: those that were given, and those of a file, which may change. Of each it keeps the
// hash. All methods may be called concurrently.
type Set struct {
	given    []hash
	fromFile atomic.Pointer[[]hash]
}

// New returns a set of tokens that are good as long as it lives.
func New(given []string) (*Set, error) {
	hashes, err := hashAll(given)
	if err != nil {
		return nil, err
	}
	s := &Set{given: hashes}
	s.fromFile.Store(&[]hash{})
	return s, nil
}

// hashAll returns the hashes of tokens. The error names a token by its place.
func hashAll(tokens []string) ([]hash, error) {
	hashes := []hash{}
	for i, t := range tokens {
		switch {
		case len(t) < MinLength:
			return nil, fmt.Errorf("token %d %w", i+1, ErrShort)
		case !token68.MatchString(t):
			return nil, fmt.Errorf("token %d %w", i+1, ErrCharacters)
		}
		hashes = append(hashes, sha256.Sum256([]byte(t)))
	}
	return hashes, nil
}

// Len returns the number of tokens that are good now.
func (s *Set) Len() int { return len(s.given) + len(*s.fromFile.Load()) }

// Has tells whether a candidate is a token. How long it takes says nothing of the tokens: hashes are compared, all bytes of
// them, with all tokens.
func (s *Set) Has(candidate []byte) bool {
	sum := sha256.Sum256(candidate)
	found := 0
	for _, tokens := range [...][]hash{s.given, *s.fromFile.Load()} {
		for i := range tokens {
			found |= subtle.ConstantTimeCompare(sum[:], tokens[i][:])
		}
	}
	return found == 1
}

// Load takes the tokens of a file in the place of those that it had before: one in a line; empty lines and lines that begin
// with # are left out. It tells whether anything has changed. If the file cannot be used, all stays as it was.
func (s *Set) Load(path string) (changed bool, err error) {
	const most = 64 << 10 // bytes
	file, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, most))
	if err != nil {
		return false, err
	}
	var tokens []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			tokens = append(tokens, line)
		}
	}
	if len(tokens) == 0 {
		// An empty file is one that is being written, and no wish that nobody be let in.
		return false, fmt.Errorf("%s %w", path, ErrNone)
	}
	hashes, err := hashAll(tokens)
	if err != nil {
		return false, fmt.Errorf("%s: %w", path, err)
	}
	before := s.fromFile.Swap(&hashes)
	return !slices.Equal(*before, hashes), nil
}

// Follow loads the file again and again until ctx ends. It calls report when that brought other tokens, with nil, and when it
// fails in another way than before.
func (s *Set) Follow(ctx context.Context, path string, every time.Duration, report func(error)) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	last := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		changed, err := s.Load(path)
		switch {
		case err == nil:
			last = ""
			if changed {
				report(nil)
			}
		case err.Error() != last:
			last = err.Error()
			report(err)
		}
	}
}
