package handler

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"time"

	"github.com/valyala/fasthttp"

	"calotype/cache"
	"calotype/cache/disk"
	"calotype/store"
	"calotype/store/remote"
	"calotype/transform"
)

// printed is a print as the cache keeps it, with the headers that tell of it. It is shared and never changed.
type printed struct {
	rendition   *transform.Rendition
	original    string       // digest
	key         string       // under which it is kept
	path        string       // canonical address
	keep        *class       // how long it may be believed
	copy        *remote.Copy // of the original, if that lives elsewhere: it says how long
	tag         []byte
	link        []byte
	mediaType   []byte
	disposition []byte
	modified    []byte
	digest      []byte   // Repr-Digest
	tags        [][]byte // cache tags, for each of the handler's headers
	created     time.Time
	onDisk      disk.Name // where it is kept there, if it is
	fromDisk    bool      // it was not made by this process
}

// size is what the print costs the cache.
func (p *printed) size() int64 {
	const fields = 512 // the structs, and the allocator's rounding
	n := len(p.rendition.Body) + len(p.key) + len(p.path) + len(p.link) + len(p.disposition)
	for _, tags := range p.tags {
		n += len(tags)
	}
	return int64(n) + fields
}

// download serves /download/{id}, /download/{id}.{ext} and /download/{id}/{chain}.{ext}.
func (h *Handler) download(ctx *fasthttp.RequestCtx) error {
	a, err := h.readAddress(ctx, downloadRoute)
	if err != nil {
		return err
	}
	return h.sendImage(ctx, a)
}

// sendImage answers a request for an original or a print.
func (h *Handler) sendImage(ctx *fasthttp.RequestCtx, a asking) error {
	if done, err := h.insistOnSpelling(ctx, a); done || err != nil {
		return err
	}
	s, err := h.subjectOf(ctx, a)
	if err != nil {
		return err
	}
	asked := a.chain
	if asked.IsOriginal() {
		return h.sendOriginal(ctx, s, a)
	}
	accept := ""
	if asked.Negotiated {
		accept = joined(ctx, "Accept")
	}
	chain := h.engine.Settle(asked, seen(s.Original), accept)
	wanted, err := h.newOrder(ctx, a.tenant, s, chain)
	if err != nil {
		return err
	}
	sending := h.deliveryOf(a, wanted)
	p := wanted.print.under(sending)
	header := &ctx.Response.Header
	if asked.Negotiated {
		header.Set("Content-Location", p.path)
	}
	if asked.Described {
		return h.sendDescription(ctx, a, wanted, chain, p.path)
	}
	if asked.Negotiated {
		defer linkNegotiated(header, a, s.address(a.target.Chain))
	}
	// A client that has the print already is not made to wait for it.
	if done, err := h.sendNotModified(ctx, p, a.terms(s)); done || err != nil {
		return err
	}
	p, outcome, err := h.loadPrint(ctx, wanted)
	if err != nil {
		return err
	}
	if !asked.Negotiated && h.mayRemember(s) {
		h.remember(a, p, sending)
	}
	return h.writePrint(ctx, p.under(sending), a.terms(s), cacheStatus(p, outcome, !wanted.isPrivate() && h.prints.Fits(p.key, p)))
}

// linkNegotiated names the canonical spelling of a negotiated address, if it was another. What was sent stands in
// Content-Location: it is one of several answers to the address, and no other name of it.
func linkNegotiated(header *fasthttp.ResponseHeader, a asking, canonical string) {
	header.DelBytes(headerLink)
	if !a.signed && string(a.path) != canonical {
		header.Set("Link", canonicalLink(canonical))
	}
}

// describePrint fills in what is known of a print before it is made. Nothing of it depends on how the print is sent.
func (h *Handler) describePrint(s subject, layers []store.Original, chain transform.Chain) *printed {
	chain = chain.Print()
	path := s.address(chain)
	return &printed{
		original:    s.Digest.String(),
		key:         s.key(path),
		copy:        s.copy,
		path:        path,
		keep:        keepImage,
		tag:         []byte(tagOf("print", s.Digest.String(), path, s.Name, h.epoch)),
		link:        []byte(canonicalLink(path)),
		mediaType:   []byte(chain.Format.Type),
		disposition: disposition(s.Original, chain.Format, chain),
		modified:    s.modified(),
		tags:        h.tagValues(tagsOf(chain.Format.Extension, s.Original, layers...)),
		created:     s.Created,
	}
}

