package signing

import (
	"bytes"
	"encoding/hex"
	"errors"
)

// routes are the beginnings of addresses that can be signed.
var routes = []string{"/download/", "/proxy/"}

// unsigned stands in an address of a remote image where a signature could stand.
const unsigned = "_"

// What is signed. A text begins with its domain, so that no signature of one kind is one of the other.
const (
	plainDomain   = "calotype1\n"
	boundedDomain = "calotype1-bounded\n"
)

var errEncoding = errors.New("two hexadecimal digits are missing behind a percent sign")

// cutRoute splits a path behind its route, "" if that is none whose addresses are signed.
func cutRoute(path []byte) (route string, rest []byte) {
	for _, r := range routes {
		if len(path) >= len(r) && string(path[:len(r)]) == r {
			return r, path[len(r):]
		}
	}
	return "", nil
}

// cutSegment splits a path behind its first segment that is not empty.
func cutSegment(path []byte) (segment, rest []byte) {
	for len(path) > 0 && path[0] == '/' {
		path = path[1:]
	}
	if i := bytes.IndexByte(path, '/'); i >= 0 {
		return path[:i], path[i+1:]
	}
	return path, nil
}

// plain are the bytes that stand for themselves in a segment: unreserved, sub-delimiters, and ":" and "@" (RFC 3986, 3.3).
var plain = func() (set [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@") {
		set[c] = true
	}
	return set
}()

// appendSegment appends a segment in the one spelling that is signed: percent-decoded once, and encoded again where that must be, with
// capital digits. Whatever is encoded or decoded on the way, it stays the same.
func appendSegment(dst, segment []byte) ([]byte, error) {
	const digits = "0123456789ABCDEF"
	for i := 0; i < len(segment); i++ {
		c := segment[i]
		if c == '%' {
			var decoded [1]byte
			if i+2 >= len(segment) {
				return nil, errEncoding
			}
			if _, err := hex.Decode(decoded[:], segment[i+1:i+3]); err != nil {
				return nil, errEncoding
			}
			c = decoded[0]
			i += 2
		}
		if plain[c] {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', digits[c>>4], digits[c&15])
		}
	}
	return dst, nil
}

// appendSegments appends the segments of a path without the empty ones, with a slash between two. It returns where the segment ends whose
// number, from 1, is mark; 0 if there are less.
func appendSegments(dst, path []byte, mark int) (_ []byte, marked int, err error) {
	for number := 1; ; number++ {
		var segment []byte
		segment, path = cutSegment(path)
		if len(segment) == 0 {
			return dst, marked, nil
		}
		if number > 1 {
			dst = append(dst, '/')
		}
		if dst, err = appendSegment(dst, segment); err != nil {
			return nil, 0, err
		}
		if number == mark {
			marked = len(dst)
		}
	}
}
