package handler

import (
	"context"

	"github.com/valyala/fasthttp"

	"calotype/transform"
)

// A delivery is how a print is sent under an address that says so, or that names the print by presets. The print is kept once, without
// it, however many addresses there are, and a delivery whose print is gone is of no use. It is shared and never changed.
type delivery struct {
	print       []byte // key of the print
	key         string // of this
	path        string // canonical address with what it says of the delivery and with its presets
	link        []byte
	disposition []byte
	// The rest is nil where the address has no presets.
	keep    *class
	tags    [][]byte
	presets *transform.Presets // that the print was named by; under others the address may mean another one
}

// size is what a delivery costs its cache.
func (d *delivery) size() int64 {
	const fields = 192 // of the struct, and the allocator's rounding
	n := len(d.print) + len(d.key) + len(d.path) + len(d.link) + len(d.disposition)
	for _, tags := range d.tags {
		n += len(tags)
	}
	return fields + int64(n)
}

// deliveryOf is how the address of a request has its print sent, or nil if it says nothing of that.
func (h *Handler) deliveryOf(a asking, wanted order) *delivery {
	s, chain := wanted.subject, a.sentAs(wanted.plan.Format)
	if !chain.Delivers() && len(a.uses) == 0 {
		return nil
	}
	path := s.address(chain)
	d := &delivery{
		print: []byte(wanted.print.key), key: s.key(path), path: path, link: []byte(canonicalLink(path)), disposition: disposition(s.Original, chain.Format, chain),
	}
	if len(a.uses) == 0 {
		return d
	}
	d.presets, d.tags = a.presets, h.tagValues(append(tagsOf(chain.Format.Extension, s.Original, wanted.layers...), a.presetTags()...))
	if !transform.Settled(a.uses) {
		d.keep = keepPreset
	}
	return d
}

// under returns the print as it is sent by d, which may be nil.
func (p *printed) under(d *delivery) *printed {
	if d == nil {
		return p
	}
	sent := *p
	sent.path, sent.link, sent.disposition = d.path, d.link, d.disposition
	if d.tags != nil {
		sent.tags = d.tags
	}
	if d.keep != nil && d.keep.age < p.keep.age {
		sent.keep = d.keep
	}
	return &sent
}

// remember has the next request with the same path answered by sendKept.
func (h *Handler) remember(a asking, p *printed, d *delivery) {
	var room [keyRoom]byte
	path := a.tenant.kept(room[:0], a.path)
	if d == nil {
		h.prints.Alias(path, p.key)
		return
	}
	known, found := h.deliveries.Lookup([]byte(d.key))
	if found && known.presets != d.presets {
		h.deliveries.Remove(d.key)
		found = false
	}
	if !found {
		// It waits for nothing and fails only at the end of the server, when nothing more is asked for.
		_, _, _ = h.deliveries.Load(h.work, d.key, func(context.Context) (*delivery, error) { return d, nil })
	}
	h.deliveries.Alias(path, d.key)
}

// mayRemember tells whether the next request with the same path may be answered by sendKept: not if the answer depends on more than that.
func (h *Handler) mayRemember(s subject) bool {
	return s.copy == nil || len(h.options.SourceHeaders) == 0 && !s.copy.Private
}

// sendKept answers with a print from memory if the very same address has been answered before, and tells whether it has.
func (h *Handler) sendKept(ctx *fasthttp.RequestCtx, path []byte) (bool, error) {
	var room [keyRoom]byte
	tenant := h.tenantOf(ctx)
	key := tenant.kept(room[:0], path)
	p, known := h.prints.Lookup(key)
	if !known {
		d, remembered := h.deliveries.Lookup(key)
		if !remembered || d.presets != nil && d.presets != tenant.presets.Current() {
			return false, nil
		}
		if p, known = h.prints.Lookup(d.print); !known {
			return false, nil
		}
		p = p.under(d)
	}
	t, err := termsOf(path)
	if err != nil {
		return true, err
	}
	if p.copy != nil {
		if t.copy, known = h.options.Sources.Current(p.copy); !known {
			return false, nil
		}
	}
	return true, h.writePrint(ctx, p, t, statusHit)
}

// keyRoom is enough for most addresses that are kept under another key than themselves.
const keyRoom = 512
