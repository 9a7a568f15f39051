package handler

import (
	"crypto/sha256"
	"encoding/base64"

	"github.com/valyala/fasthttp"

	"calotype/store"
)

// How long pages and what they are made of may be believed.
const (
	keepPage      = "private, no-cache"
	keepFixedPage = "public, no-cache"
	keepAsset     = "public, max-age=31536000, immutable"
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
	headerNoVarySearch = []byte("No-Vary-Search")

	headerSince           = []byte("If-Modified-Since")
	headerUnmodifiedSince = []byte("If-Unmodified-Since")
	headerRange           = []byte("Range")
	headerIfRange         = []byte("If-Range")
)

var (
	unitBytes     = []byte("bytes")
	allParameters = []byte("params")
)

// imageHeaders are the same for all images.
var imageHeaders = []struct{ name, value []byte }{
	{[]byte("X-Content-Type-Options"), []byte("nosniff")},
	{[]byte("Content-Security-Policy"), []byte("default-src 'none'; style-src 'unsafe-inline'; sandbox")},
	{[]byte("Cross-Origin-Resource-Policy"), []byte("cross-origin")},
	{[]byte("Access-Control-Allow-Origin"), []byte("*")},
	{[]byte("Access-Control-Expose-Headers"), []byte(exposedHeaders)},
	{[]byte("Timing-Allow-Origin"), []byte("*")},
}

func setImageHeaders(h *fasthttp.ResponseHeader) {
	for i := range imageHeaders {
		h.SetCanonical(imageHeaders[i].name, imageHeaders[i].value)
	}
}

// setIgnoredQuery tells caches that the query of an address does not matter, where that is so (No-Vary-Search).
func (h *Handler) setIgnoredQuery(header *fasthttp.ResponseHeader) {
	if h.options.UnknownQuery != QueryRefused {
		header.SetCanonical(headerNoVarySearch, allParameters)
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

// originalTag is the entity tag of the bytes as they were uploaded.
func originalTag(o store.Original) string { return tagOf("original", o.Digest.String(), o.Name) }

// canonicalLink is the Link header that names the one spelling of an address.
func canonicalLink(path string) string { return "<" + path + `>; rel="canonical"` }
