package remote

import (
	"encoding/hex"
	"errors"
	"strings"
)

const hexDigits = "0123456789ABCDEF"

// normalPath returns the canonical form of a path, "/" of none: percent-encoded is what may not stand for itself in a path, and what has a meaning
// there (RFC 3986, 2.2) and was encoded.
func normalPath(path string) (string, error) {
	if path == "" {
		path = "/"
	}
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' {
			encoded, ok := unhex(path[i:])
			if !ok {
				return "", errors.New("a percent sign in the path is not followed by two hexadecimal digits")
			}
			if isControl(encoded) {
				return "", errors.New("the path has a control character")
			}
			if isUnreserved(encoded) {
				b.WriteByte(encoded)
			} else {
				writeEncoded(&b, encoded)
			}
			i += 2
			continue
		}
		switch {
		case isControl(c) || c == '\\':
			return "", errors.New("the path has a control character or a backslash")
		case isPath(c):
			b.WriteByte(c)
		default:
			writeEncoded(&b, c)
		}
	}
	if climbs(b.String()) {
		return "", errors.New("the path has a segment . or .., or is encoded many times")
	}
	return b.String(), nil
}

// keyPath returns the canonical form of a path that is a name and no more: of an object in a bucket or a file. Of it only the decoded
// characters matter.
func keyPath(path string) (string, error) {
	key := strings.TrimPrefix(decode(path), "/")
	if key == "" || strings.HasSuffix(key, "/") {
		return "", errors.New("it names no object or file")
	}
	if strings.HasPrefix(key, "/") || strings.Contains(key, "//") || strings.Contains(key, `\`) {
		return "", errors.New("the name of the object or file has an empty segment or a backslash")
	}
	var b strings.Builder
	b.WriteByte('/')
	for i := range len(key) {
		if isPath(key[i]) {
			b.WriteByte(key[i])
		} else {
			writeEncoded(&b, key[i])
		}
	}
	return b.String(), nil
}

// encodeQuery percent-encodes what cannot be sent, and leaves all else as it is.
func encodeQuery(query string) (string, error) {
	var b strings.Builder
	for i := range len(query) {
		c := query[i]
		switch {
		case isControl(c):
			return "", errors.New("the query has a control character")
		case c >= 0x80 || strings.IndexByte(" \"<>\\^`{|}", c) >= 0:
			writeEncoded(&b, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}

// maxDecodings is how often a path may be encoded over.
const maxDecodings = 4

// climbs tells whether a server might read a path as one with a segment . or .., and so as one of another folder: some decode twice, some
// take a backslash for a slash, and some cut off parameters, which begin with a semicolon.
func climbs(path string) bool {
	for range maxDecodings {
		for segment := range strings.FieldsFuncSeq(path, func(r rune) bool { return r == '/' || r == '\\' }) {
			if name, _, _ := strings.Cut(segment, ";"); name == "." || name == ".." {
				return true
			}
		}
		decoded := decode(path)
		if decoded == path {
			return false
		}
		path = decoded
	}
	return true
}

// decode decodes what is percent-encoded and leaves as it is what only looks so.
func decode(text string) string {
	if !strings.Contains(text, "%") {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if c, ok := unhex(text[i:]); ok {
			b.WriteByte(c)
			i += 2
		} else {
			b.WriteByte(text[i])
		}
	}
	return b.String()
}

// unhex reads the percent-encoded byte that a text begins with.
func unhex(text string) (byte, bool) {
	if len(text) < 3 || text[0] != '%' {
		return 0, false
	}
	decoded, err := hex.DecodeString(text[1:3])
	if err != nil {
		return 0, false
	}
	return decoded[0], true
}

func writeEncoded(b *strings.Builder, c byte) {
	b.WriteByte('%')
	b.WriteByte(hexDigits[c>>4])
	b.WriteByte(hexDigits[c&15])
}

func isControl(c byte) bool { return c < 0x20 || c == 0x7f }

// isUnreserved tells whether a character means the same encoded or not, anywhere (RFC 3986, 2.3).
func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// isPath tells whether a character may stand for itself in a path (RFC 3986, 3.3: pchar and the slash).
func isPath(c byte) bool {
	return isUnreserved(c) || strings.IndexByte("!$&'()*+,;=:@/", c) >= 0
}
