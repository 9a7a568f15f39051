package handler

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/valyala/fasthttp"

	"calotype/store"
	"calotype/store/remote"
	"calotype/transform"
)

// The reasons for which an address that is well formed is not for whoever asks.
var (
	errUnsigned = errors.New("the address is not signed")
	errForged   = errors.New("the signature of the address is not valid")
	errExpired  = errors.New("the signature of the address has expired")
)

// An asking is what the address of a request for an image says.
type asking struct {
	tenant *tenant
	path   []byte // as the client wrote it, valid as long as the request
	route  string // the beginning of path, with a slash at its end
	target transform.Target
	signed bool
	// expires is when the signature ends; zero if it does not.
	expires time.Time
}

// Both routes of images and that of tags for them have the same form: a signature, if there is one, an id or a source, a chain.
const (
	downloadRoute = "/download/"
	proxyRoute    = "/proxy/"
	srcsetRoute   = "/srcset/"
)

// readAddress reads the address of a request below a route, and checks whether its tenant lets whoever knows it have the answer. It says
// in the header by what the answer varies, whatever becomes of it.
func (h *Handler) readAddress(ctx *fasthttp.RequestCtx, route string) (asking, error) {
	a := asking{tenant: h.tenantOf(ctx), path: pathOf(ctx), route: route}
	signature, rest := cutSignature(a.path[len(route):])
	target, err := parseBelow(route, rest, signature != nil)
	if target.Chain.Negotiated && route != srcsetRoute {
		ctx.Response.Header.Set("Vary", "Accept")
	}
	if err != nil {
		return asking{}, err
	}
	a.target, a.signed = target, signature != nil
	if a.expires, err = a.tenant.verify(a, signature); err != nil {
		return asking{}, err
	}
	if route != srcsetRoute && h.refusesQuery(ctx) {
		return asking{}, errUnknownQuery
	}
	return a, nil
}

// parseBelow reads what follows a route and its signature. An address of an original that lives elsewhere has an underscore where it has
// no signature; that of tags for one has it behind the signature, too, since ids stand there as well.
func parseBelow(route string, rest []byte, signed bool) (transform.Target, error) {
	first, behind, _ := bytes.Cut(rest, []byte("/"))
	elsewhere := string(first) == "_"
	switch {
	case route == srcsetRoute && elsewhere:
		rest = behind
	case route != proxyRoute:
		return transform.Parse(string(rest))
	case !signed:
		if !elsewhere {
			return transform.Target{}, fmt.Errorf("%w: /proxy/ is followed by a signature, or by _ where it needs none, and then by the address of an original", transform.ErrPath)
		}
		rest = behind
	}
	return transform.ParseProxied(string(rest))
}

// cutSignature cuts the segment of a signature, without its tilde, off what follows a route; it is nil if there is none.
func cutSignature(rest []byte) (signature, unsigned []byte) {
	rest = bytes.TrimLeft(rest, "/")
	if len(rest) == 0 || rest[0] != '~' {
		return nil, rest
	}
	signature, unsigned, _ = bytes.Cut(rest[1:], []byte("/"))
	return signature, unsigned
}

// verify checks a signature, and whether there must be one. It returns when it ends, if it does.
func (t *tenant) verify(a asking, signature []byte) (expires time.Time, err error) {
	if a.signed {
		return time.Time{}, fmt.Errorf("%w: there are no keys here", errForged)
	}
	return time.Time{}, nil
}

// A subject is the original that an address names.
type subject struct {
	store.Original
	place string       // canonical address of the original itself
	copy  *remote.Copy // of one that lives elsewhere; nil of one that was uploaded
}

// subjectOf finds the original that an address names.
func (h *Handler) subjectOf(ctx *fasthttp.RequestCtx, a asking) (subject, error) {
	if a.target.Source != "" {
		return h.elsewhere(ctx, a)
	}
	o, err := h.original(a.tenant, a.target.ID)
	if err != nil {
		return subject{}, err
	}
	return keptHere(o), nil
}

// keptHere is an original that was uploaded.
func keptHere(o store.Original) subject {
	return subject{Original: o, place: downloadRoute + o.ID.String()}
}

// address is the canonical address of the original, or of a print of it.
func (s subject) address(chain transform.Chain) string { return s.place + chain.String() }
