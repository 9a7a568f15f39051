package handler

import (
	"bytes"
	"fmt"
	"time"

	"github.com/valyala/fasthttp"

	"calotype/handler/signing"
	"calotype/store"
	"calotype/store/remote"
	"calotype/transform"
)

// An asking is what the address of a request for an image says.
type asking struct {
	tenant  *tenant
	path    []byte           // as the client wrote it, valid as long as the request
	route   string           // the beginning of path, with a slash at its end
	target  transform.Target // as its tenant serves it
	snapped bool             // some of its sizes are others than those in the path
	chain   transform.Chain  // of the target, with its presets written out
	uses    []transform.Use  // the presets in it, as they are in presets

	presets *transform.Presets // of the tenant at that time
	signed  bool
	// expires is when the signature ends; zero if it does not.
	expires time.Time
}

// Both routes of images and that of tags for them have the same form: a signature, if there is one, an id or a source, a chain.
const (
	downloadRoute = "/download/"
	proxyRoute    = "/proxy/"
	srcsetRoute   = "/srcset/"
)

// readAddress reads the address of a request for an image below a route, and checks whether its tenant lets whoever knows it have the
// answer. It says in the header by what the answer varies, whatever becomes of it.
func (h *Handler) readAddress(ctx *fasthttp.RequestCtx, route string) (asking, error) {
	rest, signed := signing.Cut(pathOf(ctx))
	a, err := h.readBelow(ctx, route, rest, signed)
	if a.target.Chain.Negotiated || a.chain.Negotiated {
		ctx.Response.Header.Set("Vary", "Accept")
	}
	if err == nil && h.refusesQuery(ctx) {
		err = errUnknownQuery
	}
	return a, err
}

// readBelow reads what follows a route and its signature in the path of a request, and checks the signature. Beside an error it returns
// as much as was understood.
func (h *Handler) readBelow(ctx *fasthttp.RequestCtx, route string, rest []byte, signed bool) (asking, error) {
	a := asking{tenant: h.tenantOf(ctx), path: pathOf(ctx), route: route, signed: signed}
	asked, err := parseBelow(route, rest, signed)
	a.target = asked
	var refused error
	if a.expires, refused = a.verify(); refused != nil {
		return a, refused
	}
	if err != nil {
		return a, err
	}
	if a.target.Chain, err = a.tenant.Policy.Apply(asked.Chain); err != nil {
		return a, err
	}
	a.snapped = !a.target.Chain.Equal(&asked.Chain)
	a.presets = a.tenant.presets.Current()
	a.chain, a.uses, err = a.target.Chain.Expand(a.presets)
	return a, err
}

// sentAs is the chain by which an answer in a format is asked for without negotiation and description, with its presets.
func (a asking) sentAs(f *transform.Format) transform.Chain {
	c := a.target.Chain.Sent()
	c.Negotiated = a.chain.Negotiated
	return c.In(f)
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

// modified is the date of what is made of the original. What lives elsewhere has none: it can be replaced by what is older, so that a later
// date of a client's copy would not tell that it is the same.
func (s subject) modified() []byte {
	if s.copy != nil {
		return nil
	}
	return fasthttp.AppendHTTPDate(nil, s.Created)
}

// setModified sets the date of an answer, if it has one.
func setModified(header *fasthttp.ResponseHeader, modified []byte) {
	if modified != nil {
		header.SetCanonical(headerLastModified, modified)
	}
}
