package handler

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/valyala/fasthttp"
)

// What may become of a request for an image whose address is not spelled canonically.
const (
	CanonicalLink     = "link"     // it is answered, and Link names the canonical address
	CanonicalRedirect = "redirect" // it is sent there
	CanonicalStrict   = "strict"   // it is refused
)

// What may become of a query of an image's address, which means nothing there.
const (
	QueryIgnored = "ignore"
	QueryRefused = "refuse"
)

// keepRedirect: that two spellings mean the same is true for ever.
const keepRedirect = "public, max-age=31536000"

// keepSnapped: which sizes there are may change.
const keepSnapped = "public, max-age=86400"

var (
	errSpelling     = errors.New("the address is not spelled canonically")
	errUnknownQuery = errors.New("the address of an image has no query")
)

// A spellingError is errSpelling for an address.
type spellingError struct{ canonical string }

func (e *spellingError) Error() string { return fmt.Sprintf("%v: use %s", errSpelling, e.canonical) }
func (e *spellingError) Unwrap() error { return errSpelling }

// insistOnSpelling answers requests for an image by another spelling than the canonical one, where they are to be redirected or
// refused, without asking whether there is such an image. It tells whether it has answered. An address without an extension, and one
// that ends in .auto or .json, are spellings in their own right; what is sent under them, Link and Content-Location name. What is
// signed has no other spelling.
func (h *Handler) insistOnSpelling(ctx *fasthttp.RequestCtx, a asking) (done bool, err error) {
	if h.options.Canonical == CanonicalLink || a.signed {
		return false, nil
	}
	path, canonical := string(a.path), canonicalAddress(a.route, a.target)
	if path == canonical || canonical == "" {
		return false, nil
	}
	if h.options.Canonical == CanonicalStrict {
		return false, &spellingError{canonical}
	}
	// A proxy that percent-encodes whatever passes would have the client go round in circles.
	if decoded, err := url.PathUnescape(path); err != nil || decoded == canonical {
		return false, nil
	}
	header := &ctx.Response.Header
	header.Set("Location", canonical)
	header.Set("Cache-Control", keepRedirect)
	if a.snapped {
		header.Set("Cache-Control", keepSnapped)
	}
	setImageHeaders(header)
	h.setIgnoredQuery(header)
	header.SetContentLength(0) // fasthttp tells no length of no body to HEAD
	ctx.SetStatusCode(fasthttp.StatusMovedPermanently)
	return true, nil
}

// refusesQuery tells whether the address of an image has a query that it must not have.
func (h *Handler) refusesQuery(ctx *fasthttp.RequestCtx) bool {
	return h.options.UnknownQuery == QueryRefused && queryOf(ctx) != ""
}
