package signing

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"time"
)

// The ways in which a signature can fail. Each is wrapped by what is returned.
var (
	ErrMissing   = errors.New("the address must be signed")
	ErrSignature = errors.New("the signature does not fit the address")
	ErrOutside   = errors.New("the address asks for more than its signature grants")
	ErrExpired   = errors.New("the address was good for a time that is over")
)

// What is the matter with a signature, in so far as it helps those who sign and not those who guess.
var (
	errForm       = fmt.Errorf("%w: it is written as ~key.end.code", ErrSignature)
	errUnknownKey = fmt.Errorf("%w: the server has no key of this name", ErrSignature)
)

// leastMAC is how much of a MAC must be there, in bytes: half of it (RFC 2104, 5).
const leastMAC = sha256.Size / 2

// A Permit is what a good signature stands for.
type Permit struct {
	// Path is the address without the signature: a route and segments, each percent-decoded once and encoded again where it must be, and
	// none of them empty. It is a part of the room that was given to Verify.
	Path []byte
	// Expires is when the signature ends, in seconds since 1970; 0 if it does not.
	Expires int64
}

// Signed tells whether a path has a signature, good or bad: a segment behind the route that begins with a tilde. It reads a few bytes.
func Signed(path []byte) bool {
	_, signed := Cut(path)
	return signed
}

// Cut returns what stands behind the route of a path and its signature, if it has one, good or bad.
func Cut(path []byte) (rest []byte, signed bool) {
	_, rest = cutRoute(path)
	if segment, behind := cutSegment(rest); isSignature(segment) {
		return behind, true
	}
	return rest, false
}

// End returns when the signature of a path ends that was found good before, in seconds since 1970; 0 if it does not. It looks at nothing else.
func End(path []byte) int64 {
	var room [160]byte
	_, rest := cutRoute(path)
	segment, _ := cutSegment(rest)
	text, err := appendSegment(room[:0], segment)
	if err != nil {
		return 0
	}
	_, text, _ = bytes.Cut(text, []byte("."))
	end, _, _ := bytes.Cut(text, []byte("."))
	seconds, _ := parseEnd(end)
	return seconds
}

// isSignature tells whether a segment begins with a tilde, which older libraries encode.
func isSignature(segment []byte) bool {
	return len(segment) > 0 && segment[0] == '~' || len(segment) > 2 && segment[0] == '%' && segment[1] == '7' && segment[2]|0x20 == 'e'
}

// A signature is the segment of one, cut into its parts.
type signature struct {
	key, end, grant []byte
	expires         int64
	mac             [sha256.Size]byte
	size            int // bytes of mac that are there
}

// Verify looks at the signature in a path as it stands in a request line, without a query. It returns what the signature stands for, or an
// error that wraps ErrMissing, ErrSignature, ErrOutside or ErrExpired; the latter two only if it is genuine. What is in room is overwritten: with
// enough of it, nothing is allocated.
func (k *Keys) Verify(room, path []byte, now time.Time) (Permit, error) {
	route, rest := cutRoute(path)
	segment, rest := cutSegment(rest)
	if !isSignature(segment) {
		return Permit{}, ErrMissing
	}
	room, err := appendSegment(room[:0], segment)
	if err != nil {
		return Permit{}, errForm
	}
	s, ok := parseSignature(room)
	if !ok {
		return Permit{}, errForm
	}
	key := k.find(s.key)
	if key == nil {
		return Permit{}, errUnknownKey
	}
	var g grant
	domain := plainDomain
	if s.grant != nil {
		domain = boundedDomain
		if g, ok = parseGrant(s.grant); !ok {
			return Permit{}, errForm
		}
	}
	text := appendHead(room, domain, s.key, s.end, s.grant)
	head := len(text)
	text, fixed, err := appendSegments(append(text, route...), rest, g.fixed)
	if err != nil {
		return Permit{}, ErrSignature
	}
	signed := text
	if s.grant != nil {
		signed = text[:g.cut(text, fixed)]
	}
	m := key.compute(signed[len(room):])
	good := subtle.ConstantTimeCompare(m.sum[:s.size], s.mac[:s.size]) == 1
	key.giveBack(m)
	switch {
	case !good:
		return Permit{}, ErrSignature
	case s.expires > 0 && now.Unix() >= s.expires:
		return Permit{}, ErrExpired
	case s.grant != nil && !g.allows(text[len(signed):]):
		return Permit{}, fmt.Errorf("%w: %s", ErrOutside, s.grant)
	}
	return Permit{Path: text[head:], Expires: s.expires}, nil
}

// parseSignature reads ~key.end.mac or ~key.end.mac.grant, which may hold unreserved characters only.
func parseSignature(text []byte) (s signature, ok bool) {
	var encoded []byte
	var found bool
	s.key, text, _ = bytes.Cut(text[1:], []byte("."))
	s.end, text, _ = bytes.Cut(text, []byte("."))
	encoded, s.grant, found = bytes.Cut(text, []byte("."))
	if !found {
		s.grant = nil
	} else if s.grant == nil {
		s.grant = []byte{}
	}
	if s.expires, ok = parseEnd(s.end); !ok {
		return s, false
	}
	if least, most := base64.RawURLEncoding.EncodedLen(leastMAC), base64.RawURLEncoding.EncodedLen(sha256.Size); len(encoded) < least || len(encoded) > most {
		return s, false
	}
	var err error
	// Strict, so that no two codes are the same.
	s.size, err = base64.RawURLEncoding.Strict().Decode(s.mac[:], encoded)
	return s, err == nil && s.size >= leastMAC
}

// parseEnd reads seconds since 1970 without leading zeros; 0 is no end.
func parseEnd(text []byte) (seconds int64, ok bool) {
	const most = 12 // digits
	if len(text) == 0 || len(text) > most || text[0] == '0' && len(text) > 1 {
		return 0, false
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		seconds = 10*seconds + int64(c-'0')
	}
	return seconds, true
}

// appendHead appends what is signed beside the address itself.
func appendHead(dst []byte, domain string, key, end, grant []byte) []byte {
	dst = append(append(append(append(append(dst, domain...), key...), '\n'), end...), '\n')
	if domain == boundedDomain {
		dst = append(append(dst, grant...), '\n')
	}
	return dst
}

// cut returns where that part of a text ends which is signed; fixed is the end of its last segment, 0 if it has too few.
func (g *grant) cut(text []byte, fixed int) int {
	switch {
	case fixed == 0:
		return len(text) // more is signed than is there, so that it is not good
	case fixed < len(text) || len(g.formats) == 0 || g.width > 0:
		return fixed
	}
	last := bytes.LastIndexByte(text, '/') + 1
	return last + extensionOf(text[last:])
}
