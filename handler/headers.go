package handler

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/valyala/fasthttp"

	"calotype/store"
	"calotype/transform"
)

// How long answers may be believed, by class. Prints and originals never change under their address; browsers are asked
// to come back after a month all the same, since a CDN can be purged and a browser cannot.
const (
	keepImage       = "public, max-age=2592000, s-maxage=31536000, immutable, stale-while-revalidate=86400, stale-if-error=2592000"
	keepByQuery     = "private, max-age=86400" // some CDNs leave the query out of their keys
	keepDescription = "public, max-age=3600"
	keepPage        = "private, no-cache"
	keepAsset       = "public, max-age=31536000, immutable"
)

// headerVersion is part of every entity tag: caches keep the headers of a stored answer when they revalidate it, so that
// a change of the headers below must make the tag another.
const headerVersion = "2"

var (
	headerCacheControl = []byte("Cache-Control")
	headerETag         = []byte("ETag")
	headerLink         = []byte("Link")
	headerCacheStatus  = []byte("Cache-Status")
	headerLastModified = []byte("Last-Modified")
	headerDisposition  = []byte("Content-Disposition")
	headerDigest       = []byte("Repr-Digest")
	headerAcceptRanges = []byte("Accept-Ranges")
	headerContentRange = []byte("Content-Range")
	headerRequestID    = []byte("X-Request-Id")
	headerTiming       = []byte("Server-Timing")

	headerSince           = []byte("If-Modified-Since")
	headerUnmodifiedSince = []byte("If-Unmodified-Since")
	headerRange           = []byte("Range")
	headerIfRange         = []byte("If-Range")
)

var (
	keepImageBytes = []byte(keepImage)
	unitBytes      = []byte("bytes")
)

// imageHeaders are the same for all images.
var imageHeaders = []struct{ name, value []byte }{
	{[]byte("X-Content-Type-Options"), []byte("nosniff")},
	{[]byte("Content-Security-Policy"), []byte("default-src 'none'; style-src 'unsafe-inline'; sandbox")},
	{[]byte("Cross-Origin-Resource-Policy"), []byte("cross-origin")},
	{[]byte("Access-Control-Allow-Origin"), []byte("*")},
	{[]byte("Access-Control-Expose-Headers"), []byte("ETag, Content-Length, Content-Range, Content-Disposition, Link, Cache-Status, Repr-Digest, Server-Timing, X-Request-Id")},
	{[]byte("Timing-Allow-Origin"), []byte("*")},
}

func setImageHeaders(h *fasthttp.ResponseHeader) {
	for i := range imageHeaders {
		h.SetCanonical(imageHeaders[i].name, imageHeaders[i].value)
	}
}

// digestOf is the Repr-Digest (RFC 9530) of what has this SHA-256.
func digestOf(sum [sha256.Size]byte) string {
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

// tagOf makes a strong entity tag of what bytes depend on.
func tagOf(inputs ...string) string {
	hash := sha256.New()
	for _, s := range inputs {
		hash.Write([]byte(s))
		hash.Write([]byte{0})
	}
	return `"` + base64.RawURLEncoding.EncodeToString(hash.Sum(nil))[:22] + "-" + headerVersion + `"`
}

// disposition names the file that an image is saved as: the stem of the uploader's name, or the id, with the extension of
// the format that is sent. The plain name is ASCII, the other one UTF-8 (RFC 6266, RFC 8187).
func disposition(kind string, o store.Original, f *transform.Format) string {
	stem := o.Name
	if i := strings.LastIndexByte(stem, '.'); i > 0 {
		stem = stem[:i]
	}
	if stem == "" {
		stem = o.ID.String()
	}
	extension := "." + f.Extension
	var ascii, encoded strings.Builder
	plain := true
	for _, r := range stem {
		if r < ' ' || r > '~' || strings.ContainsRune(`"\/:%;`, r) {
			plain = false
			ascii.WriteByte('_')
		} else {
			ascii.WriteRune(r)
		}
		for _, b := range []byte(string(r)) {
			if isAttrChar(b) {
				encoded.WriteByte(b)
			} else {
				const digits = "0123456789ABCDEF"
				encoded.Write([]byte{'%', digits[b>>4], digits[b&15]})
			}
		}
	}
	value := kind + `; filename="` + ascii.String() + extension + `"`
	if !plain {
		value += "; filename*=UTF-8''" + encoded.String() + extension
	}
	return value
}

// isAttrChar tells whether a byte stands for itself in an extended parameter (RFC 8187, attr-char).
func isAttrChar(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || strings.IndexByte("!#$&+-.^_`|~", b) >= 0
}

// canonicalLink is the Link header that names the one spelling of an address.
func canonicalLink(path string) string { return "<" + path + `>; rel="canonical"` }