// An order is a print that somebody wants.
type order struct {
	tenant  *tenant
	subject subject
	layers  []store.Original // the images that the chain names
	plan    *transform.Plan
	print   *printed // but for the rendition
	asker   transform.Asker
	client  string // as the quota knows it; "" is nobody in particular
	look    bool   // a sketch of the print is wanted
}

// newOrder plans the print of a chain whose format is settled.
func (h *Handler) newOrder(ctx *fasthttp.RequestCtx, t *tenant, s subject, chain transform.Chain) (order, error) {
	layers, err := h.layers(t, chain)
	if err != nil {
		return order{}, err
	}
	plan, err := transform.NewPlan(chain, seen(s.Original), t.Limits, seenAll(layers)...)
	if err != nil {
		return order{}, err
	}
	client := h.clientOf(ctx)
	asker := transform.Asker{Original: s.Digest.String(), Client: t.asker(client)}
	for _, l := range layers {
		asker.Layers = append(asker.Layers, l.Digest.String())
	}
	return order{tenant: t, subject: s, layers: layers, plan: plan, print: h.describePrint(s, layers, chain), asker: asker, client: client}, nil
}

// layers finds the images that a chain names beside the original.
func (h *Handler) layers(t *tenant, chain transform.Chain) (layers []store.Original, err error) {
	for _, id := range chain.Images() {
		o, err := h.original(t, id)
		if err != nil {
			return nil, fmt.Errorf("the image that is to be laid on: %w", err)
		}
		layers = append(layers, o)
	}
	return layers, nil
}

func seenAll(originals []store.Original) []transform.Original {
	all := make([]transform.Original, len(originals))
	for i, o := range originals {
		all[i] = seen(o)
	}
	return all
}

// makePrint renders what is ordered.
func (h *Handler) makePrint(ctx context.Context, wanted order) (*printed, error) {
	rendition, err := h.engine.Render(ctx, transform.Job{
		Open:      func(ctx context.Context) (*os.File, error) { return h.openSubject(ctx, wanted.subject) },
		OpenLayer: func(ctx context.Context, index int) (*os.File, error) { return h.store.Open(ctx, wanted.layers[index]) },
		Plan:      wanted.plan, Look: wanted.look, Asker: wanted.asker,
	})
	if err != nil {
		return nil, err
	}
	// A deletion first removes the record and then the prints, those under way among them: whatever is not kept from the
	// cache by that is found out here.
	if err := h.stillThere(wanted); err != nil {
		return nil, err
	}
	p := wanted.print.finished(rendition, sha256.Sum256(rendition.Body))
	h.keepOnDisk(wanted, p)
	return p, nil
}

// finished returns the print that p describes, with its pixels and the SHA-256 of their bytes.
func (p *printed) finished(r *transform.Rendition, sum [sha256.Size]byte) *printed {
	made := *p
	made.rendition = r
	made.digest = []byte(digestOf(sum))
	return &made
}

// stillThere returns store.ErrGone if one of the images of an order was deleted since it was placed.
func (h *Handler) stillThere(wanted order) error {
	here := wanted.layers
	if wanted.subject.copy == nil {
		here = append([]store.Original{wanted.subject.Original}, here...)
	}
	for _, o := range here {
		if _, err := h.record(o.ID.String()); err != nil {
			return err
		}
	}
	return nil
}

