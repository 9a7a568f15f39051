package remote

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

// dialer makes the connections of a Fetcher.
type dialer struct {
	direct  net.Dialer // refuses special addresses, when a name has been resolved and each time a socket is about to be connected
	proxied net.Dialer // to proxies, which the operator has chosen

	networks networks
	proxies  func(*url.URL) (*url.URL, error) // the proxy that a URL is fetched through; nil is none
}

// newDialer returns a dialer whose connections stand within timeout.
func newDialer(o Options, timeout time.Duration) (*dialer, error) {
	proxies, err := parseProxy(o.Proxy)
	if err != nil {
		return nil, err
	}
	resolver := o.Resolver
	if resolver == nil {
		resolver = &net.Resolver{PreferGo: true}
	}
	d := &dialer{networks: o.Networks, proxies: proxies}
	d.direct = net.Dialer{Timeout: timeout, Resolver: resolver, ControlContext: d.control}
	d.proxied = net.Dialer{Timeout: timeout, Resolver: resolver}
	return d, nil
}

// control is called between the making of a socket and its connection, with the address that it will be connected to. Nothing can change
// after it: no name is resolved any more.
func (d *dialer) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err == nil {
		err = d.networks.refuse(to.Addr())
	}
	if err != nil {
		return notReachable(err)
	}
	return nil
}

func notReachable(cause error) error {
	return &failure{kind: ErrNotAllowed, what: "its host has no public address, nor one in a network that may be reached all the same", cause: cause}
}

// proxyOf is the key of the proxy in the context of a dial: an http.Transport hands on the context of the request.
type proxyOf struct{}

// dial connects to a host for an http.Transport.
func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if proxy, ok := ctx.Value(proxyOf{}).(*url.URL); ok {
		return d.dialThrough(ctx, proxy, address)
	}
	return d.direct.DialContext(ctx, network, address)
}

// lookup resolves a host and returns those of its addresses that may be reached, at least one.
func (d *dialer) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	all, err := d.direct.Resolver.LookupNetIP(ctx, "ip", host) // also reads addresses
	if err != nil {
		return nil, err
	}
	var open []netip.Addr
	for _, address := range all {
		if refusal := d.networks.refuse(address); refusal != nil {
			err = refusal
		} else {
			open = append(open, address.Unmap())
		}
	}
	if len(open) == 0 {
		if err == nil {
			err = fmt.Errorf("%s has no address", host)
		}
		return nil, notReachable(err)
	}
	return open, nil
}
