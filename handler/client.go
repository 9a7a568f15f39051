package handler

import (
	"bytes"

	"github.com/valyala/fasthttp"

	"calotype/handler/forwarded"
)

// clientOf names whoever sends a request, so that none takes more than a share: an IPv4 address, or the network of 2^64 that one
// holder of an IPv6 address has. Proxies of the trusted networks speak for others. Who asks from this machine is else a proxy,
// which speaks for many, or a benchmark: it is "", nobody in particular.
func (h *Handler) clientOf(ctx *fasthttp.RequestCtx) string {
	peer := ipOf(ctx.RemoteAddr())
	if !peer.IsValid() {
		return "" // in memory, as in tests
	}
	address, told := peer, false
	if h.options.Trusted.Has(peer) {
		address, told = forwarded.Client(peer, h.options.Trusted, joined(ctx, "Forwarded"), joined(ctx, "X-Forwarded-For"))
	}
	if address.IsLoopback() && !told {
		return ""
	}
	if address.Is4() {
		return address.String()
	}
	network, err := address.Prefix(64)
	if err != nil {
		return ""
	}
	return network.String()
}

// joined returns the value of a header, its lines joined to one (RFC 9110, 5.3).
func joined(ctx *fasthttp.RequestCtx, name string) string {
	return string(bytes.Join(ctx.Request.Header.PeekAll(name), []byte(",")))
}