// writePrint sends a print, or the part of it that is asked for, or 304 to a client that has it.
func (h *Handler) writePrint(ctx *fasthttp.RequestCtx, p *printed, t terms, status string) error {
	header := &ctx.Response.Header
	header.SetCanonical(headerCacheStatus, []byte(status))
	if h.options.ServerTiming {
		setTiming(ctx, p.rendition, status)
	}
	header.SetCanonical(headerDigest, p.digest)
	header.SetCanonical(headerAcceptRanges, unitBytes)
	if done, err := h.sendNotModified(ctx, p, t); done || err != nil {
		return err
	}
	body := p.rendition.Body
	// Another version of the encoders may have made other bytes, of the same date.
	part, partial, err := partOf(ctx, p.tag, nil, int64(len(body)))
	if err != nil {
		return err
	}
	if partial {
		body = body[part.first : part.last+1]
	}
	ctx.Response.SetBodyRaw(body)
	return nil
}

// sendNotModified sets the headers of a print and answers 304 if the client has it.
func (h *Handler) sendNotModified(ctx *fasthttp.RequestCtx, p *printed, t terms) (bool, error) {
	header := &ctx.Response.Header
	header.SetContentTypeBytes(p.mediaType)
	header.SetCanonical(headerETag, p.tag)
	setModified(header, p.modified)
	t.setKeep(header, p.keep)
	header.SetCanonical(headerDisposition, p.disposition)
	h.setTags(header, p.tags)
	setImageHeaders(header)
	h.setIgnoredQuery(header)
	if !t.signed && string(t.path) != p.path {
		header.SetCanonical(headerLink, p.link)
	}
	return decided(ctx, p.tag, p.modified, p.created)
}

// statusHit is the Cache-Status of what was in memory.
const statusHit = "calotype; hit"

// cacheStatus is the value of a Cache-Status header (RFC 9211).
func cacheStatus(p *printed, outcome cache.Outcome, fits bool) string {
	switch {
	case outcome == cache.Hit:
		return statusHit
	case p.fromDisk:
		return statusHit + "; detail=disk"
	case outcome == cache.Joined:
		return "calotype; fwd=uri-miss; collapsed"
	case fits:
		return "calotype; fwd=uri-miss; stored"
	}
	return "calotype; fwd=uri-miss"
}

// sendOriginal serves the bytes as they were uploaded, in the way that the chain says.
func (h *Handler) sendOriginal(ctx *fasthttp.RequestCtx, s subject, a asking) error {
	o, chain := s.Original, a.target.Chain
	canonical := s.address(chain)
	f := transform.FormatNamed(o.Format)
	tag := []byte(originalTag(o))
	modified := s.modified()
	header := &ctx.Response.Header
	header.SetContentType(f.Type)
	header.SetCanonical(headerETag, tag)
	setModified(header, modified)
	a.terms(s).setKeep(header, keepImage)
	header.SetCanonical(headerDisposition, disposition(o, f, chain))
	if !transform.Settled(a.uses) {
		a.terms(s).setKeep(header, keepPreset)
	}
	h.setTags(header, h.tagValues(append(tagsOf(f.Extension, o), a.presetTags()...)))
	setImageHeaders(header)
	if !a.signed && string(a.path) != canonical {
		header.Set("Link", canonicalLink(canonical))
	}
	if string(ctx.Path()) == "/download" {
		setKeep(header, keepByQuery, time.Time{})
		header.Set("Content-Location", canonical)
	} else {
		h.setIgnoredQuery(header)
	}
	header.Set("Repr-Digest", digestOf(o.Digest))
	header.SetCanonical(headerAcceptRanges, unitBytes)
	if done, err := decided(ctx, tag, modified, o.Created); done || err != nil {
		return err
	}
	part, partial, err := partOf(ctx, tag, modified, o.Bytes)
	if err != nil {
		return err
	}
	file, err := h.openSubject(ctx, s)
	if err != nil {
		return err
	}
	// Equal bytes of another image can be opened after this one was deleted.
	if err := h.stillThere(order{subject: s}); err != nil {
		file.Close()
		return err
	}
	if !partial {
		ctx.SetBodyStream(file, int(o.Bytes))
		return nil
	}
	stream, err := newFilePart(file, part)
	if err != nil {
		file.Close()
		return err
	}
	ctx.SetBodyStream(stream, int(part.length()))
	return nil
}
