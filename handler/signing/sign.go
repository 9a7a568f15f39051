package signing

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// ErrPath is wrapped by errors that tell why an address cannot be signed.
var ErrPath = errors.New("only addresses below /download/ and /proxy/ can be signed")

// Terms are what a signature stands for beside the address.
type Terms struct {
	// Expires is when it ends, in seconds since 1970; 0 for never.
	Expires int64
	// Grant is what may follow the address, as in w1600s80_d3_avif-webp-jpg; "" for nothing. The number of segments is added to it.
	Grant string
}

// Sign returns a path of an image with a signature of the first key in it: /download/~k1.0.MAC/<id>/resize:320.webp. The path has no query; it may
// be percent-encoded, and is returned in the spelling that is signed. A "_" behind /proxy/ is left out. With a grant the path is the part that
// is fixed: what follows it is appended to what is returned.
func (k *Keys) Sign(path string, t Terms) (string, error) {
	if k.Len() == 0 {
		return "", ErrNone
	}
	route, rest := cutRoute([]byte(path))
	if first, behind := cutSegment(rest); route == "/proxy/" && string(first) == unsigned {
		rest = behind
	}
	segments, err := checkedSegments(rest)
	if err != nil || route == "" {
		return "", fmt.Errorf("%w, not %q: %w", ErrPath, path, err)
	}
	end := strconv.FormatInt(t.Expires, 10)
	if _, ok := parseEnd([]byte(end)); !ok {
		return "", fmt.Errorf("%w: its end is %s", ErrPath, end)
	}
	domain, suffix := plainDomain, ""
	grant := t.Grant
	if grant != "" {
		if grant, err = fixedGrant(grant, segments); err != nil {
			return "", err
		}
		domain, suffix = boundedDomain, "."+grant
	}
	key := &k.keys[0]
	text := appendHead(nil, domain, []byte(key.id), []byte(end), []byte(grant))
	m := key.compute(append(append(text, route...), strings.Join(segments, "/")...))
	code := base64.RawURLEncoding.EncodeToString(m.sum[:leastMAC])
	key.giveBack(m)
	return route + "~" + key.id + "." + end + "." + code + suffix + "/" + strings.Join(segments, "/"), nil
}

// checkedSegments returns the segments of an address in the spelling that is signed, if they can stand in one.
func checkedSegments(path []byte) (segments []string, err error) {
	if bytes.ContainsAny(path, "?#") {
		return nil, errors.New("a query is no part of it")
	}
	for {
		var segment []byte
		if segment, path = cutSegment(path); len(segment) == 0 {
			break
		}
		normal, err := appendSegment(nil, segment)
		if err != nil {
			return nil, err
		}
		if decoded, err := url.PathUnescape(string(normal)); err != nil || !utf8.ValidString(decoded) {
			return nil, errors.New("what is percent-encoded must be UTF-8")
		}
		segments = append(segments, string(normal))
	}
	if len(segments) == 0 {
		return nil, errors.New("it names no image")
	}
	if isSignature([]byte(segments[0])) {
		return nil, errors.New("it is signed already")
	}
	for _, s := range segments {
		if s == "." || s == ".." {
			return nil, errors.New("browsers and proxies take dot segments out")
		}
	}
	return segments, nil
}

// fixedGrant adds to a grant how many segments are fixed.
func fixedGrant(text string, segments []string) (string, error) {
	text += "_n" + strconv.Itoa(len(segments))
	if _, ok := parseGrant([]byte(text)); !ok {
		return "", errGrant
	}
	last := segments[len(segments)-1]
	if extensionOf([]byte(last)) < len(last) {
		return "", fmt.Errorf("%w: an extension can only stand at the end, behind what is granted", ErrPath)
	}
	return text, nil
}

// Expiry returns the end of a signature that is to be good for a time, at the least: in whole days, hours or minutes, the longest of these that is
// not longer than the time. So the addresses of a page stay the same for a while, and are found in caches.
func Expiry(now time.Time, life time.Duration) int64 {
	grid := int64(60)
	for _, g := range []int64{24 * 60 * 60, 60 * 60} {
		if life >= time.Duration(g)*time.Second {
			grid = g
			break
		}
	}
	end := now.Add(life).Unix()
	return (end + grid - 1) / grid * grid
}
