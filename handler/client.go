package handler

import (
	"net/netip"

	"github.com/valyala/fasthttp"
)

// clientOf names whoever sends a request, so that none takes more than a share: an IPv4 address, or the network of 2^64 that one
// holder of an IPv6 address has. Who asks from this machine is a proxy, which speaks for many, or a benchmark: it is "", nobody
// in particular.
func clientOf(ctx *fasthttp.RequestCtx) string {
	address, ok := netip.AddrFromSlice(ctx.RemoteIP())
	if !ok {
		return ""
	}
	address = address.Unmap()
	if address.IsLoopback() {
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
