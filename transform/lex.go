package transform

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits of the grammar.
const (
	MaxPath      = 4096 // bytes of a whole request target
	maxSegments  = 40
	maxCalls     = 32
	maxArguments = 16
)

// A segment is one part of a path between slashes, percent-decoded once.
type segment struct {
	text   string
	index  int // place among the segments that are not empty
	offset int // place of the first byte in the raw path
}

func (s segment) fail(expected string) *SyntaxError {
	return &SyntaxError{Segment: s.index, Offset: s.offset, Expected: expected, Got: s.text}
}

// split cuts a raw path, as it stands in a request line, into its segments. Empty segments are dropped, since proxies
// merge and add slashes. It appends to dst. Where it is proxied, the first segment may have slashes, percent-encoded.
func split(dst []segment, raw string, proxied bool) ([]segment, error) {
	if len(raw) > MaxPath {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are taken", ErrTooLong, len(raw), MaxPath)
	}
	for offset := 0; offset <= len(raw); {
		end := strings.IndexByte(raw[offset:], '/')
		if end < 0 {
			end = len(raw)
		} else {
			end += offset
		}
		if end > offset {
			s := segment{index: len(dst), offset: offset}
			text, err := decode(raw[offset:end])
			if err != nil {
				s.text = raw[offset:end]
				err := s.fail(err.Error())
				return nil, err
			}
			s.text = text
			switch {
			case text == "." || text == "..":
				return nil, s.fail("must not be a dot segment")
			case strings.IndexByte(text, '/') >= 0 && (!proxied || s.index > 0):
				return nil, fmt.Errorf("%w: a slash hidden as %%2F", ErrPath)
			case len(dst) == maxSegments:
				return nil, s.fail(fmt.Sprintf("is one segment too many: at most %d are taken", maxSegments))
			}
			dst = append(dst, s)
		}
		offset = end + 1
	}
	return dst, nil
}

type lexError string

func (e lexError) Error() string { return string(e) }

// decode undoes percent-encoding once and refuses what no URL path may hold.
func decode(s string) (string, error) {
	const forbidden = lexError("must hold only printable ASCII without spaces and backslashes, the rest percent-encoded as UTF-8")
	encoded := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c <= ' ' || c >= 0x7f || c == '\\':
			return "", forbidden
		case c == '%':
			if i+2 >= len(s) || unhex(s[i+1]) < 0 || unhex(s[i+2]) < 0 {
				return "", lexError("must have two hexadecimal digits after each percent sign")
			}
			encoded = true
		}
	}
	if !encoded {
		return s, nil
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' {
			c = byte(unhex(s[i+1])<<4 | unhex(s[i+2]))
			i += 2
		}
		if c < ' ' || c == 0x7f || c == '\\' {
			return "", forbidden
		}
		b = append(b, c)
	}
	if !utf8.Valid(b) {
		return "", forbidden
	}
	return string(b), nil
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// cutExtension splits the extension off the last segment of a path: what stands after the last dot, if it begins with a
// letter. Nothing else in the grammar has a dot before a letter, so blur:1.5 has no extension and blur:1.5.png has one.
func cutExtension(s string) (rest, extension string, found bool) {
	i := strings.LastIndexByte(s, '.')
	if i < 0 || i+1 == len(s) || !isLetter(s[i+1]) {
		return s, "", false
	}
	return s[:i], strings.ToLower(s[i+1:]), true
}
