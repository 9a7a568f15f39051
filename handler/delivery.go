package handler

import (
	"context"

	"github.com/valyala/fasthttp"

	"calotype/transform"
)

// A delivery is how a print is sent under an address that says so. The print is kept once, without it, however many addresses there
// are, and a delivery whose print is gone is of no use. It is shared and never changed.
type delivery struct {
	print       []byte // key of the print
	key         string // of this
	path        string // canonical address with what it says of the delivery
	link        []byte
	disposition []byte
}

// size is what a delivery costs its cache.
func (d *delivery) size() int64 {
	const fields = 128 // of the struct, and the allocator's rounding
	return fields + int64(len(d.print)+len(d.key)+len(d.path)+len(d.link)+len(d.disposition))
}

// deliveryOf is how the chain has a print sent, or nil if it says nothing of that.
func deliveryOf(s subject, chain transform.Chain, print *printed) *delivery {
	if !chain.Delivers() {
		return nil
	}
	chain = chain.Sent()
	path := s.address(chain)
	return &delivery{
		print: []byte(print.key), key: s.key(path), path: path, link: []byte(canonicalLink(path)), disposition: disposition(s.Original, chain.Format, chain),
	}
}

// under returns the print as it is sent by d, which may be nil.
func (p *printed) under(d *delivery) *printed {
	if d == nil {
		return p
	}
	sent := *p
	sent.path, sent.link, sent.disposition = d.path, d.link, d.disposition
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
	if _, known := h.deliveries.Lookup([]byte(d.key)); !known {
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
	key := h.tenantOf(ctx).kept(room[:0], path)
	p, known := h.prints.Lookup(key)
	if !known {
		d, remembered := h.deliveries.Lookup(key)
		if !remembered {
			return false, nil
		}
		if p, known = h.prints.Lookup(d.print); !known {
			return false, nil
		}
		p = p.under(d)
	}
	t, err := termsOf(path)
	if err == nil && p.copy != nil {
		if t.copy, known = h.options.Sources.Current(p.copy); !known {
			return false, nil
		}
	}
	if err != nil {
		return true, err
	}
	return true, h.writePrint(ctx, p, t, statusHit)
}

// keyRoom is enough for most addresses that are kept under another key than themselves.
const keyRoom = 512
